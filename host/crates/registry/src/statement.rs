//! Statements about artifacts: where one comes from and how it was made (in-toto, SLSA), signed in an envelope (DSSE) as `cosign
//! attest` stores them; and lists of its parts (SPDX, `CycloneDX`), which are not signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::artifact::Artifact;
use crate::beside::{self, layer};
use crate::digest::Digest;
use crate::error::{Error, Kind};
use crate::keys::{PrivateKey, PublicKey};
use crate::reference::Reference;
use crate::signature::{KEY, SIGNATURE};

/// The media type of an envelope.
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The type of what is in it.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The type of a statement, and the beginning of the types of all its versions.
const IN_TOTO: &str = "https://in-toto.io/Statement/v0.1";
const ANY_IN_TOTO: &str = "https://in-toto.io/Statement/";
/// The annotation with the type of what is stated.
const PREDICATE: &str = "predicateType";
/// What is stated without an envelope of in-toto: a key by which it is known, and its type.
const PLAIN: [(&str, &str); 2] =
    [("buildDefinition", "https://slsa.dev/provenance/v1"), ("builder", "https://slsa.dev/provenance/v0.2")];
/// Lists of parts: a key by which one is known, and its media type.
const LISTS: [(&str, &str); 2] =
    [("spdxVersion", "text/spdx+json"), ("bomFormat", "application/vnd.cyclonedx+json")];

/// A statement that was found, and is not believed yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// The type of what is stated.
    pub kind: String,
    /// The statement.
    pub statement: Value,
    signed: Vec<u8>,
    signatures: Vec<Vec<u8>>,
    key: Option<PublicKey>,
}

impl Statement {
    /// All statements in what stands beside an artifact. A layer that is none is left out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all(artifact: &Artifact) -> Result<Vec<Self>, Error> {
        let layers = beside::layers(artifact)?.into_iter();
        let found = layers.filter_map(|(layer, content)| {
            let envelope: Value = serde_json::from_slice(&content).ok()?;
            let payload = STANDARD.decode(envelope.get("payload")?.as_str()?).ok()?;
            let payload_type = envelope.get("payloadType")?.as_str()?;
            let statement: Value = serde_json::from_slice(&payload).ok()?;
            let signatures = envelope.get("signatures")?.as_array()?.iter();
            let signatures = signatures.filter_map(|one| STANDARD.decode(one.get("sig")?.as_str()?).ok());
            let kind = statement.get(PREDICATE).and_then(Value::as_str).unwrap_or_default().to_owned();
            let key = layer.annotations.get(KEY).and_then(|key| key.parse().ok());
            let (signed, signatures) = (encoded(payload_type, &payload), signatures.collect());
            Some(Self { kind, statement, signed, signatures, key })
        });
        Ok(found.collect())
    }

    /// The key that it says it was signed with.
    pub fn key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// Whether it is about the artifact with this digest.
    pub fn is_about(&self, digest: &Digest) -> bool {
        let subjects = self.statement.get("subject").and_then(Value::as_array).into_iter().flatten();
        let mut digests = subjects.filter_map(|subject| subject.pointer("/digest/sha256")?.as_str());
        digests.any(|found| found == digest.hex())
    }

    /// Whether it is about this artifact, and signed by this key.
    pub fn is_by(&self, key: &PublicKey, digest: &Digest) -> bool {
        self.is_about(digest) && self.signatures.iter().any(|one| key.verifies(&self.signed, one))
    }

    /// Who has built the artifact, if the statement says so.
    pub fn builder(&self) -> Option<&str> {
        let places = ["/predicate/runDetails/builder/id", "/predicate/builder/id"];
        places.into_iter().find_map(|place| self.statement.pointer(place)?.as_str())
    }
}

/// The bytes that are signed of a payload (the encoding before authentication of DSSE).
fn encoded(kind: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Signs a statement about an artifact, which is the content of a file: one of in-toto, or what SLSA states in one. The result
/// takes the place of `before`, whose statements of other types, or by other keys, are kept.
///
/// # Errors
/// When it is none, or about another artifact; when there are too many.
pub fn state(
    key: &PrivateKey,
    named: &Reference,
    digest: &Digest,
    content: &[u8],
    before: Option<&Artifact>,
) -> Result<Artifact, Error> {
    let place = format!("{}/{}", named.registry, named.repository);
    let (kind, statement) = statement_of(content, &place, digest)?;
    let mut layers = Vec::new();
    for (layer, content) in before.map(beside::layers).transpose()?.unwrap_or_default() {
        let alone = beside::made(vec![(layer.clone(), content.clone())]);
        let is_same = |known: &Statement| known.kind == kind && known.is_by(&key.public(), digest);
        if !Statement::all(&alone)?.iter().any(is_same) {
            layers.push((layer, content));
        }
    }
    if layers.len() >= beside::MOST_LAYERS {
        let message =
            format!("there are {} statements about {digest} already, which is the limit", layers.len());
        return Err(Error::new(
            Kind::Conflict,
            message,
            "remove their tag from the registry, and state it anew",
        ));
    }
    let payload = statement.to_string();
    let signature = STANDARD.encode(key.sign(&encoded(STATEMENT, payload.as_bytes()))?);
    let envelope = json!({
        "payloadType": STATEMENT,
        "payload": STANDARD.encode(&payload),
        "signatures": [{"keyid": "", "sig": signature}],
    });
    let envelope = Bytes::from(envelope.to_string());
    let public = key.public().to_string();
    let described = layer(ENVELOPE, &envelope, &[(SIGNATURE, ""), (PREDICATE, &kind), (KEY, &public)]);
    layers.push((described, envelope));
    Ok(beside::made(layers))
}

/// The type of what the content of a file states, and the statement about the artifact.
fn statement_of(content: &[u8], place: &str, digest: &Digest) -> Result<(String, Value), Error> {
    let wrong = |why: String| {
        let hint = "give a statement of in-toto, or the provenance of SLSA, in JSON";
        Error::new(Kind::Usage, format!("the provenance is none: {why}"), hint)
    };
    let given: Value = serde_json::from_slice(content).map_err(|error| wrong(error.to_string()))?;
    let word = |key: &str| given.get(key).and_then(Value::as_str).unwrap_or_default();
    if word("_type").starts_with(ANY_IN_TOTO) {
        let kind = word(PREDICATE).to_owned();
        let found = Statement {
            kind: kind.clone(),
            statement: given.clone(),
            signed: Vec::new(),
            signatures: Vec::new(),
            key: None,
        };
        if kind.is_empty() || !found.is_about(digest) {
            return Err(wrong(format!("it is a statement about something else than {digest}")));
        }
        return Ok((kind, given));
    }
    let known = PLAIN.into_iter().find(|(key, _)| given.get(key).is_some());
    let (_, kind) = known.ok_or_else(|| wrong("its type is not known".to_owned()))?;
    let statement = json!({
        "_type": IN_TOTO,
        "predicateType": kind,
        "subject": [{"name": place, "digest": {"sha256": digest.hex()}}],
        "predicate": given,
    });
    Ok((kind.to_owned(), statement))
}

/// A list of the parts of an artifact, which is the content of a file, to stand beside it.
///
/// # Errors
/// When it is none.
pub fn list(content: Vec<u8>) -> Result<Artifact, Error> {
    let given: Value = serde_json::from_slice(&content).unwrap_or_default();
    let known = LISTS.into_iter().find(|(key, _)| given.get(key).is_some());
    let (_, kind) = known.ok_or_else(|| {
        let message = "the list of parts is none of SPDX or CycloneDX in JSON";
        Error::new(Kind::Usage, message, "have the tool that makes it write one of these")
    })?;
    let content = Bytes::from(content);
    Ok(beside::made(vec![(layer(kind, &content, &[]), content)]))
}

/// The lists of parts in what stands beside an artifact: their media types and contents.
///
/// # Errors
/// When it cannot be read.
pub fn lists(artifact: &Artifact) -> Result<Vec<(String, Bytes)>, Error> {
    let layers = beside::layers(artifact)?.into_iter();
    Ok(layers.map(|(layer, content)| (layer.media_type, content)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{KEY as PEM, OTHER, PUBLIC};

    /// A statement about the artifact with the digest of `x`, and its signature by `openssl`.
    const STATED: &str = r#"{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://slsa.dev/provenance/v1","subject":[{"name":"r.example.com/packs/mine","digest":{"sha256":"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}}],"predicate":{"runDetails":{"builder":{"id":"ci"}}}}"#;
    const BY_OPENSSL: &str =
        "MEYCIQDlBQmCDcENmMAvszkIyOWyMAZV3q7hVesoeLHwKA0AWQIhAKzeIqCc2JsMudzmDB+P5pbnW5iGIzi2q9rb1XGPnuiF";

    fn found(statement: &str) -> Vec<Statement> {
        let envelope = json!({
            "payloadType": STATEMENT, "payload": STANDARD.encode(statement), "signatures": [{"sig": BY_OPENSSL}],
        });
        let envelope = Bytes::from(envelope.to_string());
        Statement::all(&beside::made(vec![(layer(ENVELOPE, &envelope, &[]), envelope)])).unwrap()
    }

    #[test]
    fn a_statement_that_others_signed_is_verified_for_its_artifact_alone() {
        let (key, other) = (PublicKey::read(PUBLIC, "k").unwrap(), PublicKey::read(OTHER, "o").unwrap());
        let (x, y) = (Digest::of(b"x"), Digest::of(b"y"));
        let stated = &found(STATED)[0];
        assert_eq!((stated.kind.as_str(), stated.builder()), ("https://slsa.dev/provenance/v1", Some("ci")));
        assert!(stated.is_by(&key, &x) && !stated.is_by(&other, &x) && !stated.is_by(&key, &y));
        let altered = &found(&STATED.replace("\"ci\"", "\"me\""))[0];
        assert!(altered.is_about(&x) && !altered.is_by(&key, &x));
        assert!(found("no statement").is_empty());
    }

    #[test]
    fn what_slsa_states_is_signed_with_the_artifact_that_it_is_about() {
        let key = PrivateKey::read(PEM, "k").unwrap();
        let named: Reference = "r.example.com/packs/mine:1".parse().unwrap();
        let digest = Digest::of(b"x");
        let plain = br#"{"buildDefinition": {}, "runDetails": {"builder": {"id": "ci"}}}"#;
        let mut made = state(&key, &named, &digest, plain, None).unwrap();
        for (content, count) in
            [(&plain[..], 1), (STATED.as_bytes(), 1), (&br#"{"builder": {"id": "old"}}"#[..], 2)]
        {
            made = state(&key, &named, &digest, content, Some(&made)).unwrap();
            let all = Statement::all(&made).unwrap();
            assert_eq!(all.len(), count);
            assert!(all.iter().all(|one| one.is_by(&key.public(), &digest)));
            assert!(all.iter().all(|one| one.key() == Some(&key.public()) && one.builder().is_some()));
        }
        for (content, says) in [
            ("", "is none"),
            ("{}", "type is not known"),
            (&*STATED.replace("2d711642", "00000000"), "about something else"),
        ] {
            let refused = state(&key, &named, &digest, content.as_bytes(), None).unwrap_err();
            assert!(refused.to_string().contains(says), "{content}: {refused}");
        }
    }

    #[test]
    fn a_list_of_parts_goes_by_its_type() {
        for (content, kind) in [
            (r#"{"spdxVersion": "SPDX-2.3"}"#, "text/spdx+json"),
            (r#"{"bomFormat": "CycloneDX"}"#, "application/vnd.cyclonedx+json"),
        ] {
            let made = list(content.as_bytes().to_vec()).unwrap();
            assert_eq!(lists(&made).unwrap(), [(kind.to_owned(), Bytes::from(content))]);
        }
        for content in ["", "[]", "{}"] {
            assert!(list(content.as_bytes().to_vec()).is_err());
        }
    }
}
