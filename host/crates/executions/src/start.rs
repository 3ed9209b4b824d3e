//! The start of the service: what an earlier process left is taken up before anything is run.

use petrel_engine_core::Error;

use super::kind::Kind;
use super::options::Options;
use super::recovery::{self, Recovered};
use super::scheduler::Scheduler;
use super::service::Executions;

impl Executions {
    /// Takes up what an earlier process left, then starts to run what is waiting.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<Recovered, Error> {
        let recovered = recovery::recover(self).await?;
        let Options { component_slots, process_slots, workflow_slots, .. } = *self.options();
        for (kind, count) in [
            (Kind::Component, component_slots),
            (Kind::Process, process_slots),
            (Kind::Workflow, workflow_slots),
        ] {
            self.core().spawn("scheduler", Scheduler::new(self.clone(), kind, count).run());
        }
        Ok(recovered)
    }
}
