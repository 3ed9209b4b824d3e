//! The admission of reports by executions inside a workflow, if these still hold.

use std::sync::Arc;

use petrel_executions::Report;
use petrel_model::WorkflowEvent;
use petrel_persistence::{Change, Expect};
use petrel_workflows::Status;
use petrel_workflows::conductor::{self, Event};

use super::outcome;
use super::refusal::Refusal;
use super::step::Step;

impl Step {
    /// Whether a report may be accepted. A batch may contain several that were decided on the same version,
    /// for example of a child that is canceled and that begins. Only the first of them holds. And nothing may
    /// begin inside a workflow that is about to end.
    ///
    /// # Errors
    /// [`Refusal::Moved`].
    pub(super) fn admit(&self, report: &Report) -> Result<(), Refusal> {
        let id = report.execution.id;
        let is_overtaken = report.expect.iter().any(|expect| match expect {
            Expect::ExecutionVersion(id, version) => self.staged.get(id).is_some_and(|one| one != version),
            _ => false,
        });
        // The log ends with the reported status, so the entry before it has the old one.
        let before = report.execution.log.iter().rev().nth(1);
        let begins =
            !report.execution.status.is_final() && before.is_some_and(|entry| entry.status.is_waiting());
        if is_overtaken || !self.live.active.contains_key(&id) || (begins && self.live.starts_nothing()) {
            return Err(Refusal::Moved);
        }
        Ok(())
    }

    /// Applies a report.
    ///
    /// # Errors
    /// As [`Step::admit`]; then nothing has happened.
    pub(super) fn report(&mut self, report: Report) -> Result<(), Refusal> {
        self.admit(&report)?;
        let Report { parent, execution, expect, changes } = report;
        self.staged.extend(changes.iter().filter_map(|change| match change {
            Change::UpdateExecution(moved) => Some((moved.id, moved.version)),
            _ => None,
        }));
        self.expect.extend(expect);
        self.changes.extend(changes);
        let id = execution.id;
        let status = outcome::reported(execution.status);
        let item = parent.item.and_then(|item| usize::try_from(item).ok());
        // What has not ended has no result: that of a question is changed by its answer, and a replay reads it late.
        let result = execution.result.clone().filter(|_| execution.status.is_final()).unwrap_or_default();
        let rests_again = self.goes_on_for(&execution);
        let canceled_by = execution.context.cancelled_by.clone();
        if execution.status.is_final() {
            // One that was canceled unread has no result but the host's own.
            self.live.is_secret |= execution.holds_secrets() && execution.context.unread.is_none();
            self.live.active.remove(&id);
            self.ended.push(execution);
        }
        let execution = Some(Arc::from(id.to_string()));
        let logged = WorkflowEvent::Reported {
            task: Arc::clone(&parent.task),
            route: parent.route,
            item: parent.item,
            status: status.as_str().to_owned(),
            execution: Some(id),
            // The row of the execution has it, and a replay reads it there.
            result: None,
        };
        let report =
            conductor::Report { task: parent.task, route: parent.route, item, status, result, execution };
        // The conductor never refuses a report.
        drop(self.happen(Event::Report(report), logged));
        if rests_again {
            // In the log too where it rests by itself, for another question: that has to be the last request.
            let wanted = if self.status().is_running() { Status::Pausing } else { Status::Paused };
            self.ask_of_itself(wanted);
        }
        // StackStorm names nobody here, or its system user; but it was somebody who canceled the task.
        if let Some(user) = canceled_by
            && matches!(self.status(), Status::Canceling | Status::Canceled)
        {
            self.live.execution.context.cancelled_by.get_or_insert(user);
        }
        Ok(())
    }

    /// Has a workflow take in the outcomes that came during a pause, once something else made it go on.
    pub(super) fn take_in_ends(&mut self) {
        let goes_on = matches!(self.status(), Status::Running | Status::Resuming);
        if goes_on && self.live.conductor.holds_ends() {
            let logged = WorkflowEvent::Requested { status: Status::Running.as_str().to_owned() };
            // A workflow that goes on may always be asked to run.
            drop(self.happen(Event::Request(Status::Running), logged));
        }
    }

    /// Keeps the result of a task, for expressions that read it.
    pub(super) fn keep_result(&self, event: &Event) {
        if let (Some(results), Event::Report(report)) = (&self.live.results, event) {
            results.keep(report, &self.live.conductor);
        }
    }
}
