//! Manifests: the list of an artifact's parts, as the image specification has it, and the parts of a pack in it.
//!
//! Everything that is fetched later is refused here if it is too large, doubled or unknown: nothing of it was fetched then.

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::quoted::quoted;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::error::Error;
use crate::files::checked_path;
use crate::settings::Limits;

/// The media type of a manifest of a single artifact.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a list of manifests.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The type of the artifact of a pack.
pub const PACK: &str = "application/vnd.petrel.pack.v1";
/// The first layer: what is in the pack.
pub const CARD: &str = "application/vnd.petrel.pack.manifest.v1+json";
/// The layer with the files of the pack, without its components.
pub const CONTENT: &str = "application/vnd.petrel.pack.content.v1.tar+gzip";
/// The layer of a component, from the layout for components of the CNCF.
pub const COMPONENT: &str = "application/wasm";
/// The configuration from the same layout.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// The configuration where there is no component, from the image specification.
pub const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
/// The annotation with the name of a file.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The annotation with the ref of a pack.
pub const PACK_REF: &str = "dev.petrel.pack.ref";
/// The annotation with the name of a component.
pub const COMPONENT_NAME: &str = "dev.petrel.component";

/// The remedy for what is no pack of ours.
const NO_PACK: &str = "name an artifact that `petrel pack push` has made";

/// The description of a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type.
    pub media_type: String,
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// The name of the file in it; empty if it has none.
    pub fn title(&self) -> &str {
        self.annotations.get(TITLE).map_or("", String::as_str)
    }
}

/// A manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The version of the form, which is 2.
    pub schema_version: u64,
    /// The media type of the manifest itself.
    #[serde(default)]
    pub media_type: String,
    /// The type of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// Annotations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The layers of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts<'m> {
    /// The layer that says what is in the pack.
    pub card: &'m Descriptor,
    /// The layer with its files.
    pub content: &'m Descriptor,
    /// The layers of its components, by their paths.
    pub components: BTreeMap<&'m str, &'m Descriptor>,
}

impl Manifest {
    /// Parses the manifest of any artifact.
    ///
    /// # Errors
    /// When it is none, or what it lists is more than may be fetched.
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let wrong = |why: String| Error::refused(format!("the manifest is not valid: {why}"), NO_PACK);
        let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
        if value.get("manifests").is_some() {
            let hint = "name one artifact of it by its digest";
            return Err(Error::refused("it is a list of artifacts, and not one", hint));
        }
        let manifest: Self = serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
        let kind = manifest.media_type.as_str();
        if manifest.schema_version != 2 || !(kind.is_empty() || kind == MANIFEST) {
            return Err(wrong(format!("its type is `{}`, and must be {MANIFEST}", quoted(kind))));
        }
        if manifest.layers.len() > limits.layers {
            return Err(wrong(format!("it has more than {} layers, which is the limit", limits.layers)));
        }
        let size = manifest.blobs().fold(0_u64, |sum, blob| sum.saturating_add(blob.size));
        if size > limits.artifact {
            let message = format!(
                "the artifact has {} MiB, and at most {} MiB are fetched",
                size >> 20,
                limits.artifact >> 20
            );
            return Err(Error::refused(message, "raise registries.max_pack_mib if that is right"));
        }
        Ok(manifest)
    }

    /// All blobs: the configuration, then the layers. A blob that is listed twice comes twice.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// The bytes of all blobs together.
    pub fn size(&self) -> u64 {
        self.blobs().map(|blob| blob.size).sum()
    }

    /// An annotation; empty if there is none of this name.
    pub fn annotation(&self, name: &str) -> &str {
        self.annotations.get(name).map_or("", String::as_str)
    }

    /// The layers of a pack.
    ///
    /// # Errors
    /// When something else is in it.
    pub fn parts(&self, limits: &Limits) -> Result<Parts<'_>, Error> {
        let wrong = |why: String| Error::refused(format!("the artifact is no pack: {why}"), NO_PACK);
        let (mut cards, mut contents, mut components) = (Vec::new(), Vec::new(), BTreeMap::new());
        let mut digests = BTreeSet::new();
        for layer in &self.layers {
            match layer.media_type.as_str() {
                CARD => cards.push(layer),
                CONTENT => contents.push(layer),
                COMPONENT => {
                    let path = layer.title();
                    checked_path(path)?;
                    if components.insert(path, layer).is_some() {
                        return Err(wrong(format!("it has two layers for {}", quoted(path))));
                    }
                }
                other => {
                    return Err(wrong(format!("it has a layer of the unknown type `{}`", quoted(other))));
                }
            }
            digests.insert(&layer.digest);
        }
        let ([card], [content]) = (cards.as_slice(), contents.as_slice()) else {
            return Err(wrong(format!("it must have one layer {CARD} and one {CONTENT}")));
        };
        if card.size > limits.manifest {
            return Err(wrong(format!("its first layer has more than {} KiB", limits.manifest >> 10)));
        }
        Ok(Parts { card, content, components })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn layer(kind: &str, title: &str, size: u64) -> Value {
        json!({"mediaType": kind, "digest": Digest::of(title.as_bytes()), "size": size, "annotations": {TITLE: title}})
    }

    fn manifest(layers: &[Value]) -> Value {
        json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": PACK,
            "config": layer(EMPTY_CONFIG, "config", 2), "layers": layers,
        })
    }

    #[test]
    fn the_parts_of_a_pack_are_found_by_their_types() {
        let (card, content) = (layer(CARD, "pack.json", 10), layer(CONTENT, "c", 20));
        let layers = [card, content, layer(COMPONENT, "wasm/a.wasm", 30), layer(COMPONENT, "b.wasm", 40)];
        let bytes = manifest(&layers).to_string();
        let read = Manifest::read(bytes.as_bytes(), &Limits::default()).unwrap();
        let parts = read.parts(&Limits::default()).unwrap();
        assert_eq!((parts.card.size, parts.content.size, read.size()), (10, 20, 102));
        assert_eq!(parts.components.keys().copied().collect::<Vec<_>>(), ["b.wasm", "wasm/a.wasm"]);
        assert_eq!(read.artifact_type.as_deref(), Some(PACK));
    }

    #[test]
    fn what_is_no_pack_is_refused_before_anything_is_fetched() {
        let (card, content) = (layer(CARD, "pack.json", 10), layer(CONTENT, "c", 20));
        let with = |more: &[Value]| manifest(&[&[card.clone(), content.clone()], more].concat());
        let other = |key: &str, value: Value| {
            let mut manifest = with(&[]);
            manifest[key] = value;
            manifest
        };
        for (document, says) in [
            (json!([]), "not valid"),
            (json!({"schemaVersion": 2, "manifests": []}), "list of artifacts"),
            (other("schemaVersion", json!(1)), "must be"),
            (other("mediaType", json!("text/plain")), "`text/plain`"),
            (other("config", json!({"mediaType": "a", "digest": "md5:0", "size": 1})), "not a digest"),
            (other("config", json!({"mediaType": "a", "digest": Digest::of(b""), "size": -1})), "not valid"),
            (with(&[layer(COMPONENT, "a.wasm", u64::MAX)]), "at most 512 MiB"),
            (with(&[layer(COMPONENT, "huge.wasm", 600 << 20)]), "at most 512 MiB"),
            (with(&vec![layer(COMPONENT, "a.wasm", 1); 99]), "more than 100 layers"),
            (with(&[layer(COMPONENT, "../a.wasm", 1)]), "no path within a pack"),
            (with(&[layer(COMPONENT, "", 1)]), "no path within a pack"),
            (with(&[layer(COMPONENT, "a.wasm", 1), layer(COMPONENT, "a.wasm", 1)]), "two layers for a.wasm"),
            (with(&[layer("application/vnd.wasm.content.layer.v1+wasm", "a", 1)]), "unknown type"),
            (with(std::slice::from_ref(&content)), "must have one layer"),
            (manifest(&[]), "must have one layer"),
            (manifest(&[layer(CARD, "c", 2 << 20), content.clone()]), "more than 1024 KiB"),
        ] {
            let read = Manifest::read(document.to_string().as_bytes(), &Limits::default());
            let refused = read.and_then(|read| read.parts(&Limits::default()).map(drop)).unwrap_err();
            assert!(refused.to_string().contains(says), "{document}: {refused}");
        }
    }
}
