//! Actions that run other actions: such a run is an execution of its own, below the one that has called it, which waits for
//! its end without a slot.
//!
//! Nobody needs the result of a run whose caller is gone. The executor cancels what a run leaves behind
//! ([`Calls::end_left`]); what a crash or a stop of the host leaves is canceled before it begins ([`is_forsaken`]), or by the
//! recovery.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_access::Behalf;
use petrel_engine_core::Error;
use petrel_model::execution::masked::secret_texts;
use petrel_model::secrets::Places;
use petrel_model::{Execution, ExecutionId, Object, Parent, Ref, Status, TraceId};
use petrel_persistence::{Change, Expect};
use petrel_runners::asked::{Actions, Around, Done, Unserved, Why};
use serde_json::{Value, json};

use super::cancel::unknown;
use super::requests::{Request, Secret};
use super::seat::Seat;
use super::service::Executions;

/// The time after which a caller looks again whether its start is stored.
const AGAIN: Duration = Duration::from_millis(10);
/// The time after which a caller asks the store, although it was told nothing.
const PATIENCE: Duration = Duration::from_secs(60);

/// What runs other actions for one execution.
pub(crate) struct Calls {
    pub(crate) executions: Executions,
    caller: ExecutionId,
    seat: Seat,
    /// The execution that the caller waits for.
    open: Mutex<Option<ExecutionId>>,
    /// Whether it was told a secret, or given a result that may hold some.
    has_met_secrets: AtomicBool,
    /// Output of the caller that is stored with its end.
    kept: Mutex<Vec<Change>>,
}

/// The place of an execution that an action has called.
pub(crate) struct Below {
    /// Its id.
    pub(crate) id: ExecutionId,
    /// Its place.
    pub(crate) parent: Parent,
    /// Its trace.
    pub(crate) trace: TraceId,
    /// The number of events of actions that led to it.
    pub(crate) event_depth: u32,
    /// The state of the caller in which alone it begins.
    pub(crate) expect: Expect,
}

impl Calls {
    /// For the execution `caller`, which has this seat.
    pub(crate) fn new(executions: &Executions, caller: ExecutionId, seat: Seat) -> Self {
        Self {
            executions: executions.clone(),
            caller,
            seat,
            open: Mutex::new(None),
            has_met_secrets: AtomicBool::new(false),
            kept: Mutex::default(),
        }
    }

    /// What is around `execution`, the caller.
    pub(crate) fn around(self: &Arc<Self>, execution: &Execution) -> Around {
        Around {
            parent: execution.parent.as_ref().map(|parent| parent.execution),
            trace: Some(execution.trace_id()),
            actions: Some(Arc::clone(self) as Arc<dyn Actions>),
            token: None,
        }
    }

    /// Whether the caller was told a secret, or given a result that may hold some: its own may have copies of them.
    pub(crate) fn has_met_secrets(&self) -> bool {
        self.has_met_secrets.load(Ordering::Relaxed)
    }

    /// What of the `output` of the caller is stored now. It may have a secret that the caller was told: then it is kept for the
    /// end, with which it is stored encrypted.
    pub(crate) fn to_store(&self, caller: &Execution, output: Vec<Change>) -> Vec<Change> {
        if caller.holds_secrets() || !self.has_met_secrets() {
            return output;
        }
        self.kept.lock().extend(output);
        Vec::new()
    }

    /// The output that was kept for the end.
    pub(crate) fn take_kept(&self) -> Vec<Change> {
        std::mem::take(&mut *self.kept.lock())
    }

    /// Gives the caller's slot back.
    pub(crate) fn leave(&self) {
        self.seat.leave();
    }

    /// Cancels what the caller, which has ended, still waited for. What is on its way to the store meanwhile is there once the
    /// end of the caller is stored, or never comes: then it is time to ask again.
    pub(crate) async fn end_left(&self) {
        let Some(id) = *self.open.lock() else { return };
        let user = match self.executions.store().execution_head(id).await {
            Ok(Some(execution)) => execution.context.user,
            Ok(None) | Err(_) => return,
        };
        *self.open.lock() = None;
        if let Err(error) = self.executions.cancel(id, &user).await {
            tracing::warn!(execution.id = %id, %error, hint = error.hint(), "failed to cancel an action whose caller has ended");
        }
    }

    /// Requests the execution.
    async fn begin(&self, action: &Ref, parameters: Object) -> Result<ExecutionId, Error> {
        let (core, store) = (self.executions.core(), self.executions.store());
        // The start of an idempotent action is stored only once it takes longer. Without it a crash would forget the caller.
        while store.is_waiting(self.caller) {
            core.sleep(AGAIN).await;
        }
        let caller = store.execution(self.caller).await?.ok_or_else(|| unknown(self.caller))?;
        if caller.status != Status::Running {
            return Err(Error::Conflict {
                message: format!("execution {} is {} and calls no other action", caller.id, caller.status),
                hint: "end the action".into(),
                id: Some(caller.id.to_string()),
            });
        }
        let parent = below(&caller);
        let deepest = self.executions.options().max_depth;
        if parent.depth > deepest {
            return Err(Error::invalid(
                format!(
                    "actions call each other more than {deepest} deep, which is the limit (`workflows.max_depth`)"
                ),
                "have one of them do the work of the next, or emit an event for a rule",
            ));
        }
        let id: ExecutionId = core.mint(core.now());
        let below = Below {
            id,
            parent,
            trace: caller.trace_id(),
            event_depth: caller.context.event_depth,
            expect: Expect::ExecutionVersion(caller.id, caller.version),
        };
        // Before it is stored: who drops this meanwhile does not know whether it was.
        *self.open.lock() = Some(id);
        let (request, mut secret) = asked(&caller, action, parameters);
        // The caller is stored as one with secrets only at its end.
        secret.sealed |= self.has_met_secrets();
        let begun = self.executions.request_below(request, secret, below).await;
        if begun.is_err() {
            *self.open.lock() = None;
        }
        begun.map(|execution| execution.id)
    }

    /// The execution `id` once it has ended.
    async fn ended(&self, id: ExecutionId) -> Result<Arc<Execution>, Error> {
        loop {
            match self.executions.wait(id, PATIENCE).await? {
                Some(execution) if execution.status.is_final() => return Ok(execution),
                Some(_goes_on) => {}
                None => return Err(unknown(id)),
            }
        }
    }
}

#[async_trait]
impl Actions for Calls {
    async fn run(&self, action: &Ref, parameters: Object) -> Result<Done, Unserved> {
        let id = self.begin(action, parameters).await.map_err(|error| told(&error))?;
        let ended = self.seat.away(self.ended(id)).await;
        *self.open.lock() = None;
        let ended = ended.map_err(|error| told(&error))?;
        self.has_met_secrets.fetch_or(ended.holds_secrets(), Ordering::Relaxed);
        outcome(&ended)
    }

    fn note_secret(&self) {
        self.has_met_secrets.store(true, Ordering::Relaxed);
    }
}

/// The place of what `caller` calls.
fn below(caller: &Execution) -> Parent {
    Parent {
        execution: caller.id,
        task: Arc::from(""),
        // The attempt that waits for it: a later one calls anew.
        number: caller.attempt.into(),
        route: 0,
        item: None,
        depth: caller.parent.as_ref().map_or(0, |above| above.depth.saturating_add(1)),
        root: caller.parent.as_ref().map(Parent::root),
        in_chain: false,
        is_call: true,
    }
}

/// The request for what `caller` calls: parameters are data, and where they quote its secrets they are secret too.
fn asked(caller: &Execution, action: &Ref, parameters: Object) -> (Request, Secret) {
    let texts = secret_texts(caller);
    let mut quoting = Places::default();
    if !texts.is_empty() {
        quoting.add_quoting(&parameters, &texts);
    }
    let secret = Secret { places: quoting.into_bounded(), texts, sealed: caller.holds_secrets() };
    let context = &caller.context;
    let request = Request {
        action: action.clone(),
        parameters: Object::new(),
        rendered: parameters,
        behalf: Behalf { user: context.user.clone(), api_user: context.api_user.clone() },
        context: Object::new(),
        rerun: None,
        delay: None,
        trace: caller.trace_to_hand_down(),
        notify: None,
        trace_tag: context.trace_tag.clone(),
    };
    (request, secret)
}

/// What the caller is told of an execution that has ended.
fn outcome(ended: &Execution) -> Result<Done, Unserved> {
    let result = ended.result.clone().unwrap_or_else(|| Arc::new(Value::Null));
    if ended.status == Status::Succeeded {
        return Ok(Done { execution: ended.id, result });
    }
    let reason = result.get("error").and_then(Value::as_str).map(|reason| format!(": {reason}"));
    let message =
        format!("the action {} has ended as {}{}", ended.action, ended.status, reason.unwrap_or_default());
    let hint = format!("`petrel execution get {}` shows more", ended.id);
    let details = json!({"execution_id": ended.id, "status": ended.status, "result": result});
    Err(Unserved { details: Some(Box::new(details)), ..Unserved::new(Why::Ended, message, hint) })
}

/// The error as a component is told it.
fn told(error: &Error) -> Unserved {
    let why = match error {
        Error::NotFound { .. } => Why::NotFound,
        Error::Conflict { .. } => Why::Conflict,
        Error::Invalid { .. } | Error::TooLarge { .. } => Why::Invalid,
        Error::Busy(_) | Error::Stopping | Error::NoRoom(_) => Why::Busy,
        _ => Why::Failed,
    };
    Unserved::new(why, error.to_string(), error.hint())
}

/// Whether an action has called `execution` and does not wait for it any more: it has ended, or was begun anew. Nothing is
/// read for others.
pub(crate) async fn is_forsaken(executions: &Executions, execution: &Execution) -> bool {
    let Some(parent) = execution.parent.as_ref().filter(|parent| parent.is_call) else { return false };
    match executions.store().execution_head(parent.execution).await {
        Ok(Some(caller)) => caller.status != Status::Running || u64::from(caller.attempt) != parent.number,
        Ok(None) => true,
        // It goes on rather than being lost.
        Err(error) => {
            tracing::warn!(execution.id = %execution.id, %error, "the caller of an action cannot be read");
            false
        }
    }
}

/// Cancels an execution that is forsaken.
pub(crate) async fn end_forsaken(executions: &Executions, execution: &Execution) {
    let id = execution.id;
    tracing::info!(execution.id = %id, "an action is canceled, since the one that has called it has ended");
    if let Err(error) = executions.cancel(id, &execution.context.user).await {
        tracing::warn!(execution.id = %id, %error, hint = error.hint(), "failed to cancel an action whose caller has ended");
    }
}
