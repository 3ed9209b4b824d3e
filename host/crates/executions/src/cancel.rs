//! Ends executions that somebody no longer wants.

use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status, StatusEvent, Timestamp};
use petrel_persistence::{Change, Expect};

use super::service::Executions;
use super::uncommitted::Uncommitted;

/// How often a cancel is tried anew when the execution moves at the same moment.
const TRIES: usize = 8;

/// What came of a cancel.
#[derive(Debug, Clone)]
pub enum Canceled {
    /// It has ended, or will as soon as what runs has been ended. As it stands then.
    Ends(Execution),
    /// It cannot be ended any more.
    TooLate(Execution),
}

/// An execution as a cancel leaves it, and what must hold for that.
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
    // One commit is one version, however many moves it makes.
    execution.version = version.saturating_add(1);
    execution.context.cancelled_by.get_or_insert_with(|| user.to_owned());
    Ok((execution, Expect::ExecutionVersion(id, version)))
}

/// What a cancel does to an execution. Of one that is held nothing runs here that would have to end first.
fn moves(status: Status, is_held: bool) -> &'static [StatusEvent] {
    match status {
        Status::Canceling => &[StatusEvent::Canceled],
        status if is_held && !status.is_waiting() => &[StatusEvent::CancelRequested, StatusEvent::Canceled],
        _ => &[StatusEvent::CancelRequested],
    }
}

impl Executions {
    /// Ends an execution: at once if it has not begun, else as soon as what runs has been ended. It is done to its end
    /// although the caller does not wait for it.
    ///
    /// # Errors
    /// When it does not exist, or the store fails.
    pub async fn cancel(&self, id: ExecutionId, user: &str) -> Result<Canceled, Error> {
        let (executions, user) = (self.clone(), user.to_owned());
        self.core().run_detached(async move { executions.cancel_now(id, &user).await }).await
    }

    async fn cancel_now(&self, id: ExecutionId, user: &str) -> Result<Canceled, Error> {
        for _ in 0..TRIES {
            let found = self.store().execution(id).await?;
            let execution = found.ok_or_else(|| unknown(id))?;
            match self.try_cancel(execution, user).await {
                // It has ended meanwhile, most likely: then that is the answer.
                Err(Uncommitted::Moved) => {}
                result => return Ok(result?),
            }
        }
        Err(Error::Conflict {
            message: format!("execution {id} keeps moving"),
            hint: "try again".into(),
            id: Some(id.to_string()),
        })
    }

    /// Ends `execution`, as it was read.
    async fn try_cancel(&self, execution: Execution, user: &str) -> Result<Canceled, Uncommitted> {
        let id = execution.id;
        let is_held = self.store().is_held(id);
        let is_workflow = self.queue().is_workflow(&execution);
        match execution.status {
            // Whoever asks again hears whether what is inside a workflow can be told.
            Status::Canceling if is_held || is_workflow => {}
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
        self.commit_outcome(&execution, vec![expect], changes).await?;
        self.queue().end(&[id]);
        self.queue().tell(&execution);
        Ok(Canceled::Ends(execution))
    }
}

/// That there is no such execution.
pub fn unknown(id: ExecutionId) -> Error {
    Error::NotFound {
        what: "execution",
        name: id.to_string(),
        hint: "`petrel execution list` shows what there is".into(),
    }
}
