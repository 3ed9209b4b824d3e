//! Runs one execution: its start is durable before the first side effect, its outcome is one commit.
//!
//! An idempotent action may start before its start is stored, since it may be run again; so the start
//! is only stored if it runs for longer than [`SHORT`], and a short one costs one commit instead of two.

use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::configuration::NoConfiguration;
use petrel_catalog::content::{RegisteredAction, refused};
use petrel_engine_core::Error;
use petrel_model::action::{GONE, REFUSED};
use petrel_model::{Execution, Object, StatusEvent, depth};
use petrel_persistence::{Change, Expect};
use petrel_runners::shares::Holder;
use petrel_runners::{Call, End, Outcome, OutputLine, OutputSink, Runner, Runs, Stream};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::measures::{self, Stage};
use super::requests::{self, Unmade};
use super::service::Executions;
use super::uncommitted::Uncommitted;

/// How long an idempotent action may run before its start is stored.
const SHORT: Duration = Duration::from_millis(100);
/// How often output is stored while an action runs.
const FLUSH: Duration = Duration::from_millis(250);
/// Lines of output are numbered from here on for each further attempt, so that attempts do not mix.
const LINES_AN_ATTEMPT: u32 = 1 << 24;

/// Runs `execution`, which this process has claimed, to its end.
pub(crate) async fn execute(executions: &Executions, execution: Execution) {
    let id = execution.id;
    if executions.conductor().holds(&execution) {
        // Whoever ends its workflow ends it too.
        return;
    }
    let cancel = executions.core().end_running().child_token();
    let running = executions.queue().runs().enter(id, cancel.clone());
    let result = Run::new(executions, execution, cancel.clone()).carry_out().await;
    if result.is_err() {
        // When its start could not be stored it still runs, with nobody to hear of its end.
        cancel.cancel();
    }
    drop(running);
    match result {
        Ok(()) => {}
        Err(Uncommitted::Moved) => {
            // Somebody else moved it first (a cancel, say): what came of our run does not count.
            tracing::debug!(execution.id = %id, "its outcome came too late");
        }
        Err(Uncommitted::Failed(error)) => {
            tracing::error!(execution.id = %id, %error, "its outcome cannot be stored");
        }
    }
}

/// Who runs an execution, and what is registered for it.
type Found = (Arc<dyn Runner>, Arc<RegisteredAction>);

/// Why a run does not begin.
enum Unprepared {
    /// Something that it needs is missing: this is its outcome.
    Ended(Box<Outcome>),
    /// Something else stands in the way.
    Failed(Error),
}

impl From<Outcome> for Unprepared {
    fn from(outcome: Outcome) -> Self {
        Self::Ended(Box::new(outcome))
    }
}

impl From<Error> for Unprepared {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<NoConfiguration> for Unprepared {
    fn from(error: NoConfiguration) -> Self {
        match error {
            NoConfiguration::Unfilled(unfilled) => {
                Outcome::failed("configuration", unfilled.to_string(), unfilled.hint()).into()
            }
            NoConfiguration::Failed(error) => error.into(),
        }
    }
}

/// One run on its way.
struct Run<'a> {
    executions: &'a Executions,
    execution: Execution,
    cancel: CancellationToken,
    output: OutputSink,
    next_line: u32,
    is_started: bool,
}

impl<'a> Run<'a> {
    fn new(executions: &'a Executions, execution: Execution, cancel: CancellationToken) -> Self {
        Self {
            executions,
            cancel,
            output: OutputSink::within(
                executions.options().output_limit,
                executions.results(),
                Holder::of(&execution),
            ),
            next_line: execution.attempt.saturating_mul(LINES_AN_ATTEMPT),
            is_started: false,
            execution,
        }
    }

    async fn carry_out(mut self) -> Result<(), Uncommitted> {
        let (runner, call) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(Unprepared::Ended(outcome)) => {
                return self.finish(*outcome).instrument(tracing::debug_span!("outcome")).await;
            }
            Err(Unprepared::Failed(error)) => return Err(error.into()),
        };
        if !self.execution.idempotent {
            self.store_start().await?;
        }
        measures::stage(Stage::QueueWait, self.executions.core().now().since(self.execution.due_at()));
        let started = self.executions.core().monotonic();
        let outcome = self.watch(runner, call).await?;
        measures::stage(Stage::Run, self.executions.core().since(started));
        self.finish(outcome).instrument(tracing::debug_span!("outcome")).await
    }

    /// Who runs it, with which parameters. What is missing by now fails the execution.
    async fn prepare(&self) -> Result<(Arc<dyn Runner>, Call), Unprepared> {
        let (runner, registered) = self.found()?;
        let (pack, user) = (self.execution.action.pack(), &self.execution.context.user);
        let pack_config = self.executions.queue().catalog().configuration_for(pack, user).await?;
        let parameters = self.final_parameters(&registered).await?;
        let call = Call {
            execution_id: self.execution.id,
            attempt: self.execution.attempt,
            parameters,
            action: Arc::clone(&registered.action),
            user: self.execution.context.user.clone(),
            pack_path: registered.pack_path.clone(),
            pack_config,
        };
        Ok((runner, call))
    }

    /// Who runs it, and what is registered for it now. What is refused by now is not run.
    fn found(&self) -> Result<Found, Outcome> {
        let (reference, content) = (&self.execution.action, self.executions.queue().catalog().content());
        let failed = |error: &Error| {
            let (code, hint) = match error {
                Error::Invalid { hint, .. } => (REFUSED, hint.as_str()),
                _ => (GONE, "register the pack again"),
            };
            Outcome::failed(code, error.to_string(), hint)
        };
        let registered = content.action(reference).map(Arc::clone).map_err(|error| failed(&error))?;
        if let Some(why) = &registered.refused {
            return Err(failed(&refused(reference, why)));
        }
        let runner = registered.runs.as_ref().and_then(Runs::runner).cloned().ok_or_else(|| {
            let message = format!(
                "{reference} needs the runner `{}`, which this host does not have",
                registered.action.runner_type
            );
            Outcome::failed(GONE, message, "register the pack again")
        })?;
        Ok((runner, registered))
    }

    async fn final_parameters(&self, registered: &Arc<RegisteredAction>) -> Result<Arc<Object>, Unprepared> {
        let made = requests::final_parameters(
            self.executions.queue(),
            registered,
            &self.execution.parameters,
            &self.execution.context,
        );
        made.await.map_err(|error| match error {
            Unmade::Parameters(error) => {
                let message = format!("the parameters of {} cannot be made: {error}", self.execution.action);
                Outcome::failed("parameters", message, "check the defaults of the action's parameters").into()
            }
            Unmade::Failed(error) => Unprepared::Failed(error),
        })
    }

    /// Runs the action; stores its start if that is due, and output as it comes.
    async fn watch(&mut self, runner: Arc<dyn Runner>, call: Call) -> Result<Outcome, Uncommitted> {
        let (output, cancel) = (self.output.clone(), self.cancel.clone());
        // A task of its own, so that a panic in it is the outcome of this run and of nothing else.
        let span = tracing::debug_span!("run", runner = runner.runner_type().name);
        let run = async move { runner.run(call, output, cancel).await }.instrument(span);
        let task = self.executions.core().spawn("run of an action", run);
        let running = async {
            task.await.unwrap_or_else(|panic| {
                let hint = "this is a mistake in petrel; the log has the details";
                Outcome::failed("runner.panic", format!("the runner has panicked: {panic}"), hint)
            })
        };
        tokio::pin!(running);
        if !self.is_started {
            tokio::select! {
                outcome = &mut running => return Ok(outcome),
                () = self.executions.core().sleep(SHORT) => self.store_start().await?,
            }
        }
        loop {
            tokio::select! {
                outcome = &mut running => return Ok(outcome),
                () = self.executions.core().sleep(FLUSH) => {
                    let lines = self.take_output(Vec::new());
                    if !lines.is_empty() {
                        self.executions.queue().commit(Vec::new(), lines).await?;
                    }
                }
            }
        }
    }

    /// Moves it to running, durably.
    async fn store_start(&mut self) -> Result<(), Uncommitted> {
        let expect = Expect::ExecutionVersion(self.execution.id, self.execution.version);
        self.apply(StatusEvent::Started)?;
        self.execution.host = Some(self.executions.store().fence().epoch);
        self.is_started = true;
        let changes = vec![Change::UpdateExecution(self.execution.clone())];
        let commit = self.executions.queue().commit(vec![expect], changes);
        commit.instrument(tracing::debug_span!("start")).await?;
        tracing::debug!("the execution has started");
        self.executions.queue().tell(self.execution.id, self.execution.status);
        Ok(())
    }

    fn apply(&mut self, event: StatusEvent) -> Result<(), Error> {
        let now = self.executions.core().now();
        self.execution.apply(event, now).map_err(|illegal| Error::Internal(illegal.to_string()))
    }

    /// Output that has come since the last time, then `last_words`, as a change.
    fn take_output(&mut self, last_words: Vec<OutputLine>) -> Vec<Change> {
        let mut lines = self.output.take();
        lines.extend(last_words);
        if lines.is_empty() {
            return Vec::new();
        }
        let sequence = self.next_line;
        self.next_line = sequence.saturating_add(u32::try_from(lines.len()).unwrap_or(u32::MAX));
        vec![Change::AppendOutput { execution: self.execution.id, sequence, lines }]
    }

    /// Stores what came of it.
    async fn finish(mut self, outcome: Outcome) -> Result<(), Uncommitted> {
        // When the host ended it because it stops itself, nobody has asked for a cancel.
        let is_stopped = outcome.end == End::Canceled && self.executions.core().end_running().is_cancelled();
        if is_stopped && self.execution.idempotent {
            return self.hand_back().await;
        }
        let outcome = match outcome.end {
            End::Canceled if is_stopped => abandoned(&outcome),
            End::Canceled if !self.cancel.is_cancelled() => unasked(&outcome),
            _ => outcome,
        };
        let mut last_words = Vec::new();
        if self.output.dropped() > 0 {
            let text = format!("output was cut: {} more bytes were dropped", self.output.dropped());
            last_words.push(OutputLine { stream: Stream::Output, text });
        }
        let mut expect = Expect::ExecutionVersion(self.execution.id, self.execution.version);
        if !self.is_started && self.execution.status.is_waiting() {
            self.apply(StatusEvent::Started)?;
            self.execution.host = Some(self.executions.store().fence().epoch);
        }
        if outcome.end == End::Canceled {
            // Whoever asked for the cancel has moved it already: it goes on from there.
            expect = self.read_again(outcome.end).await?;
        } else {
            self.apply(outcome.end.event())?;
        }
        let result = Arc::new(storable(outcome.result));
        let output = self.take_output(last_words);
        let started = self.executions.core().monotonic();
        loop {
            self.execution.result = Some(Arc::clone(&result));
            let mut changes = vec![Change::UpdateExecution(self.execution.clone())];
            changes.extend(output.iter().cloned());
            match self.executions.commit_outcome(&self.execution, vec![expect], changes).await {
                Ok(()) => break,
                // A cancel request came in between: what ended counts as canceled.
                Err(Uncommitted::Moved) => expect = self.read_again(outcome.end).await?,
                Err(error) => return Err(error),
            }
        }
        measures::stage(Stage::OutcomeCommit, self.executions.core().since(started));
        tracing::debug!(status = %self.execution.status, "the execution has ended");
        measures::ended(&self.execution.runner, self.execution.status);
        self.executions.queue().tell(self.execution.id, self.execution.status);
        Ok(())
    }

    /// Leaves it to the next process to run it again.
    async fn hand_back(mut self) -> Result<(), Uncommitted> {
        if !self.is_started {
            return Ok(());
        }
        let expect = Expect::ExecutionVersion(self.execution.id, self.execution.version);
        self.apply(StatusEvent::Requeued)?;
        self.executions.queue().commit(vec![expect], vec![Change::UpdateExecution(self.execution)]).await
    }

    /// The execution as it is stored now, moved by `end`, if it has not ended already.
    async fn read_again(&mut self, end: End) -> Result<Expect, Uncommitted> {
        let fresh = self.executions.store().execution(self.execution.id).await?.ok_or(Uncommitted::Moved)?;
        let expect = Expect::ExecutionVersion(fresh.id, fresh.version);
        self.execution = fresh;
        self.apply(end.event()).map_err(|_illegal| Uncommitted::Moved)?;
        Ok(expect)
    }
}

/// A result that can be read back: one that is nested too deep is kept as its JSON text.
pub fn storable(result: Value) -> Value {
    match &result {
        Value::Object(object) if depth::is_too_deep(&result) => {
            let flat = |value: &Value| match value {
                value if depth::is_too_deep(value) => Value::from(value.to_string()),
                value => value.clone(),
            };
            let flattened: Object = object.iter().map(|(name, value)| (name.clone(), flat(value))).collect();
            let flattened = Value::Object(flattened);
            if depth::is_too_deep(&flattened) { Value::from(result.to_string()) } else { flattened }
        }
        result if depth::is_too_deep(result) => Value::from(result.to_string()),
        _ => result,
    }
}

/// What is recorded of a run that says it was canceled although nobody has asked for that. It has failed: as canceled it
/// would end the workflow around it, without retries, and nobody could say who had canceled it.
fn unasked(outcome: &Outcome) -> Outcome {
    let result = json!({
        "error": "the runner has ended this as canceled, and nobody has asked for that",
        "code": "runner.canceled",
        "hint": "this is a mistake in the runner; run it again if that is safe",
        "result": outcome.result,
    });
    Outcome { end: End::Failed, result }
}

/// What is recorded of a run that was ended because the host stops.
fn abandoned(outcome: &Outcome) -> Outcome {
    let result = json!({
        "error": "the host was stopped while this ran",
        "code": "host.stopped",
        "hint": "run it again if that is safe; give it more time with engine.drain_seconds",
        "result": outcome.result,
    });
    Outcome { end: End::Abandoned, result }
}
