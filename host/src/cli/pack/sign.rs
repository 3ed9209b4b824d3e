//! `petrel pack sign` and `petrel pack key-pair`: a pack in a registry or a file gets a signature, and what is stated about it, as
//! `cosign` stores them.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use petrel_packs::plain_file;
use petrel_registry::beside::{Beside, Kind, LARGEST};
use petrel_registry::signature::sign;
use petrel_registry::statement::{list, state};
use petrel_registry::{Artifact, Digest, Error, PrivateKey, Reference};
use serde_json::json;

use super::origin::Origin;
use super::transfer;
use super::trusted::read_key;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, Scratch};

/// The arguments of `petrel pack sign`.
#[derive(Debug, Args)]
pub(crate) struct Sign {
    /// The pack: a reference, or a file of `petrel pack save`
    pack: String,
    /// The private key, as `petrel pack key-pair` makes one
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where the pack comes from and how it was made, to be signed as well: provenance of SLSA or a statement of in-toto, in JSON
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// The list of the parts of the pack (an SBOM), in JSON
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
}

impl Sign {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let (registries, scratch) = (Registries::of_machine()?, Scratch::new()?);
        let key = PrivateKey::read(&read_key(&self.key)?, &self.key.display().to_string())?;
        let (digest, name) = match Origin::must_be("sign", &self.pack)? {
            Origin::Directory(path) => {
                let message = format!("{} is a directory, and an artifact is signed", path.display());
                let hint = "`petrel pack push` or `petrel pack save` makes one of it";
                return Err(Failure::usage(message, hint));
            }
            Origin::Artifact(reference) => {
                let bytes = registries.open(&reference.registry)?.manifest(&reference).await?;
                let digest = Digest::of(&bytes);
                if let Some(note) = note_on_tag(&reference, &digest) {
                    print::note(&note);
                }
                // What is changed is read from where it is written, and not from a mirror.
                let mut before = Beside::new();
                for kind in Kind::ALL {
                    let there =
                        registries.open(&reference.registry)?.beside(&reference, &digest, kind).await?;
                    before.extend(there.map(|one| (kind, one)));
                }
                let made = self.made(&key, Some(&reference), &digest, &before)?;
                registries.push_beside(&made, &reference, &digest, true).await?;
                (digest, reference.to_string())
            }
            origin @ Origin::File(_) => {
                let mut whole = origin.whole(&registries, scratch.path()).await?;
                let reference: Option<Reference> = whole.name.parse().ok();
                let digest = whole.artifact.digest.clone();
                let made = self.made(&key, reference.as_ref(), &digest, &whole.beside)?;
                whole.beside.extend(made);
                transfer::write(&whole, Path::new(&self.pack))?;
                (digest, self.pack.clone())
            }
        };
        let public = key.public().digest();
        match form {
            Form::Json => print::json(&json!({"signed": name, "digest": digest, "key": public})),
            Form::Text => {
                print::line(&format!("signed {name} with the digest {digest}"));
                print::note(&format!("by the key {public}; --key with its public half verifies it"));
            }
        }
        Ok(Code::Ok)
    }

    /// What is to stand beside the artifact: the signature with those of others, and what is stated.
    fn made(
        &self,
        key: &PrivateKey,
        named: Option<&Reference>,
        digest: &Digest,
        before: &Beside,
    ) -> Result<Beside, Failure> {
        let of = |kind: Kind| -> Option<&Artifact> { before.get(&kind) };
        let mut made = Beside::new();
        if let Some(file) = &self.provenance {
            let nameless = || {
                Failure::usage(
                    "the file has no reference, by which a statement names the pack",
                    "sign the pack in its registry, and save it then",
                )
            };
            let named = named.ok_or_else(nameless)?;
            let stated = state(key, named, digest, &read(file)?, of(Kind::Statements))?;
            made.insert(Kind::Statements, stated);
        }
        if let Some(file) = &self.sbom {
            made.insert(Kind::Parts, list(read(file)?)?);
        }
        made.insert(Kind::Signatures, sign(key, named, digest, of(Kind::Signatures))?);
        Ok(made)
    }
}

/// The note on a reference without a digest: a tag may have been moved since its author has pushed, and then something else is signed.
fn note_on_tag(reference: &Reference, digest: &Digest) -> Option<String> {
    if reference.digest.is_some() {
        return None;
    }
    Some(format!(
        "note: {reference} names {digest} now, and that is signed; `petrel pack sign {}` signs it whatever becomes of the tag",
        reference.at(digest)
    ))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let content = plain_file::read(file, LARGEST);
    Ok(content.map_err(|error| Error::of_file("read", file, &error))?)
}

/// Makes a key for signatures: NAME.key, which signs and is a secret, and NAME.pub, which verifies.
pub(super) fn key_pair(form: Form, name: &str) -> Result<Code, Failure> {
    let (private, public) = (PathBuf::from(format!("{name}.key")), PathBuf::from(format!("{name}.pub")));
    for file in [&private, &public] {
        transfer::refuse_there(file)?;
    }
    let key = PrivateKey::made()?;
    for (file, text, mode) in [(&private, key.pem(), 0o600), (&public, key.public().pem(), 0o644)] {
        let written = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
        let written = written.and_then(|mut open: File| {
            open.write_all(text.as_bytes())?;
            open.sync_all()
        });
        if let Err(error) = written {
            let failure = Error::of_file("written", file, &error);
            // Half a pair is none. One that somebody else has made meanwhile is theirs.
            if error.kind() != std::io::ErrorKind::AlreadyExists {
                drop(fs::remove_file(file));
            }
            return Err(failure.into());
        }
    }
    let digest = key.public().digest();
    match form {
        Form::Json => print::json(&json!({"private": private, "public": public, "digest": digest})),
        Form::Text => {
            print::line(&format!("made {} and {}", private.display(), public.display()));
            print::note(&format!(
                "the key is {digest}; keep {} secret: who has it signs in your name",
                private.display()
            ));
        }
    }
    Ok(Code::Ok)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use petrel_registry::PublicKey;

    use super::*;

    #[test]
    fn who_signs_a_tag_is_told_the_digest() {
        let digest = Digest::of(b"it");
        let note = |text: &str| note_on_tag(&text.parse().unwrap(), &digest);
        let by_digest = format!("r.example.com/packs/mine@{digest}");
        for tagged in ["r.example.com/packs/mine", "r.example.com/packs/mine:1.0.0"] {
            let note = note(tagged).unwrap();
            assert!(note.contains(&format!("names {digest} now")), "{note}");
            assert!(note.contains(&format!("`petrel pack sign {by_digest}`")), "{note}");
        }
        // As `petrel pack push` tells it.
        for named in [by_digest, format!("r.example.com/packs/mine:1.0.0@{digest}")] {
            assert_eq!(note(&named), None);
        }
    }

    #[test]
    fn a_pair_is_made_once_and_its_secret_half_is_for_its_owner() {
        let place = tempfile::tempdir().unwrap();
        let name = place.path().join("mine").display().to_string();
        key_pair(Form::Text, &name).unwrap();
        let text = |end: &str| fs::read_to_string(format!("{name}.{end}")).unwrap();
        let key = PrivateKey::read(&text("key"), "k").unwrap();
        assert_eq!(PublicKey::read(&text("pub"), "p").unwrap(), key.public());
        let mode = fs::metadata(format!("{name}.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = key_pair(Form::Text, &name).unwrap_err();
        assert!(again.code == Code::Conflict && again.message.contains("mine.key"), "{again}");
    }
}
