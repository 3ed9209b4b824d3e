//! Sensors: functions that notice things, and say so with events.
//!
//! There are three kinds. A component has sensors of one of them.
//!
//! | kind | function | the host |
//! |---|---|---|
//! | [`PollSensor`] | `fn(&SensorContext, Option<Cursor>) -> Result<Polled<Cursor>, Error>` | calls it at intervals, and keeps its cursor |
//! | [`WebhookSensor`] | `fn(&SensorContext, Received) -> Result<Reply, Error>` | gives it requests, and answers once its events are stored |
//! | [`StreamSensor`] | `fn(&SensorContext) -> Result<(), Error>` | lets it run, and takes what it [emits](crate::Services::emit) |
//!
//! This one polls a list of tickets:
//!
//! ```
//! use petrel_pack_sdk::{Error, PollSensor, Polled, Request, SensorContext, TriggerType, export_poll_sensors};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, Serialize, JsonSchema)]
//! pub struct Ticket {
//!     id: u64,
//!     title: String,
//! }
//!
//! const TICKET: TriggerType<Ticket> = TriggerType::new("ticket").description("A new ticket.");
//!
//! fn tickets(ctx: &SensorContext, cursor: Option<u64>) -> Result<Polled<u64>, Error> {
//!     let after = cursor.unwrap_or(0);
//!     let url = format!("https://tickets.example/api/after/{after}");
//!     let new: Vec<Ticket> = ctx.fetch(&Request::get(url))?.success()?.json()?;
//!     let last = new.last().map_or(after, |ticket| ticket.id);
//!     let events: Result<_, Error> =
//!         new.iter().map(|ticket| Ok(TICKET.event(ticket)?.dedup_key(ticket.id.to_string()))).collect();
//!     Ok(Polled::new(events?, last))
//! }
//!
//! export_poll_sensors![PollSensor::new("tickets", tickets).every(60).emits(&TICKET)];
//! # fn main() {}
//! ```

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Error, Event, Services, Trigger, TriggerType};

/// The context of a call of a sensor. It has all [`Services`] of the host.
#[derive(Clone)]
pub struct SensorContext {
    /// The name of the sensor.
    pub name: String,
    /// The pack's name.
    pub pack: String,
    /// The time at which the host ends the call. None for a sensor that streams.
    pub deadline: Option<SystemTime>,
    /// The triggers of its trigger types that enabled rules listen to. [`triggers_of`](Self::triggers_of) has their
    /// parameters as a type. A sensor that streams is ended and begun anew when they change.
    pub triggers: Vec<Trigger>,
    pub(crate) services: Services,
}

impl SensorContext {
    /// The triggers of a type that enabled rules listen to, with their parameters; one without parameters for the rules that
    /// give none. A trigger whose parameters do not fit is left out, with a warning in the log: it must not keep the others
    /// from their events.
    pub fn triggers_of<T: Serialize + JsonSchema, P: DeserializeOwned>(
        &self,
        kind: &TriggerType<T, P>,
    ) -> Vec<Trigger<P>> {
        let own = self.triggers.iter().filter(|trigger| trigger.trigger_type == kind.name());
        own.filter_map(|Trigger { id, trigger_type, parameters }| {
            match serde_json::from_value(parameters.clone()) {
                Ok(parameters) => {
                    Some(Trigger { id: id.clone(), trigger_type: trigger_type.clone(), parameters })
                }
                Err(error) => {
                    self.warn(format!(
                        "the parameters of the trigger {id} do not fit, and it is left out: {error}"
                    ));
                    None
                }
            }
        })
        .collect()
    }
}

impl Deref for SensorContext {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl fmt::Debug for SensorContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SensorContext")
            .field("name", &self.name)
            .field("pack", &self.pack)
            .finish_non_exhaustive()
    }
}

/// What came of a poll.
#[derive(Debug, Clone, PartialEq)]
pub struct Polled<Cursor> {
    /// The events, in order.
    pub events: Vec<Event>,
    /// The cursor for the next poll. None leaves it as it is.
    pub cursor: Option<Cursor>,
    /// The time until the next poll, if that is not the sensor's interval.
    pub next_poll: Option<Duration>,
}

impl<Cursor> Polled<Cursor> {
    /// Events with the cursor that follows them. The host stores both in one commit.
    pub fn new(events: Vec<Event>, cursor: Cursor) -> Self {
        Self { events, cursor: Some(cursor), next_poll: None }
    }

    /// Nothing new: the cursor stays.
    pub fn nothing() -> Self {
        Self { events: Vec::new(), cursor: None, next_poll: None }
    }

    /// Sets the time until the next poll, for example zero if there is more.
    #[must_use]
    pub fn next_poll(mut self, time: Duration) -> Self {
        self.next_poll = Some(time);
        self
    }
}

/// A request that the host has received for a sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The method, in upper case.
    pub method: String,
    /// The path after that of the sensor, with its first `/`.
    pub path: String,
    /// The query, without `?`.
    pub query: String,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Received {
    /// The value of a header as text, if it is there. `name` is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value)?;
        str::from_utf8(value).ok()
    }
}

/// A sensor's answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The events, in order. They are stored before the answer is sent.
    pub events: Vec<Event>,
    /// The status: 200 to 599.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer without events.
    pub fn status(status: u16) -> Self {
        Self { events: Vec::new(), status, body: Vec::new() }
    }

    /// The answer 202, once these events are stored.
    pub fn accepted(events: Vec<Event>) -> Self {
        Self { events, ..Self::status(202) }
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }
}

/// A sensor with its name and what it says about itself.
pub struct Sensor<Run: ?Sized> {
    name: &'static str,
    description: &'static str,
    /// Seconds between two polls.
    poll_interval: Option<u32>,
    trigger_types: Vec<Value>,
    run: Box<Run>,
}

type Poll = dyn Fn(&SensorContext, Option<&str>) -> Result<Polled<String>, Error>;
type Receive = dyn Fn(&SensorContext, Received) -> Result<Reply, Error>;
type Stream = dyn Fn(&SensorContext) -> Result<(), Error>;

/// A sensor that the host calls at intervals.
pub type PollSensor = Sensor<Poll>;
/// A sensor that is given requests.
pub type WebhookSensor = Sensor<Receive>;
/// A sensor that runs for as long as the host.
pub type StreamSensor = Sensor<Stream>;

impl<Run: ?Sized> Sensor<Run> {
    fn with(name: &'static str, run: Box<Run>) -> Self {
        Self { name, description: "", poll_interval: None, trigger_types: Vec::new(), run }
    }

    /// Sets the description: one line on what it notices. Default: empty.
    #[must_use]
    pub fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Adds a trigger type of its events.
    #[must_use]
    pub fn emits<T: Serialize + JsonSchema, P: JsonSchema>(
        mut self,
        trigger_type: &TriggerType<T, P>,
    ) -> Self {
        self.trigger_types.push(trigger_type.to_json());
        self
    }

    /// The name: `class_name` in its metadata.
    pub fn name(&self) -> &'static str {
        self.name
    }

    fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".into(), self.name.into());
        object.insert("description".into(), self.description.into());
        if let Some(seconds) = self.poll_interval {
            object.insert("poll_interval".into(), seconds.into());
        }
        object.insert("trigger_types".into(), Value::Array(self.trigger_types.clone()));
        Value::Object(object)
    }
}

impl PollSensor {
    /// Creates the sensor `name`, which calls `function` with the cursor of its last poll. A cursor is JSON of at most
    /// 64 KiB.
    pub fn new<Cursor, Function>(name: &'static str, function: Function) -> Self
    where
        Cursor: DeserializeOwned + Serialize,
        Function: Fn(&SensorContext, Option<Cursor>) -> Result<Polled<Cursor>, Error> + 'static,
    {
        let run = move |context: &SensorContext, cursor: Option<&str>| -> Result<Polled<String>, Error> {
            let cursor = cursor.map(serde_json::from_str).transpose().map_err(|error| {
                Error::permanent(format!("the cursor of {name} is not as this version wrote it: {error}"))
                    .code("cursor.invalid")
                    .hint("reset the sensor's cursor; it then begins anew")
            })?;
            let Polled { events, cursor, next_poll } = function(context, cursor)?;
            let cursor =
                cursor.map(|cursor| serde_json::to_string(&cursor)).transpose().map_err(|error| {
                    Error::permanent(format!("the cursor of {name} cannot be written as JSON: {error}"))
                        .code("output.invalid")
                })?;
            Ok(Polled { events, cursor, next_poll })
        };
        Self::with(name, Box::new(run))
    }

    /// Sets the seconds between two polls, as its metadata is to say. Default: that of the host.
    #[must_use]
    pub fn every(mut self, seconds: u32) -> Self {
        self.poll_interval = Some(seconds);
        self
    }

    /// Polls as the host does, with cursors as JSON text.
    ///
    /// # Errors
    ///
    /// If the cursor does not fit, or the function fails.
    pub fn poll(&self, context: &SensorContext, cursor: Option<&str>) -> Result<Polled<String>, Error> {
        (self.run)(context, cursor)
    }
}

impl WebhookSensor {
    /// Creates the sensor `name`, which calls `function` for each request.
    pub fn new<Function>(name: &'static str, function: Function) -> Self
    where
        Function: Fn(&SensorContext, Received) -> Result<Reply, Error> + 'static,
    {
        Self::with(name, Box::new(function))
    }

    /// Gives it a request.
    ///
    /// # Errors
    ///
    /// If the function fails.
    pub fn receive(&self, context: &SensorContext, request: Received) -> Result<Reply, Error> {
        (self.run)(context, request)
    }
}

impl StreamSensor {
    /// Creates the sensor `name`, which calls `function` once. The host starts it again when it has ended.
    pub fn new<Function>(name: &'static str, function: Function) -> Self
    where
        Function: Fn(&SensorContext) -> Result<(), Error> + 'static,
    {
        Self::with(name, Box::new(function))
    }

    /// Runs it until it ends.
    ///
    /// # Errors
    ///
    /// If the function fails.
    pub fn run(&self, context: &SensorContext) -> Result<(), Error> {
        (self.run)(context)
    }
}

impl<Run: ?Sized> fmt::Debug for Sensor<Run> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sensor").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The description that a component with `sensors` gives to the host.
pub fn describe<Run: ?Sized>(sensors: &[Sensor<Run>]) -> Value {
    let mut object = Map::new();
    object.insert("sensors".into(), sensors.iter().map(Sensor::to_json).collect());
    Value::Object(object)
}

#[cfg(test)]
mod tests;
