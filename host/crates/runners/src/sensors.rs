//! The contract of what runs sensors ([`SensorRunner`]), and of what takes their events ([`Emitter`]).
//!
//! The service of triggers supervises sensors: it says when one polls, keeps its cursor and stores its events. A runner only
//! runs the code of the sensor once, and says what came of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::{ExecutionId, Object, Ref, Timestamp, TraceId, TraceTag, Trigger, TriggerInstanceId};
use serde_json::{Number, Value};
use tokio_util::sync::CancellationToken;

use crate::attendant::Attendant;
use crate::{NotPrepared, OutputSink};

/// The way in which a sensor notices things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensorKind {
    /// It is asked at intervals, and has a cursor.
    Poll,
    /// It is given the requests that the host receives for it.
    Webhook,
    /// It runs for as long as the host, and emits events meanwhile.
    Stream,
}

/// A sensor that is to run.
#[derive(Debug, Clone)]
pub struct SensorCall {
    /// The sensor.
    pub sensor: Ref,
    /// The directory of its pack.
    pub pack_path: PathBuf,
    /// The file in that directory.
    pub entry_point: String,
    /// The name by which its code knows it: `class_name` in its metadata.
    pub class_name: String,
    /// The configuration of its pack.
    pub pack_config: Arc<Object>,
    /// How long one poll, or one request, may take.
    pub timeout: Duration,
    /// The triggers of its types that enabled rules listen to, by reference.
    pub triggers: Arc<[SensorTrigger]>,
    /// The seconds between two polls, if its metadata says it.
    pub poll_interval: Option<Number>,
    /// What attends to its process, if its runner [starts processes](SensorRunner::starts_processes).
    pub attendant: Option<Arc<dyn Attendant>>,
}

/// A trigger that a sensor is to have events for.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorTrigger {
    /// Its reference, see [`Trigger::reference`].
    pub reference: Ref,
    /// The trigger.
    pub trigger: Arc<Trigger>,
}

/// An event as a sensor or an action emits it. Its trigger type belongs to the same pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// The trigger type: its reference, or its name in the pack. Or the reference of a trigger.
    pub trigger: String,
    /// The payload.
    pub payload: Value,
    /// Beside a trigger type: the parameters of the trigger, if it has any.
    pub parameters: Option<Value>,
    /// Events of one trigger with the same key are one event, for a while.
    pub dedup_key: Option<String>,
    /// The time at which it happened, if that is not now.
    pub occurred_at: Option<Timestamp>,
    /// The tag of the trace that it belongs to.
    pub trace_tag: Option<String>,
    /// The number of events of actions that led to it, this one included; 0 for those of sensors.
    pub depth: u32,
    /// The execution that emits it, if an action does.
    pub emitted_by: Option<EmittedBy>,
}

/// An execution that emits events, with its trace, to which they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedBy {
    /// The execution.
    pub execution: ExecutionId,
    /// Its trace.
    pub trace: TraceId,
    /// The tag of the trace, if one was given.
    pub trace_tag: Option<TraceTag>,
}

/// What came of a poll.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Polled {
    /// The events, in order.
    pub events: Vec<Emitted>,
    /// The cursor for the next poll. `None` leaves it as it is.
    pub cursor: Option<Value>,
    /// The time until the next poll, if that is not the interval of the sensor.
    pub next_poll: Option<Duration>,
}

/// A request that the host has received for a sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The method, in upper case.
    pub method: String,
    /// The path after that of the sensor, with its first `/`.
    pub path: String,
    /// The query, without `?`.
    pub query: String,
    /// The headers, by lower-case name, in the order of their arrival.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

/// A sensor's answer to a request. The host sends it once the events are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The events, in order.
    pub events: Vec<Emitted>,
    /// The status of the answer.
    pub status: u16,
    /// The body of the answer.
    pub body: Vec<u8>,
}

/// The reason why a sensor's code came to no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SensorFailure {
    /// A stable, dotted code: `limit.memory`, `timeout`, `sensor.failed`.
    pub code: String,
    /// What happened, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: String,
    /// The time after which the sensor asks to be tried again.
    pub retry_after: Option<Duration>,
}

/// What runs sensors of a kind of file. One runner serves many sensors concurrently.
#[async_trait]
pub trait SensorRunner: Send + Sync {
    /// Whether this runner runs files such as `entry_point`.
    fn runs(&self, entry_point: &str) -> bool;

    /// Whether each of its sensors has a process of its own, which goes on as a stream and has an [`Attendant`]. Such a sensor
    /// hears of other triggers while it runs, and does not begin anew for that.
    fn starts_processes(&self) -> bool {
        false
    }

    /// The kind of the sensor in a file, which is compiled for that if need be.
    ///
    /// # Errors
    /// The reason why the file holds no sensor that this host can run.
    async fn kind(&self, pack_path: &Path, entry_point: &str) -> Result<SensorKind, NotPrepared>;

    /// Polls once. What the sensor logs goes to `output`.
    ///
    /// # Errors
    /// The reason why there is no result. Then nothing of it counts, and the cursor stays as it was.
    async fn poll(
        &self,
        call: SensorCall,
        cursor: Option<Arc<Value>>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Polled, SensorFailure>;

    /// Gives the sensor a request.
    ///
    /// # Errors
    /// The reason why there is no answer.
    async fn receive(
        &self,
        call: SensorCall,
        request: Received,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<Reply, SensorFailure>;

    /// Runs a sensor that goes on until it ends by itself or `cancel` fires, and gives its events to `emitter`.
    ///
    /// # Errors
    /// The reason why it ended, if it did not end by itself or by `cancel`.
    async fn stream(
        &self,
        call: SensorCall,
        emitter: Arc<dyn Emitter>,
        output: OutputSink,
        cancel: CancellationToken,
    ) -> Result<(), SensorFailure>;
}

/// The reason why an event was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotEmitted {
    /// The event itself cannot be taken: its trigger type is not known, or its payload does not fit.
    #[error("{0}")]
    Invalid(String),
    /// Too much waits, or the host is stopping. It may be tried again.
    #[error("{0}")]
    Busy(String),
    /// The pack may not emit events of this trigger type.
    #[error("{0}")]
    Denied(String),
}

/// What takes events of sensors and actions.
#[async_trait]
pub trait Emitter: Send + Sync {
    /// Stores an event of a pack with all its consequences. `source` names the sensor or the action for the log.
    ///
    /// # Errors
    /// The reason why it was not stored.
    async fn emit(&self, pack: &str, source: &Ref, event: Emitted) -> Result<TriggerInstanceId, NotEmitted>;
}

/// The place that takes the events of a call. By default there is none, and nothing can be emitted.
#[derive(Clone, Default)]
pub struct Outlet {
    emitter: Option<Arc<dyn Emitter>>,
    depth: u32,
    emitted_by: Option<EmittedBy>,
}

impl Outlet {
    /// The outlet that leads to `emitter`.
    pub fn to(emitter: Arc<dyn Emitter>) -> Self {
        Self { emitter: Some(emitter), depth: 0, emitted_by: None }
    }

    /// This outlet, for events of an execution, which have this [depth](Emitted::depth).
    #[must_use]
    pub fn of(self, emitted_by: EmittedBy, depth: u32) -> Self {
        Self { depth, emitted_by: Some(emitted_by), ..self }
    }

    /// What takes the events, if anything does.
    pub fn open(&self) -> Option<&Arc<dyn Emitter>> {
        self.emitter.as_ref()
    }

    /// The event with what the host knows of who emits it.
    pub fn stamped(&self, event: Emitted) -> Emitted {
        Emitted { depth: self.depth, emitted_by: self.emitted_by.clone(), ..event }
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.emitter.is_some() { "Outlet(open)" } else { "Outlet(none)" })
    }
}
