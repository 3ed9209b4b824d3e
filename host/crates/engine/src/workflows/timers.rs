//! Workflows that may take only so long, and those that an earlier process was conducting. What ends a workflow by the
//! time is kept here and not with the workflow, which so can leave memory while it waits.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use petrel_model::{Execution, ExecutionId, Timestamp};
use petrel_workflows::Status;
use tokio::task::AbortHandle;
use tracing::Instrument as _;

use super::cascade;
use super::live::Live;
use super::mailbox::{Message, deliver, lock};
use crate::error::Error;
use crate::service::Engine;
use crate::spans;

/// What ends a workflow when it takes too long; it is called off when this is dropped.
#[derive(Debug)]
struct Timer(AbortHandle);

impl Drop for Timer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What ends the workflows that may take only so long and have not ended, in memory or not.
#[derive(Debug, Default)]
pub(super) struct Timers(Mutex<HashMap<ExecutionId, Timer>>);

/// Has a workflow ended when it has taken longer than it may, unless that is seen to; calls that off once it has
/// ended. The time counts from its beginning, whichever process that was in. To be called whenever something has
/// happened to it.
pub(super) fn follow(engine: &Engine, live: &Live) {
    // Most have no timeout, and need no lock.
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

/// Has the workflow `id` ended at `end`.
fn arm(engine: Engine, id: ExecutionId, end: Timestamp) -> Timer {
    let core = engine.core().clone();
    let waiting = engine.core().clone().spawn("timeout of a workflow", async move {
        tokio::select! {
            () = core.sleep(end.since(core.now())) => {}
            () = core.stop_starting().cancelled() => return,
        }
        // In a task of its own, which nobody calls off half way.
        core.spawn("end of a workflow", async move {
            if let Err(error) = deliver(&engine, id, Message::Expire).await {
                tracing::warn!(execution.id = %id, %error, "it has taken too long and cannot be ended");
            }
        });
    });
    Timer(waiting.abort_handle())
}

/// Takes up the workflows that an earlier process was conducting: their time runs on, and what they had asked of
/// what runs inside them is asked again, as it may not have been told.
pub(crate) async fn take_up(engine: Engine, workflows: Vec<Execution>) {
    for execution in workflows {
        take_up_one(&engine, execution.id).instrument(spans::execution(&execution)).await;
    }
}

/// Takes up one workflow, unless something has happened to it meanwhile.
async fn take_up_one(engine: &Engine, id: ExecutionId) {
    let workflow = engine.0.workflows.get(id);
    let mut held = workflow.live.lock().await;
    if workflow.is_gone() {
        // Nothing is left to be taken up.
        return;
    }
    if held.is_none() {
        match Live::load(engine, id).await {
            Ok(live) => *held = Some(live),
            Err(error) => tracing::error!(execution.id = %id, %error, "the workflow cannot be taken up"),
        }
    }
    if let Some(live) = held.as_ref() {
        follow(engine, live);
        if live.is_closing() {
            cascade::end(engine, live);
        } else {
            cascade::take_in_ends(engine, live);
            match live.conductor.status() {
                Status::Pausing | Status::Resuming => cascade::hand_on(engine, live, true),
                Status::Running => cascade::hand_on_again(engine, live),
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

/// Ends what is inside workflows that have ended: an earlier version could leave it behind. Nothing of it begins
/// once this returns.
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
        let trace = workflow.as_ref().map(|workflow| tracing::field::display(workflow.trace_id()));
        tracing::warn!(execution.id = %id, trace, left = inside.len(), "it has ended and something was left inside it; that is canceled");
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
