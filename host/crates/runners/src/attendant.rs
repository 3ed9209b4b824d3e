//! The contract of what attends to a sensor with a process of its own ([`Attendant`]): it hears of that process, and has for
//! it what a sensor asks for while it runs, besides taking its events ([`Emitter`](crate::sensors::Emitter)).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::Timestamp;
use tokio::sync::watch;

use crate::sensors::SensorTrigger;

/// What attends to one sensor while its process runs.
#[async_trait]
pub trait Attendant: fmt::Debug + Send + Sync {
    /// Hears that the process with this number has begun, and by which command line.
    async fn began(&self, process: u32, command: &str);

    /// Hears that the sensor is set up, and whether it is one that [can be hurried](Self::hurried).
    fn ready(&self, can_be_hurried: bool);

    /// Hears that the sensor has polled once more.
    fn polled(&self);

    /// Hears that events wait for this reason, or that none do.
    fn held(&self, why: Option<String>);

    /// Hears that the process has ended with this exit code; that of a signal is negative.
    fn ended(&self, exit_code: i32);

    /// The triggers that the sensor is to have events for, now and when they change.
    fn triggers(&self) -> watch::Receiver<Arc<[SensorTrigger]>>;

    /// Waits until the sensor is to poll without waiting for its time.
    async fn hurried(&self);

    /// Does what the sensor asks for with keys of the datastore, and returns those that it is about: the key that was read,
    /// set or deleted, if there is one, or those of a list.
    ///
    /// # Errors
    /// The reason why it was not done, with its remedy.
    async fn keys(&self, asked: KeysAsked) -> Result<Vec<KeyShown>, String>;
}

/// What a sensor asks for with keys that all share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysAsked {
    /// To read one.
    Get {
        /// Its name.
        name: String,
        /// Whether a secret one is decrypted.
        decrypt: bool,
    },
    /// To set one.
    Set {
        /// Its name.
        name: String,
        /// Its text.
        value: String,
        /// The time until it expires.
        ttl: Option<Duration>,
        /// Whether it is secret.
        encrypt: bool,
    },
    /// To delete one.
    Delete {
        /// Its name.
        name: String,
    },
    /// To list some.
    List {
        /// The beginning of their names.
        prefix: String,
        /// The number of those that are passed over.
        offset: usize,
        /// The greatest number of them.
        limit: usize,
    },
}

/// A key as a sensor sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyShown {
    /// Its name.
    pub name: String,
    /// Its text, encrypted if `encrypted`.
    pub value: String,
    /// Whether it is secret.
    pub secret: bool,
    /// Whether its text is encrypted.
    pub encrypted: bool,
    /// The time from which on there is no such key.
    pub expires_at: Option<Timestamp>,
}
