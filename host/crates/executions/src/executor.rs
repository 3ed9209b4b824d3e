//! The run of one execution: its start is durable before the first side effect, and its outcome is one
//! commit.
//!
//! A run becomes a task of its own once something has to be stored while it goes on; until then it is polled
//! by the task of its execution.
//!
//! An idempotent action may start before its start is stored, since it may be run again. So the start is
//! stored only if the action runs for longer than [`SHORT`], and a short run costs one commit instead of two.

use std::sync::Arc;
use std::time::Duration;

use petrel_catalog::configuration::NoConfiguration;
use petrel_catalog::content::{RegisteredAction, refused};
use petrel_engine_core::Error;
use petrel_model::action::{GONE, REFUSED};
use petrel_model::{Execution, Object, StatusEvent};
use petrel_persistence::{Change, Expect};
use petrel_runners::sensors::EmittedBy;
use petrel_runners::shares::Holder;
use petrel_runners::{Call, End, Outcome, Outlet, OutputLine, OutputSink, Runner, Runs, Slots, Stream};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::answers;
use super::calls::Calls;
use super::caught::{caught, panicked};
use super::inquiries;
use super::measures::{self, Stage};
use super::outcomes::{abandoned, storable, unasked};
use super::requests::{self, Unmade};
use super::service::Executions;
use super::uncommitted::{Patience, Uncommitted};

/// The time that an idempotent action may run before its start is stored.
const SHORT: Duration = Duration::from_millis(100);
/// The interval at which output is stored while an action runs: one commit for all lines of it.
const FLUSH: Duration = Duration::from_millis(250);
/// The first line of each further attempt has a number above this multiple, so that the output of attempts
/// does not mix.
const LINES_AN_ATTEMPT: u32 = 1 << 24;

/// Runs `execution`, which this process has claimed, to its end. `calls` runs other actions for it.
pub(crate) async fn execute(executions: &Executions, execution: Execution, calls: &Arc<Calls>) {
    let id = execution.id;
    let conductor = executions.conductor();
    if conductor.holds(&execution) && !conductor.may_begin(&execution).await {
        // The end of its workflow will end it too.
        return;
    }
    // A child, so that the end of the drain ends this run as well.
    let cancel = executions.core().end_running().child_token();
    // Registered before anything runs, so that a cancel finds the run.
    let running = executions.queue().runs().enter(id, cancel.clone());
    // From here on a cancel reaches it, and one that came after the claim was committed before. Where the start is stored
    // first, that commit is refused.
    if execution.idempotent && !executions.store().is_waiting(id) {
        tracing::debug!("execution was canceled before it began");
        return;
    }
    let result = Run::new(calls, execution, cancel.clone()).carry_out().await;
    calls.end_left().await;
    if result.is_err() {
        // If its start could not be stored, the action still runs, and nobody would take its outcome.
        cancel.cancel();
    }
    drop(running);
    match result {
        Ok(()) => {}
        Err(Uncommitted::Moved) => {
            // Another commit changed the execution first, a cancel for example, so the outcome of this run
            // does not count.
            tracing::debug!(execution.id = %id, "outcome discarded: the execution has changed meanwhile");
        }
        Err(Uncommitted::Failed(error)) => {
            tracing::error!(execution.id = %id, %error, "failed to store an outcome");
        }
    }
}

/// The runner of an execution, with its registered action.
type Found = (Arc<dyn Runner>, Arc<RegisteredAction>);

/// The reasons why a run does not begin.
enum Unprepared {
    /// A prerequisite is missing; this is the outcome of the run.
    Ended(Box<Outcome>),
    /// Another failure. The execution stays as it is stored, for the next process.
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
            // It is stored, and cannot be read.
            NoConfiguration::Failed(error @ (Error::Invalid { .. } | Error::Sealed(_))) => {
                Outcome::failed("configuration", error.to_string(), error.hint()).into()
            }
            NoConfiguration::Failed(error) => error.into(),
        }
    }
}

/// A run of an execution.
struct Run<'a> {
    executions: &'a Executions,
    execution: Execution,
    cancel: CancellationToken,
    output: OutputSink,
    /// What runs other actions for it.
    calls: &'a Arc<Calls>,
    next_line: u32,
    is_started: bool,
}

impl<'a> Run<'a> {
    fn new(calls: &'a Arc<Calls>, execution: Execution, cancel: CancellationToken) -> Self {
        let executions = &calls.executions;
        Self {
            executions,
            cancel,
            output: OutputSink::within(
                executions.options().output_limit,
                executions.results(),
                Holder::of(&execution),
            ),
            calls,
            next_line: execution.attempt.saturating_mul(LINES_AN_ATTEMPT),
            is_started: false,
            execution,
        }
    }

    async fn carry_out(mut self) -> Result<(), Uncommitted> {
        let (runner, mut call) = match self.prepare().await {
            Ok(prepared) => prepared,
            Err(Unprepared::Ended(outcome)) => {
                return self.finish(*outcome).instrument(tracing::debug_span!("outcome")).await;
            }
            Err(Unprepared::Failed(error)) => return Err(error.into()),
        };
        // After this commit a crash abandons the execution, so the action runs at most once.
        if !self.execution.idempotent {
            self.store_start().await?;
        } else if self.cancel.is_cancelled() {
            // Nothing has begun. A cancel has committed the end; a host that ends itself leaves it waiting.
            return Ok(());
        }
        measures::stage(Stage::QueueWait, self.executions.core().now().since(self.execution.due_at()));
        let started = self.executions.core().monotonic();
        // It dies with the run. Components have no use for it.
        let is_process = runner.slots() == Slots::Process;
        let token = is_process.then(|| self.executions.access().token_of_run(&call.user));
        call.around.token =
            token.as_ref().and_then(|token| token.as_ref().ok()).map(|token| token.secret().into());
        let outcome = self.watch(runner, call).await;
        drop(token);
        // Whatever the run has called and does not wait for any more.
        self.calls.end_left().await;
        let outcome = outcome?;
        measures::stage(Stage::Run, self.executions.core().since(started));
        self.finish(outcome).instrument(tracing::debug_span!("outcome")).await
    }

    /// The runner with the final parameters. Anything that is missing by now fails the execution.
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
            outlet: self.outlet(),
            around: self.calls.around(&self.execution),
        };
        Ok((runner, call))
    }

    /// The place that takes the events of the execution. They belong to its trace.
    fn outlet(&self) -> Outlet {
        let execution = &self.execution;
        let emitted_by = EmittedBy {
            execution: execution.id,
            trace: execution.trace_id(),
            trace_tag: execution.context.trace_tag.clone(),
        };
        let depth = execution.context.event_depth.saturating_add(1);
        self.executions.queue().outlet().of(emitted_by, depth)
    }

    /// The runner and the registered action as they are now. An action that is refused by now is not run.
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

    /// Runs the action, stores its start when that is due, and stores output as it comes.
    async fn watch(&mut self, runner: Arc<dyn Runner>, call: Call) -> Result<Outcome, Uncommitted> {
        let span = tracing::debug_span!("run", runner = runner.runner_type().name);
        let (output, cancel) = (self.output.clone(), self.cancel.clone());
        let run = async move { caught(runner.run(call, output, cancel)).await };
        let mut run = Box::pin(run.instrument(span));
        // Most components have ended when they are first polled, before a task or a timer is made for them.
        tokio::select! {
            biased;
            outcome = &mut run => return Ok(outcome),
            () = self.executions.core().sleep(if self.is_started { FLUSH } else { SHORT }) => {}
        }
        // From here on a task of its own, so that the action goes on while something is stored.
        let mut task = self.executions.core().spawn("run of an action", run);
        if self.is_started {
            self.store_output().await?;
        } else {
            self.store_start().await?;
        }
        loop {
            tokio::select! {
                // The last output is stored with the outcome, so that it needs no commit of its own.
                biased;
                ended = &mut task => return Ok(ended.unwrap_or_else(|gone| panicked(&gone.to_string()))),
                () = self.executions.core().sleep(FLUSH) => self.store_output().await?,
            }
        }
    }

    /// Stores the output since the last time, if there is any.
    async fn store_output(&mut self) -> Result<(), Uncommitted> {
        let output = self.take_output(Vec::new());
        let lines = self.calls.to_store(&self.execution, output);
        if lines.is_empty() {
            return Ok(());
        }
        self.executions.queue().commit(Vec::new(), lines).await
    }

    /// Sets the status to running, durably.
    async fn store_start(&mut self) -> Result<(), Uncommitted> {
        let expect = Expect::ExecutionVersion(self.execution.id, self.execution.version);
        self.apply(StatusEvent::Started)?;
        self.execution.host = Some(self.executions.store().fence().epoch);
        self.is_started = true;
        let changes = vec![Change::UpdateExecution(self.execution.clone())];
        let commit = self.executions.queue().commit(vec![expect], changes);
        commit.instrument(tracing::debug_span!("start")).await?;
        tracing::debug!("the execution has started");
        self.executions.queue().tell(&self.execution);
        Ok(())
    }

    fn apply(&mut self, event: StatusEvent) -> Result<(), Error> {
        let now = self.executions.core().now();
        self.execution.apply(event, now).map_err(|illegal| Error::Internal(illegal.to_string()))
    }

    /// The output since the last time, followed by `last_words`, as a change.
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

    /// Stores the outcome.
    async fn finish(mut self, outcome: Outcome) -> Result<(), Uncommitted> {
        // If the stop of the host ended the run, nobody has asked for a cancel.
        let is_stopped = outcome.end == End::Canceled && self.executions.core().end_running().is_cancelled();
        // The next process runs it again, so the outcome of this run does not matter.
        if is_stopped && self.execution.idempotent {
            return self.hand_back().await;
        }
        let outcome = match outcome.end {
            End::Canceled if is_stopped => abandoned(&outcome),
            End::Canceled if !self.cancel.is_cancelled() => unasked(&outcome),
            End::Asked => answers::checked(outcome, self.executions.queue().inquiries().count()),
            _ => outcome,
        };
        let mut last_words = Vec::new();
        if self.output.dropped() > 0 {
            let text = format!("output was cut: {} more bytes were dropped", self.output.dropped());
            last_words.push(OutputLine { stream: Stream::Output, text });
        }
        // Taken before the events below, each of which raises the version.
        let mut expect = Expect::ExecutionVersion(self.execution.id, self.execution.version);
        // A short run stores its start and its outcome in one commit.
        if !self.is_started && self.execution.status.is_waiting() {
            self.apply(StatusEvent::Started)?;
            self.execution.host = Some(self.executions.store().fence().epoch);
        }
        if outcome.end == End::Canceled {
            // The cancel request has changed the execution already, so the outcome is applied to that.
            expect = self.read_again(outcome.end).await?;
        } else {
            self.apply(outcome.end.event())?;
        }
        let result = Arc::new(storable(outcome.result));
        let mut output = self.calls.take_kept();
        output.extend(self.take_output(last_words));
        let started = self.executions.core().monotonic();
        let mut patience = Patience::endless();
        loop {
            // Set in each round, because reading again replaces the execution.
            self.execution.result = Some(Arc::clone(&result));
            self.execution.context.sealed |= self.calls.has_met_secrets();
            let mut changes = vec![Change::UpdateExecution(self.execution.clone())];
            changes.extend(output.iter().cloned());
            changes.extend(inquiries::announced(self.executions.core(), &self.execution));
            let core = self.executions.core();
            match self.executions.commit_outcome(&self.execution, vec![expect.clone()], changes).await {
                Ok(()) => break,
                // Its workflow cannot be read for the moment. Nobody else would end it before the next start.
                Err(Uncommitted::Failed(error @ Error::Busy(_))) if !core.end_running().is_cancelled() => {
                    patience.wait(core, &error).await;
                }
                // A cancel request came in between, so the run counts as canceled.
                Err(Uncommitted::Moved) => expect = self.read_again(outcome.end).await?,
                Err(error) => return Err(error),
            }
        }
        measures::stage(Stage::OutcomeCommit, self.executions.core().since(started));
        tracing::debug!(status = %self.execution.status, "the execution has ended");
        if self.execution.status.is_final() {
            measures::ended(&self.execution.runner, self.execution.status);
        }
        self.executions.queue().tell(&self.execution);
        Ok(())
    }

    /// Leaves the execution to the next process, which will run it again.
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
        // An ended execution takes no further event, so this outcome came too late.
        self.apply(end.event()).map_err(|_illegal| Uncommitted::Moved)?;
        Ok(expect)
    }
}
