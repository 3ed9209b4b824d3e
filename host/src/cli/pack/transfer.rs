//! `petrel pack push`, `pull`, `save`, `load`, `mirror`: packs on their way between directories, files and registries.

use std::fs::{self, OpenOptions};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use clap::Args;
use petrel_model::quoted::quoted;
use petrel_registry::reference::tag_of;
use petrel_registry::{Artifact, Digest, Error, Reference, layout};
use serde_json::{Value, json};

use super::origin::{Origin, Whole};
use super::outcome::tell_refused;
use super::trusted::Accepted;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};
use crate::registries::{Registries, Scratch, mebibytes};

/// The arguments of `petrel pack push`.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The reference, as HOST/PATH:TAG; without a tag it gets the version of the pack
    reference: String,
    /// The directory with pack.yaml, or a file of `petrel pack save`
    #[arg(default_value = ".")]
    pack: String,
    /// Replace what the tag names already
    #[arg(long)]
    overwrite: bool,
}

impl Push {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let (registries, scratch) = (Registries::of_machine()?, Scratch::new()?);
        let reference: Reference = self.reference.parse().map_err(|error| self.turned(error))?;
        refuse_digest(&reference)?;
        let origin = Origin::must_be("push", &self.pack)?;
        tell_refused(&origin);
        let Whole { artifact, beside, .. } = origin.whole(&registries, scratch.path()).await?;
        let reference = tagged(reference, &artifact)?;
        push(&registries, &artifact, &reference, self.overwrite).await?;
        registries.push_beside(&beside, &reference, &artifact.digest, self.overwrite).await?;
        tell(form, "pushed", &reference, &artifact);
        Ok(Code::Ok)
    }
}

impl Push {
    /// The failure for what is no reference, with the right order if the pack is named before it.
    fn turned(&self, error: Error) -> Failure {
        let Self { reference, pack, .. } = self;
        if pack.parse::<Reference>().is_ok() {
            let hint = format!("the reference comes first: `petrel pack push {pack} {reference}`");
            return Failure::usage(error.message, hint);
        }
        if Path::new(reference).join("pack.yaml").is_file() {
            let hint = format!("say where: `petrel pack push registry.example.com/packs/NAME {reference}`");
            return Failure::usage(error.message, hint);
        }
        error.into()
    }
}

/// The reference with a tag: its own, or the version of the pack. Others may have made the artifact, and its version would
/// lead elsewhere in the registry.
fn tagged(reference: Reference, artifact: &Artifact) -> Result<Reference, Failure> {
    if reference.tag.is_some() {
        return Ok(reference);
    }
    let version = artifact.manifest.annotation("org.opencontainers.image.version");
    let tagged = reference.with_tag(&tag_of(version));
    if tagged.to_string().parse::<Reference>().is_ok_and(|read| read == tagged) {
        return Ok(tagged);
    }
    let message = format!("the version `{}` of the pack cannot be a tag", quoted(version));
    Err(Failure::usage(message, format!("give a tag, as in {reference}:1.2.3")))
}

/// Pushes an artifact, unless its tag names another one.
async fn push(
    registries: &Registries,
    artifact: &Artifact,
    to: &Reference,
    overwrite: bool,
) -> Result<(), Failure> {
    let there = registries.open(&to.registry)?.manifest_if_any(to).await?.map(|bytes| Digest::of(&bytes));
    match there {
        Some(there) if there != artifact.digest && !overwrite => {
            let message =
                format!("{to} is there already, with the digest {there}; this one has {}", artifact.digest);
            let hint = "give the pack another version, or say --overwrite; who has installed it keeps what the lock says";
            Err(Failure::new(Code::Conflict, "conflict", message, hint))
        }
        _ => registries.push(artifact, to).await.map(drop),
    }
}

fn refuse_digest(reference: &Reference) -> Result<(), Failure> {
    match &reference.digest {
        None => Ok(()),
        Some(_) => {
            Err(Failure::usage(format!("`{reference}` has a digest, which a push makes"), "leave it out"))
        }
    }
}

/// Prints what was moved.
fn tell(form: Form, verb: &str, reference: &Reference, artifact: &Artifact) {
    match form {
        Form::Json => print::json(&shown(reference, artifact)),
        Form::Text => {
            print::line(&format!("{verb} {reference}@{}", artifact.digest));
            print::note(&format!(
                "{}, {}; `petrel pack install {reference}` installs it",
                print::counted(artifact.manifest.layers.len() as u64, "layer"),
                mebibytes(artifact.manifest.size())
            ));
        }
    }
}

fn shown(reference: &Reference, artifact: &Artifact) -> Value {
    json!({
        "reference": reference.to_string(),
        "digest": artifact.digest,
        "size": artifact.manifest.size(),
        "layers": artifact.manifest.layers,
    })
}

/// The arguments of `petrel pack pull`.
#[derive(Debug, Args)]
pub(crate) struct Pull {
    /// The reference, as HOST/PATH:TAG or HOST/PATH@DIGEST
    reference: String,
    /// The directory to make; by default that with the ref of the pack
    #[arg(short = 'd', long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

impl Pull {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let (registries, reference) = (Registries::of_machine()?, self.reference.parse::<Reference>()?);
        if let Some(directory) = &self.directory {
            refuse_there(directory)?;
        }
        // Beside the place of the pack, where there is room for it, and where the next attempt goes on.
        let above =
            self.directory.as_deref().and_then(Path::parent).filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or_else(|| Path::new("."));
        let fetched = registries.look(&reference, &above.join(".petrel-fetched")).await?;
        fetched.manifest.parts(registries.limits())?;
        registries.fill(&reference, &fetched).await?;
        let named = fetched.card(registries.limits())?.reference;
        petrel_model::names::check_pack(&named).map_err(|invalid| {
            Failure::new(Code::Failed, "registry.refused", format!("{reference}: {invalid}"), "do not use it")
        })?;
        let directory = self.directory.clone().unwrap_or_else(|| PathBuf::from(&named));
        refuse_there(&directory)?;
        let made = fetched.directory.join("pack");
        drop(fs::remove_dir_all(&made));
        let card = fetched.lay_out(&made, registries.limits())?;
        fs::rename(&made, &directory).map_err(|error| Error::of_file("made", &directory, &error))?;
        drop(fs::remove_dir_all(&fetched.directory));
        // Another pull may be using it.
        drop(fs::remove_dir(above.join(".petrel-fetched")));
        match form {
            Form::Json => print::json(&json!({
                "reference": reference.to_string(), "digest": fetched.digest, "directory": directory,
                "pack": card.reference, "version": card.version,
            })),
            Form::Text => {
                let told = format!("pulled {} {} into {}", card.reference, card.version, directory.display());
                print::line(&told);
                print::note(&format!("its digest is {}", fetched.digest));
            }
        }
        Ok(Code::Ok)
    }
}

/// Refuses to write over what is there.
pub(super) fn refuse_there(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let message = format!("{} is there already", path.display());
    Err(Failure::new(Code::Conflict, "conflict", message, "remove it, or name another one"))
}

/// The arguments of `petrel pack save`.
#[derive(Debug, Args)]
pub(crate) struct Save {
    /// The pack: a reference, or the directory with pack.yaml
    pack: String,
    /// The file to write
    #[arg(short = 'f', long, value_name = "FILE")]
    file: PathBuf,
}

impl Save {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let (registries, scratch) = (Registries::of_machine()?, Scratch::new()?);
        refuse_there(&self.file)?;
        let origin = Origin::must_be("save", &self.pack)?;
        let whole = origin.whole(&registries, scratch.path()).await?;
        write(&whole, &self.file)?;
        let Whole { artifact, name, .. } = whole;
        match form {
            Form::Json => print::json(&json!({
                "file": self.file, "reference": name, "digest": artifact.digest, "size": artifact.manifest.size(),
            })),
            Form::Text => {
                print::line(&format!("saved {} in {}", artifact.digest, self.file.display()));
                print::note(&format!(
                    "`petrel pack load {}` installs it where there is no registry",
                    self.file.display()
                ));
            }
        }
        Ok(Code::Ok)
    }
}

/// Writes a pack to a file, which appears when it is complete.
pub(super) fn write(Whole { artifact, name, beside }: &Whole, file: &Path) -> Result<(), Failure> {
    let mut part = file.to_owned().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let failed = |error: std::io::Error| Error::of_file("written", file, &error);
    // One that is left of before, or a link that somebody has laid there, is not written through.
    drop(fs::remove_file(&part));
    let out = OpenOptions::new().write(true).create_new(true).open(&part).map_err(failed)?;
    let written = layout::save(artifact, beside, name, BufWriter::new(&out))
        .and_then(|()| out.sync_all().and_then(|()| fs::rename(&part, file)).map_err(failed));
    if let Err(error) = written {
        drop(fs::remove_file(&part));
        return Err(error.into());
    }
    Ok(())
}

/// The arguments of `petrel pack load`.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The file that `petrel pack save` has written
    pub(super) file: String,
    /// Push it to this reference instead of installing it
    #[arg(long, value_name = "REF", conflicts_with_all = ["allow_native", "grant", "key", "forget_key"])]
    pub(super) to: Option<String>,
    /// Replace what the tag names already
    #[arg(long, requires = "to")]
    overwrite: bool,
    #[command(flatten)]
    pub(super) accepted: Accepted,
}

impl Load {
    /// Refuses what is no file of an artifact.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if let Some(Origin::File(_)) = Origin::of("load", &self.file)? {
            return Ok(());
        }
        let hint = "name a file that `petrel pack save` has written; `petrel pack install` takes the others";
        Err(Failure::usage(format!("`{}` is no file with a pack", self.file), hint))
    }

    /// Pushes the file to a registry.
    pub(super) async fn push(&self, form: Form, to: &str) -> Result<Code, Failure> {
        let push = Push { reference: to.to_owned(), pack: self.file.clone(), overwrite: self.overwrite };
        push.run(form).await
    }
}

/// The arguments of `petrel pack mirror`.
#[derive(Debug, Args)]
pub(crate) struct Mirror {
    /// The reference to copy
    from: String,
    /// The reference to copy it to; without a tag it gets the one that it has
    to: String,
    /// Replace what the tag names already
    #[arg(long)]
    overwrite: bool,
}

impl Mirror {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        let (registries, scratch) = (Registries::of_machine()?, Scratch::new()?);
        let (from, to) = (self.from.parse::<Reference>()?, self.to.parse::<Reference>()?);
        refuse_digest(&to)?;
        let origin = Origin::Artifact(from.clone());
        let Whole { artifact, beside, .. } = origin.whole(&registries, scratch.path()).await?;
        let tag = to.tag.clone().or_else(|| from.tag.clone());
        let to = if let Some(tag) = tag { to.with_tag(&tag) } else { tagged(to, &artifact)? };
        push(&registries, &artifact, &to, self.overwrite).await?;
        registries.push_beside(&beside, &to, &artifact.digest, true).await?;
        let copied = beside.len() as u64;
        match form {
            Form::Json => {
                let mut answer = shown(&to, &artifact);
                if let Some(answer) = answer.as_object_mut() {
                    answer.insert("from".into(), from.to_string().into());
                    answer.insert("signatures".into(), copied.into());
                }
                print::json(&answer);
            }
            Form::Text => {
                print::line(&format!("copied {from} to {to}@{}", artifact.digest));
                let beside = print::counted(copied, "artifact");
                print::note(&format!("with {beside} of signatures and statements about it"));
            }
        }
        Ok(Code::Ok)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use petrel_registry::{Limits, Manifest};

    use super::*;

    #[test]
    fn words_of_a_push_in_the_other_order_are_told_the_right_one() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/feed");
        for (reference, pack, hint) in [
            ("./mine", "r.example.com/packs/mine", "`petrel pack push r.example.com/packs/mine ./mine`"),
            ("mine", ".", "registry.example.com/packs/NAME:1.2.3"),
            (directory, ".", "say where: `petrel pack push registry"),
        ] {
            let push = Push { reference: reference.into(), pack: pack.into(), overwrite: false };
            let error = reference.parse::<Reference>().unwrap_err();
            assert!(push.turned(error).hint.contains(hint), "{reference}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_loaded() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/feed");
        for (file, says) in [
            (directory, "is no file with a pack"),
            ("r.example.com/mine:1", "is no file with a pack"),
            ("gone.tar", "gone.tar does not exist"),
        ] {
            let load = Load { file: file.into(), to: None, overwrite: false, accepted: Accepted::default() };
            assert!(load.check().unwrap_err().message.contains(says), "{file}");
        }
    }

    #[test]
    fn the_version_of_an_artifact_becomes_a_tag_only_where_it_is_one() {
        let to: Reference = "r.example.com/packs/mine".parse().unwrap();
        let digest = Digest::of(b"");
        for (version, expected) in [
            ("1.2.3+linux", Some("r.example.com/packs/mine:1.2.3_linux")),
            ("", None),
            ("1.0.0-/../../../other/manifests/latest", None),
            ("1.0.0-?x", None),
            ("1.0.0-\u{7f}", None),
            (&format!("1.0.0@{digest}"), None),
        ] {
            let document = json!({
                "schemaVersion": 2, "config": {"mediaType": "a", "digest": digest, "size": 0}, "layers": [],
                "annotations": {"org.opencontainers.image.version": version},
            });
            let text = document.to_string();
            let manifest = Manifest::read(text.as_bytes(), &Limits::default()).unwrap();
            let artifact =
                Artifact { bytes: text.into(), manifest, digest: digest.clone(), blobs: BTreeMap::new() };
            let found = tagged(to.clone(), &artifact).ok().map(|reference| reference.to_string());
            assert_eq!(found.as_deref(), expected, "{version}");
        }
    }
}
