//! The artifact of a pack, ready to be pushed or saved: its manifest, and its blobs by digest. The same files are the same
//! artifact on every machine, so that pushing again changes nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use petrel_packs::limits::LARGEST_ENTRY_POINT;
use petrel_packs::plain_file;
use serde_json::{Value, json};

use crate::archive;
use crate::card::Card;
use crate::digest::Digest;
use crate::error::Error;
use crate::files::{self, PackFile, checked_path};
use crate::manifest::{self, Descriptor, Manifest, TITLE};
use crate::settings::Limits;

/// Prefix of the annotations that every tool knows.
const STANDARD: &str = "org.opencontainers.image.";
/// The time of everything: that of the files would make each artifact another one.
const TIME: &str = "1970-01-01T00:00:00Z";
/// Keys of `pack.yaml`, and the annotations that say the same.
const SAME: [(&str, &str); 6] = [
    ("homepage", "url"),
    ("repository", "source"),
    ("repo_url", "source"),
    ("documentation", "documentation"),
    ("license", "licenses"),
    ("author", "authors"),
];

/// The content of a blob.
#[derive(Debug, Clone)]
pub enum Blob {
    /// In memory.
    Bytes(Bytes),
    /// In a file.
    File(PathBuf),
}

impl Blob {
    /// The content, of at most `limit` bytes.
    ///
    /// # Errors
    /// When the file cannot be read, or is larger.
    pub fn read(&self, limit: u64) -> Result<Bytes, Error> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(path) => plain_file::read(path, limit)
                .map(Bytes::from)
                .map_err(|error| Error::of_file("read", path, &error)),
        }
    }
}

/// An artifact.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The manifest as it is sent.
    pub bytes: Bytes,
    /// The manifest.
    pub manifest: Manifest,
    /// The digest of the manifest, by which the artifact is known.
    pub digest: Digest,
    /// The blobs.
    pub blobs: BTreeMap<Digest, Blob>,
}

impl Artifact {
    /// The artifact of the pack in a directory, and the card of that pack.
    ///
    /// # Errors
    /// When the pack is not valid, or has what cannot travel: links, files that are too large.
    pub fn of_directory(directory: &Path, limits: &Limits) -> Result<(Self, Card), Error> {
        let (card, components) = Card::of(directory)?;
        let mut found = files::of_pack(directory, limits)?;
        let mut making = Making::default();
        let document = serde_json::to_vec(&card).unwrap_or_default();
        making.layer(manifest::CARD, "pack.json", Bytes::from(document), &[]);
        let mut of_components = Vec::new();
        for component in components {
            let path = component.path.trim_start_matches("./").to_owned();
            checked_path(&path)?;
            // Two components may share a file.
            if let Some(file) = found.remove(&path) {
                of_components.push((component.name, path, file));
            } else if !of_components.iter().any(|(_, known, _)| *known == path) {
                let hint = "build it, or correct the path in pack.yaml";
                return Err(Error::refused(format!("the component {path} of the pack is not there"), hint));
            }
        }
        making.layer(manifest::CONTENT, "content.tar.gz", Bytes::from(archive::write(&found)?), &[]);
        for (name, path, file) in of_components {
            making.component(&name, &path, &file)?;
        }
        let artifact = making.end(&card);
        // Whoever made it can read it: a bound that the artifact breaks is told now and not by each who pulls it.
        Manifest::read(&artifact.bytes, limits)?.parts(limits)?;
        Ok((artifact, card))
    }
}

/// The files that travel with the pack in a directory, by their paths within it.
///
/// # Errors
/// When one of them cannot travel.
pub fn files(directory: &Path, limits: &Limits) -> Result<BTreeMap<String, PathBuf>, Error> {
    let found = files::of_pack(directory, limits)?;
    Ok(found.into_iter().map(|(path, file)| (path, file.at)).collect())
}

/// An artifact that is being made.
#[derive(Debug, Default)]
struct Making {
    layers: Vec<Descriptor>,
    blobs: BTreeMap<Digest, Blob>,
}

impl Making {
    fn layer(&mut self, kind: &str, title: &str, content: Bytes, more: &[(&str, &str)]) {
        let descriptor = described(kind, Some(title), Digest::of(&content), content.len() as u64, more);
        self.blobs.insert(descriptor.digest.clone(), Blob::Bytes(content));
        self.layers.push(descriptor);
    }

    /// Adds a component, which stays in its file.
    fn component(&mut self, name: &str, path: &str, file: &PackFile) -> Result<(), Error> {
        let failed = |error| Error::of_file("read", &file.at, &error);
        let (digest, size) =
            File::open(&file.at).and_then(|mut open| Digest::of_reader(&mut open)).map_err(failed)?;
        if size > LARGEST_ENTRY_POINT {
            let message =
                format!("{path} has more than {} MiB, which is the limit", LARGEST_ENTRY_POINT >> 20);
            return Err(Error::refused(message, "build it for release, and strip it"));
        }
        let more = [(manifest::COMPONENT_NAME, name)];
        let descriptor = described(manifest::COMPONENT, Some(path), digest, size, &more);
        self.blobs.insert(descriptor.digest.clone(), Blob::File(file.at.clone()));
        self.layers.push(descriptor);
        Ok(())
    }

    fn end(mut self, card: &Card) -> Artifact {
        let of_components = self.layers.iter().filter(|layer| layer.media_type == manifest::COMPONENT);
        let digests: Vec<_> = of_components.map(|layer| layer.digest.to_string()).collect();
        let (kind, config) = if digests.is_empty() {
            (manifest::EMPTY_CONFIG, json!({}))
        } else {
            let config =
                json!({"created": TIME, "architecture": "wasm", "os": "wasip2", "layerDigests": digests});
            (manifest::CONFIG, config)
        };
        let content = Bytes::from(config.to_string());
        let config = described(kind, None, Digest::of(&content), content.len() as u64, &[]);
        self.blobs.insert(config.digest.clone(), Blob::Bytes(content));
        let manifest = Manifest {
            schema_version: 2,
            media_type: manifest::MANIFEST.to_owned(),
            artifact_type: Some(manifest::PACK.to_owned()),
            config,
            layers: self.layers,
            annotations: annotations(card),
        };
        let bytes = Bytes::from(serde_json::to_vec(&manifest).unwrap_or_default());
        Artifact { digest: Digest::of(&bytes), manifest, blobs: self.blobs, bytes }
    }
}

fn described(
    kind: &str,
    title: Option<&str>,
    digest: Digest,
    size: u64,
    more: &[(&str, &str)],
) -> Descriptor {
    let title = title.map(|title| (TITLE, title));
    let annotations = title.into_iter().chain(more.iter().copied());
    let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    Descriptor { media_type: kind.to_owned(), digest, size, annotations }
}

fn annotations(card: &Card) -> BTreeMap<String, String> {
    let standard = |name: &str| format!("{STANDARD}{name}");
    let mut annotations = BTreeMap::from([
        (standard("title"), card.reference.clone()),
        (standard("version"), card.version.clone()),
        (standard("description"), card.description.clone()),
        (standard("created"), TIME.to_owned()),
        (manifest::PACK_REF.to_owned(), card.reference.clone()),
    ]);
    for (key, name) in SAME {
        if let Some(text) = card.pack.get(key).and_then(Value::as_str) {
            annotations.insert(standard(name), text.to_owned());
        }
    }
    annotations
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A pack with an action in a component, and one by a script, in a directory.
    pub(crate) fn pack(root: &Path) {
        for (file, text) in [
            (
                "pack.yaml",
                "ref: mine\nname: mine\ndescription: Mine.\nversion: 1.2.0\nauthor: me\nlicense: MIT\n\
                 wasm: {components: [{name: calls, path: wasm/calls.wasm, actions: [call]}]}\n",
            ),
            ("actions/call.yaml", "name: call\nrunner_type: wasm-component\nentry_point: wasm/calls.wasm\n"),
            ("actions/b.yaml", "name: b\nrunner_type: noop\n"),
            ("README.md", "Mine."),
            ("wasm/calls.wasm", "\0asm\x0d\0\x01\0"),
        ] {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
    }

    #[test]
    fn the_same_pack_is_the_same_artifact_with_its_card_first() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(one.path());
        pack(other.path());
        let (first, card) = Artifact::of_directory(one.path(), &Limits::default()).unwrap();
        let (second, _) = Artifact::of_directory(other.path(), &Limits::default()).unwrap();
        assert_eq!(first.bytes, second.bytes);
        let kinds: Vec<_> = first.manifest.layers.iter().map(|layer| layer.media_type.as_str()).collect();
        assert_eq!(kinds, [manifest::CARD, manifest::CONTENT, manifest::COMPONENT]);
        assert_eq!(first.manifest.config.media_type, manifest::CONFIG);
        let component = &first.manifest.layers[2];
        assert_eq!((component.title(), component.size), ("wasm/calls.wasm", 8));
        assert_eq!(component.annotations[manifest::COMPONENT_NAME], "calls");
        for (name, value) in [
            ("org.opencontainers.image.version", "1.2.0"),
            ("org.opencontainers.image.licenses", "MIT"),
            ("org.opencontainers.image.authors", "me"),
            ("dev.petrel.pack.ref", "mine"),
        ] {
            assert_eq!(first.manifest.annotation(name), value);
        }
        let read = |digest: &Digest| first.blobs[digest].read(1 << 20).unwrap();
        for blob in first.manifest.blobs() {
            assert_eq!(Digest::of(&read(&blob.digest)), blob.digest);
        }
        assert_eq!(Card::read(&read(&first.manifest.layers[0].digest)).unwrap(), card);
        let config: Value = serde_json::from_slice(&read(&first.manifest.config.digest)).unwrap();
        assert_eq!(config["layerDigests"], json!([component.digest]));
    }

    #[test]
    fn a_component_that_is_not_built_is_told() {
        let place = tempfile::tempdir().unwrap();
        pack(place.path());
        std::fs::remove_file(place.path().join("wasm/calls.wasm")).unwrap();
        let refused = Artifact::of_directory(place.path(), &Limits::default()).unwrap_err();
        assert!(refused.to_string().contains("wasm/calls.wasm"), "{refused}");
    }
}
