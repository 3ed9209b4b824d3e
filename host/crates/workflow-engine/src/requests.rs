//! Requests for a status of a workflow, and what a workflow asks of itself: it rests while it waits for the answer to a
//! question, and goes on with it, unless somebody has paused it.

use petrel_model::{Execution, Status as Stored, WorkflowEvent};
use petrel_workflows::Status;
use petrel_workflows::conductor::Event;

use super::refusal::Refusal;
use super::step::Step;

impl Step {
    /// Requests a status on behalf of somebody.
    ///
    /// # Errors
    /// When the status of the workflow does not allow it.
    pub(super) fn request(&mut self, status: Status) -> Result<(), Refusal> {
        if matches!(status, Status::Resuming | Status::Running) {
            self.asked = Some(Status::Resuming);
        }
        let is_cancel = status == Status::Canceling && !self.live.execution.status.is_final();
        if is_cancel && self.live.conductor.status().is_completed() {
            // The workflow only waits for executions that are still inside it.
            self.is_canceled = true;
            return Ok(());
        }
        if matches!(
            (status, self.live.conductor.status()),
            (Status::Pausing, Status::Paused) | (Status::Resuming, Status::Running)
        ) {
            // The status is the requested one already, and StackStorm answers with the execution.
            if status == Status::Pausing {
                self.keep_at_rest();
            }
            return Ok(());
        }
        let status = self.wanted(status);
        let logged = WorkflowEvent::Requested { status: status.as_str().to_owned() };
        let workflow = self.live.execution.id;
        self.happen(Event::Request(status), logged)
            .map_err(|refused| Refusal::Status { workflow, reason: refused.to_string() })?;
        match status {
            Status::Pausing | Status::Paused => {
                self.live.rests_on_request = true;
                self.asked = Some(Status::Pausing);
            }
            Status::Resuming | Status::Running => self.live.rests_on_request = false,
            _ => {}
        }
        // If the workflow fails or expires in the same step, the cancel still came first.
        self.is_canceled |= is_cancel;
        Ok(())
    }

    /// Lets a workflow go on that rests because of a question, which `ended` was until now. Returns whether it must rest
    /// again afterwards: one that somebody has paused stays so, but it would forget a failure that came meanwhile.
    pub(super) fn goes_on_for(&mut self, ended: &Execution) -> bool {
        let before = ended.log.iter().rev().nth(1).map(|entry| entry.status);
        let was_question = ended.status.is_final() && before == Some(Stored::Pending);
        let (rests, is_paused) = (self.status(), self.live.rests_on_request);
        let goes_on = match rests {
            Status::Pausing => !is_paused,
            Status::Paused => !is_paused || ended.status != Stored::Succeeded,
            _ => false,
        };
        was_question && goes_on && self.ask_of_itself(self.wanted(Status::Resuming)) && is_paused
    }

    /// Has a workflow that rests because of a question rest until somebody resumes it, whoever answers.
    fn keep_at_rest(&mut self) {
        if !self.live.rests_on_request {
            self.live.rests_on_request = self.ask_of_itself(Status::Paused);
        }
    }

    /// Requests a status on behalf of nobody. Returns whether the workflow took it.
    pub(super) fn ask_of_itself(&mut self, status: Status) -> bool {
        let logged = WorkflowEvent::Requested { status: status.as_str().to_owned() };
        self.happen(Event::Request(status), logged).is_ok()
    }

    /// The status to request of the conductor when somebody requests `status`. Outcomes that came during a
    /// pause are taken in only when the conductor is asked to run: Orquesta never asks for that, and the log
    /// of an earlier version must replay in the same way.
    fn wanted(&self, status: Status) -> Status {
        let takes_in = status == Status::Resuming && self.live.conductor.holds_ends();
        if takes_in { Status::Running } else { status }
    }
}
