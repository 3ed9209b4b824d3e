//! What components ask of the services of the host: keys and secrets of the datastore, and runs of other actions. The services
//! implement these traits, so that the runner of components knows nothing else of them.
//!
//! Whether a pack may ask is decided before, by its rights (`petrel_model::capabilities`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::capabilities::StoreBounds;
use petrel_model::{ExecutionId, Object, Ref, Timestamp, TraceId};
use serde_json::Value;

/// The reason why something that was asked for did not come about.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Unserved {
    /// The kind of the reason.
    pub why: Why,
    /// What happened, in one line.
    pub message: String,
    /// The remedy.
    pub hint: String,
    /// Further details.
    pub details: Option<Box<Value>>,
}

/// A kind of reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was asked for in a way that is not valid.
    Invalid,
    /// Nobody may have it this way, whatever the rights.
    Denied,
    /// It does not exist.
    NotFound,
    /// It is in another state than was expected.
    Conflict,
    /// There is no room for it.
    Full,
    /// It may be asked for again.
    Busy,
    /// The action that was called has not succeeded.
    Ended,
    /// The host has failed.
    Failed,
}

impl Unserved {
    /// A reason with its remedy.
    pub fn new(why: Why, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { why, message: message.into(), hint: hint.into(), details: None }
    }
}

/// A key as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEntry {
    /// The text.
    pub value: String,
    /// The mark of its state.
    pub version: String,
    /// The time from which on there is no such key.
    pub expires_at: Option<Timestamp>,
}

/// The state of a key in which alone it is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Any.
    Any,
    /// There is none.
    Absent,
    /// Its mark is this one.
    Version(String),
}

/// A key that is to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// The whole name.
    pub name: String,
    /// The text.
    pub value: String,
    /// The time until it expires.
    pub ttl: Option<Duration>,
    /// The state in which alone it is set.
    pub expected: KeyState,
    /// The bounds of all keys with the same text before their first `:`, if it is one of a store.
    pub bounds: Option<StoreBounds>,
}

/// The keys that all share, by their whole names.
#[async_trait]
pub trait KeyValues: Send + Sync {
    /// A key. `None` if it does not exist.
    ///
    /// # Errors
    /// When it is secret.
    fn get(&self, name: &str) -> Result<Option<KeyEntry>, Unserved>;

    /// Sets a key, and returns the mark of its new state once it is stored.
    ///
    /// # Errors
    /// When it is secret or in another state, is not valid, or finds no room.
    async fn set(&self, key: NewKey) -> Result<String, Unserved>;

    /// Deletes a key. Returns whether there was one.
    ///
    /// # Errors
    /// When it is secret, or the store fails.
    async fn delete(&self, name: &str) -> Result<bool, Unserved>;

    /// Up to `most` names that begin with `prefix`, come after `after` and are to be shown, in order. No secret key is among
    /// them.
    fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        most: usize,
        is_shown: &dyn Fn(&str) -> bool,
    ) -> Vec<String>;

    /// The text of a secret key.
    ///
    /// # Errors
    /// When it does not exist, is not secret, or cannot be decrypted.
    fn secret(&self, name: &str) -> Result<String, Unserved>;
}

/// The end of an action that was called and has succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Its execution.
    pub execution: ExecutionId,
    /// Its result.
    pub result: Arc<Value>,
}

/// What runs other actions for an execution.
#[async_trait]
pub trait Actions: Send + Sync {
    /// Runs an action with these parameters, which are data, and waits for its end. If this is dropped, the action is
    /// canceled.
    ///
    /// # Errors
    /// When it does not begin, or does not succeed.
    async fn run(&self, action: &Ref, parameters: Object) -> Result<Done, Unserved>;

    /// Notes that the execution was told a secret: its result may have copies of it.
    fn note_secret(&self);
}

/// What is around an execution that runs. By default nothing is known of it, and it cannot call others.
#[derive(Clone, Default)]
pub struct Around {
    /// The execution that asked for it.
    pub parent: Option<ExecutionId>,
    /// Its trace.
    pub trace: Option<TraceId>,
    /// What runs other actions for it.
    pub actions: Option<Arc<dyn Actions>>,
    /// The token with which it may ask the API, on behalf of its user and as long as it runs. Never shown.
    pub token: Option<Arc<str>>,
}

impl fmt::Debug for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Around")
            .field("parent", &self.parent)
            .field("trace", &self.trace)
            .finish_non_exhaustive()
    }
}
