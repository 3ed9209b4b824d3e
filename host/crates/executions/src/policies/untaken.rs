//! Starts that nobody takes: an execution that waits for the time that a limit of a rate gave it is canceled, or asks anew, and
//! gives that time back, so that others need not wait for it.

use petrel_model::Execution;

use super::passage::paces;
use crate::queue::Queue;
use crate::uncommitted::Uncommitted;

impl Queue {
    /// Gives back the start of an execution that waited as `execution` says and has ended. Most have waited for none.
    pub(crate) fn give_back_start(&self, execution: &Execution) {
        let (passed, now) = (&execution.context.policies.passed, self.core().now());
        let Some(at) = execution.ready_at.filter(|at| !passed.is_empty() && *at > now) else { return };
        let content = self.catalog().content();
        let Some(policies) = content.policies_of(&execution.action) else { return };
        let paces = paces(self, execution, policies, |policy| passed.contains(policy));
        let changes = self.policies().give_back_start(&paces, at, now);
        if changes.is_empty() {
            return;
        }
        let (queue, id) = (self.clone(), execution.id);
        self.core().spawn("start that nobody takes", async move {
            // The next start is stored with what is known here, and after a restart nothing starts too early.
            if let Err(Uncommitted::Failed(error)) = queue.commit(Vec::new(), changes).await {
                tracing::warn!(execution.id = %id, %error, "failed to store that an execution does not take its start");
            }
        });
    }
}
