//! Cancellation: a waiting execution ends at once, a run through its runner, and a workflow through the
//! [`Conductor`](super::conductor::Conductor).

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status, StatusEvent, Timestamp};
use petrel_persistence::{Change, Expect, Fence, Unreadable};
use serde_json::json;

use super::service::Executions;
use super::uncommitted::Uncommitted;

/// The number of attempts at a change of an execution that keeps changing at the same moment.
pub(super) const TRIES: usize = 8;

/// The outcome of a cancel.
#[derive(Debug, Clone)]
pub enum Canceled {
    /// The execution in its new state: canceled, or canceling until its action has ended.
    Ends(Execution),
    /// The execution as it is: it had ended before, and cannot be canceled any more.
    TooLate(Execution),
}

/// The canceled form of `execution`, with the expectation for its commit. `runs_nowhere` tells whether no run of this host
/// will report its end: it is held since a restore, or left behind.
///
/// # Errors
/// When its status does not allow it.
pub fn cancellation(
    mut execution: Execution,
    runs_nowhere: bool,
    user: &str,
    now: Timestamp,
) -> Result<(Execution, Expect), Error> {
    let (id, version) = (execution.id, execution.version);
    for event in moves(execution.status, runs_nowhere) {
        execution.apply(*event, now).map_err(|illegal| Error::Internal(illegal.to_string()))?;
    }
    // One commit makes one version, however many moves it contains.
    execution.version = version.saturating_add(1);
    // Of several requests the first one counts.
    execution.context.cancelled_by.get_or_insert_with(|| user.to_owned());
    tell_what_is_unread(&mut execution);
    Ok((execution, Expect::ExecutionVersion(id, version)))
}

/// Has the result of an execution that has ended say what of it could not be read, if something could not: its parameters,
/// and its result until then.
pub fn tell_what_is_unread(execution: &mut Execution) {
    if let Some(reason) = execution.context.unread.as_ref().filter(|_| execution.status.is_final()) {
        execution.result = Some(Arc::new(json!({
            "error": format!("it was canceled although its parameters, or its result so far, could not be read: {reason}"),
            "code": "store.sealed",
            "hint": Unreadable::SEALED,
        })));
    }
}

/// Whether an earlier process has begun an execution that could not be taken up, because it, or the workflow around it, cannot
/// be read: nothing of this host will report its end.
pub fn is_left_behind(execution: &Execution, fence: Fence) -> bool {
    !execution.status.is_waiting() && execution.host.is_some_and(|epoch| epoch != fence.epoch)
}

/// The moves of a cancel. What runs nowhere has no action here that would have to end first.
fn moves(status: Status, runs_nowhere: bool) -> &'static [StatusEvent] {
    match status {
        // Only of what runs nowhere: otherwise its run reports the end.
        Status::Canceling => &[StatusEvent::Canceled],
        // It ends at once, as nothing runs.
        Status::Pending => &[StatusEvent::CancelRequested],
        status if runs_nowhere && !status.is_waiting() => {
            &[StatusEvent::CancelRequested, StatusEvent::Canceled]
        }
        _ => &[StatusEvent::CancelRequested],
    }
}

impl Executions {
    /// Cancels an execution: at once if it has not begun, otherwise as soon as its action has ended. The
    /// cancel is completed even if the caller stops waiting.
    ///
    /// # Errors
    /// When the execution does not exist, or the store fails.
    pub async fn cancel(&self, id: ExecutionId, user: &str) -> Result<Canceled, Error> {
        let (executions, user) = (self.clone(), user.to_owned());
        self.core().run_detached(async move { executions.cancel_now(id, &user).await }).await
    }

    async fn cancel_now(&self, id: ExecutionId, user: &str) -> Result<Canceled, Error> {
        for _ in 0..TRIES {
            let found = self.store().execution_in_part(id).await?;
            let execution = found.ok_or_else(|| unknown(id))?;
            match self.try_cancel(execution, user).await {
                // Most likely it has ended meanwhile, which is the answer then.
                Err(Uncommitted::Moved) => {}
                result => return Ok(result?),
            }
        }
        Err(Error::Conflict {
            message: format!("execution {id} keeps changing"),
            hint: "try again".into(),
            id: Some(id.to_string()),
        })
    }

    /// Cancels `execution`, on the condition that it has not changed since it was read.
    async fn try_cancel(&self, execution: Execution, user: &str) -> Result<Canceled, Uncommitted> {
        let id = execution.id;
        let is_workflow = self.queue().is_workflow(&execution);
        let runs_nowhere =
            self.store().is_held(id) || (!is_workflow && is_left_behind(&execution, self.store().fence()));
        match execution.status {
            // Whoever asks again hears whether what is inside a workflow can be told.
            Status::Canceling if runs_nowhere || is_workflow => {}
            // Stored by an earlier request. To tell the run twice does no harm.
            Status::Canceling => {
                self.queue().end(&[id]);
                return Ok(Canceled::Ends(execution));
            }
            status if !status.is_cancelable() => return Ok(Canceled::TooLate(execution)),
            _ => {}
        }
        if is_workflow && !execution.status.is_waiting() {
            return self.conductor().cancel(execution, user).await.map(Canceled::Ends);
        }
        let (execution, expect) = cancellation(execution, runs_nowhere, user, self.core().now())?;
        let changes = vec![Change::UpdateExecution(execution.clone())];
        // Committed before the run is told: the outcome of a canceled run is legal only from `canceling`.
        self.commit_outcome(&execution, vec![expect], changes).await?;
        self.queue().end(&[id]);
        self.queue().tell(&execution);
        Ok(Canceled::Ends(execution))
    }
}

/// The error for an execution that does not exist.
pub fn unknown(id: ExecutionId) -> Error {
    Error::NotFound {
        what: "execution",
        name: id.to_string(),
        hint: "`petrel execution list` shows what there is".into(),
    }
}
