//! Recovery of the executions that an earlier process had begun: they are run again if they are idempotent,
//! and abandoned if not. Executions that it had not begun need nothing; they are still waiting.
//!
//! Executions that were in flight at the backup from which a store was restored are held, since they may go
//! on where the backup comes from. They are recovered on request ([`Executions::resume_all`]).

use std::collections::BTreeMap;

use petrel_engine_core::Error;
use petrel_model::{Execution, Status, StatusEvent};
use petrel_persistence::{Change, Expect};
use petrel_runners::{python_script, python_sensors};
use serde_json::json;
use tracing::Instrument as _;

use super::calls;
use super::outcomes::LOST;
use super::service::Executions;
use super::spans;
use super::uncommitted::{Patience, Uncommitted};

/// The number of attempts at an orphan that keeps changing at the same moment.
const TRIES: usize = 100;
/// The number of waits, for all orphans together, for workflows that cannot be read for the moment. The host serves only
/// after that.
const WAITS: usize = 100;

impl Executions {
    /// Resumes the executions that are held since a restore. Returns the outcome; `None` when nothing is
    /// held, or somebody else has just resumed them.
    ///
    /// # Errors
    /// When the store fails. If it fails after they were let go, the next call recovers them.
    pub async fn resume_all(&self) -> Result<Resumed, Error> {
        let executions = self.clone();
        self.core()
            .run_detached(async move {
                // One call at a time, so that only one reports the executions as resumed.
                let mut is_left_over = executions.lifting().lock().await;
                let held = executions.store().held();
                if held == 0 && !*is_left_over {
                    return Ok(Resumed::default());
                }
                if held > 0 {
                    executions.conductor().hold_back();
                    executions.queue().commit(Vec::new(), vec![Change::LiftHold]).await?;
                }
                *is_left_over = true;
                // At once, as those that had not begun can be claimed from now on, and must wait for those that had.
                executions.count_begun().await;
                // Begun executions are orphans from now on, as after a crash. They began elsewhere, so no
                // process of theirs runs here, and processes that do run here are this host's own by now.
                let orphans = executions.store().orphans().await?;
                let report = take_up(&executions, orphans).await?;
                *is_left_over = false;
                // Held executions that had not begun can be claimed from now on.
                executions.queue().wake();
                Ok(Resumed { held, report })
            })
            .await
    }
}

/// The outcome of resuming held executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// The number of held executions.
    pub held: usize,
    /// The recovery of those that had begun.
    pub report: Recovered,
}

impl Resumed {
    /// The number of executions that go on, now or in turn. Those that had begun and may not run twice do
    /// not.
    pub fn going_on(&self) -> usize {
        self.held.saturating_sub(self.report.abandoned).saturating_sub(self.report.canceled)
    }
}

/// The outcome of a recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Executions that wait.
    pub waiting: usize,
    /// Executions that had begun and will run again.
    pub requeued: usize,
    /// Executions that had begun, and whose progress is unknown.
    pub abandoned: usize,
    /// Executions that were being canceled, and are canceled now.
    pub canceled: usize,
    /// Workflows that go on.
    pub workflows: usize,
    /// Processes that had outlived their host, and were ended.
    pub processes: usize,
    /// Executions that are held since a restore.
    pub held: usize,
}

impl Recovered {
    /// Logs the report, with `done` as the message.
    pub fn log(&self, done: &str) {
        let Self { waiting, requeued, abandoned, canceled, workflows, processes, held } = *self;
        tracing::info!(waiting, requeued, abandoned, canceled, workflows, processes, held, "{done}");
        if abandoned > 0 {
            let hint = "`petrel execution list --all --status abandoned` shows them; look at what each has done, and run \
                        it again with `petrel execution rerun ID`";
            tracing::warn!(abandoned, hint, "executions that had begun are abandoned, and not run twice");
        }
    }
}

/// Recovers the executions of an earlier process, after ending its processes. To be called before this
/// process runs anything.
///
/// # Errors
/// When the store fails.
pub(crate) async fn recover(executions: &Executions) -> Result<Recovered, Error> {
    let orphans = executions.store().orphans().await?;
    let processes = end_leftovers(executions, &orphans);
    Ok(Recovered { processes, ..take_up(executions, orphans).await? })
}

/// Recovers each orphan.
async fn take_up(executions: &Executions, orphans: Vec<Execution>) -> Result<Recovered, Error> {
    let (mut report, mut patience) = (Recovered::default(), Patience::of(WAITS));
    let (conducted, orphans): (Vec<_>, Vec<_>) =
        orphans.into_iter().partition(|orphan| executions.queue().is_workflow(orphan));
    for orphan in orphans {
        let span = spans::execution(&orphan);
        settle(executions, orphan, &mut report, &mut patience).instrument(span).await?;
    }
    report.workflows = conducted.len();
    // Their callers have gone with the earlier process. Actions are canceled before they begin again.
    let is_called = |one: &&Execution| one.parent.as_ref().is_some_and(|parent| parent.is_call);
    let called: Vec<_> = conducted.iter().filter(is_called).cloned().collect();
    executions.conductor().take_up(conducted).await?;
    for one in &called {
        calls::end_forsaken(executions, one).await;
    }
    report.waiting = executions.store().waiting();
    report.held = executions.store().held();
    Ok(report)
}

/// Ends processes of orphans and of sensors before this host runs anything. Later its own would be taken for leftovers.
fn end_leftovers(executions: &Executions, orphans: &[Execution]) -> usize {
    let mut by_runner: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for orphan in orphans {
        by_runner.entry(&orphan.runner).or_default().push(orphan.id.to_string());
    }
    let content = executions.queue().catalog().content();
    let in_python = content.sensors().filter(|sensor| python_sensors::is_python(&sensor.entry_point));
    let marks: Vec<_> = in_python.map(|sensor| python_sensors::mark_of(&sensor.reference)).collect();
    if !marks.is_empty() {
        by_runner.entry(python_script::NAME).or_default().extend(marks);
    }
    let runners = content.runners().clone();
    by_runner
        .into_iter()
        .filter_map(|(name, executions)| Some(runners.get(name)?.runner()?.end_leftovers(&executions)))
        .sum()
}

/// Recovers an orphan. Its workflow may be ending, and cancel it at the same moment; then it is read again.
async fn settle(
    executions: &Executions,
    mut orphan: Execution,
    report: &mut Recovered,
    patience: &mut Patience,
) -> Result<(), Error> {
    let id = orphan.id;
    for _ in 0..TRIES {
        match settle_as_read(executions, orphan, report).await {
            Err(Uncommitted::Moved) => {}
            // Its workflow cannot be read for the moment, and would never hear of it.
            Err(Uncommitted::Failed(error @ Error::Busy(_))) => {
                if !patience.wait(executions.core(), &error).await {
                    tracing::error!(execution.id = %id, %error, "execution is left as it is until the next start");
                    return Ok(());
                }
            }
            // Its workflow is encrypted, and the key is gone. If the key comes back, the workflow has to hear of this.
            Err(Uncommitted::Failed(error @ Error::Sealed(_))) => {
                tracing::error!(execution.id = %id, %error, "execution is left as it is until the next start");
                return Ok(());
            }
            result => return Ok(result?),
        }
        match executions.store().execution(id).await? {
            Some(fresh) if !fresh.status.is_final() => orphan = fresh,
            _ => return Ok(()),
        }
    }
    tracing::error!(execution.id = %id, "failed to recover an execution that keeps changing; the next start tries again");
    Ok(())
}

async fn settle_as_read(
    executions: &Executions,
    mut orphan: Execution,
    report: &mut Recovered,
) -> Result<(), Uncommitted> {
    let expect = Expect::ExecutionVersion(orphan.id, orphan.version);
    let event = if orphan.idempotent { StatusEvent::Requeued } else { StatusEvent::Abandoned };
    if let Err(illegal) = orphan.apply(event, executions.core().now()) {
        // Paused and pending executions wait for somebody, not for a host.
        executions.queue().note_inquiry(&orphan);
        tracing::debug!(execution.id = %orphan.id, %illegal, "left as it is");
        return Ok(());
    }
    if orphan.status == Status::Abandoned {
        orphan.result = Some(std::sync::Arc::new(json!({
            "error": "the host was lost while this ran; how far it got is not known",
            "code": LOST,
            "hint": format!(
                "look at what it does, and run it again with `petrel execution rerun {}` if that is safe; an action that \
                 may always be run again says `idempotent: true`",
                orphan.id
            ),
        })));
    }
    let changes = vec![Change::UpdateExecution(orphan.clone())];
    match executions.commit_outcome(&orphan, vec![expect.clone()], changes.clone()).await {
        Err(Uncommitted::Failed(error @ (Error::Internal(_) | Error::Unreadable(_))))
            if orphan.task().is_some() =>
        {
            // Its workflow cannot be read. That must not keep the host from starting.
            tracing::error!(execution.id = %orphan.id, %error, "failed to report a recovered execution to its workflow");
            executions.queue().commit(vec![expect], changes).await
        }
        result => result,
    }?;
    tracing::debug!(status = %orphan.status, "the execution is taken up");
    // Somebody may wait for one that was held until now.
    executions.queue().tell(&orphan);
    match orphan.status {
        Status::Abandoned => report.abandoned += 1,
        Status::Canceled => report.canceled += 1,
        _ => report.requeued += 1,
    }
    Ok(())
}
