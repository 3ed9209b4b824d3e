//! Cancellation: a waiting execution ends at once, a run through its runner, and a workflow through the
//! [`Conductor`](super::conductor::Conductor).

use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status, StatusEvent, Timestamp};
use petrel_persistence::{Change, Expect};

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

/// The canceled form of `execution`, with the expectation for its commit. `is_held` tells whether it is held
/// since a restore.
///
/// # Errors
/// When its status does not allow it.
pub fn cancellation(
    mut execution: Execution,
    is_held: bool,
    user: &str,
    now: Timestamp,
) -> Result<(Execution, Expect), Error> {
    let (id, version) = (execution.id, execution.version);
    for event in moves(execution.status, is_held) {
        execution.apply(*event, now).map_err(|illegal| Error::Internal(illegal.to_string()))?;
    }
    // One commit makes one version, however many moves it contains.
    execution.version = version.saturating_add(1);
    // Of several requests the first one counts.
    execution.context.cancelled_by.get_or_insert_with(|| user.to_owned());
    Ok((execution, Expect::ExecutionVersion(id, version)))
}

/// The moves of a cancel. A held execution has no action here that would have to end first.
fn moves(status: Status, is_held: bool) -> &'static [StatusEvent] {
    match status {
        // Only of a held execution: otherwise its run reports the end.
        Status::Canceling => &[StatusEvent::Canceled],
        // It ends at once, as nothing runs.
        Status::Pending => &[StatusEvent::CancelRequested],
        status if is_held && !status.is_waiting() => &[StatusEvent::CancelRequested, StatusEvent::Canceled],
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
            let found = self.store().execution(id).await?;
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
        let is_held = self.store().is_held(id);
        let is_workflow = self.queue().is_workflow(&execution);
        match execution.status {
            // Whoever asks again hears whether what is inside a workflow can be told.
            Status::Canceling if is_held || is_workflow => {}
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
        let (execution, expect) = cancellation(execution, is_held, user, self.core().now())?;
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
