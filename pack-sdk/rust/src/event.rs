//! Events and their trigger types. A payload is a type, from which its schema follows.

use std::marker::PhantomData;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{Error, schema};

/// A trigger type of the pack, whose events have the payload `T`.
pub struct TriggerType<T> {
    name: &'static str,
    description: &'static str,
    payload: PhantomData<fn(T)>,
}

impl<T: Serialize + JsonSchema> TriggerType<T> {
    /// The trigger type `name` of the pack.
    pub const fn new(name: &'static str) -> Self {
        Self { name, description: "", payload: PhantomData }
    }

    /// Sets the description: one line on what its events say. Default: empty.
    #[must_use]
    pub const fn description(self, description: &'static str) -> Self {
        Self { name: self.name, description, payload: PhantomData }
    }

    /// An event of this trigger type.
    ///
    /// # Errors
    ///
    /// If the payload cannot be written as JSON.
    pub fn event(&self, payload: &T) -> Result<Event, Error> {
        let payload = serde_json::to_value(payload).map_err(|error| {
            Error::permanent(format!(
                "the payload of an event of {} cannot be written as JSON: {error}",
                self.name
            ))
            .code("output.invalid")
        })?;
        Ok(Event {
            trigger: self.name.to_owned(),
            payload,
            dedup_key: None,
            occurred_at: None,
            trace_tag: None,
        })
    }

    /// Its description for the host.
    pub(crate) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".into(), self.name.into());
        object.insert("description".into(), self.description.into());
        object.insert("payload_schema".into(), Value::Object(schema::output_of::<T>()));
        Value::Object(object)
    }
}

/// An event, made by [`TriggerType::event`].
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The trigger type: its name in the pack.
    pub trigger: String,
    /// The payload.
    pub payload: Value,
    /// Events of one trigger type with the same key are one event, for a while.
    pub dedup_key: Option<String>,
    /// The time at which it happened, if that is not now.
    pub occurred_at: Option<SystemTime>,
    /// The tag of the trace that it belongs to.
    pub trace_tag: Option<String>,
}

impl Event {
    /// Sets the key: events of one trigger type with the same key are one event, for a while.
    #[must_use]
    pub fn dedup_key(mut self, key: impl Into<String>) -> Self {
        self.dedup_key = Some(key.into());
        self
    }

    /// Sets the time at which it happened.
    #[must_use]
    pub fn occurred_at(mut self, time: SystemTime) -> Self {
        self.occurred_at = Some(time);
        self
    }

    /// Sets the tag of the trace that it belongs to.
    #[must_use]
    pub fn trace_tag(mut self, tag: impl Into<String>) -> Self {
        self.trace_tag = Some(tag.into());
        self
    }
}
