//! Keys of signatures: ECDSA over P-256, in PEM as `openssl` and `cosign` write them. The arithmetic is that of `ring`, which
//! TLS uses already.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use petrel_model::quoted::quoted;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::{Error, Kind};

/// The first bytes of a public key of this curve in DER (RFC 5480). Its point follows.
const PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The bytes of a point that is not compressed, and the first of them.
const POINT: usize = 65;
const PLAIN_POINT: u8 = 4;
/// The letters of a line of PEM.
const LINE: usize = 64;
/// The remedy for a file that has no such key.
const MAKE_ONE: &str = "`petrel pack key-pair NAME` makes a pair: NAME.key signs, NAME.pub verifies";

/// A key that verifies signatures. Its text is the base64 of its DER.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a key in PEM. `name` is the name of its file, for messages.
    ///
    /// # Errors
    /// When there is none, or one of another kind.
    pub fn read(pem: &str, name: &str) -> Result<Self, Error> {
        let wrong = |why: String| Error::new(Kind::Usage, format!("{name}: {why}"), MAKE_ONE);
        let (label, der) = unpacked(pem).ok_or_else(|| wrong("it has no key in PEM".to_owned()))?;
        if label != "PUBLIC KEY" {
            return Err(wrong(format!("it has a {}, and no public key", quoted(&label))));
        }
        Self::of_der(&der).ok_or_else(|| wrong("its key is not one of ECDSA over P-256".to_owned()))
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        let point = der.strip_prefix(&PREFIX[..])?;
        let is_point = point.len() == POINT && point.first() == Some(&PLAIN_POINT);
        is_point.then(|| Self(point.to_owned()))
    }

    fn der(&self) -> Vec<u8> {
        [&PREFIX[..], self.0.as_slice()].concat()
    }

    /// The key in PEM.
    pub fn pem(&self) -> String {
        packed("PUBLIC KEY", &self.der())
    }

    /// The digest of the key, by which people compare it: that of its DER.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.der())
    }

    /// Whether `signature`, in DER, is one of `message` by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.der()))
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let der = STANDARD.decode(text).unwrap_or_default();
        Self::of_der(&der).ok_or_else(|| {
            let message = format!("`{}` is no public key of ECDSA over P-256", quoted(text));
            Error::new(Kind::Usage, message, MAKE_ONE)
        })
    }
}

impl TryFrom<String> for PublicKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// A key that signs.
pub struct PrivateKey {
    der: Vec<u8>,
    pair: EcdsaKeyPair,
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// When this machine has no random numbers.
    pub fn made() -> Result<Self, Error> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let made = made.map_err(|error| no_random(&error))?;
        Self::of_der(made.as_ref()).ok_or_else(|| no_random(&"the new key cannot be read"))
    }

    /// Reads a key in PEM, as PKCS #8 without a password. `name` is the name of its file, for messages.
    ///
    /// # Errors
    /// When there is none, or one of another kind; the remedy for each kind is told.
    pub fn read(pem: &str, name: &str) -> Result<Self, Error> {
        let wrong = |why: &str, hint: String| Error::new(Kind::Usage, format!("the key {name} {why}"), hint);
        let Some((label, der)) = unpacked(pem) else {
            return Err(wrong("is not in PEM", MAKE_ONE.to_owned()));
        };
        match label.as_str() {
            "PRIVATE KEY" => Self::of_der(&der).ok_or_else(|| {
                let hint = format!("{MAKE_ONE}; one without its public part is written anew by `openssl pkey -in {name} -out NEW`");
                wrong("is not one of ECDSA over P-256, with its public part", hint)
            }),
            "EC PRIVATE KEY" | "EC PARAMETERS" => {
                let hint = format!("`openssl pkcs8 -topk8 -nocrypt -in {name} -out NEW` writes it as PKCS #8");
                Err(wrong("is in an older form", hint))
            }
            "ENCRYPTED PRIVATE KEY" => {
                let hint = format!("`openssl pkey -in {name} -out NEW` asks for the password and writes it without; remove NEW afterwards");
                Err(wrong("is encrypted", hint))
            }
            "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => {
                let hint = format!("sign with cosign itself, whose signatures are verified as well: `cosign sign --key {name} REF@DIGEST` (from 3.0 on with --new-bundle-format=false --use-signing-config=false)");
                Err(wrong("is encrypted by cosign", hint))
            }
            "PUBLIC KEY" => Err(wrong("is public, and does not sign", MAKE_ONE.to_owned())),
            other => Err(wrong(&format!("is a {}", quoted(other)), MAKE_ONE.to_owned())),
        }
    }

    fn of_der(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &SystemRandom::new());
        Some(Self { der: der.to_owned(), pair: pair.ok()? })
    }

    /// The key in PEM. It is a secret.
    pub fn pem(&self) -> String {
        packed("PRIVATE KEY", &self.der)
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.pair.public_key().as_ref().to_owned())
    }

    /// Signs a message. The signature is in DER.
    ///
    /// # Errors
    /// When this machine has no random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        Ok(signature.map_err(|error| no_random(&error))?.as_ref().to_owned())
    }
}

fn no_random(error: &dyn fmt::Display) -> Error {
    let message = format!("this machine gives no random numbers: {error}");
    Error::new(Kind::Machine, message, "see to its kernel and try again")
}

/// The first block of a text in PEM (RFC 7468): its label and its content.
fn unpacked(pem: &str) -> Option<(String, Vec<u8>)> {
    let (_, rest) = pem.split_once("-----BEGIN ")?;
    let (label, rest) = rest.split_once("-----")?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    Some((label.to_owned(), STANDARD.decode(body).ok()?))
}

fn packed(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines = body.as_bytes().chunks(LINE).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
    format!("-----BEGIN {label}-----\n{}-----END {label}-----\n", lines.collect::<String>())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A pair that `openssl` has made, for tests only.
    pub(crate) const KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzLe4uEhkaRXRXcb9\n\
        PwJ2lnFUDXGRFe/7ZOObbcfhf0qhRANCAASjDOAI1Y/cLdb3GtP+S5e19iou5NPo\n\
        RibxNoidTPErPJBV61qaR2QXZbMlRaF0agMH29PHPPCPqJoWAzmFhlQT\n\
        -----END PRIVATE KEY-----\n";
    pub(crate) const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEowzgCNWP3C3W9xrT/kuXtfYqLuTT\n\
        6EYm8TaInUzxKzyQVetamkdkF2WzJUWhdGoDB9vTxzzwj6iaFgM5hYZUEw==\n\
        -----END PUBLIC KEY-----\n";
    /// The public part of another pair.
    pub(crate) const OTHER: &str = "-----BEGIN PUBLIC KEY-----\n\
        MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESKDtyWDlvNa/XJTJBcglbqfVubAA\n\
        I8ahYWhwxikTD5IX7GedkUm87j32hWvbTXI0H3OjKXLfIjwY6al3EVpQ/Q==\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn a_pair_of_openssl_is_read_and_written_as_it_was() {
        let (key, public) = (PrivateKey::read(KEY, "k").unwrap(), PublicKey::read(PUBLIC, "k").unwrap());
        assert_eq!((key.pem().as_str(), public.pem().as_str()), (KEY, PUBLIC));
        assert_eq!(key.public(), public);
        // As `openssl pkey -pubin -outform DER | sha256sum` says it.
        let digest = "sha256:b2fd25805e5c717c189ecccdc1f8a1535ee2d965b4f1106191a19a0cd2207efb";
        assert_eq!(public.digest().to_string(), digest);
        assert_eq!(public.to_string().parse::<PublicKey>().unwrap(), public);
        assert_eq!(format!("{key:?}"), "PrivateKey { .. }");
    }

    #[test]
    fn what_one_signs_its_other_half_verifies_and_no_other() {
        let key = PrivateKey::made().unwrap();
        let signature = key.sign(b"message").unwrap();
        let read = PrivateKey::read(&key.pem(), "new").unwrap();
        assert!(read.public().verifies(b"message", &signature));
        assert!(!read.public().verifies(b"massage", &signature));
        assert!(!PublicKey::read(OTHER, "other").unwrap().verifies(b"message", &signature));
        for wrong in [&b""[..], b"x", &signature[..20]] {
            assert!(!read.public().verifies(b"message", wrong));
        }
    }

    #[test]
    fn what_is_no_such_key_is_told_with_the_remedy() {
        let labelled = |label: &str| packed(label, b"x");
        for (pem, says) in [
            (String::new(), "not in PEM"),
            ("-----BEGIN PRIVATE KEY-----\n%\n-----END PRIVATE KEY-----\n".to_owned(), "not in PEM"),
            (labelled("PRIVATE KEY"), "is not one of ECDSA over P-256"),
            (labelled("EC PRIVATE KEY"), "openssl pkcs8 -topk8"),
            (labelled("ENCRYPTED PRIVATE KEY"), "is encrypted; `openssl pkey"),
            (labelled("ENCRYPTED SIGSTORE PRIVATE KEY"), "cosign sign --key"),
            (labelled("OPENSSH PRIVATE KEY"), "is a OPENSSH PRIVATE KEY"),
            (PUBLIC.to_owned(), "is public"),
        ] {
            let refused = PrivateKey::read(&pem, "a.key").unwrap_err();
            assert!(refused.to_string().contains(says) && refused.message.contains("a.key"), "{refused}");
        }
        for (pem, says) in [
            ("key".to_owned(), "no key in PEM"),
            (KEY.to_owned(), "has a PRIVATE KEY"),
            (labelled("PUBLIC KEY"), "not one of ECDSA"),
        ] {
            let refused = PublicKey::read(&pem, "a.pub").unwrap_err();
            assert!(refused.to_string().contains(says), "{refused}");
        }
        assert!("AAAA".parse::<PublicKey>().is_err());
    }
}
