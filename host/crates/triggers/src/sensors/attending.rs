//! What attends to a sensor with a process of its own, for as long as that runs: the contract's [`Attendant`].

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_datastore::{End, Entry, Expected, Form, KeyId, New};
use petrel_engine_core::Error;
use petrel_model::{Object, Sensor};
use petrel_runners::attendant::{Attendant, KeyShown, KeysAsked};
use petrel_runners::sensors::SensorTrigger;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::apart::Orders;
use super::stream::SPAWN;
use crate::service::Triggers;

/// The bytes of names and values in one list of keys.
const LARGEST_LIST: usize = 4 << 20;

/// What attends to a sensor.
#[derive(Debug)]
pub(super) struct Attending {
    triggers: Triggers,
    sensor: Arc<Sensor>,
    news: watch::Receiver<Arc<[SensorTrigger]>>,
    hurry: Arc<Notify>,
    /// The exit code, once the process has begun: 0 until another one is known.
    exit: Mutex<Option<i32>>,
}

impl Attending {
    /// Attends to a sensor, which gets these orders.
    pub(super) fn new(triggers: Triggers, sensor: Arc<Sensor>, orders: Orders) -> Self {
        let Orders { triggers: news, hurry } = orders;
        Self { triggers, sensor, news, hurry, exit: Mutex::new(None) }
    }

    /// The exit code of the process. `None` if it has not begun.
    pub(super) fn exit(&self) -> Option<i32> {
        *self.exit.lock()
    }

    fn read(&self, name: String, decrypt: bool) -> Result<Vec<KeyShown>, Error> {
        let (keys, id) = (self.triggers.keys(), KeyId::shared(name));
        let snapshot = keys.snapshot();
        let Some(entry) = snapshot.get(&id) else { return Ok(Vec::new()) };
        let opened = if decrypt && entry.secret { Some(keys.opened(&entry)?) } else { None };
        Ok(vec![shown(entry, opened)])
    }

    fn list(&self, prefix: &str, offset: usize, limit: usize) -> Result<Vec<KeyShown>, Error> {
        let (snapshot, mut bytes) = (self.triggers.keys().snapshot(), 0_usize);
        let within = snapshot.entries(None, prefix).skip(offset).take(limit).take_while(|entry| {
            bytes += entry.name.len() + entry.value.len();
            bytes <= LARGEST_LIST
        });
        let found = within.map(|entry| shown(entry, None)).collect();
        if bytes > LARGEST_LIST {
            let message = format!("a list of keys has more than {LARGEST_LIST} bytes, which is the limit");
            return Err(Error::invalid(message, "ask for fewer with `limit`, or for a longer `prefix`"));
        }
        Ok(found)
    }

    async fn set(&self, new: New) -> Result<Vec<KeyShown>, Error> {
        self.triggers.keys().put(new).await?;
        Ok(Vec::new())
    }

    async fn delete(&self, name: String) -> Result<Vec<KeyShown>, Error> {
        match self.triggers.keys().remove(KeyId::shared(name.as_str()), Expected::Any).await {
            Ok(()) => {
                let (value, secret, encrypted, expires_at) = (String::new(), false, false, None);
                Ok(vec![KeyShown { name, value, secret, encrypted, expires_at }])
            }
            Err(Error::NotFound { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }
}

/// A key as it is shown; `opened` is its decrypted value, if that is asked for.
fn shown(entry: Entry<'_>, opened: Option<String>) -> KeyShown {
    let Entry { name, value, secret, expires_at, .. } = entry;
    let encrypted = secret && opened.is_none();
    let value = opened.unwrap_or_else(|| value.into_owned());
    KeyShown { name: name.into_owned(), value, secret, encrypted, expires_at }
}

#[async_trait]
impl Attendant for Attending {
    async fn began(&self, process: u32, command: &str) {
        *self.exit.lock() = Some(0);
        self.triggers.sensors().board().began(&self.sensor.reference, process);
        let more =
            || -> Object { json!({"pid": process, "cmd": command}).as_object().cloned().unwrap_or_default() };
        self.triggers.tell_of_stream(SPAWN, &self.sensor, more).await;
    }

    fn ready(&self, can_be_hurried: bool) {
        self.triggers.sensors().board().ready(&self.sensor.reference, can_be_hurried);
    }

    fn polled(&self) {
        let now = self.triggers.core().now();
        self.triggers.sensors().board().polled(&self.sensor.reference, now);
    }

    fn held(&self, why: Option<String>) {
        self.triggers.sensors().board().hold(&self.sensor.reference, why);
    }

    fn ended(&self, exit_code: i32) {
        *self.exit.lock() = Some(exit_code);
    }

    fn triggers(&self) -> watch::Receiver<Arc<[SensorTrigger]>> {
        self.news.clone()
    }

    async fn hurried(&self) {
        self.hurry.notified().await;
    }

    async fn keys(&self, asked: KeysAsked) -> Result<Vec<KeyShown>, String> {
        let done = match asked {
            KeysAsked::Get { name, decrypt } => self.read(name, decrypt),
            KeysAsked::Set { name, value, ttl, encrypt } => {
                let form = if encrypt { Form::Secret } else { Form::Open };
                let new = New { form, end: ttl.map(End::After), ..New::open(KeyId::shared(name), value) };
                self.set(new).await
            }
            KeysAsked::Delete { name } => self.delete(name).await,
            KeysAsked::List { prefix, offset, limit } => self.list(&prefix, offset, limit),
        };
        done.map_err(|error| format!("{error}; {}", error.hint()))
    }
}
