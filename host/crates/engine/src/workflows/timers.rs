//! The timeouts of workflows, and the recovery of workflows that an earlier process was conducting. Timeouts are kept
//! here and not in the workflow, which can so leave memory while it waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use petrel_model::{Execution, ExecutionId, Timestamp};
use petrel_workflows::Status;
use tokio::task::AbortHandle;

use super::cascade;
use super::live::Live;
use super::mailbox::{Message, deliver, lock};
use crate::error::Error;
use crate::service::Engine;

/// The timeout of a workflow. On drop it is called off.
#[derive(Debug)]
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The timeouts of workflows that have not ended, in memory or not.
#[derive(Debug, Default)]
pub(super) struct Timers(Mutex<HashMap<ExecutionId, Timer>>);

/// Sets the timeout of a workflow, unless it is set, and calls it off once the workflow has ended. The time counts
/// from its beginning, in whichever process that was. To be called whenever a workflow has changed.
pub(super) fn follow(engine: &Engine, live: &Live) {
    // Most workflows have no timeout, and need no lock.
    let Some(timeout) = live.conductor.timeout().and_then(|seconds| u64::try_from(seconds).ok()) else {
        return;
    };
    let id = live.execution.id;
    let mut timers = lock(&engine.0.workflows.timers.0);
    if live.execution.status.is_final() {
        timers.remove(&id);
    } else {
        let end = live.began.plus(Duration::from_secs(timeout));
        timers.entry(id).or_insert_with(|| arm(engine.clone(), id, end));
    }
}

/// Ends the workflow `id` at `end`.
fn arm(engine: Engine, id: ExecutionId, end: Timestamp) -> Timer {
    let core = engine.core().clone();
    let waiting = engine.core().clone().spawn("timeout of a workflow", async move {
        tokio::select! {
            () = core.sleep(end.since(core.now())) => {}
            () = core.stop_starting().cancelled() => return,
        }
        // A task of its own, which cannot be called off half way.
        core.spawn("end of a workflow", async move {
            if let Err(error) = deliver(&engine, id, Message::Expire).await {
                tracing::warn!(execution.id = %id, %error, "failed to end a workflow after its timeout");
            }
        });
    });
    Timer(waiting.abort_handle())
}

/// Recovers the workflows that an earlier process was conducting: their timeouts run on, and their requests to
/// executions inside them are repeated, because these may not have been told.
pub(crate) async fn take_up(engine: Engine, workflows: Vec<Execution>) {
    for execution in workflows {
        let id = execution.id;
        let workflow = engine.0.workflows.get(id);
        let mut held = workflow.live.lock().await;
        if workflow.is_gone() {
            // The workflow has made progress meanwhile, and needs no recovery.
            continue;
        }
        if held.is_none() {
            match Live::load(&engine, id).await {
                Ok(live) => *held = Some(live),
                Err(error) => tracing::error!(execution.id = %id, %error, "failed to recover a workflow"),
            }
        }
        if let Some(live) = held.as_ref() {
            follow(&engine, live);
            if live.is_closing() {
                cascade::end(&engine, live);
            } else {
                cascade::take_in_ends(&engine, live);
                match live.conductor.status() {
                    Status::Pausing | Status::Resuming => cascade::hand_on(&engine, live, true),
                    Status::Running => cascade::hand_on_again(&engine, live),
                    _ => {}
                }
            }
        }
        if held.as_ref().is_none_or(Live::is_idle) {
            *held = None;
            engine.0.workflows.forget(id, &workflow);
        } else {
            engine.0.workflows.used(&workflow, held.as_ref());
        }
        drop(held);
        engine.0.workflows.make_room(engine.0.options.waiting_workflows);
    }
}

/// Ends executions that an earlier version left inside ended workflows. None of them begins once this returns.
///
/// # Errors
/// When the store cannot be read.
pub(crate) async fn end_left_behind(engine: &Engine, conducted: &[Execution]) -> Result<(), Error> {
    let conducted: HashSet<ExecutionId> = conducted.iter().map(|workflow| workflow.id).collect();
    let mut left: BTreeMap<ExecutionId, Vec<ExecutionId>> = engine.store().by_workflow();
    left.retain(|workflow, _| !conducted.contains(workflow));
    for (id, inside) in left {
        let workflow = engine.store().execution(id).await?;
        if workflow.as_ref().is_some_and(|workflow| !workflow.status.is_final()) {
            continue;
        }
        tracing::warn!(execution.id = %id, left = inside.len(), "canceling executions left inside a workflow that has ended");
        engine.0.workflows.closing.add(id);
        let (core, engine) = (engine.core().clone(), engine.clone());
        let user = workflow.map(|one| one.context.user).unwrap_or_default();
        core.spawn("end of a workflow", async move {
            cascade::end_all(engine.clone(), id, inside, user).await;
            engine.0.workflows.closing.remove(id);
        });
    }
    Ok(())
}
