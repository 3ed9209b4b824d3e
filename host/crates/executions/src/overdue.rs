//! The end of inquiries whose time is up: one task, which sleeps until the first is due. [`inquiries`](super::inquiries)
//! knows which are open.

use std::time::Duration;

use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status, StatusEvent};
use petrel_persistence::{Change, Expect};

use super::cancel::TRIES;
use super::measures;
use super::service::Executions;
use super::uncommitted::Uncommitted;

/// The longest sleep until an inquiry is due: a machine that was suspended meanwhile does not count that as sleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);
/// The time after which an inquiry is ended again whose end could not be stored.
const AGAIN: Duration = Duration::from_secs(5);

impl Executions {
    /// The ids of the open inquiries, oldest first. One of them may have ended a moment ago.
    pub fn inquiries(&self) -> Vec<ExecutionId> {
        self.queue().inquiries().ids()
    }

    /// Ends inquiries whose time is up, until the host stops.
    pub(crate) async fn run_inquiries(self) {
        let stop = self.core().stop_starting().clone();
        stop.run_until_cancelled(self.watch_inquiries()).await;
    }

    async fn watch_inquiries(&self) {
        let open = self.queue().inquiries();
        loop {
            let now = self.core().now();
            match open.first() {
                Some((at, id)) if at <= now => {
                    // To its end, also when the host stops meanwhile: what is stored must be told.
                    let executions = self.clone();
                    let done = self.core().run_detached(async move { executions.time_out(id).await }).await;
                    if let Err(error) = done {
                        if self.core().may_log("the end of an inquiry").is_some() {
                            tracing::warn!(execution.id = %id, %error, hint = error.hint(), "failed to end an inquiry whose time is up; trying again");
                        }
                        open.put_off(id, now.plus(AGAIN));
                    }
                }
                Some((at, _)) => {
                    tokio::select! {
                        biased;
                        () = open.changed() => {}
                        () = self.core().sleep(at.since(now).min(LONGEST_SLEEP)) => {}
                    }
                }
                None => open.changed().await,
            }
        }
    }

    /// Ends an inquiry whose time is up, unless it has ended.
    async fn time_out(&self, id: ExecutionId) -> Result<(), Error> {
        for _ in 0..TRIES {
            let found = self.store().execution(id).await?;
            let Some(mut execution) = found.filter(|execution| execution.status == Status::Pending) else {
                self.queue().inquiries().forget(id);
                return Ok(());
            };
            let expect = Expect::ExecutionVersion(id, execution.version);
            let moved = execution.apply(StatusEvent::TimedOut, self.core().now());
            moved.map_err(|illegal| Error::Internal(illegal.to_string()))?;
            match self.end_inquiry(&execution, expect).await {
                // It was answered or canceled at the same moment.
                Err(Uncommitted::Moved) => {}
                result => return Ok(result?),
            }
        }
        Err(Error::Busy(format!("inquiry {id} keeps changing")))
    }

    /// Commits the end of an inquiry, with its consequences for its workflow.
    pub(super) async fn end_inquiry(&self, execution: &Execution, expect: Expect) -> Result<(), Uncommitted> {
        let changes = vec![Change::UpdateExecution(execution.clone())];
        self.commit_outcome(execution, vec![expect], changes).await?;
        tracing::debug!(execution.id = %execution.id, status = %execution.status, "the inquiry has ended");
        measures::ended(&execution.runner, execution.status);
        self.queue().tell(execution);
        Ok(())
    }
}
