//! The start of the service: executions of an earlier process are recovered before anything runs.

use petrel_engine_core::Error;

use super::kind::Kind;
use super::options::Options;
use super::recovery::{self, Recovered};
use super::scheduler::Scheduler;
use super::service::Executions;

impl Executions {
    /// Recovers the executions of an earlier process, then starts the schedulers, and the tasks that follow policies and
    /// maintenance windows and end inquiries.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<Recovered, Error> {
        let (policies, windows) = {
            let content = self.queue().catalog().content();
            (content.policy_set(), content.window_times())
        };
        // First, as what the recovery abandons counts beside what failed before.
        self.take_up_breakers().await?;
        let recovered = recovery::recover(self).await?;
        self.take_up_policies().await?;
        let Options { component_slots, process_slots, workflow_slots, .. } = *self.options();
        for (kind, count) in [
            (Kind::Component, component_slots),
            (Kind::Process, process_slots),
            (Kind::Workflow, workflow_slots),
        ] {
            self.core().spawn("scheduler", Scheduler::new(self.clone(), kind, count).run());
        }
        self.core().spawn("policies", self.clone().follow_policies(policies));
        self.core().spawn("maintenance windows", self.clone().follow_windows(windows));
        self.core().spawn("inquiries", self.clone().run_inquiries());
        Ok(recovered)
    }
}
