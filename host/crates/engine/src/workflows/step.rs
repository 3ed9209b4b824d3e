//! Applies a batch of what has happened to a workflow: one commit with the outcomes, the entries of the log,
//! the next executions and the workflow's own status. When it cannot be made, nothing has happened.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use petrel_model::{
    Execution, ExecutionId, Parent, Status as Stored, StatusEvent, Timestamp, WorkflowEntry, WorkflowEvent,
};
use petrel_persistence::{Change, Expect};
use petrel_workflows::conductor::{self, Event};
use petrel_workflows::{Start, Status};
use serde_json::{Value, json};

use super::live::Live;
use super::mailbox::{Envelope, Message, deliver};
use super::{cascade, children, outcome, world};
use crate::clock;
use crate::error::Error;
use crate::evaluation::quick;
use crate::executor::storable;
use crate::measures;
use crate::service::Engine;

/// An execution that belongs to a workflow tells where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// Where it belongs.
    pub(crate) parent: Parent,
    /// It, as it is from now on.
    pub(crate) execution: Execution,
    /// What must hold for its change.
    pub(crate) expect: Vec<Expect>,
    /// Its change.
    pub(crate) changes: Vec<Change>,
}

/// Applies `batch`, and answers each who waits for it.
pub(super) async fn process(engine: &Engine, id: ExecutionId, live: &mut Option<Live>, batch: Vec<Envelope>) {
    let (messages, mut replies): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|envelope| (envelope.message, envelope.reply)).unzip();
    match apply(engine, id, live, &messages).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Whoever waited may have gone.
                drop(reply.send(answer));
            }
        }
        Err(_error) if messages.len() > 1 => {
            // What stands in the way of one of them need not be in the way of the others.
            for (message, reply) in messages.into_iter().zip(replies) {
                let answers = apply(engine, id, live, std::slice::from_ref(&message)).await;
                let answer =
                    answers.and_then(|mut answers| answers.pop().unwrap_or_else(|| Err(dropped(id))));
                drop(reply.send(answer));
            }
        }
        Err(error) => {
            if let Some(reply) = replies.pop() {
                drop(reply.send(Err(error)));
            }
        }
    }
}

fn dropped(id: ExecutionId) -> Error {
    Error::Internal(format!("what happened to the workflow {id} was dropped"))
}

/// Applies messages in one commit; gives the answer to each.
async fn apply(
    engine: &Engine,
    id: ExecutionId,
    live: &mut Option<Live>,
    messages: &[Message],
) -> Result<Vec<Result<Execution, Error>>, Error> {
    let state = match live.take() {
        Some(state) => state,
        None => Live::load(engine, id).await?,
    };
    let (step, refused) = if let Some(taken) = quick(|| Step::new(engine, state).taken(messages)) {
        taken
    } else {
        // The conductor was changed on the way, so what took too long is done again from the log.
        let (state, messages) = (Live::load(engine, id).await?, messages.to_vec());
        let engine = engine.clone();
        engine.clone().heavy_and_exact(move || Step::new(&engine, state).taken(&messages)).await?
    };
    // Only when the commit was made, what it was decided on stays in memory.
    let state = step.commit().await?;
    let execution = state.execution.clone();
    *live = Some(state);
    Ok(refused.into_iter().map(|error| error.map_or_else(|| Ok(execution.clone()), Err)).collect())
}

/// What is decided, before it is committed.
pub(super) struct Step {
    engine: Engine,
    live: Live,
    now: Timestamp,
    entries: Vec<WorkflowEntry>,
    pub(super) expect: Vec<Expect>,
    pub(super) changes: Vec<Change>,
    created: Vec<Change>,
    moved: Vec<(ExecutionId, Stored, String)>,
    /// Where its execution stood before.
    before: Stored,
    /// Whether somebody asked it to go on.
    goes_on: bool,
}

impl Step {
    pub(super) fn new(engine: &Engine, live: Live) -> Self {
        Self {
            engine: engine.clone(),
            now: clock::now(),
            before: live.execution.status,
            goes_on: false,
            live,
            entries: Vec::new(),
            expect: Vec::new(),
            changes: Vec::new(),
            created: Vec::new(),
            moved: Vec::new(),
        }
    }

    /// This, and what each of `messages` was refused for.
    fn taken(mut self, messages: &[Message]) -> (Self, Vec<Option<Error>>) {
        let refused = messages.iter().map(|message| self.take(message.clone()).err()).collect();
        (self, refused)
    }

    fn take(&mut self, message: Message) -> Result<(), Error> {
        match message {
            Message::Request(status) => self.request(status),
            Message::Expire => {
                self.expire();
                Ok(())
            }
            Message::Report(report) => {
                self.report(*report);
                Ok(())
            }
        }
    }

    pub(super) fn request(&mut self, status: Status) -> Result<(), Error> {
        self.goes_on |= matches!(status, Status::Resuming | Status::Running);
        let logged = WorkflowEvent::Requested { status: status.as_str().to_owned() };
        self.happen(Event::Request(status), logged).map_err(|refused| Error::Conflict {
            message: format!("execution {}: {refused}", self.live.execution.id),
            hint: "look at it with `petrel execution get`".into(),
            id: Some(self.live.execution.id.to_string()),
        })
    }

    /// The workflow fails since it has taken too long; one that has ended is left alone.
    fn expire(&mut self) {
        if self.live.conductor.status().is_completed() {
            return;
        }
        let seconds = self.live.conductor.timeout().unwrap_or_default();
        let message = format!("the workflow has taken longer than the {seconds} s that its timeout allows");
        let event = Event::Fail(conductor::ErrorEntry::new(message.clone()));
        self.live.is_expired = true;
        // A workflow that goes on can always be failed.
        drop(self.happen(event, WorkflowEvent::Failed { message }));
    }

    fn report(&mut self, report: Report) {
        let Report { parent, execution, expect, changes } = report;
        self.expect.extend(expect);
        self.changes.extend(changes);
        if execution.status.is_final() {
            self.live.active.remove(&execution.id);
        }
        self.moved.push((execution.id, execution.status, execution.runner));
        let status = outcome::reported(execution.status);
        let item = parent.item.and_then(|item| usize::try_from(item).ok());
        let result = execution.result.unwrap_or_default();
        let id = execution.id;
        let execution = Some(Arc::from(id.to_string()));
        let logged = WorkflowEvent::Reported {
            task: Arc::clone(&parent.task),
            route: parent.route,
            item: parent.item,
            status: status.as_str().to_owned(),
            execution: Some(id),
            result: None,
        };
        let report =
            conductor::Report { task: parent.task, route: parent.route, item, status, result, execution };
        // A report is never refused.
        drop(self.happen(Event::Report(report), logged));
    }

    /// Applies an event, and all that follows at once: an action that cannot be asked for has failed.
    pub(super) fn happen(&mut self, event: Event, logged: WorkflowEvent) -> Result<(), conductor::Refused> {
        let mut queue = VecDeque::from([(event, logged)]);
        let (mut is_first, mut rounds) = (true, 0);
        while let Some((event, logged)) = queue.pop_front() {
            rounds += 1;
            let (event, logged) = if rounds == MOST_ROUNDS { endless() } else { (event, logged) };
            self.keep_result(&event);
            let keys =
                Arc::new(world::Live::new(self.engine.datastore_for(&self.live.execution.context.user)));
            let number = self.live.sequence + u64::try_from(self.entries.len()).unwrap_or_default();
            let world = world::now(self.now, number, Arc::clone(&keys), self.live.results.clone());
            let result = self.live.conductor.apply(&event, &world);
            let starts = match result {
                Ok(starts) => starts,
                Err(refused) if is_first => return Err(refused),
                Err(_refused) => Vec::new(),
            };
            is_first = false;
            self.entries.push(WorkflowEntry { at: self.now, keys: keys.reads(), event: logged });
            for start in &starts {
                queue.extend(self.start(start));
            }
        }
        Ok(())
    }

    /// Keeps what a task gave, for expressions that ask for it.
    fn keep_result(&self, event: &Event) {
        if let (Some(results), Event::Report(report)) = (&self.live.results, event) {
            results.keep(report, &self.live.conductor);
        }
    }

    /// Asks for the executions of a task that starts; gives the failures of those that cannot be made.
    fn start(&mut self, start: &Start) -> Vec<(Event, WorkflowEvent)> {
        let mut failed = Vec::new();
        let reevaluates = self.live.conductor.reevaluates();
        for action in start.actions.iter().filter(|action| !action.action.is_null()) {
            match children::make(&self.engine, &self.live.execution, start, action, self.now, reevaluates) {
                Ok(child) => {
                    self.live.active.insert(child.id, child.runner.clone());
                    self.created.push(Change::CreateExecution(child));
                }
                Err(reason) => failed.push(unmade(start, action.item, &reason)),
            }
        }
        failed
    }

    /// Where the workflow stands.
    pub(super) fn status(&self) -> Status {
        self.live.conductor.status()
    }

    /// Puts entries into the log that were applied before.
    pub(super) fn write(&mut self, entries: Vec<WorkflowEntry>) {
        self.entries.extend(entries);
    }

    /// Commits all of it; gives the workflow as it is from now on.
    pub(super) async fn commit(mut self) -> Result<Live, Error> {
        self.settle()?;
        let execution = self.live.execution.clone();
        if !self.entries.is_empty() {
            let sequence = self.live.sequence;
            self.live.sequence += u64::try_from(self.entries.len()).unwrap_or_default();
            let entries = std::mem::take(&mut self.entries);
            self.changes.push(Change::AppendWorkflow { execution: execution.id, sequence, entries });
        }
        let has_children = !self.created.is_empty();
        self.changes.append(&mut self.created);
        let (expect, changes) = (std::mem::take(&mut self.expect), std::mem::take(&mut self.changes));
        let has_moved = self.before != self.live.execution.status;
        match execution.parent.clone().filter(|_| has_moved && is_told(execution.status)) {
            Some(parent) => {
                let above = parent.execution;
                let (execution, all) = (execution.clone(), (expect.clone(), changes.clone()));
                let report = Report { parent, execution, expect, changes };
                match deliver_up(&self.engine, above, report).await {
                    // The workflow above is gone; what happened here is kept all the same.
                    Err(Error::NotFound { name, .. }) if name == above.to_string() => {
                        self.engine.commit(all.0, all.1).await?;
                    }
                    result => drop(result?),
                }
            }
            None => self.engine.commit(expect, changes).await?,
        }
        self.tell(has_children, has_moved);
        Ok(self.live)
    }

    /// Brings the workflow's execution to the status of the workflow.
    fn settle(&mut self) -> Result<(), Error> {
        let (status, live) = (self.live.conductor.status(), &mut self.live);
        if live.execution.status.is_final() || outcome::moves(live.execution.status, status).is_empty() {
            return Ok(());
        }
        self.expect.push(Expect::ExecutionVersion(live.execution.id, live.execution.version));
        // One that had not begun may have ended already.
        while let moves = outcome::moves(live.execution.status, status)
            && !moves.is_empty()
        {
            for event in moves {
                let event = match event {
                    StatusEvent::Failed if live.is_expired => StatusEvent::TimedOut,
                    event => *event,
                };
                live.execution.apply(event, self.now).map_err(|illegal| {
                    Error::Internal(format!("workflow {}: {illegal}", live.execution.id))
                })?;
            }
        }
        // One commit is one version, however many moves it makes.
        if let Some(Expect::ExecutionVersion(_, version)) = self.expect.last() {
            live.execution.version = version + 1;
        }
        live.execution.host = Some(self.engine.store().fence().epoch);
        if live.execution.status.is_final() {
            live.execution.result = Some(Arc::new(storable(live.conductor.result())));
            self.moved.push((live.execution.id, live.execution.status, live.execution.runner.clone()));
        }
        self.changes.push(Change::UpdateExecution(live.execution.clone()));
        Ok(())
    }

    /// After the commit: who waits hears of it, and what runs inside is told.
    fn tell(&self, has_children: bool, has_moved: bool) {
        if has_children {
            self.engine.0.work.notify_waiters();
        }
        for (id, status, runner) in &self.moved {
            if status.is_final() && *id == self.live.execution.id {
                measures::ended(runner, *status);
            }
            self.engine.0.events.tell(*id, *status);
        }
        if has_moved {
            cascade::hand_on(&self.engine, &self.live, self.goes_on);
        }
    }
}

/// How many events may follow from one at once. More come of a cycle of tasks whose actions cannot be asked for.
const MOST_ROUNDS: usize = 1_000;

/// A cycle that would go on for ever fails its workflow.
fn endless() -> (Event, WorkflowEvent) {
    let message = format!(
        "{MOST_ROUNDS} tasks whose actions cannot be started followed each other; correct the actions, or give their \
         cycle a condition to end"
    );
    (Event::Fail(conductor::ErrorEntry::new(message.clone())), WorkflowEvent::Failed { message })
}

/// Hands what happened in a workflow to the one above it. Each level is a task of its own, as workflows may be
/// inside each other deeper than a stack is.
fn deliver_up(
    engine: &Engine,
    above: ExecutionId,
    report: Report,
) -> Pin<Box<dyn Future<Output = Result<Execution, Error>> + Send>> {
    let engine = engine.clone();
    let delivery =
        tokio::spawn(async move { deliver(&engine, above, Message::Report(Box::new(report))).await });
    Box::pin(async move { delivery.await.unwrap_or_else(|panic| Err(Error::Internal(panic.to_string()))) })
}

/// Which statuses of a workflow the workflow above it is told.
fn is_told(status: Stored) -> bool {
    status.is_final() || matches!(status, Stored::Paused | Stored::Running | Stored::Pending)
}

/// An action that could not be asked for, as a failure of its task.
fn unmade(start: &Start, item: Option<usize>, reason: &str) -> (Event, WorkflowEvent) {
    let result: Arc<Value> = Arc::new(json!({"error": reason, "code": "workflow.action"}));
    let report = conductor::Report {
        task: Arc::clone(&start.task),
        route: start.route,
        item,
        status: Status::Failed,
        result: Arc::clone(&result),
        execution: None,
    };
    let logged = WorkflowEvent::Reported {
        task: Arc::clone(&start.task),
        route: start.route,
        item: item.and_then(|item| u64::try_from(item).ok()),
        status: Status::Failed.as_str().to_owned(),
        execution: None,
        result: Some(result),
    };
    (Event::Report(report), logged)
}
