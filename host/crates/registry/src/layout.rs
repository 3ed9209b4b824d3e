//! Artifacts in a file: the image layout of the specification as a tar, which other tools read and write too. For networks
//! without a registry, and for those between which only files travel.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use bytes::Bytes;
use petrel_model::quoted::quoted;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::archive::{Metered, append, broken};
use crate::artifact::{Artifact, Blob};
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::fetched::Fetched;
use crate::files::new_file;
use crate::manifest::{Descriptor, INDEX};
use crate::settings::Limits;

/// The annotation with the reference under which an artifact was saved.
const NAME: &str = "org.opencontainers.image.ref.name";
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

/// Writes an artifact to `out`, under the reference `name`.
///
/// # Errors
/// When a blob cannot be read, or `out` cannot be written.
pub fn save(artifact: &Artifact, name: &str, out: impl Write) -> Result<(), Error> {
    let failed = |error: io::Error| Error::of_file("written", Path::new("the file"), &error);
    let mut builder = tar::Builder::new(out);
    let mut add = |path: &str, content: &[u8]| {
        append(&mut builder, path, 0o644, content.len() as u64, content).map_err(failed)
    };
    add(VERSION_FILE, json!({"imageLayoutVersion": "1.0.0"}).to_string().as_bytes())?;
    let mut manifest = Descriptor {
        media_type: crate::manifest::MANIFEST.to_owned(),
        digest: artifact.digest.clone(),
        size: artifact.bytes.len() as u64,
        annotations: [(NAME.to_owned(), name.to_owned())].into(),
    };
    manifest.annotations.retain(|_, name| !name.is_empty());
    let index = Index { schema_version: 2, media_type: INDEX.to_owned(), manifests: vec![manifest] };
    add(INDEX_FILE, &serde_json::to_vec(&index).unwrap_or_default())?;
    add(&format!("{BLOBS}{}", artifact.digest.hex()), &artifact.bytes)?;
    for (digest, blob) in &artifact.blobs {
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

/// Whether a file is a tar, by its first entry.
pub fn is_archive(path: &Path) -> bool {
    let head = File::open(path).and_then(|file| {
        let mut head = Vec::new();
        file.take(512).read_to_end(&mut head).map(|_length| head)
    });
    head.is_ok_and(|head| head.get(257..262) == Some(b"ustar"))
}

/// Reads the artifact in a file into a directory, and the reference under which it was saved; empty if there is none.
///
/// # Errors
/// When the file is no layout, has several artifacts, or a blob is not what its name says.
pub fn load(path: &Path, directory: &Path, limits: &Limits) -> Result<(Fetched, String), Error> {
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
    let [manifest] = index.manifests.as_slice() else {
        return Err(wrong(format!("it has {} artifacts, and must have one", index.manifests.len())));
    };
    let fetched = manifest_of(manifest, directory, limits)?;
    if let Some(blob) = fetched.missing().first() {
        return Err(wrong(format!("it lacks the blob {}", blob.digest)));
    }
    Ok((fetched, manifest.annotations.get(NAME).cloned().unwrap_or_default()))
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
        return Err(Error::new(Kind::Refused, message, "the file is damaged: copy it again"));
    }
    std::fs::rename(&made, &at).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::tests::pack;

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
        save(&artifact, "r.example.com/mine:1.2.0", File::create(&file).unwrap()).unwrap();
        assert!(
            is_archive(&file) && !is_archive(&source.path().join("pack.yaml")) && !is_archive(place.path())
        );
        let names: Vec<_> = entries(&file).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names[..2], ["oci-layout", "index.json"]);
        let (fetched, name) = load(&file, &place.path().join("blobs"), &limits).unwrap();
        assert_eq!((fetched.digest.clone(), name.as_str()), (artifact.digest, "r.example.com/mine:1.2.0"));
        fetched.lay_out(&place.path().join("mine"), &limits).unwrap();
    }

    #[test]
    fn a_file_that_is_no_layout_or_is_damaged_is_refused() {
        let (source, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        pack(source.path());
        let limits = Limits::default();
        let (artifact, _) = Artifact::of_directory(source.path(), &limits).unwrap();
        let file = place.path().join("mine.tar");
        save(&artifact, "", File::create(&file).unwrap()).unwrap();
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
