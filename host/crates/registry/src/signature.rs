//! Signatures of artifacts, as `cosign` stores them: a small document that names the digest of the manifest is signed, is a
//! layer beside the artifact, and has its signature in an annotation. They are verified without asking anybody.
//!
//! A signature that we make brings its public key along, so that it can be trusted on first use. `cosign` ignores that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::artifact::Artifact;
use crate::beside::{self, LARGEST, MOST_LAYERS, layer};
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::keys::{PrivateKey, PublicKey};
use crate::reference::Reference;

/// The media type of the document that is signed.
const DOCUMENT: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation with the signature, in base64.
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The annotation with the public key, which is ours.
pub(crate) const KEY: &str = "dev.petrel.signature.key";
/// The word for what is signed.
const TYPE: &str = "cosign container image signature";
/// The largest document, in bytes.
const LARGEST_DOCUMENT: u64 = 64 << 10;

/// A signature that was found, and is not believed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    document: Bytes,
    bytes: Vec<u8>,
    key: Option<PublicKey>,
}

impl Signature {
    /// All signatures in what stands beside an artifact. A layer that is none is left out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all(artifact: &Artifact) -> Result<Vec<Self>, Error> {
        let layers = beside::layers(artifact)?.into_iter();
        let found = layers.filter_map(|(layer, document)| {
            let text = layer.annotations.get(SIGNATURE)?;
            let is_document = layer.media_type == DOCUMENT && layer.size <= LARGEST_DOCUMENT;
            let signature = STANDARD.decode(text).ok().filter(|_| is_document)?;
            let key = layer.annotations.get(KEY).and_then(|key| key.parse().ok());
            Some(Self { document, bytes: signature, key })
        });
        Ok(found.collect())
    }

    /// The key that it says it was made with.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// Whether it is one of the artifact with this digest, by this key.
    pub fn is_by(&self, key: &PublicKey, digest: &Digest) -> bool {
        let document: Value = serde_json::from_slice(&self.document).unwrap_or_default();
        let critical = |path: &str| document.pointer(path).and_then(Value::as_str).unwrap_or_default();
        critical("/critical/image/docker-manifest-digest") == digest.to_string()
            && critical("/critical/type") == TYPE
            && key.verifies(&self.document, &self.bytes)
    }
}

/// Signs the artifact with this digest. The result takes the place of `before`, whose signatures by other keys are kept.
///
/// # Errors
/// When there are too many signatures, or this machine has no random numbers.
pub fn sign(
    key: &PrivateKey,
    named: Option<&Reference>,
    digest: &Digest,
    before: Option<&Artifact>,
) -> Result<Artifact, Error> {
    let public = key.public();
    let mut kept = Vec::new();
    for (layer, content) in before.map(beside::layers).transpose()?.unwrap_or_default() {
        let alone = beside::made(vec![(layer.clone(), content.clone())]);
        if !Signature::all(&alone)?.iter().any(|known| known.is_by(&public, digest)) {
            kept.push((layer, content));
        }
    }
    if kept.len() >= MOST_LAYERS {
        let message =
            format!("the artifact {digest} has {} signatures already, which is the limit", kept.len());
        return Err(Error::new(
            Kind::Conflict,
            message,
            "remove its tag of signatures from the registry, and sign it anew",
        ));
    }
    let place = named.map(|named| format!("{}/{}", named.registry, named.repository)).unwrap_or_default();
    let document = json!({
        "critical": {
            "identity": {"docker-reference": place},
            "image": {"docker-manifest-digest": digest},
            "type": TYPE,
        },
        "optional": null,
    });
    let document = Bytes::from(document.to_string());
    let signature = STANDARD.encode(key.sign(&document)?);
    let described = layer(DOCUMENT, &document, &[(SIGNATURE, &signature), (KEY, &public.to_string())]);
    kept.push((described, document));
    let made = beside::made(kept);
    if made.manifest.size() > LARGEST {
        let message = format!("the signatures of {digest} have more than {} MiB together", LARGEST >> 20);
        return Err(Error::refused(
            message,
            "remove its tag of signatures from the registry, and sign it anew",
        ));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{KEY as PEM, OTHER, PUBLIC};

    /// The document and its signature by `openssl dgst -sha256 -sign`, as `cosign` writes them.
    const SIGNED: &str = r#"{"critical":{"identity":{"docker-reference":"r.example.com/packs/mine"},"image":{"docker-manifest-digest":"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"},"type":"cosign container image signature"},"optional":null}"#;
    const BY_OPENSSL: &str =
        "MEUCIQD9nP183khHTEBupWQJi3WJ0O5drsNlbJIMBbGUJDFhbwIgFJdDjox70y5rnWHnVfd5JytLkEGy50mRZIEoFEK3g5E=";

    fn found(kind: &str, document: &str, signature: &str) -> Vec<Signature> {
        let document = Bytes::from(document.to_owned());
        let described = layer(kind, &document, &[(SIGNATURE, signature)]);
        Signature::all(&beside::made(vec![(described, document)])).unwrap()
    }

    fn keys() -> (PublicKey, PublicKey) {
        (PublicKey::read(PUBLIC, "k").unwrap(), PublicKey::read(OTHER, "o").unwrap())
    }

    #[test]
    fn a_signature_that_others_made_is_verified() {
        let (key, other) = keys();
        let digest = Digest::of(b"x");
        let found = found(DOCUMENT, SIGNED, BY_OPENSSL);
        let [signature] = found.as_slice() else { panic!("{found:?}") };
        assert!(signature.is_by(&key, &digest) && signature.key().is_none());
        assert!(!signature.is_by(&other, &digest), "another key");
        assert!(!signature.is_by(&key, &Digest::of(b"y")), "another artifact");
    }

    #[test]
    fn what_was_altered_is_no_signature() {
        let (key, _) = keys();
        let (digest, y) = (Digest::of(b"x"), Digest::of(b"y"));
        let other_digest = SIGNED.replace(digest.hex(), y.hex());
        for (kind, document, signature, digest, count) in [
            (DOCUMENT, other_digest.as_str(), BY_OPENSSL, &y, 1),
            (DOCUMENT, &SIGNED.replace("mine", "nine"), BY_OPENSSL, &digest, 1),
            (DOCUMENT, SIGNED, "AAAA", &digest, 1),
            (DOCUMENT, SIGNED, "no base64", &digest, 0),
            ("application/json", SIGNED, BY_OPENSSL, &digest, 0),
            (DOCUMENT, "", BY_OPENSSL, &digest, 1),
        ] {
            let found = found(kind, document, signature);
            assert_eq!(found.len(), count, "{kind} {document}");
            assert!(!found.iter().any(|signature| signature.is_by(&key, digest)), "{kind} {document}");
        }
    }

    #[test]
    fn who_signs_again_replaces_their_own_signature_and_keeps_those_of_others() {
        let (first, second) = (PrivateKey::read(PEM, "k").unwrap(), PrivateKey::made().unwrap());
        let digest = Digest::of(b"x");
        let named: Reference = "r.example.com/packs/mine:1".parse().unwrap();
        let mut signed = sign(&first, Some(&named), &digest, None).unwrap();
        for (key, count) in [(&first, 1), (&second, 2), (&first, 2), (&second, 2)] {
            signed = sign(key, Some(&named), &digest, Some(&signed)).unwrap();
            let found = Signature::all(&signed).unwrap();
            assert_eq!(found.len(), count);
            assert!(found.iter().any(|one| one.is_by(&first.public(), &digest)));
            assert_eq!(found.iter().any(|one| one.is_by(&second.public(), &digest)), count == 2);
            assert!(found.iter().all(|one| one.key().is_some_and(|key| one.is_by(key, &digest))));
        }
        let document = &beside::layers(&signed).unwrap()[0].1;
        assert_eq!(std::str::from_utf8(document).unwrap(), SIGNED, "as cosign writes it");
        assert_eq!(signed.manifest.layers[0].media_type, DOCUMENT);
    }
}
