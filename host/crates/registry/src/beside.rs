//! What stands beside an artifact in its repository, under tags that are made of its digest, as `cosign` has it: signatures,
//! signed statements and lists of parts. Each kind is an artifact of its own, small enough for memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;

use crate::artifact::{Artifact, Blob};
use crate::digest::Digest;
use crate::error::Error;
use crate::manifest::{Descriptor, MANIFEST, Manifest};
use crate::reference::Reference;
use crate::registry::{Ask, Registry};

/// The largest artifact beside another one, in bytes: lists of parts have megabytes.
pub const LARGEST: u64 = 32 << 20;
/// The most layers of one.
pub const MOST_LAYERS: usize = 50;
/// The configuration of such artifacts, as `cosign` writes it.
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The time in it.
const TIME: &str = "0001-01-01T00:00:00Z";

/// A kind of what stands beside an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Signatures.
    Signatures,
    /// Signed statements: where it comes from, and how it was made.
    Statements,
    /// Lists of its parts.
    Parts,
}

/// All that stands beside an artifact.
pub type Beside = BTreeMap<Kind, Artifact>;

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Signatures, Self::Statements, Self::Parts];

    /// The end of its tag.
    pub fn end(self) -> &'static str {
        match self {
            Self::Signatures => "sig",
            Self::Statements => "att",
            Self::Parts => "sbom",
        }
    }

    /// The tag beside the artifact with this digest.
    pub fn tag(self, digest: &Digest) -> String {
        format!("sha256-{}.{}", digest.hex(), self.end())
    }

    /// Its mark in the index of a file. That of lists of parts is ours: `cosign save` leaves them out.
    pub(crate) fn mark(self) -> &'static str {
        match self {
            Self::Signatures => "dev.cosignproject.cosign/sigs",
            Self::Statements => "dev.cosignproject.cosign/atts",
            Self::Parts => "dev.petrel/sbom",
        }
    }
}

/// An artifact that stands beside another one, of these layers with their contents.
pub(crate) fn made(layers: Vec<(Descriptor, Bytes)>) -> Artifact {
    let digests: Vec<_> = layers.iter().map(|(layer, _)| layer.digest.clone()).collect();
    let config = json!({
        "architecture": "", "created": TIME, "history": [{"created": TIME}], "os": "",
        "rootfs": {"type": "layers", "diff_ids": digests}, "config": {},
    });
    let config = Bytes::from(config.to_string());
    let described = layer(CONFIG, &config, &[]);
    let (mut descriptors, mut blobs) = (Vec::new(), BTreeMap::new());
    blobs.insert(described.digest.clone(), Blob::Bytes(config));
    for (layer, content) in layers {
        blobs.insert(layer.digest.clone(), Blob::Bytes(content));
        descriptors.push(layer);
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: MANIFEST.to_owned(),
        artifact_type: None,
        config: described,
        layers: descriptors,
        annotations: BTreeMap::new(),
    };
    let bytes = Bytes::from(serde_json::to_vec(&manifest).unwrap_or_default());
    Artifact { digest: Digest::of(&bytes), manifest, blobs, bytes }
}

/// The description of a layer.
pub(crate) fn layer(kind: &str, content: &Bytes, annotations: &[(&str, &str)]) -> Descriptor {
    let annotations = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Descriptor {
        media_type: kind.to_owned(),
        digest: Digest::of(content),
        size: content.len() as u64,
        annotations: annotations.collect(),
    }
}

/// Refuses an artifact that is too large for memory. `name` is what it is called in the message.
pub(crate) fn refuse_large(manifest: &Manifest, name: &str) -> Result<(), Error> {
    let (size, layers) = (manifest.size(), manifest.layers.len());
    if size <= LARGEST && layers <= MOST_LAYERS {
        return Ok(());
    }
    let message = format!(
        "{name} has {} MiB in {layers} layers, and at most {} MiB in {MOST_LAYERS} are read",
        size >> 20,
        LARGEST >> 20
    );
    Err(Error::refused(message, "remove what is not needed from that tag of the registry"))
}

/// The layers of an artifact that is here as a whole, with their contents.
///
/// # Errors
/// When one cannot be read, or is not what its digest says.
pub(crate) fn layers(artifact: &Artifact) -> Result<Vec<(Descriptor, Bytes)>, Error> {
    let read = artifact.manifest.layers.iter().take(MOST_LAYERS).map(|layer| {
        let content = match artifact.blobs.get(&layer.digest) {
            Some(blob) => blob.read(LARGEST)?,
            None => Bytes::new(),
        };
        if Digest::of(&content) != layer.digest {
            let message = format!("the layer {} has another content", layer.digest);
            return Err(Error::refused(message, "fetch it again"));
        }
        Ok((layer.clone(), content))
    });
    read.collect()
}

impl Registry {
    /// What stands beside the artifact `digest` in the repository of `of`, if there is something of this kind.
    ///
    /// # Errors
    /// When the registry does not give it, or it is too large, or not what its digests say.
    pub async fn beside(
        &self,
        of: &Reference,
        digest: &Digest,
        kind: Kind,
    ) -> Result<Option<Artifact>, Error> {
        let reference = of.with_tag(&kind.tag(digest));
        let Some(bytes) = self.manifest_if_any(&reference).await? else { return Ok(None) };
        let manifest = Manifest::read(&bytes, &self.limits)?;
        refuse_large(&manifest, &reference.to_string())?;
        let mut blobs = BTreeMap::new();
        for blob in manifest.blobs() {
            if !blobs.contains_key(&blob.digest) {
                let content = self.blob(&of.repository, blob).await?;
                blobs.insert(blob.digest.clone(), Blob::Bytes(content));
            }
        }
        Ok(Some(Artifact { digest: Digest::of(&bytes), manifest, blobs, bytes }))
    }

    /// A blob in memory. Whoever asks for it has looked at its size.
    ///
    /// # Errors
    /// When the registry does not give it, or gives something else.
    pub async fn blob(&self, repository: &str, blob: &Descriptor) -> Result<Bytes, Error> {
        let what = format!("the blob {}", blob.digest);
        let ask = Ask::read(self.url(&format!("/v2/{repository}/blobs/{}", blob.digest))?, repository);
        let response = self.checked(self.send(&ask).await?, &what).await?;
        let content = self.bounded(response, blob.size, &what).await?;
        match Digest::of(&content) {
            found if found == blob.digest => Ok(content),
            found => Err(self.other_digest(&what, &blob.digest, &found)),
        }
    }
}
