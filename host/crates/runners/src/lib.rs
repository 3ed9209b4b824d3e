//! The contract of something that runs an action ([`Runner`]), and the runners that start a process or make a
//! request.
//!
//! The runner of WebAssembly components lives in `petrel-pack-runtime`, the only crate that knows
//! wasmtime; it implements the same contract. The engine knows this crate and nothing behind it.
//!
//! Reading order: [`Runner`], [`Call`], [`Outcome`], [`output`], [`room`] and [`shares`] are the contract;
//! [`local_shell`] has the runners of shell commands and scripts, on top of [`process`], which starts, watches and
//! ends a process group; [`http_request`] makes requests, and [`python_script`] runs actions written in Python.
//! [`apart`] has threads for what computes for long, for this crate's neighbours too.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use petrel_model::{Action, ExecutionId, Object, Ref, StatusEvent};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub mod apart;
pub mod entry_point;
mod given;
pub mod http_request;
pub mod local_shell;
pub mod noop;
pub mod output;
pub mod process;
mod program;
pub mod python_script;
pub mod room;
pub mod shares;

use shares::{Holder, Refused};

pub use output::{OutputLine, OutputSink, Stream};
pub use room::ResultRoom;

/// What a run has of what all runs of its runner share, from before it begins until this is dropped.
pub type Ticket = Box<dyn Any + Send>;

/// A kind of runner, as `GET /api/v1/runnertypes` shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerType {
    /// The name that an action's metadata gives as `runner_type`.
    pub name: &'static str,
    /// One line on what it runs.
    pub description: &'static str,
    /// What every action of this runner takes.
    pub parameters: Parameters,
    /// Which of the free places a run takes.
    pub slots: Slots,
}

/// The kinds of free places that runs compete for; how many there are is a setting of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slots {
    /// Runs inside this process.
    Component,
    /// Starts a process.
    Process,
    /// Is conducted by the engine, which never calls [`Runner::run`] for it.
    Workflow,
}

/// What a run asks for before it begins: see [`Runner::admit`].
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What is to run.
    pub execution: ExecutionId,
    /// On whose account.
    pub holder: &'a Holder,
    /// The directory of its pack.
    pub pack_path: &'a Path,
    /// The file in it.
    pub entry_point: &'a str,
    /// Whether it only takes of what is kept for [light](Runner::is_light) ones, since another waits for the rest.
    pub spares_others: bool,
}

/// Something that runs actions. One runner serves many calls at a time.
#[async_trait]
pub trait Runner: Send + Sync {
    /// What kind of runner it is.
    fn runner_type(&self) -> &RunnerType;

    /// Runs one action to its end. Lines of output go to `output` as they come.
    ///
    /// When `cancel` fires, whatever was started is ended and [`End::Canceled`] is returned. A runner
    /// never fails for itself: whatever goes wrong is the outcome of this one call.
    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome;

    /// Whether runs share something of which [`Runner::admit`] gives each its part.
    fn has_shares(&self) -> bool {
        false
    }

    /// Takes what the run of an execution needs of what all runs share, all of it or nothing, before it begins; never
    /// waits. Nothing is needed if there is no ticket.
    ///
    /// # Errors
    /// Why there is not so much for its holder now. It is asked again later, and holds nothing until then.
    fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
        let _ = asked;
        Ok(None)
    }

    /// Whether a run needs so little of what all runs share that a part of it is kept for the likes of it. Those have a
    /// line of their own, so that none of them waits behind one that needs much.
    fn is_light(&self, pack_path: &Path, entry_point: &str) -> bool {
        let _ = (pack_path, entry_point);
        true
    }

    /// Prepares what an action of the pack in this directory starts from, so that its first run is as quick as the others.
    /// What keeps it from that is the outcome of a run.
    async fn prepare(&self, pack_path: &Path, entry_point: &str) {
        let _ = (pack_path, entry_point);
    }

    /// Looks at actions of the pack in this directory without running them: to be called when it is checked or registered.
    async fn look_at(&self, pack_path: &Path, actions: &[Action]) -> Vec<Remark> {
        let _ = (pack_path, actions);
        Vec::new()
    }

    /// Forgets what it has kept of the files of the pack in this directory: they may have changed.
    fn forget(&self, pack_path: &Path) {
        let _ = pack_path;
    }

    /// Ends what an earlier host process, which is gone, left running for the given executions. Returns
    /// how much it found.
    fn end_leftovers(&self, executions: &[String]) -> usize {
        let _ = executions;
        0
    }
}

/// What a runner has to say about an action before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The action.
    pub action: Ref,
    /// What is wrong with what it runs, and what to do.
    pub message: String,
    /// Whether no run of it can succeed.
    pub is_fatal: bool,
}

/// One call of an action.
#[derive(Debug, Clone)]
pub struct Call {
    /// The execution it is for. Actions may use it as an idempotency key.
    pub execution_id: ExecutionId,
    /// 0 for the first start; more when an earlier host was lost.
    pub attempt: u32,
    /// What to run.
    pub action: Arc<Action>,
    /// The final parameters of runner and action together, rendered, cast and validated.
    pub parameters: Arc<Object>,
    /// On whose behalf.
    pub user: String,
    /// Where the files of the action's pack are.
    pub pack_path: PathBuf,
    /// The configuration of the action's pack.
    pub pack_config: Arc<Object>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The action did what it should.
    Succeeded,
    /// It did not; the result says why.
    Failed,
    /// It took longer than it may, and was ended.
    TimedOut,
    /// It was ended on request.
    Canceled,
    /// It was ended from outside (a signal that we did not send), so nobody knows how far it got.
    Abandoned,
}

impl End {
    /// What this does to the execution.
    pub fn event(self) -> StatusEvent {
        match self {
            Self::Succeeded => StatusEvent::Succeeded,
            Self::Failed => StatusEvent::Failed,
            Self::TimedOut => StatusEvent::TimedOut,
            Self::Canceled => StatusEvent::Canceled,
            Self::Abandoned => StatusEvent::Abandoned,
        }
    }
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// What is stored with the execution. For a failure that is not the action's own result it is the
    /// object of [`Outcome::failed`].
    pub result: Value,
}

impl Outcome {
    /// A success with its result.
    pub fn succeeded(result: Value) -> Self {
        Self { end: End::Succeeded, result }
    }

    /// A failure that Petrel itself found: `{"error", "code", "hint"}`. `code` is stable and dotted
    /// (`limit.memory`), `hint` says what to do.
    pub fn failed(code: &str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { end: End::Failed, result: reason(code, message.into(), hint.into()) }
    }

    /// As [`Outcome::failed`], for a call that took too long.
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
