//! The contract of a runner ([`Runner`]), and the runners that start a process or make a request.
//!
//! The runner for WebAssembly components is in `petrel-pack-runtime`, the only crate that knows wasmtime; it implements
//! the same contract. The engine knows this crate and nothing behind it.
//!
//! Reading order: [`Runner`], [`Runs`], [`Call`], [`Outcome`], [`output`], [`room`] and [`shares`] are the contract.
//! [`local_shell`] has the runners for shell commands and scripts, on top of [`process`], which starts, watches and
//! ends a process group. [`remote_shell`] runs them on other hosts, by the system's ssh, and [`host_keys`] is the contract of what recognizes those.
//! [`sensors`] is the contract of what runs sensors, [`attendant`] of what attends to their processes, [`asked`] of what components ask of the host.
//! [`http_request`] makes requests, [`python_script`] runs actions written in Python and [`python_sensors`] sensors, and [`inquirer`] asks questions.
//! [`Upkeep`] lays out files of the host that are missing when they are needed. [`apart`] has background threads for long computations, also for neighbouring crates.

use std::any::Any;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use petrel_model::capabilities::RightsTable;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, ExecutionId, Object, Pack, Ref, StatusEvent};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub mod apart;
pub mod asked;
pub mod attendant;
mod call_parameters;
pub mod entry_point;
pub mod host_keys;
pub mod http_request;
pub mod inquirer;
pub mod local_shell;
pub mod noop;
pub mod output;
pub mod process;
mod program;
pub mod python_script;
pub mod python_sensors;
pub mod remote_shell;
pub mod room;
mod runs;
pub mod sensors;
pub mod shares;
mod upkeep;

use asked::{Around, KeyValues};
use host_keys::HostKeys;
use shares::{Holder, Refused};

pub use output::{OutputLine, OutputSink, Stream};
pub use room::ResultRoom;
pub use runs::Runs;
pub use sensors::Outlet;
pub use upkeep::Upkeep;

/// A run's part of the resources that all runs of its runner share. Held from its admission on, until it is dropped.
pub type Ticket = Box<dyn Any + Send>;

/// The description of a runner, as `GET /api/v1/runnertypes` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerType {
    /// The name that an action's metadata gives as `runner_type`.
    pub name: &'static str,
    /// One line that says what it runs.
    pub description: &'static str,
    /// The parameters that every action of this runner takes.
    pub parameters: Parameters,
}

/// The kinds of slots that runs compete for. Their numbers are settings of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slots {
    /// For runs inside this process.
    Component,
    /// For runs that start a process.
    Process,
}

/// A request for admission: see [`Runner::admit`].
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The execution that is to run.
    pub execution: ExecutionId,
    /// The holder that it is charged to.
    pub holder: &'a Holder,
    /// The directory of the action's pack.
    pub pack_path: &'a Path,
    /// The file in that directory.
    pub entry_point: &'a str,
    /// Whether only the part reserved for [light](Runner::is_light) runs may be used, since another run waits for the
    /// rest.
    pub spares_others: bool,
}

/// A runner of actions. One runner serves many calls concurrently.
#[async_trait]
pub trait Runner: Send + Sync {
    /// The description of this runner.
    fn runner_type(&self) -> &RunnerType;

    /// The kind of slot that a run takes.
    fn slots(&self) -> Slots;

    /// Runs one action to its end. Lines of output go to `output` as they arrive.
    ///
    /// When `cancel` fires, everything that was started is ended and [`End::Canceled`] is returned. This method has no
    /// error: whatever goes wrong is the outcome of this one call.
    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome;

    /// Whether runs share a resource that [`Runner::admit`] distributes.
    fn has_shares(&self) -> bool {
        false
    }

    /// Takes the resources that a run needs of those that all runs share, all of them or none, before it begins. Never
    /// waits. `None` means that it needs nothing.
    ///
    /// # Errors
    /// The reason why its holder does not get them now. The engine asks again later; nothing is held until then.
    fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
        let _ = asked;
        Ok(None)
    }

    /// Whether it is known what a run needs, so that [`Runner::admit`] and [`Runner::is_light`] can say it. The engine
    /// [prepares](Runner::prepare) what is not, and asks for admission after that, whatever came of it.
    fn is_prepared(&self, pack_path: &Path, entry_point: &str) -> bool {
        let _ = (pack_path, entry_point);
        true
    }

    /// Whether a run needs so little that it may use the part reserved for light runs. Those have a queue of their
    /// own, so that none of them waits behind a heavy run.
    fn is_light(&self, pack_path: &Path, entry_point: &str) -> bool {
        let _ = (pack_path, entry_point);
        true
    }

    /// Prepares the entry point of an action of this pack, so that its first run is as fast as the others.
    ///
    /// # Errors
    /// The reason, for the log. A run fails for the same reason, with an outcome of its own.
    async fn prepare(&self, pack_path: &Path, entry_point: &str) -> Result<(), NotPrepared> {
        let _ = (pack_path, entry_point);
        Ok(())
    }

    /// Checks actions of this pack without running them. Called when the pack is checked or registered.
    async fn look_at(&self, pack_path: &Path, actions: &[Action]) -> Vec<Remark> {
        let _ = (pack_path, actions);
        Vec::new()
    }

    /// Makes what the actions of a pack need beside its files, before the pack in this directory is registered. Returns
    /// notes.
    ///
    /// # Errors
    /// The reason why it cannot be made. The pack is not registered then, and what was there before is still there.
    async fn equip(&self, pack: &Pack, directory: &Path) -> Result<Vec<String>, NotPrepared> {
        let _ = (pack, directory);
        Ok(Vec::new())
    }

    /// The last lines of what [`Runner::equip`] makes for any pack, after the one with this number.
    fn progress(&self, after: u64) -> Vec<ProgressLine> {
        let _ = after;
        Vec::new()
    }

    /// Removes what was made for a pack that was removed.
    fn removed(&self, pack: &str) {
        let _ = pack;
    }

    /// Drops what was cached of those files of this pack that have changed or are gone. Called when the pack is
    /// registered.
    fn refresh(&self, pack_path: &Path) {
        let _ = pack_path;
    }

    /// Drops whatever was cached of the files of this pack. Called when the pack is removed.
    fn forget(&self, pack_path: &Path) {
        let _ = pack_path;
    }

    /// Takes the rights of all packs. Called before the host starts anything, and whenever they change; those of calls in
    /// progress change too.
    fn take_rights(&self, rights: &Arc<RightsTable>) {
        let _ = rights;
    }

    /// Takes what has the keys that components ask for. Called once for each host, before it starts anything.
    fn take_keys(&self, keys: &Arc<dyn KeyValues>) {
        let _ = keys;
    }

    /// Takes what has the keys by which other hosts are recognized. Called once for each host, before it starts anything.
    fn take_host_keys(&self, keys: &Arc<dyn HostKeys>) {
        let _ = keys;
    }

    /// How often the components of `pack` have used what it asks for since the host began, by kind and name.
    fn uses(&self, pack: &str) -> BTreeMap<String, u64> {
        let _ = pack;
        BTreeMap::new()
    }

    /// Ends processes that an earlier host, which has gone, left running for the given executions. Returns their
    /// number.
    fn end_leftovers(&self, executions: &[String]) -> usize {
        let _ = executions;
        0
    }
}

/// The reason why an entry point could not be [prepared](Runner::prepare).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPrepared {
    /// The reason, which names the file.
    pub reason: String,
    /// Advice for the author of the pack or the operator.
    pub hint: String,
}

/// A line of what [`Runner::equip`] does for a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgressLine {
    /// Its number, which grows.
    pub number: u64,
    /// The pack.
    pub pack: String,
    /// The text.
    pub text: String,
    /// The time at which it was written.
    pub at: std::time::Instant,
}

/// A remark of a runner about an action that has not run yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The action.
    pub action: Ref,
    /// The problem and its remedy.
    pub message: String,
    /// Whether every run of the action would fail.
    pub is_fatal: bool,
}

/// One call of an action.
#[derive(Debug, Clone)]
pub struct Call {
    /// The execution. Actions may use its id as an idempotency key.
    pub execution_id: ExecutionId,
    /// 0 for the first start, and one more for each host that was lost while it ran.
    pub attempt: u32,
    /// The action to run.
    pub action: Arc<Action>,
    /// The final parameters of runner and action together, rendered, cast and validated.
    pub parameters: Arc<Object>,
    /// The user on whose behalf it runs.
    pub user: String,
    /// The directory of the action's pack.
    pub pack_path: PathBuf,
    /// The configuration of the action's pack.
    pub pack_config: Arc<Object>,
    /// The place for events that the action emits.
    pub outlet: Outlet,
    /// What is around its execution.
    pub around: Around,
}

/// The way in which a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The action succeeded.
    Succeeded,
    /// The action failed. The result says why.
    Failed,
    /// The action exceeded its timeout and was ended.
    TimedOut,
    /// The action was canceled.
    Canceled,
    /// The action was ended from outside, by a signal that the host did not send, so nobody knows how far it got.
    Abandoned,
    /// The action has asked a question: its execution waits for the answer, and nothing runs meanwhile.
    Asked,
}

impl End {
    /// The corresponding move of the execution's status.
    pub fn event(self) -> StatusEvent {
        match self {
            Self::Succeeded => StatusEvent::Succeeded,
            Self::Failed => StatusEvent::Failed,
            Self::TimedOut => StatusEvent::TimedOut,
            Self::Canceled => StatusEvent::Canceled,
            Self::Abandoned => StatusEvent::Abandoned,
            Self::Asked => StatusEvent::Asked,
        }
    }
}

/// The outcome of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The way in which it ended.
    pub end: End,
    /// The result that is stored with the execution. If the failure is not the action's own, it is the object of
    /// [`Outcome::failed`].
    pub result: Value,
}

impl Outcome {
    /// A success with its result.
    pub fn succeeded(result: Value) -> Self {
        Self { end: End::Succeeded, result }
    }

    /// A failure that Petrel itself detected, with the result `{"error", "code", "hint"}`. `code` is stable and dotted
    /// (`limit.memory`), `hint` says what to do.
    pub fn failed(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { end: End::Failed, result: reason(code, message.into(), hint.into()) }
    }

    /// As [`Outcome::failed`], for a call that exceeded its timeout.
    pub fn timed_out(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { end: End::TimedOut, result: reason(code, message.into(), hint.into()) }
    }
}

fn reason(code: &str, message: String, hint: String) -> Value {
    let mut object = Object::new();
    object.insert("error".into(), message.into());
    object.insert("code".into(), code.into());
    object.insert("hint".into(), hint.into());
    Value::Object(object)
}
