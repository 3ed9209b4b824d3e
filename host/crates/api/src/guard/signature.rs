//! Signatures of webhooks: HMAC-SHA256 over the body as it came, in the forms of known senders and in others like them.
//!
//! `docs.github.com/webhooks` (Validating webhook deliveries), `api.slack.com/authentication/verifying-requests-from-slack`
//! and `docs.stripe.com/webhooks/signature` define the known ones.

use std::time::Duration;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use petrel_model::Timestamp;
use sha2::Sha256;

/// The greatest number of signatures in a header that are compared.
const MOST_SIGNATURES: usize = 8;
/// The length of a signature, in bytes.
const LENGTH: usize = 32;

/// The form of the signatures of a sender. What is signed is the lead, the timestamp, the middle and the body, or the body
/// alone where there is no timestamp.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// The header with the signature, in lower case.
    pub header: String,
    /// The text before the signature.
    pub prefix: String,
    /// The form of the signature behind that.
    pub encoding: Encoding,
    /// The place of the timestamp.
    pub timed: Timed,
    /// The text that is signed before the timestamp.
    pub lead: String,
    /// The text that is signed between timestamp and body.
    pub middle: String,
}

/// The form of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Hexadecimal digits.
    Hex,
    /// Base64, with padding.
    Base64,
}

/// The place of the time of signing, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Timed {
    /// There is none, so an old delivery can be sent again by whoever has seen it.
    Never,
    /// A header, by its name in lower case.
    ByHeader(String),
    /// The item `t=` in the header of the signature, which is a list with commas.
    InList,
}

impl Scheme {
    /// The signatures of GitHub.
    pub fn github() -> Self {
        Self {
            header: "x-hub-signature-256".into(),
            prefix: "sha256=".into(),
            encoding: Encoding::Hex,
            timed: Timed::Never,
            lead: String::new(),
            middle: String::new(),
        }
    }

    /// The signatures of Slack.
    pub fn slack() -> Self {
        Self {
            header: "x-slack-signature".into(),
            prefix: "v0=".into(),
            timed: Timed::ByHeader("x-slack-request-timestamp".into()),
            lead: "v0:".into(),
            middle: ":".into(),
            ..Self::github()
        }
    }

    /// The signatures of Stripe.
    pub fn stripe() -> Self {
        Self {
            header: "stripe-signature".into(),
            prefix: "v1=".into(),
            timed: Timed::InList,
            middle: ".".into(),
            ..Self::github()
        }
    }

    /// Reads what the head of a request says about its signature.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Result<Claimed, Refusal> {
        let said = text(headers, &self.header).ok_or(Refusal::Unsigned)?;
        let items: Vec<&str> = match self.timed {
            Timed::InList => said.split(',').map(str::trim).collect(),
            Timed::Never | Timed::ByHeader(_) => vec![said.trim()],
        };
        let written = match &self.timed {
            Timed::Never => None,
            Timed::ByHeader(name) => Some(text(headers, name).ok_or(Refusal::Unsigned)?),
            Timed::InList => {
                Some(items.iter().find_map(|item| item.strip_prefix("t=")).ok_or(Refusal::Malformed)?)
            }
        };
        let at = written.map(|written| seconds(written).map(|at| (written.to_owned(), at))).transpose()?;
        let own = items.iter().filter_map(|item| item.strip_prefix(self.prefix.as_str()));
        let signatures: Vec<_> =
            own.filter_map(|text| self.encoding.decode(text)).take(MOST_SIGNATURES).collect();
        if signatures.is_empty() { Err(Refusal::Malformed) } else { Ok(Claimed { at, signatures }) }
    }

    /// Whether one of the signatures is that of `body` with `secret`. The comparison takes the same time wherever they differ.
    pub(crate) fn fits(&self, claimed: &Claimed, secret: &[u8], body: &[u8]) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
        if let Some((written, _)) = &claimed.at {
            for part in [self.lead.as_str(), written, &self.middle] {
                mac.update(part.as_bytes());
            }
        }
        mac.update(body);
        claimed.signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
    }
}

impl Encoding {
    fn decode(self, text: &str) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::Base64 => STANDARD.decode(text).ok()?,
            Self::Hex => {
                let digit = |char: char| u8::try_from(char.to_digit(16)?).ok();
                let digits: Vec<u8> = text.chars().map(digit).collect::<Option<_>>()?;
                let byte = |pair: &[u8]| pair.iter().fold(0, |byte, digit| (byte << 4) | digit);
                if !digits.len().is_multiple_of(2) {
                    return None;
                }
                digits.chunks(2).map(byte).collect()
            }
        };
        (bytes.len() == LENGTH).then_some(bytes)
    }
}

/// What a request says about its signature. None of it is proved before [`Scheme::fits`].
#[derive(Debug)]
pub(crate) struct Claimed {
    /// The timestamp as it is written, and in seconds.
    at: Option<(String, i64)>,
    signatures: Vec<Vec<u8>>,
}

impl Claimed {
    /// Refuses a timestamp that is further than `tolerance` from `now`.
    pub(crate) fn refuse_stale(&self, now: Timestamp, tolerance: Duration) -> Result<(), Refusal> {
        let now = now.as_micros().div_euclid(1_000_000);
        let is_near = |(_, at): &(String, i64)| now.abs_diff(*at) <= tolerance.as_secs();
        if self.at.as_ref().is_none_or(is_near) { Ok(()) } else { Err(Refusal::Stale) }
    }
}

/// The reason why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A header is missing.
    Unsigned,
    /// A header has another form.
    Malformed,
    /// The timestamp is too old, or too early.
    Stale,
    /// The signature belongs to another body, or was made with another secret.
    Wrong,
}

/// A timestamp in seconds, as it is written.
fn seconds(written: &str) -> Result<i64, Refusal> {
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
    written.parse().ok().filter(|_| is_number).ok_or(Refusal::Malformed)
}

/// The text of a header.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests;
