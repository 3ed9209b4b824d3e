//! Executions that maintenance windows hold. `petrel_triggers` gave them the end of the window as their time; once a window is
//! deleted, those that no other one holds start, as [`early`](super::policies) has it for limits of rates.

use std::collections::BTreeMap;

use petrel_catalog::content::Content;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status, Timestamp};
use petrel_persistence::{Change, ExecutionFilter, Expect};

use crate::service::Executions;
use crate::uncommitted::Uncommitted;

/// The greatest number of executions that are read, or released, in one step.
const STEP: usize = 100;

impl Executions {
    /// Follows changes of the maintenance windows, of which `known` are those of the start. Ends when the host stops.
    pub(crate) async fn follow_windows(self, mut known: BTreeMap<String, (Timestamp, Timestamp)>) {
        let (catalog, stop) = (self.queue().catalog().clone(), self.core().stop_starting().clone());
        loop {
            // Before the content, so that no change in between is missed.
            let version = catalog.version();
            let (present, now) = (catalog.content().window_times(), self.core().now());
            if present != known {
                let is_gone = |(name, times): (&String, &(Timestamp, Timestamp))| {
                    times.1 > now && present.get(name) != Some(times)
                };
                let has_gone = known.iter().any(is_gone);
                known = present;
                if has_gone {
                    self.release_held().await;
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = catalog.changed_since(version) => {}
            }
        }
    }

    /// The maintenance window that holds an execution, in a sentence. `None` if none does.
    pub(super) fn window_reason(&self, execution: &Execution) -> Option<String> {
        let (window, until) = hold(execution, self.core().now())?;
        let told = format!("maintenance window {window} holds it until {until}");
        Some(match self.queue().catalog().content().window(window) {
            Ok(_) => format!("{told}; `petrel maintenance delete {window}` has it start before that"),
            Err(_deleted) => told,
        })
    }

    /// Has those start that no window holds any more, the oldest first.
    async fn release_held(&self) {
        let held = match self.held_by_windows().await {
            Ok(held) => held,
            Err(error) => {
                let hint = "they start at the end of the window, or run again once they are canceled";
                tracing::warn!(%error, hint, "executions that a deleted maintenance window holds cannot be read");
                return;
            }
        };
        for step in held.chunks(STEP) {
            for id in step {
                if let Err(error) = self.release(*id).await {
                    tracing::warn!(execution.id = %id, %error, "an execution waits for the end of a maintenance window that is deleted");
                }
            }
            self.queue().wake();
            // A host that stops has no time for a long list; what is left starts at its time.
            if self.core().stop_starting().is_cancelled() {
                return;
            }
        }
    }

    /// The executions that windows hold, oldest first.
    async fn held_by_windows(&self) -> Result<Vec<ExecutionId>, Error> {
        let filter = ExecutionFilter { status: Some(Status::Delayed), ..ExecutionFilter::default() };
        let (mut held, mut before, now) = (Vec::new(), None, self.core().now());
        loop {
            let page = self.store().executions(&filter, before, STEP).await?;
            let of_page = page.items.iter().filter(|execution| hold(execution, now).is_some());
            held.extend(of_page.map(|execution| execution.id));
            before = page.next;
            if before.is_none() || self.core().stop_starting().is_cancelled() {
                held.reverse();
                return Ok(held);
            }
        }
    }

    /// Has an execution start if no window holds it, or as soon as another one lets it.
    async fn release(&self, id: ExecutionId) -> Result<(), Error> {
        if self.store().is_held(id) {
            return Ok(());
        }
        let Some(execution) = self.store().execution(id).await? else { return Ok(()) };
        let expect = Expect::ExecutionVersion(id, execution.version);
        let released = released(execution, &self.queue().catalog().content(), self.core().now());
        let Some(execution) = released else { return Ok(()) };
        match self.queue().commit(vec![expect], vec![Change::UpdateExecution(execution)]).await {
            // It was canceled.
            Ok(()) | Err(Uncommitted::Moved) => Ok(()),
            Err(Uncommitted::Failed(error)) => Err(error),
        }
    }
}

/// The maintenance window that holds an execution at `now`, and the end of that.
fn hold(execution: &Execution, now: Timestamp) -> Option<(&str, Timestamp)> {
    // What a policy delays has another status, and its time is that of the policy.
    let until = execution.ready_at.filter(|at| *at > now && execution.status == Status::Requested)?;
    Some((execution.context.maintenance_window.as_deref()?, until))
}

/// The execution as the windows of `content` hold it at `now`. `None` if they hold it as it is held already.
fn released(mut held: Execution, content: &Content, now: Timestamp) -> Option<Execution> {
    let (window, until) = hold(&held, now)?;
    let origin = held.context.rule.as_ref();
    let rule = origin.and_then(|origin| content.rule(&origin.name).ok());
    let other = rule.and_then(|rule| {
        let other = content.window_of(rule, now)?;
        Some((other.name.clone(), content.free_from(rule, other.until).min(until)))
    });
    if other.as_ref().is_some_and(|(name, at)| name == window && *at == until) {
        return None;
    }
    let (name, at) = other.unzip();
    (held.context.maintenance_window, held.ready_at) = (name, at);
    held.version += 1;
    Some(held)
}
