//! The settings of single webhooks: who may send, how often, and which header names a delivery. A webhook without settings asks
//! for a token, as every other request does.
//!
//! [`signature`] checks signatures, [`rate`] counts, and `admission.rs` beside this file puts both before the webhook.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use petrel_engine::Engine;
use petrel_engine::datastore::KeyId;

pub mod rate;
pub mod signature;

pub use rate::Rate;
pub use signature::{Encoding, Scheme, Timed};

use rate::Bucket;

/// The settings of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The URL, as in `trigger.parameters.url` of its rules, without slashes around it.
    pub url: String,
    /// Who may send.
    pub admission: Admission,
    /// How many events are taken in.
    pub rate: Option<Rate>,
    /// The header that has the same value when a delivery is sent again, in lower case.
    pub delivery_header: Option<String>,
}

/// Who may send events to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Who has a token or a key.
    Token,
    /// Who has signed the body. No token is looked at.
    Signature {
        /// The form of signatures.
        scheme: Scheme,
        /// The name of the key in the datastore that has the secret.
        secret: String,
        /// How old, or early, a timestamp may be.
        tolerance: Duration,
    },
    /// Everybody.
    Open,
}

impl Guard {
    /// Whether senders need a token or a key.
    pub(crate) fn asks_for_token(&self) -> bool {
        self.admission == Admission::Token
    }

    /// The header with the signature, in lower case.
    pub(crate) fn signature_header(&self) -> Option<&str> {
        match &self.admission {
            Admission::Signature { scheme, .. } => Some(&scheme.header),
            Admission::Token | Admission::Open => None,
        }
    }
}

/// In words, for those who look at the settings in force.
impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.admission {
            Admission::Token => write!(f, "token")?,
            Admission::Open => write!(f, "open")?,
            Admission::Signature { scheme, secret, .. } => {
                write!(f, "signature in {} with st2kv.system.{secret}", scheme.header)?;
            }
        }
        if let Some(rate) = &self.rate {
            write!(f, ", at most {rate}")?;
        }
        if let Some(header) = &self.delivery_header {
            write!(f, ", once for each {header}")?;
        }
        Ok(())
    }
}

/// A webhook with settings, while the host runs.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) guard: Guard,
    /// What is left of its rate.
    pub(crate) bucket: Bucket,
}

/// The webhooks with settings. Webhooks without settings cost nothing but a look whether there are any.
#[derive(Debug, Default)]
pub struct Guards(HashMap<String, Arc<Guarded>>);

impl Guards {
    /// The webhooks with these settings.
    pub fn new(guards: impl IntoIterator<Item = Guard>) -> Self {
        let guarded =
            |guard: Guard| (guard.url.clone(), Arc::new(Guarded { guard, bucket: Bucket::default() }));
        Self(guards.into_iter().map(guarded).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The settings of the webhook `url` (`sample` or `/sample/`).
    pub(crate) fn of(&self, url: &str) -> Option<&Arc<Guarded>> {
        if self.0.is_empty() { None } else { self.0.get(url.trim_matches('/')) }
    }

    /// What an operator should look at: settings without a rule, and secrets that are not there.
    pub fn notes(&self, engine: &Engine) -> Vec<String> {
        let content = engine.catalog().content();
        let mut guards: Vec<_> = self.0.values().map(|guarded| &guarded.guard).collect();
        guards.sort_by(|one, other| one.url.cmp(&other.url));
        let mut notes = Vec::new();
        for Guard { url, admission, .. } in guards {
            if content.webhook(url).is_err() {
                notes.push(format!(
                    "the settings have a webhook `{url}`, and no rule listens to it; make a rule, or correct [webhooks.\"{url}\"]"
                ));
            }
            if let Admission::Signature { secret, .. } = admission
                && secret_of(engine, secret).is_none()
            {
                notes.push(format!(
                    "the webhook `{url}` refuses every event, as the key `{secret}` with its secret is not in the datastore; `petrel key set {secret} --encrypt -` reads it from standard input"
                ));
            }
        }
        notes
    }
}

/// The secret under a shared key of the datastore, opened if it is encrypted. An empty one would be none, and so is one
/// that cannot be opened.
pub(crate) fn secret_of(engine: &Engine, key: &str) -> Option<String> {
    let keys = engine.keys();
    let snapshot = keys.snapshot();
    let entry = snapshot.get(&KeyId::shared(key))?;
    keys.opened(&entry).ok().filter(|secret| !secret.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_found_with_slashes_around_it() {
        let guard = |url: &str| Guard {
            url: url.into(),
            admission: Admission::Open,
            rate: Some(Rate { count: 5, per: rate::Unit::Minute }),
            delivery_header: Some("x-id".into()),
        };
        let guards = Guards::new([guard("a"), guard("b/c")]);
        for (url, is_there) in [("a", true), ("/a/", true), ("b/c", true), ("b", false), ("", false)] {
            assert_eq!(guards.of(url).is_some(), is_there, "{url}");
        }
        assert_eq!(guard("a").to_string(), "open, at most 5/min, once for each x-id");
    }
}
