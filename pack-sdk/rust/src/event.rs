//! Events and their trigger types. A payload is a type, from which its schema follows, and so are the parameters that rules give
//! to a trigger type.

use std::marker::PhantomData;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Error, schema};

/// A trigger type of the pack, whose events have the payload `T`, and to which rules give the parameters `P`.
pub struct TriggerType<T, P = NoParameters> {
    name: &'static str,
    description: &'static str,
    types: PhantomData<fn(T) -> P>,
}

/// The parameters of a trigger type that has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct NoParameters {}

impl<T: Serialize + JsonSchema> TriggerType<T> {
    /// The trigger type `name` of the pack.
    pub const fn new(name: &'static str) -> Self {
        Self { name, description: "", types: PhantomData }
    }

    /// The same trigger type with parameters: rules say by them what they want to know.
    #[must_use]
    pub const fn with_parameters<P>(self) -> TriggerType<T, P> {
        TriggerType { name: self.name, description: self.description, types: PhantomData }
    }
}

impl<T: Serialize + JsonSchema, P> TriggerType<T, P> {
    /// Sets the description: one line on what its events say. Default: empty.
    #[must_use]
    pub const fn description(self, description: &'static str) -> Self {
        Self { name: self.name, description, types: PhantomData }
    }

    /// The name in the pack.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// An event of this trigger type, for the rules that give it no parameters. [`Event::of_trigger`] makes it one for others.
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
            parameters: None,
            dedup_key: None,
            occurred_at: None,
            trace_tag: None,
        })
    }

    /// Its description for the host.
    pub(crate) fn to_json(&self) -> Value
    where
        P: JsonSchema,
    {
        let mut object = Map::new();
        object.insert("name".into(), self.name.into());
        object.insert("description".into(), self.description.into());
        let parameters = schema::parameters_of::<P>();
        if !parameters.is_empty() {
            let mut whole = Map::new();
            whole.insert("type".into(), "object".into());
            whole.insert("properties".into(), Value::Object(parameters));
            object.insert("parameters_schema".into(), Value::Object(whole));
        }
        object.insert("payload_schema".into(), Value::Object(schema::output_of::<T>()));
        Value::Object(object)
    }
}

/// A trigger that enabled rules listen to: a trigger type with the parameters that they give. Rules with equal parameters
/// share it.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger<P = Value> {
    /// Its reference. It is the same for as long as the parameters are, so that a cursor may have it.
    pub id: String,
    /// The name of the trigger type in the pack.
    pub trigger_type: String,
    /// The parameters.
    pub parameters: P,
}

/// An event, made by [`TriggerType::event`].
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The trigger type: its name in the pack. Or the id of a trigger, whose rules alone see the event.
    pub trigger: String,
    /// The payload.
    pub payload: Value,
    /// Beside a trigger type: the parameters of the trigger that it is for.
    pub parameters: Option<Value>,
    /// Events of one trigger with the same key are one event, for a while.
    pub dedup_key: Option<String>,
    /// The time at which it happened, if that is not now.
    pub occurred_at: Option<SystemTime>,
    /// The tag of the trace that it belongs to.
    pub trace_tag: Option<String>,
}

impl Event {
    /// Makes it an event of a trigger: only the rules that listen to it, as they have given its parameters, see the event.
    #[must_use]
    pub fn of_trigger<P>(mut self, trigger: &Trigger<P>) -> Self {
        self.trigger.clone_from(&trigger.id);
        self
    }

    /// Makes it an event of the trigger with these parameters, for what is not told of triggers: an action, for example.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Value) -> Self {
        self.parameters = Some(parameters);
        self
    }

    /// Sets the key: events of one trigger with the same key are one event, for a while.
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
