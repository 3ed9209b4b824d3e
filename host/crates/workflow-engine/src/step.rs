//! A step of a workflow: a batch of messages is applied in one commit with the outcomes, the entries of the
//! log, the next executions and the workflow's own status. If the commit cannot be made, nothing has
//! happened.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use petrel_engine_core::evaluation::quick;
use petrel_executions::{Report, ended, spans};
use petrel_model::{Execution, ExecutionId, Status as Stored, Timestamp, WorkflowEntry, WorkflowEvent};
use petrel_persistence::{Change, Expect};
use petrel_workflows::conductor::{self, Event};
use petrel_workflows::{Start, Status};
use tracing::Instrument as _;

use super::children::Around;
use super::live::{Inside, Live, Stopped};
use super::message::{Answer, Envelope, Message, dropped};
use super::refusal::Refusal;
use super::room::unmade;
use super::service::WorkflowEngine;
use super::{children, world};

/// Applies `batch`, and answers each sender.
pub(super) async fn process(
    engine: &WorkflowEngine,
    id: ExecutionId,
    live: &mut Option<Live>,
    batch: Vec<Envelope>,
) {
    let is_one = batch.len() == 1;
    match apply(engine, id, live, &batch).await {
        Ok(answers) => {
            batch.into_iter().zip(answers).for_each(|(envelope, answer)| envelope.answer(answer));
        }
        Err(refusal) if is_one => {
            batch.into_iter().zip([refusal]).for_each(|(envelope, refusal)| envelope.answer(Err(refusal)));
        }
        Err(_refusal) => {
            // The obstacle to one message need not be one to the others.
            for envelope in batch {
                let answers = apply(engine, id, live, std::slice::from_ref(&envelope)).await;
                let answer =
                    answers.and_then(|mut answers| answers.pop().unwrap_or_else(|| Err(dropped(id))));
                envelope.answer(answer);
            }
        }
    }
}

/// Applies messages in one commit, and returns an answer for each.
async fn apply(
    engine: &WorkflowEngine,
    id: ExecutionId,
    live: &mut Option<Live>,
    batch: &[Envelope],
) -> Result<Vec<Answer>, Refusal> {
    // Taken out, because the state is ahead of the store if the commit fails; then it is loaded again.
    let state = match live.take() {
        Some(state) => state,
        None => engine.load(id).await.map_err(|refusal| engine.unloaded(id, refusal, batch))?,
    };
    let span = spans::step(&state.execution);
    let (state, refused) = take_step(engine, state, batch).instrument(span).await?;
    let execution = state.execution.clone();
    *live = Some(state);
    Ok(refused.into_iter().map(|refusal| refusal.map_or_else(|| Ok(execution.clone()), Err)).collect())
}

/// The workflow after `batch`, once that is durable, with the refusal of each message that was refused.
async fn take_step(
    engine: &WorkflowEngine,
    state: Live,
    batch: &[Envelope],
) -> Result<(Live, Vec<Option<Refusal>>), Refusal> {
    let id = state.execution.id;
    let (step, refused) = if let Some(taken) =
        quick(|| Step::new(engine, state).taken(batch.iter().map(|envelope| &envelope.message)))
    {
        taken
    } else {
        // The attempt has changed the conductor, so the long evaluation starts again from the log.
        let state = engine.load(id).await.map_err(|refusal| engine.unloaded(id, refusal, batch))?;
        let messages: Vec<_> = batch.iter().map(|envelope| envelope.message.clone()).collect();
        let same = engine.clone();
        engine
            .queue()
            .evaluations()
            .heavy_and_exact(move || Step::new(&same, state).taken(messages.iter()))
            .await?
    };
    // The state stays in memory only if its commit was made.
    Ok((step.commit().await?, refused))
}

/// The decisions of a step before they are committed.
pub(super) struct Step {
    pub(super) engine: WorkflowEngine,
    pub(super) live: Live,
    pub(super) now: Timestamp,
    pub(super) entries: Vec<WorkflowEntry>,
    pub(super) expect: Vec<Expect>,
    pub(super) changes: Vec<Change>,
    pub(super) created: Vec<Change>,
    /// The executions inside it that have ended, as they will be stored.
    pub(super) ended: Vec<Execution>,
    /// The status of the workflow's execution before the step.
    before: Stored,
    /// Why it has met secrets that cannot be stored, if so.
    pub(super) unstorable: Option<String>,
    /// Whether everything inside the workflow was to end before the step.
    was_closing: bool,
    /// What somebody has asked of the workflow last: to go on, or to rest, which it may do already because of a question.
    pub(super) asked: Option<Status>,
    /// Whether somebody has canceled it in this step.
    pub(super) is_canceled: bool,
    /// The versions that the changes make, to recognize a second decision on the same version.
    pub(super) staged: HashMap<ExecutionId, u64>,
    /// The number of tasks that the step starts.
    pub(super) tasks: usize,
    /// The number of further executions that may be inside the root, once it was asked for.
    pub(super) room: Option<usize>,
}

impl Step {
    pub(super) fn new(engine: &WorkflowEngine, live: Live) -> Self {
        Self {
            engine: engine.clone(),
            now: engine.now(),
            before: live.execution.status,
            unstorable: None,
            was_closing: live.is_closing(),
            asked: None,
            is_canceled: false,
            staged: HashMap::new(),
            tasks: 0,
            room: None,
            live,
            entries: Vec::new(),
            expect: Vec::new(),
            changes: Vec::new(),
            created: Vec::new(),
            ended: Vec::new(),
        }
    }

    /// Applies `messages`, and returns the error of each that was refused.
    fn taken<'a>(mut self, messages: impl Iterator<Item = &'a Message>) -> (Self, Vec<Option<Refusal>>) {
        let refused = messages.map(|message| self.take(message.clone()).err()).collect();
        self.take_in_ends();
        (self, refused)
    }

    fn take(&mut self, message: Message) -> Result<(), Refusal> {
        match message {
            Message::Request(status) => self.request(status),
            Message::Cancel(user) => {
                self.request(Status::Canceling)?;
                self.live.execution.context.cancelled_by.get_or_insert(user);
                Ok(())
            }
            Message::Expire => {
                self.expire();
                Ok(())
            }
            Message::Fail(message) => {
                self.fail(message, Stopped::Failed);
                Ok(())
            }
            Message::Report(report) => self.report(*report),
            Message::Reports(reports) => {
                reports.iter().try_for_each(|report| self.admit(report))?;
                reports.into_iter().try_for_each(|report| self.report(report))
            }
        }
    }

    /// Fails the workflow after its timeout.
    fn expire(&mut self) {
        let seconds = self.live.conductor.timeout().unwrap_or_default();
        let message = format!("the workflow has taken longer than the {seconds} s that its timeout allows");
        self.fail(message, Stopped::Expired);
    }

    /// Fails the workflow and ends the executions inside it. An ended workflow stays as it is.
    pub(super) fn fail(&mut self, message: String, how: Stopped) {
        if self.live.execution.status.is_final() || self.live.stopped.is_some() {
            return;
        }
        self.live.stopped = Some(how);
        let is_timeout = how == Stopped::Expired;
        let event = Event::Fail(conductor::ErrorEntry::new(message.clone()));
        // A workflow that has not ended can always be failed; a failed one records this as well.
        drop(self.happen(event, WorkflowEvent::Failed { message, is_timeout }));
    }

    /// Applies an event with all its immediate consequences: an action that cannot be requested has failed.
    pub(super) fn happen(&mut self, event: Event, logged: WorkflowEvent) -> Result<(), conductor::Refused> {
        let mut queue = VecDeque::from([(event, logged)]);
        let (mut is_first, mut rounds) = (true, 0);
        let around = world::Around::new(self.engine.secrets(), self.live.results.clone());
        while let Some((event, logged)) = queue.pop_front() {
            rounds += 1;
            let (event, logged) = if self.is_endless(rounds) { self.endless() } else { (event, logged) };
            self.keep_result(&event);
            // A new one for each event, because its entry has only its own reads.
            let keys = Arc::new(world::Live::new(
                self.engine.queue().keys().readable_by(&self.live.execution.context.user),
            ));
            let number = self.live.sequence + u64::try_from(self.entries.len()).unwrap_or_default();
            let world = around.now(self.now, number, Arc::clone(&keys));
            let result = self.live.conductor.apply(&event, &world);
            let starts = match result {
                Ok(starts) => starts,
                Err(refused) if is_first => return Err(refused),
                // A consequence has no sender to whom it could be refused.
                Err(_refused) => Vec::new(),
            };
            is_first = false;
            let reads = keys.reads();
            self.live.sealed.extend(world::sealed(&reads));
            self.live.is_secret |= !self.live.sealed.is_empty();
            self.entries.push(WorkflowEntry { at: self.now, keys: reads, event: logged });
            self.tasks += starts.len();
            for start in &starts {
                queue.extend(self.start(start));
            }
        }
        Ok(())
    }

    /// Requests the executions of a task that starts, and returns the failures of those that cannot be built.
    fn start(&mut self, start: &Start) -> Vec<(Event, WorkflowEvent)> {
        let mut failed = Vec::new();
        if self.live.starts_nothing() {
            return failed;
        }
        let reevaluates = self.live.conductor.reevaluates();
        let decrypted = decrypted(&self.engine, &self.live);
        for action in &start.actions {
            if !self.has_room() {
                failed.push(self.overgrown());
                return failed;
            }
            let around = Around {
                workflow: &self.live.execution,
                decrypted: &decrypted,
                notify: self.live.conductor.notify_of(&start.task),
            };
            match children::make(&self.engine, around, start, action, self.now, reevaluates) {
                Ok(mut child) => {
                    // Nobody knows of what its parameters were made.
                    child.context.sealed |= self.live.is_secret;
                    let inside = Inside::of(self.engine.queue().is_workflow(&child));
                    self.live.active.insert(child.id, inside);
                    self.created.push(Change::CreateExecution(child));
                }
                Err(reason) => failed.push(unmade(start, action.item, &reason)),
            }
        }
        failed
    }

    /// The status of the workflow.
    pub(super) fn status(&self) -> Status {
        self.live.conductor.status()
    }

    /// Adds entries to the log that were applied before.
    pub(super) fn write(&mut self, entries: Vec<WorkflowEntry>) {
        self.entries.extend(entries);
    }

    /// Commits the step, and returns the workflow in its new state.
    pub(super) async fn commit(mut self) -> Result<Live, Refusal> {
        self.refuse_secrets();
        self.settle()?;
        let execution = self.live.execution.clone();
        if !self.entries.is_empty() {
            let sequence = self.live.sequence;
            self.live.sequence += u64::try_from(self.entries.len()).unwrap_or_default();
            let entries = std::mem::take(&mut self.entries);
            self.changes.push(Change::AppendWorkflow { execution: execution.id, sequence, entries });
        }
        let starts = self.created.len();
        self.changes.append(&mut self.created);
        let (expect, changes) = (std::mem::take(&mut self.expect), std::mem::take(&mut self.changes));
        let has_moved = self.before != self.live.execution.status;
        // A status that the workflow above has to know is stored by its step, in one commit with this one.
        match execution.task().cloned().filter(|_| has_moved && is_told(execution.status)) {
            Some(parent) => {
                let report = Report { parent, execution, expect, changes };
                match self.engine.deliver_up(report).await {
                    // The workflow above is gone, and this step is kept all the same.
                    Err(Refusal::Gone { reports, .. }) => self.engine.commit_reports(reports).await?,
                    result => drop(result?),
                }
            }
            None if has_moved => self.engine.queue().commit_end(&execution, expect, changes).await?,
            None => self.engine.queue().commit(expect, changes).await?,
        }
        tracing::debug!(status = %self.live.execution.status, starts, "the workflow has made a step");
        self.tell(starts > 0, has_moved);
        Ok(self.live)
    }

    /// Wakes those who wait, and tells the executions inside the workflow. Only after the commit.
    fn tell(&self, has_children: bool, has_moved: bool) {
        if has_children {
            self.engine.queue().wake();
        }
        self.ended.iter().for_each(|execution| self.engine.queue().tell(execution));
        if has_moved {
            if self.live.execution.status.is_final() {
                ended(&self.live.execution.runner, self.live.execution.status);
            }
            self.engine.queue().tell(&self.live.execution);
        }
        if self.live.execution.status.is_final() {
            self.engine.closing().remove(self.live.execution.id);
        } else if self.live.is_closing() {
            // Once: the task that ends the executions inside repeats its own attempts.
            if !self.was_closing {
                self.engine.end_inside(&self.live);
            }
        } else if has_moved || self.asked == Some(Status::Pausing) {
            let goes_on = self.asked == Some(Status::Resuming);
            self.engine.hand_on(&self.live, goes_on);
        }
    }
}

/// The texts that expressions of a workflow may have decrypted. Mostly there are none.
pub(super) fn decrypted(engine: &WorkflowEngine, live: &Live) -> Vec<String> {
    if live.sealed.is_empty() {
        return Vec::new();
    }
    world::opened(&live.sealed, &*engine.queue().keys().opener_of(&live.execution.context.user))
}

/// Whether a workflow reports this status to the one above it.
fn is_told(status: Stored) -> bool {
    status.is_final() || matches!(status, Stored::Paused | Stored::Running | Stored::Pending)
}
