//! The implementation of [`Conductor`]: requests of executions, and through them of people, who pause,
//! resume, cancel and rerun workflows.

use async_trait::async_trait;
use petrel_engine_core::Error;
use petrel_executions::{Conductor, Report, Uncommitted, unknown};
use petrel_model::{Execution, ExecutionId, Status as Stored};
use petrel_persistence::{Change, Expect};
use petrel_workflows::{Language, Source, Status};

use super::message::Message;
use super::refusal::Refusal;
use super::service::WorkflowEngine;

/// The number of known tasks that an error names.
const TASKS_SHOWN: usize = 20;

#[async_trait]
impl Conductor for WorkflowEngine {
    async fn begin(&self, execution: Execution) {
        self.begin_workflow(execution).await;
    }

    fn holds(&self, execution: &Execution) -> bool {
        self.closing().has_inside(execution) || self.behind().has_inside(execution)
    }

    async fn may_begin(&self, execution: &Execution) -> bool {
        self.catch_up_with(execution).await;
        !self.holds(execution)
    }

    async fn outcome(&self, report: Report) -> Result<(), Uncommitted> {
        let workflow = report.parent.execution;
        match self.deliver(workflow, Message::Report(Box::new(report))).await {
            Ok(_workflow) => Ok(()),
            // The workflow is gone, and the outcome is kept all the same.
            Err(Refusal::Gone { reports, .. }) => self.commit_reports(reports).await,
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// One that was asked already has told nobody here if that was before the backup that it is held since: what is inside
    /// it is told now.
    async fn cancel(&self, workflow: Execution, user: &str) -> Result<Execution, Uncommitted> {
        let id = workflow.id;
        let refusal = if workflow.status == Stored::Canceling {
            self.closing().add(id);
            match self.go_on_with(id).await {
                Ok(()) => return Ok(workflow),
                Err(refusal) => refusal,
            }
        } else {
            match self.deliver(id, Message::Cancel(user.to_owned())).await {
                Ok(workflow) => return Ok(workflow),
                Err(refusal) => refusal,
            }
        };
        if !matches!(refusal, Refusal::Gone { .. } | Refusal::Failed(Error::Unreadable(_) | Error::Sealed(_)))
        {
            return Err(refusal.into());
        }
        // Without its log nobody knows how it would go on, and it need not go on. But what cannot be read may be the
        // workflow above, which is to hear of the end.
        match self.load(id).await {
            Err(Refusal::Failed(Error::Unreadable(reason) | Error::Sealed(reason))) => {
                self.cancel_unread(workflow, user, reason).await
            }
            _ => Err(refusal.into()),
        }
    }

    async fn pause(&self, id: ExecutionId) -> Result<Execution, Error> {
        self.ask(id, Status::Pausing).await
    }

    async fn resume(&self, id: ExecutionId) -> Result<Execution, Error> {
        self.ask(id, Status::Resuming).await
    }

    async fn check_rerun(&self, execution: &Execution, tasks: &[String]) -> Result<(), Error> {
        let id = execution.id;
        if Language::of_runner(&execution.runner) != Some(Language::Orquesta) {
            let message = format!(
                "Task option is only supported for Orquesta workflows: execution {id} is run by `{}`",
                execution.runner
            );
            return Err(Error::invalid(message, "leave out the tasks: then all of it runs again"));
        }
        if !execution.status.is_final() {
            let message = format!("execution {id} is {} and has not ended", execution.status);
            return Err(Error::invalid(message, "wait for its end, or cancel it"));
        }
        self.refuse_unknown_tasks(id, tasks).await
    }

    fn hold_back(&self) {
        let workflows = self.store().by_workflow().into_keys();
        workflows.filter(|id| self.store().is_held(*id)).for_each(|id| {
            self.behind().add(id);
        });
    }

    async fn take_up(&self, workflows: Vec<Execution>) -> Result<(), Error> {
        for workflow in &workflows {
            // Of the others only the log says whether they were to end: they have taken too long, say.
            let is_to_end = workflow.status == Stored::Canceling;
            let marked = if is_to_end { self.closing() } else { self.behind() };
            marked.add(workflow.id);
        }
        self.end_left_behind(&workflows).await?;
        // In the background, so that the host does not wait until all workflows are rebuilt.
        let engine = self.clone();
        self.core().spawn("recovery of workflows", async move { engine.go_on(workflows).await });
        Ok(())
    }
}

impl WorkflowEngine {
    /// Requests a status of a workflow.
    ///
    /// # Errors
    /// When the execution does not exist, is not a workflow, is held, or its status does not allow the
    /// request.
    pub(super) async fn ask(&self, id: ExecutionId, status: Status) -> Result<Execution, Error> {
        let execution = self.store().execution(id).await?.ok_or_else(|| unknown(id))?;
        let conflict = |message: String, hint: &str| Error::Conflict {
            message,
            hint: hint.into(),
            id: Some(id.to_string()),
        };
        if !self.queue().is_workflow(&execution) {
            let change = if status == Status::Resuming { "resumed" } else { "paused" };
            let message = format!("execution {id} is run by `{}` and cannot be {change}", execution.runner);
            return Err(conflict(
                message,
                "only workflows can be paused and resumed; `petrel execution cancel` ends it",
            ));
        }
        if self.store().is_held(id) && !execution.status.is_final() {
            let message = format!(
                "execution {id} is held: it was in flight at the backup that this host is restored from"
            );
            return Err(conflict(
                message,
                "`petrel resume-all` lets all that is held go on; canceling it is possible",
            ));
        }
        if execution.status.is_final() {
            let message = format!("execution {id} has ended: it is {}", execution.status);
            return Err(conflict(message, "`petrel execution rerun` runs it again"));
        }
        if execution.status.is_waiting() {
            let message = format!("execution {id} is {} and has not begun", execution.status);
            return Err(conflict(message, "wait until it runs; canceling it is possible"));
        }
        Ok(self.deliver(id, Message::Request(status)).await?)
    }

    /// Refuses tasks that the workflow's definition does not have. A workflow that never began has no
    /// definition; its rerun reports the reason when it runs.
    async fn refuse_unknown_tasks(&self, workflow: ExecutionId, tasks: &[String]) -> Result<(), Error> {
        let Some(compiled) = self.definition(workflow).await? else { return Ok(()) };
        let Source::Orquesta(definition) = &compiled.definition else { return Ok(()) };
        // A command such as `fail` has run nothing that could be run again.
        let is_task = |name: &str| {
            let task = definition.find(name).and_then(|task| definition.task(task));
            task.is_some_and(|task| task.engine.is_none())
        };
        let is_known = |task: &&String| match task.split_once('|') {
            Some((name, route)) => is_task(name) && route.parse::<u32>().is_ok(),
            None => is_task(task),
        };
        let Some(stranger) = tasks.iter().find(|task| !is_known(task)) else { return Ok(()) };
        let known = definition.tasks().iter().filter(|task| task.engine.is_none()).take(TASKS_SHOWN);
        let known: Vec<&str> = known.map(|task| &*task.name).collect();
        let hint = format!("its tasks are {}; NAME|2 is the task on its third route", known.join(", "));
        Err(Error::invalid(format!("the workflow of execution {workflow} has no task `{stranger}`"), hint))
    }

    /// Commits a change of `execution`. An outcome inside a workflow goes through the workflow above, for its
    /// consequences.
    pub(super) async fn commit_outcome(
        &self,
        execution: &Execution,
        expect: Expect,
        changes: Vec<Change>,
    ) -> Result<(), Uncommitted> {
        match execution.task().cloned().filter(|_| execution.status.is_final()) {
            Some(parent) => {
                let (execution, expect) = (execution.clone(), vec![expect]);
                self.outcome(Report { parent, execution, expect, changes }).await
            }
            None => self.queue().commit_end(execution, vec![expect], changes).await,
        }
    }

    /// Commits the reports to a workflow that is gone.
    pub(super) async fn commit_reports(&self, reports: Vec<Report>) -> Result<(), Uncommitted> {
        let (expect, changes): (Vec<_>, Vec<_>) =
            reports.into_iter().map(|report| (report.expect, report.changes)).unzip();
        self.queue().commit(expect.concat(), changes.concat()).await
    }
}
