//! An artifact whose blobs are files of a directory, each named by its digest: what was downloaded, or read from a file. It can
//! become the directory of a pack, or go to another registry unchanged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use petrel_packs::plain_file;

use crate::archive::{place_component, unpack};
use crate::artifact::{Artifact, Blob};
use crate::card::Card;
use crate::digest::Digest;
use crate::error::Error;
use crate::files::{make_directory, new_file};
use crate::manifest::{Descriptor, Manifest};
use crate::settings::Limits;

/// The file in the directory of an installed pack that has the digest of its artifact.
const MARK: &str = ".artifact";

/// An artifact on this machine.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The directory of its blobs.
    pub directory: PathBuf,
    /// The manifest as it came.
    pub bytes: Bytes,
    /// The manifest.
    pub manifest: Manifest,
    /// Its digest.
    pub digest: Digest,
}

impl Fetched {
    /// An artifact of which nothing but the manifest is known yet.
    ///
    /// # Errors
    /// When the manifest is not valid.
    pub fn of(bytes: Bytes, directory: &Path, limits: &Limits) -> Result<Self, Error> {
        let manifest = Manifest::read(&bytes, limits)?;
        Ok(Self { directory: directory.to_owned(), digest: Digest::of(&bytes), manifest, bytes })
    }

    /// The file of a blob.
    pub fn file(&self, digest: &Digest) -> PathBuf {
        self.directory.join(digest.hex())
    }

    /// The blobs that are not there yet, each once.
    pub fn missing(&self) -> Vec<&Descriptor> {
        let mut seen = BTreeSet::new();
        let blobs = self.manifest.blobs().filter(|blob| seen.insert(&blob.digest));
        blobs.filter(|blob| !self.file(&blob.digest).is_file()).collect()
    }

    /// The card of the pack, from its layer, which must be there.
    ///
    /// # Errors
    /// When the layer cannot be read.
    pub fn card(&self, limits: &Limits) -> Result<Card, Error> {
        let file = self.file(&self.manifest.parts(limits)?.card.digest);
        let bytes = plain_file::read(&file, limits.manifest);
        Card::read(&bytes.map_err(|error| Error::of_file("read", &file, &error))?)
    }

    /// Makes the directory of the pack, which must not be there yet, and returns the card of what is in it. All blobs must be
    /// there; their digests are compared once more, since files on a disk may have changed.
    ///
    /// # Errors
    /// When the content is not what the manifest says, or the disk is full. The directory may be there in part then.
    pub fn lay_out(&self, into: &Path, limits: &Limits) -> Result<Card, Error> {
        let parts = self.manifest.parts(limits)?;
        for blob in self.manifest.blobs() {
            self.verify(blob)?;
        }
        let said = self.card(limits)?;
        make_directory(into).map_err(|error| Error::of_file("made", into, &error))?;
        for (path, layer) in &parts.components {
            place_component(&self.file(&layer.digest), into, path)?;
        }
        let content = self.file(&parts.content.digest);
        let stream = File::open(&content).map_err(|error| Error::of_file("read", &content, &error))?;
        let taken = parts.components.keys().map(|path| (*path).to_owned()).collect();
        unpack(BufReader::new(stream), into, limits, taken)?;
        let (found, components) = Card::of(into)?;
        said.must_be(&found)?;
        let wanted: BTreeSet<_> = components.iter().map(|one| one.path.trim_start_matches("./")).collect();
        if let Some(stranger) = parts.components.keys().find(|path| !wanted.contains(*path)) {
            let message =
                format!("the artifact has a component {stranger}, which its pack.yaml does not name");
            return Err(Error::refused(message, "do not use it: it was not made by `petrel pack push`"));
        }
        let mark = into.join(MARK);
        let written = new_file(&mark, false)
            .and_then(|mut file| io::Write::write_all(&mut file, self.digest.to_string().as_bytes()));
        written.map_err(|error| Error::of_file("written", &mark, &error))?;
        sync(into)?;
        Ok(found)
    }

    /// Whether a directory was made of the artifact with this digest, to its end.
    pub fn is_laid_out(directory: &Path, digest: &Digest) -> bool {
        Self::digest_in(directory).is_some_and(|found| found == *digest)
    }

    /// The digest of the artifact of which a directory was made, to its end.
    pub fn digest_in(directory: &Path) -> Option<Digest> {
        plain_file::read_text(&directory.join(MARK), 1024).ok()?.trim().parse().ok()
    }

    /// Removes a directory that was made of an artifact. The mark goes first, so that a part that stays is never taken for the whole.
    /// Of a link only the link goes: what it leads to is somebody else's.
    ///
    /// # Errors
    /// When something of it stays.
    pub fn remove(directory: &Path) -> io::Result<()> {
        if directory.is_symlink() {
            return std::fs::remove_file(directory);
        }
        match std::fs::remove_file(directory.join(MARK)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => std::fs::remove_dir_all(directory),
        }
    }

    /// The same artifact, for another registry or a file.
    pub fn artifact(&self) -> Artifact {
        let blobs =
            self.manifest.blobs().map(|blob| (blob.digest.clone(), Blob::File(self.file(&blob.digest))));
        let blobs: BTreeMap<_, _> = blobs.collect();
        Artifact {
            bytes: self.bytes.clone(),
            manifest: self.manifest.clone(),
            digest: self.digest.clone(),
            blobs,
        }
    }

    /// Compares a blob with its description.
    fn verify(&self, blob: &Descriptor) -> Result<(), Error> {
        let path = self.file(&blob.digest);
        let failed = |error| Error::of_file("read", &path, &error);
        let found = File::open(&path).and_then(|file| Digest::of_reader(&mut BufReader::new(file)));
        let (digest, size) = found.map_err(failed)?;
        if digest == blob.digest && size == blob.size {
            return Ok(());
        }
        let message = format!("{} has other content than its name says", path.display());
        Err(Error::refused(message, "remove it and fetch the pack again"))
    }
}

/// Has a directory and all below it written to the disk, so that what is renamed into place is whole after a power cut.
fn sync(directory: &Path) -> Result<(), Error> {
    let failed = |error| Error::of_file("written", directory, &error);
    let directory_itself = File::open(directory).map_err(failed)?;
    rustix::fs::syncfs(&directory_itself).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::tests::pack;

    /// The artifact of a pack in a directory of blobs.
    fn fetched(change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, Fetched) {
        let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(source.path());
        let (artifact, _) = Artifact::of_directory(source.path(), &Limits::default()).unwrap();
        let mut bytes = artifact.bytes.to_vec();
        change(&mut bytes);
        for (digest, blob) in &artifact.blobs {
            std::fs::write(place.path().join(digest.hex()), blob.read(1 << 20).unwrap()).unwrap();
        }
        let fetched = Fetched::of(bytes.into(), place.path(), &Limits::default()).unwrap();
        (place, fetched)
    }

    #[test]
    fn an_artifact_becomes_the_pack_that_it_was_made_of() {
        let (place, fetched) = fetched(|_| {});
        assert!(fetched.missing().is_empty());
        let into = place.path().join("mine");
        let card = fetched.lay_out(&into, &Limits::default()).unwrap();
        assert_eq!((card.reference.as_str(), card.version.as_str()), ("mine", "1.2.0"));
        assert_eq!(std::fs::read(into.join("wasm/calls.wasm")).unwrap(), b"\0asm\x0d\0\x01\0");
        assert_eq!(std::fs::read_to_string(into.join("README.md")).unwrap(), "Mine.");
        assert!(
            Fetched::is_laid_out(&into, &fetched.digest) && !Fetched::is_laid_out(&into, &Digest::of(b""))
        );
        // What was installed is the same artifact again: its marks are hidden files.
        let (again, _) = Artifact::of_directory(&into, &Limits::default()).unwrap();
        assert_eq!(again.digest, fetched.digest);
        assert_eq!(fetched.artifact().bytes, again.bytes);
        Fetched::remove(&into).unwrap();
        assert!(!into.exists() && Fetched::digest_in(&into).is_none());
    }

    #[test]
    fn of_a_link_only_the_link_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let (own, link) = (place.path().join("own"), place.path().join("link"));
        std::fs::create_dir(&own).unwrap();
        std::fs::write(own.join(MARK), "mine").unwrap();
        std::os::unix::fs::symlink(&own, &link).unwrap();
        Fetched::remove(&link).unwrap();
        assert!(!link.is_symlink() && own.join(MARK).is_file());
    }

    #[test]
    fn a_blob_that_was_changed_or_is_gone_is_told() {
        let (place, fetched) = fetched(|_| {});
        let component = fetched.manifest.layers[2].digest.clone();
        std::fs::write(fetched.file(&component), b"\0asm\x0d\0\x01\x01").unwrap();
        let refused = fetched.lay_out(&place.path().join("mine"), &Limits::default()).unwrap_err();
        assert!(refused.message.contains("other content"), "{refused}");
        std::fs::remove_file(fetched.file(&component)).unwrap();
        assert_eq!(fetched.missing().len(), 1);
    }

    #[test]
    fn a_component_that_the_pack_does_not_name_is_refused() {
        let (place, fetched) = fetched(|bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            *bytes = text.replace("wasm/calls.wasm", "wasm/other.wasm").into_bytes();
        });
        let refused = fetched.lay_out(&place.path().join("mine"), &Limits::default()).unwrap_err();
        assert!(refused.to_string().contains("wasm/"), "{refused}");
    }
}
