//! Cancellation of many executions at once, in bounded steps: each looks through one page of their list, newest first.
//! [`cancel`](super::cancel) ends each of them.

use petrel_engine_core::Error;
use petrel_model::{ExecutionId, Ref, Status};
use petrel_persistence::ExecutionFilter;

use super::cancel::Canceled;
use super::service::Executions;

/// The greatest number of executions of a step.
const STEP: usize = 100;

/// One step of the cancellation of many executions.
#[derive(Debug, Default)]
pub struct CanceledMany {
    /// The executions that were canceled, or would be, with their action and their present status.
    pub canceled: Vec<(ExecutionId, Ref, Status)>,
    /// Those that could not be, with the reason.
    pub failed: Vec<(ExecutionId, Error)>,
    /// The place at which the next step goes on, if there may be more.
    pub next: Option<ExecutionId>,
}

impl Executions {
    /// Cancels those of the next executions that were created before `before` which `filter` admits and which can be
    /// canceled. Its status is the shown one, so that `delayed` means those that wait for their time. A step with
    /// `is_trial` cancels nothing.
    ///
    /// # Errors
    /// When the list cannot be read.
    pub async fn cancel_many(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        is_trial: bool,
        user: &str,
    ) -> Result<CanceledMany, Error> {
        // What is shown as delayed may be stored as requested.
        let stored = filter.status.filter(|status| *status != Status::Delayed);
        let in_store = ExecutionFilter { status: stored, ..filter.clone() };
        let page = self.store().executions(&in_store, before, STEP).await?;
        let mut step = CanceledMany { next: page.next, ..CanceledMany::default() };
        let mut found = page.items;
        // Their status can be read, and is all that matters here.
        for sealed in page.unreadable.iter().filter(|one| one.is_sealed) {
            let Ok(id) = sealed.id.parse() else { continue };
            found.extend(self.store().execution_in_part(id).await?.filter(|one| in_store.admits(one)));
        }
        for execution in found {
            let status = execution.shown_status(self.core().now());
            let is_wanted = filter.status.is_none_or(|wanted| status == wanted);
            if !is_wanted || !execution.status.is_cancelable() {
                continue;
            }
            let (id, action) = (execution.id, execution.action.clone());
            if is_trial {
                step.canceled.push((id, action, status));
                continue;
            }
            match self.cancel(id, user).await {
                Ok(Canceled::Ends(ended)) => step.canceled.push((id, action, ended.status)),
                // It has ended by itself meanwhile.
                Ok(Canceled::TooLate(_)) => {}
                Err(error) => step.failed.push((id, error)),
            }
        }
        Ok(step)
    }
}
