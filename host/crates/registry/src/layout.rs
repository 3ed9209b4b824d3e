//! Artifacts in a file: the image layout of the specification as a tar, which other tools read and write too. For networks
//! without a registry, and for those between which only files travel.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use bytes::Bytes;
use petrel_model::quoted::quoted;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::archive::{Metered, append, broken};
use crate::artifact::{Artifact, Blob};
use crate::beside::{Beside, Kind, refuse_large};
use crate::digest::Digest;
use crate::error::{self, Error};
use crate::fetched::Fetched;
use crate::files::new_file;
use crate::manifest::{Descriptor, INDEX};
use crate::settings::Limits;

/// The annotation with the reference under which an artifact was saved.
const NAME: &str = "org.opencontainers.image.ref.name";
/// The annotation by which `cosign` tells artifacts from what stands beside them, and its word for artifacts.
const KIND: &str = "kind";
const ITSELF: &str = "dev.cosignproject.cosign/image";
/// The files of a layout.
const VERSION_FILE: &str = "oci-layout";
const INDEX_FILE: &str = "index.json";
const BLOBS: &str = "blobs/sha256/";
/// The remedy for a file that is none.
const NO_LAYOUT: &str = "name a file that `petrel pack save` has written";
/// The entries of a file that are looked at.
const MOST_ENTRIES: usize = 10_000;

/// The list of the artifacts in a layout.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    schema_version: u64,
    #[serde(default)]
    media_type: String,
    manifests: Vec<Descriptor>,
}

/// A file that was read.
#[derive(Debug)]
pub struct Loaded {
    /// The artifact in it.
    pub fetched: Fetched,
    /// The reference under which it was saved; empty if there is none.
    pub name: String,
    /// What stands beside the artifact.
    pub beside: Beside,
}

/// Writes an artifact and what stands beside it to `out`, under the reference `name`.
///
/// # Errors
/// When a blob cannot be read, or `out` cannot be written.
pub fn save(artifact: &Artifact, beside: &Beside, name: &str, out: impl Write) -> Result<(), Error> {
    let failed = |error: io::Error| Error::of_file("written", Path::new("the file"), &error);
    let mut builder = tar::Builder::new(out);
    let mut add = |path: &str, content: &[u8]| {
        append(&mut builder, path, 0o644, content.len() as u64, content).map_err(failed)
    };
    add(VERSION_FILE, json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())?;
    let own = if beside.is_empty() { "" } else { ITSELF };
    let mut manifests = vec![listed(artifact, name, own)];
    let of_others = beside.iter().map(|(kind, one)| listed(one, &kind.tag(&artifact.digest), kind.mark()));
    manifests.extend(of_others);
    let index = Index { schema_version: 2, media_type: INDEX.to_owned(), manifests };
    add(INDEX_FILE, &serde_json::to_vec(&index).unwrap_or_default())?;
    let mut blobs: BTreeMap<&Digest, &Blob> = BTreeMap::new();
    for one in std::iter::once(artifact).chain(beside.values()) {
        add(&format!("{BLOBS}{}", one.digest.hex()), &one.bytes)?;
        blobs.extend(&one.blobs);
    }
    for (digest, blob) in blobs {
        let path = format!("{BLOBS}{}", digest.hex());
        match blob {
            Blob::Bytes(bytes) => append(&mut builder, &path, 0o644, bytes.len() as u64, &bytes[..]),
            Blob::File(file) => File::open(file).and_then(|open| {
                let size = open.metadata()?.len();
                append(&mut builder, &path, 0o644, size, open.take(size))
            }),
        }
        .map_err(failed)?;
    }
    builder.into_inner().and_then(|mut out| out.flush()).map_err(failed)
}

/// The entry of an artifact in the index.
fn listed(artifact: &Artifact, name: &str, kind: &str) -> Descriptor {
    let annotations = [(NAME, name), (KIND, kind)].into_iter().filter(|(_, text)| !text.is_empty());
    Descriptor {
        media_type: crate::manifest::MANIFEST.to_owned(),
        digest: artifact.digest.clone(),
        size: artifact.bytes.len() as u64,
        annotations: annotations.map(|(key, text)| (key.to_owned(), text.to_owned())).collect(),
    }
}

/// Whether a file is a tar, by its first entry.
pub fn is_archive(path: &Path) -> bool {
    let head = File::open(path).and_then(|file| {
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head).map(|_length| head)
    });
    head.is_ok_and(|head| head.get(257..262) == Some(b"ustar"))
}

/// Reads the artifact in a file, and what stands beside it, into a directory.
///
/// # Errors
/// When the file is no layout, has several artifacts, or a blob is not what its name says.
pub fn load(path: &Path, directory: &Path, limits: &Limits) -> Result<Loaded, Error> {
    let unreadable = |error: io::Error| Error::of_file("read", path, &error);
    let wrong = |why: String| Error::refused(format!("{} holds no pack: {why}", path.display()), NO_LAYOUT);
    std::fs::create_dir_all(directory).map_err(|error| Error::of_file("made", directory, &error))?;
    let file = petrel_packs::plain_file::open(path).map_err(unreadable)?;
    let (stream, meter) = Metered::of(BufReader::new(file));
    let mut archive = tar::Archive::new(stream);
    let (mut index, mut bytes) = (None, 0_u64);
    for (number, entry) in archive.entries().map_err(|error| broken(&error))?.enumerate() {
        let mut entry = entry.map_err(|error| broken(&error))?;
        if number >= MOST_ENTRIES {
            return Err(wrong(format!("it has more than {MOST_ENTRIES} entries")));
        }
        // A sparse one says that it is larger than what stands there; it is none of ours.
        meter.allow(if entry.header().entry_type().is_gnu_sparse() { 0 } else { entry.size() });
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let name = name.strip_prefix("./").unwrap_or(&name);
        if !entry.header().entry_type().is_file() {
            // Directories, and what other tools write besides.
            continue;
        }
        if name == INDEX_FILE {
            index = Some(small(&mut entry, limits)?);
        } else if let Some(hex) = name.strip_prefix(BLOBS) {
            let digest: Digest = format!("sha256:{hex}").parse()?;
            bytes = bytes.saturating_add(entry.size());
            if bytes > limits.artifact.saturating_add(limits.manifest) {
                let hint = "raise registries.max_pack_mib if that is right";
                return Err(Error::refused(
                    format!("{} has more than {} MiB", path.display(), limits.artifact >> 20),
                    hint,
                ));
            }
            blob(&mut entry, &digest, directory)?;
        }
    }
    let index = index.ok_or_else(|| wrong(format!("it has no {INDEX_FILE}")))?;
    let index: Index =
        serde_json::from_slice(&index).map_err(|error| wrong(format!("{INDEX_FILE}: {error}")))?;
    let packs: Vec<_> = index.manifests.iter().filter(|one| beside(one).is_none()).collect();
    // One artifact may have several names.
    let count = packs.iter().map(|one| &one.digest).collect::<BTreeSet<_>>().len();
    let (Some(manifest), 1) = (packs.first().copied(), count) else {
        return Err(wrong(format!("it has {count} artifacts, and must have one")));
    };
    let whole = |manifest: &Descriptor| {
        let fetched = manifest_of(manifest, directory, limits)?;
        let missing = fetched.missing().first().map(|blob| blob.digest.clone());
        match missing {
            Some(digest) => Err(wrong(format!("it lacks the blob {digest}"))),
            None => Ok(fetched),
        }
    };
    let fetched = whole(manifest)?;
    let mut others = Beside::new();
    for other in &index.manifests {
        if let Some(kind) = beside(other) {
            let one = whole(other)?;
            refuse_large(&one.manifest, &kind.tag(&fetched.digest))?;
            others.insert(kind, one.artifact());
        }
    }
    let name = manifest.annotations.get(NAME).cloned().unwrap_or_default();
    Ok(Loaded { fetched, name, beside: others })
}

/// The kind of an artifact that stands beside another one, by its mark or by its tag.
fn beside(descriptor: &Descriptor) -> Option<Kind> {
    let said = |name: &str| descriptor.annotations.get(name).map(String::as_str).unwrap_or_default();
    let is_tag = |name: &str, end: &str| name.starts_with("sha256-") && name.ends_with(&format!(".{end}"));
    Kind::ALL.into_iter().find(|kind| said(KIND) == kind.mark() || is_tag(said(NAME), kind.end()))
}

fn manifest_of(manifest: &Descriptor, directory: &Path, limits: &Limits) -> Result<Fetched, Error> {
    let at = directory.join(manifest.digest.hex());
    let bytes = petrel_packs::plain_file::read(&at, limits.manifest);
    let bytes = bytes.map_err(|error| {
        Error::refused(format!("the manifest {} cannot be read: {error}", manifest.digest), NO_LAYOUT)
    })?;
    Fetched::of(Bytes::from(bytes), directory, limits)
}

/// The content of a small entry.
fn small(entry: &mut impl Read, limits: &Limits) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    entry.take(limits.manifest).read_to_end(&mut content).map_err(|error| broken(&error))?;
    Ok(content)
}

/// Writes a blob, and compares its digest with its name.
fn blob(entry: &mut impl Read, digest: &Digest, directory: &Path) -> Result<(), Error> {
    let at = directory.join(digest.hex());
    if at.exists() {
        // It was fetched before, or comes twice; what is used is compared later.
        return Ok(());
    }
    let made = at.with_extension("new");
    drop(std::fs::remove_file(&made));
    let failed = |error: io::Error| Error::of_file("written", &at, &error);
    let mut file = new_file(&made, false).map_err(failed)?;
    let (mut sum, mut buffer) = (crate::digest::Sum::default(), vec![0; 64 << 10]);
    loop {
        let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        sum.add(bytes);
        file.write_all(bytes).map_err(failed)?;
    }
    let found = sum.end();
    if found != *digest {
        drop(std::fs::remove_file(&made));
        let name = digest.to_string();
        let message = format!("the blob {} has the digest {found}", quoted(&name));
        let hint = "the file is damaged: copy it again";
        return Err(Error::new(error::Kind::Refused, message, hint));
    }
    std::fs::rename(&made, &at).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::tests::pack;
    use crate::beside::{layer, made};
    use crate::keys::PrivateKey;
    use crate::signature::{Signature, sign};
    use crate::statement::list;

    /// The entries of a file with their contents.
    fn entries(path: &Path) -> Vec<(String, Vec<u8>)> {
        let mut archive = tar::Archive::new(File::open(path).unwrap());
        let read = archive.entries().unwrap().map(|entry| {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (String::from_utf8_lossy(&entry.path_bytes()).into_owned(), content)
        });
        read.collect()
    }

    fn written(entries: &[(String, Vec<u8>)], at: &Path) {
        let mut builder = tar::Builder::new(File::create(at).unwrap());
        for (path, content) in entries {
            append(&mut builder, path, 0o644, content.len() as u64, content.as_slice()).unwrap();
        }
        builder.into_inner().unwrap();
    }

    #[test]
    fn what_is_saved_is_loaded_as_the_same_artifact() {
        let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(source.path());
        let limits = Limits::default();
        let (artifact, _) = Artifact::of_directory(source.path(), &limits).unwrap();
        let file = place.path().join("mine.tar");
        let name = "r.example.com/mine:1.2.0";
        save(&artifact, &Beside::new(), name, File::create(&file).unwrap()).unwrap();
        assert!(
            is_archive(&file) && !is_archive(&source.path().join("pack.yaml")) && !is_archive(place.path())
        );
        let names: Vec<_> = entries(&file).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["oci-layout", "index.json"]);
        let loaded = load(&file, &place.path().join("blobs"), &limits).unwrap();
        assert_eq!((&loaded.fetched.digest, loaded.name.as_str()), (&artifact.digest, name));
        assert!(loaded.beside.is_empty());
        loaded.fetched.lay_out(&place.path().join("mine"), &limits).unwrap();
        // What stands beside it comes along.
        let key = PrivateKey::made().unwrap();
        let signed = sign(&key, None, &artifact.digest, None).unwrap();
        let parts = list(br#"{"spdxVersion": "SPDX-2.3"}"#.to_vec()).unwrap();
        let beside = Beside::from([(Kind::Signatures, signed), (Kind::Parts, parts)]);
        save(&artifact, &beside, name, File::create(&file).unwrap()).unwrap();
        let loaded = load(&file, &place.path().join("others"), &limits).unwrap();
        assert_eq!(loaded.fetched.digest, artifact.digest);
        assert_eq!(loaded.beside.keys().copied().collect::<Vec<_>>(), [Kind::Signatures, Kind::Parts]);
        let found = Signature::all(&loaded.beside[&Kind::Signatures]).unwrap();
        assert!(found.iter().any(|one| one.is_by(&key.public(), &artifact.digest)));
        // What would not fit into memory is not read.
        let many = (0..60_u8).map(|number| {
            let content = Bytes::from(vec![number]);
            (layer("text/plain", &content, &[]), content)
        });
        let beside = Beside::from([(Kind::Parts, made(many.collect()))]);
        save(&artifact, &beside, name, File::create(&file).unwrap()).unwrap();
        let refused = load(&file, &place.path().join("many"), &limits).unwrap_err();
        assert!(refused.message.contains("60 layers"), "{refused}");
    }

    #[test]
    fn an_artifact_with_several_names_is_one() {
        let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(source.path());
        let limits = Limits::default();
        let (artifact, _) = Artifact::of_directory(source.path(), &limits).unwrap();
        let file = place.path().join("mine.tar");
        save(&artifact, &Beside::new(), "1.2.0", File::create(&file).unwrap()).unwrap();
        let mut named = entries(&file);
        let manifests = ["1.2.0", "latest"].map(|name| listed(&artifact, name, "")).to_vec();
        let index = Index { schema_version: 2, media_type: INDEX.to_owned(), manifests };
        named[1].1 = serde_json::to_vec(&index).unwrap();
        written(&named, &file);
        let loaded = load(&file, &place.path().join("blobs"), &limits).unwrap();
        assert_eq!((&loaded.fetched.digest, loaded.name.as_str()), (&artifact.digest, "1.2.0"));
    }

    #[test]
    fn a_file_that_is_no_layout_or_is_damaged_is_refused() {
        let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(source.path());
        let limits = Limits::default();
        let (artifact, _) = Artifact::of_directory(source.path(), &limits).unwrap();
        let file = place.path().join("mine.tar");
        save(&artifact, &Beside::new(), "", File::create(&file).unwrap()).unwrap();
        let whole = entries(&file);
        let without = |gone: &dyn Fn(&str) -> bool| {
            whole.iter().filter(|(name, _)| !gone(name)).cloned().collect::<Vec<_>>()
        };
        let component = format!("{BLOBS}{}", artifact.manifest.layers[2].digest.hex());
        let mut damaged = whole.clone();
        damaged.iter_mut().filter(|(name, _)| *name == component).for_each(|(_, content)| content[7] ^= 1);
        let mut many = without(&|name| name == INDEX_FILE);
        many.push((
            INDEX_FILE.to_owned(),
            json!({"schemaVersion": 2, "manifests": []}).to_string().into_bytes(),
        ));
        let mut strange = whole.clone();
        strange.push((format!("{BLOBS}../../x"), b"x".to_vec()));
        for (number, (entries, says)) in [
            (without(&|name| name == INDEX_FILE), "no index.json"),
            (without(&|name| name == component), "lacks the blob"),
            (damaged, "has the digest"),
            (many, "has 0 artifacts"),
            (strange, "not a digest"),
        ]
        .into_iter()
        .enumerate()
        {
            // The library writes no `..`, so a path that leads out is written as what it is without.
            let entries: Vec<_> =
                entries.into_iter().map(|(name, content)| (name.replace("../../x", "zz"), content)).collect();
            written(&entries, &file);
            let refused = load(&file, &place.path().join(number.to_string()), &limits).unwrap_err();
            assert!(refused.to_string().contains(says), "{says}: {refused}");
        }
        let tiny = Limits { artifact: 10, manifest: 10, ..limits };
        written(&whole, &file);
        assert!(load(&file, &place.path().join("tiny"), &tiny).is_err());
    }
}
