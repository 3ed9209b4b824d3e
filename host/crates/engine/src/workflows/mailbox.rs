//! Takes what happens to workflows, one workflow at a time and in order. What comes while a commit is under
//! way is taken together by the next: a hundred tasks that end at once cost a few commits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use petrel_model::{Execution, ExecutionId};
use petrel_workflows::Status;
use tokio::sync::oneshot;

use super::closing::Closing;
use super::definitions::Definitions;
use super::live::{Live, Loads};
use super::report::Report;
use super::residence::{Residence, Resident};
use super::step;
use super::timers::{self, Timers};
use crate::error::Error;
use crate::service::Engine;

/// What happens to a workflow.
#[derive(Debug, Clone)]
pub(super) enum Message {
    /// An execution that a task has asked for tells where it stands.
    Report(Box<Report>),
    /// Several of them do, all or none.
    Reports(Vec<Report>),
    /// Somebody asks for a status.
    Request(Status),
    /// It has taken longer than it may.
    Expire,
    /// It is made to fail, for this reason, and all that is inside it ends.
    Fail(String),
}

/// A message on its way.
pub(super) struct Envelope {
    pub(super) message: Message,
    /// Who waits for it to be durable, and gets the workflow's execution as it is then.
    pub(super) reply: oneshot::Sender<Result<Execution, Error>>,
}

/// A workflow that something has happened to.
#[derive(Default)]
pub(super) struct Workflow {
    pub(super) queue: Mutex<Vec<Envelope>>,
    pub(super) resident: Resident,
    pub(super) live: tokio::sync::Mutex<Option<Live>>,
    /// Whether it is no longer the one that is known; set while `live` is held.
    is_gone: AtomicBool,
    /// Whether somebody is at work on it; set while `live` is held.
    is_at_work: AtomicBool,
}

/// The workflows that are in memory.
#[derive(Default)]
pub(crate) struct Workflows {
    pub(super) known: Mutex<HashMap<ExecutionId, Arc<Workflow>>>,
    pub(super) residence: Residence,
    /// Those of which nothing may begin any more.
    pub(crate) closing: Closing,
    pub(super) definitions: Definitions,
    pub(super) loads: Loads,
    /// What ends those that may take only so long.
    pub(super) timers: Timers,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Workflow {
    /// Whether it was forgotten; to be asked while `live` is held.
    pub(super) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// Begins work on it, which holds `live`. Whoever was at work before may have been dropped midway, as it happens when
    /// the process goes: what that has sent to the store is still on its way then, and `live` is to be read behind it,
    /// or two entries of the log get the same place.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn begin_work(&self, engine: &Engine, live: &mut Option<Live>) -> Result<(), Error> {
        if self.is_at_work.swap(true, Ordering::SeqCst) {
            *live = None;
            // Commits are made one after the other: when this one is, so are those before it.
            engine.commit(Vec::new(), Vec::new()).await?;
        }
        Ok(())
    }

    /// The work is over: nothing of it is on its way.
    pub(super) fn end_work(&self) {
        self.is_at_work.store(false, Ordering::SeqCst);
    }
}

impl Workflows {
    /// A workflow, whether it is in memory yet or not.
    pub(super) fn get(&self, id: ExecutionId) -> Arc<Workflow> {
        Arc::clone(lock(&self.known).entry(id).or_default())
    }

    /// Forgets a workflow whose `live` is held by the caller.
    pub(super) fn forget(&self, id: ExecutionId, workflow: &Arc<Workflow>) {
        workflow.is_gone.store(true, Ordering::SeqCst);
        self.used(workflow, None);
        let mut known = lock(&self.known);
        if known.get(&id).is_some_and(|one| Arc::ptr_eq(one, workflow)) {
            known.remove(&id);
        }
    }
}

/// Hands `message` to the workflow `id`. What follows from it is durable when this returns.
///
/// # Errors
/// What stands in its way; then nothing has happened.
pub(super) async fn deliver(engine: &Engine, id: ExecutionId, message: Message) -> Result<Execution, Error> {
    let (reply, mut answer) = oneshot::channel();
    let mut envelope = Some(Envelope { message, reply });
    loop {
        let workflow = engine.0.workflows.get(id);
        if let Some(envelope) = envelope.take() {
            lock(&workflow.queue).push(envelope);
        }
        let mut live = workflow.live.lock().await;
        if workflow.is_gone() {
            // It went while we waited. What nobody has taken is ours to hand on.
            let left = std::mem::take(&mut *lock(&workflow.queue));
            drop(live);
            if !left.is_empty() {
                lock(&engine.0.workflows.get(id).queue).extend(left);
            }
        } else {
            workflow.begin_work(engine, &mut live).await?;
            let batch = std::mem::take(&mut *lock(&workflow.queue));
            if !batch.is_empty() {
                step::process(engine, id, &mut live, batch).await;
            }
            workflow.end_work();
            if let Some(live) = live.as_ref() {
                timers::follow(engine, live);
            }
            if live.as_ref().is_none_or(Live::is_idle) && lock(&workflow.queue).is_empty() {
                engine.0.workflows.forget(id, &workflow);
                *live = None;
            } else {
                engine.0.workflows.used(&workflow, live.as_ref());
            }
            drop(live);
            engine.0.workflows.make_room(engine.0.options.waiting_workflows);
        }
        match answer.try_recv() {
            Ok(answer) => return answer,
            Err(oneshot::error::TryRecvError::Empty) => {}
            Err(oneshot::error::TryRecvError::Closed) => {
                return Err(Error::Internal(format!("what happened to the workflow {id} was dropped")));
            }
        }
    }
}
