//! Events that come again: a sender that got no answer sends an event once more, with the same key, and it is taken in once.
//!
//! The key is a row in the commit of the event ([`Delivery`]), which is only made if there is no such row: of several at the
//! same moment one is taken in, and the others get its ids. A row is there for at least [`dedup_window`], and for as long as
//! it is there it counts, so nothing has to be compared with the time. `retention` deletes it.
//!
//! [`dedup_window`]: crate::Options::dedup_window

use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_engine_core::Error;
use petrel_model::quoted::quoted;
use petrel_model::{Delivery, Ref, Timestamp, hexadecimal};
use petrel_persistence::{Change, Expect, Noun as _, StoreExt as _};
use sha2::{Digest as _, Sha256};

use crate::dispatcher::Accepted;
use crate::incoming::Event;
use crate::service::Triggers;

/// The longest key of an event, in bytes.
pub const LONGEST_KEY: usize = 255;
/// How often an event is tried whose key comes and goes: once is enough, unless the key expires at that very moment.
const ATTEMPTS: usize = 3;

/// The key by which an event is known if it comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// The digest of scope and key.
    digest: String,
    /// The key, for messages.
    key: String,
    /// The digest of the body, if another body with the same key is a mistake.
    fingerprint: Option<String>,
}

impl Once {
    /// The key `key` of what `scope` names: a webhook or a sensor, for example. Keys of different scopes are different.
    ///
    /// # Errors
    /// When the key is empty or longer than [`LONGEST_KEY`] bytes.
    pub fn new(scope: &str, key: &str) -> Result<Self, Error> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return Err(Error::invalid(
                format!(
                    "the key `{}` of an event has {} bytes, and may have 1 to {LONGEST_KEY}",
                    quoted(key),
                    key.len()
                ),
                "send a short key that is another one for each event, as a UUID, or none",
            ));
        }
        // The length keeps apart where the scope ends and the key begins.
        let digest = sha256(format!("{}:{scope}{key}", scope.len()).as_bytes());
        Ok(Self { digest, key: key.to_owned(), fingerprint: None })
    }

    /// This key, which may come again with the body of this digest only.
    #[must_use]
    pub fn with_fingerprint(self, fingerprint: String) -> Self {
        Self { fingerprint: Some(fingerprint), ..self }
    }

    /// The digest of scope and key, by which it is stored.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The expectation that no event with this key was taken in.
    pub(crate) fn expectation(&self) -> Expect {
        Expect::Absent(Delivery::document_key(self.digest.clone()))
    }

    /// The change that remembers the key with the event.
    pub(crate) fn remembered(&self, accepted: &Accepted, now: Timestamp) -> Change {
        Change::put(Delivery {
            digest: self.digest.clone(),
            fingerprint: self.fingerprint.clone(),
            trigger_instance: accepted.id,
            executions: accepted.executions.clone(),
            taken_at: now,
        })
    }

    /// What was accepted when the key came first.
    fn answered_by(&self, first: Delivery) -> Result<Accepted, Error> {
        if let (Some(own), Some(of_first)) = (&self.fingerprint, &first.fingerprint)
            && own != of_first
        {
            return Err(Error::Conflict {
                message: format!(
                    "the key `{}` came before with another body, as event {}",
                    quoted(&self.key),
                    first.trigger_instance
                ),
                hint: "send another Idempotency-Key for another event, or the same body again".into(),
                id: Some(first.trigger_instance.to_string()),
            });
        }
        Ok(Accepted { id: first.trigger_instance, executions: first.executions, is_repeat: true })
    }
}

/// The SHA-256 of `bytes` in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

impl Triggers {
    /// Accepts an event with a key, unless one with that key was taken in before. Then the changes `beside` it are committed
    /// alone.
    pub(crate) async fn accept_once(
        &self,
        trigger: Ref,
        kind: Ref,
        event: Event,
        beside: Vec<Change>,
        content: Arc<Content>,
    ) -> Result<Accepted, Error> {
        for _ in 0..ATTEMPTS {
            let first = match event.once() {
                Some(once) => self.first(once).await?,
                None => None,
            };
            if let Some(first) = first {
                if !beside.is_empty() {
                    self.core().commit(Vec::new(), beside).await?;
                }
                return Ok(first);
            }
            let (trigger, kind, content) = (trigger.clone(), kind.clone(), Arc::clone(&content));
            match self.accept_new(None, (trigger, kind), event.clone(), beside.clone(), content).await {
                // Another one with the key has been stored meanwhile.
                Err(Error::Conflict { .. }) => {}
                done => return done,
            }
        }
        Err(Error::Busy("the key of the event expires at this moment".into()))
    }

    /// What was accepted when this key came first, if it did.
    pub(crate) async fn first(&self, once: &Once) -> Result<Option<Accepted>, Error> {
        let first = self.store().get::<Delivery>(&once.digest).await?;
        first.map(|first| once.answered_by(first)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_scope() {
        let digest = |scope, key| Once::new(scope, key).unwrap().digest;
        assert_eq!(digest("webhook a", "1"), digest("webhook a", "1"));
        for (scope, key) in [("webhook b", "1"), ("webhook a", "2"), ("webhook ", "a1"), ("webhook a1", "1")]
        {
            assert_ne!(digest("webhook a", "1"), digest(scope, key), "{scope} {key}");
        }
    }

    #[test]
    fn a_key_has_a_bound() {
        for (length, is_taken) in [(0, false), (1, true), (LONGEST_KEY, true), (LONGEST_KEY + 1, false)] {
            let made = Once::new("s", &"k".repeat(length));
            assert_eq!(made.is_ok(), is_taken, "{length}");
            assert!(made.err().is_none_or(|error| error.to_string().contains("255")));
        }
    }
}
