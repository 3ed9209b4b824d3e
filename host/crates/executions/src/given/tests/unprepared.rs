//! What is not prepared when it is asked for waits without a slot, whatever comes of its preparation. On the
//! service, with a runner that does as it is told.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use petrel_access::{Access, Behalf};
use petrel_catalog::content::Runners;
use petrel_datastore::Keys;
use petrel_engine_core::{Error, Evaluations, SystemClock};
use petrel_model::{Action, Pack, Status};
use petrel_persistence::{Change, Commit, MemoryStore, Store as _};
use petrel_runners::shares::Refused;
use petrel_runners::{Asked, Call, NotPrepared, Outcome, OutputSink, Runner, RunnerType, Slots};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::super::*;
use crate::{Conductor, Executions, Options, Queue, Report, Request, Uncommitted};

/// Long enough for everything that is not a mistake.
const PATIENCE: Duration = Duration::from_secs(20);
const SLOW: &str = "slow.wasm";

/// What comes of a preparation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    Failure,
    Panic,
    /// It ends well, and by then the file is another one.
    Outdated,
}

/// A runner that prepares what is slow when it may, and then has room for one run of it at a time. Of the
/// others it knows that they need nothing.
struct Scripted {
    runner_type: RunnerType,
    end: End,
    preparations: AtomicUsize,
    is_prepared: AtomicBool,
    /// A permit for each preparation that may end.
    may_prepare: Semaphore,
    /// A permit for each slow run that may end.
    may_end: Semaphore,
    room: Arc<Semaphore>,
}

impl Scripted {
    fn new(end: End) -> Self {
        let runner_type = RunnerType { name: "scripted", description: "", parameters: Object::new() };
        Self {
            runner_type,
            end,
            preparations: AtomicUsize::new(0),
            is_prepared: AtomicBool::new(false),
            may_prepare: Semaphore::new(0),
            may_end: Semaphore::new(0),
            room: Arc::new(Semaphore::new(1)),
        }
    }
}

#[async_trait]
impl Runner for Scripted {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        if call.action.entry_point != SLOW {
            return Outcome::succeeded(json!(null));
        }
        if self.end != End::Well {
            return Outcome::failed("scripted.missing", "it cannot be loaded", "build it");
        }
        self.may_end.acquire().await.unwrap().forget();
        Outcome::succeeded(json!(null))
    }

    fn has_shares(&self) -> bool {
        true
    }

    fn admit(&self, asked: &Asked<'_>) -> Result<Option<Ticket>, Refused> {
        if asked.entry_point != SLOW || !self.is_prepared(asked.pack_path, asked.entry_point) {
            return Ok(None);
        }
        let place = Arc::clone(&self.room).try_acquire_owned().map_err(|_none| Refused::ByAll)?;
        Ok(Some(Box::new(place)))
    }

    fn is_prepared(&self, _pack_path: &Path, entry_point: &str) -> bool {
        entry_point != SLOW || self.is_prepared.load(Ordering::SeqCst)
    }

    fn is_light(&self, _pack_path: &Path, entry_point: &str) -> bool {
        entry_point != SLOW
    }

    async fn prepare(&self, _pack_path: &Path, _entry_point: &str) -> Result<(), NotPrepared> {
        self.preparations.fetch_add(1, Ordering::SeqCst);
        self.may_prepare.acquire().await.unwrap().forget();
        assert!(self.end != End::Panic, "on purpose");
        if self.end == End::Failure {
            return Err(NotPrepared { reason: "it cannot be loaded".into(), hint: "build it".into() });
        }
        self.is_prepared.store(self.end == End::Well, Ordering::SeqCst);
        Ok(())
    }
}

fn pack() -> Pack {
    serde_json::from_value(json!({"ref": "pace", "name": "pace", "version": "1.0.0", "path": "pace"}))
        .unwrap()
}

fn action(name: &str) -> Action {
    let entry_point = format!("{name}.wasm");
    let action =
        json!({"ref": format!("pace.{name}"), "runner_type": "scripted", "entry_point": entry_point});
    serde_json::from_value(action).unwrap()
}

/// Nobody conducts workflows, and there are none.
struct NoWorkflows;

#[async_trait]
impl Conductor for NoWorkflows {
    async fn begin(&self, _execution: Execution) {
        panic!("there are no workflows here")
    }

    fn holds(&self, _execution: &Execution) -> bool {
        false
    }

    async fn may_begin(&self, _execution: &Execution) -> bool {
        true
    }

    fn hold_back(&self) {}

    async fn outcome(&self, _report: Report) -> Result<(), Uncommitted> {
        panic!("there are no workflows here")
    }

    async fn cancel(&self, _workflow: Execution, _user: &str) -> Result<Execution, Uncommitted> {
        panic!("there are no workflows here")
    }

    async fn pause(&self, _id: ExecutionId) -> Result<Execution, Error> {
        panic!("there are no workflows here")
    }

    async fn resume(&self, _id: ExecutionId) -> Result<Execution, Error> {
        panic!("there are no workflows here")
    }

    async fn check_rerun(&self, _execution: &Execution, _tasks: &[String]) -> Result<(), Error> {
        panic!("there are no workflows here")
    }

    async fn take_up(&self, workflows: Vec<Execution>) -> Result<(), Error> {
        assert!(workflows.is_empty(), "there are no workflows here");
        Ok(())
    }
}

/// Executions with two slots for a slow action and a quick one.
struct Host {
    core: Core,
    executions: Executions,
    runner: Arc<Scripted>,
}

async fn executions(core: &Core, runners: Runners) -> Result<Executions, Error> {
    let keys = Keys::load(core.clone()).await?;
    let evaluations = Evaluations::new(core.clone(), PATIENCE);
    let own = petrel_catalog::Options::default();
    let catalog = Catalog::load(core.clone(), keys.clone(), evaluations.clone(), runners, own).await?;
    let access = Access::load(core.clone(), petrel_access::Options::default()).await?;
    let options = Options { component_slots: 2, ..Options::default() };
    let queue = Queue::new(core.clone(), catalog, keys, evaluations, options);
    Ok(Executions::new(queue, access, Arc::new(NoWorkflows)))
}

impl Host {
    async fn start(end: End) -> Self {
        let runner = Arc::new(Scripted::new(end));
        let shared = Runs::By(runner.clone());
        let runners: Runners = [("scripted".to_owned(), shared)].into();
        let store = Arc::new(MemoryStore::default());
        let mut changes = vec![Change::put(pack())];
        changes.extend(["slow", "quick"].map(action).map(Change::put));
        store.commit(Commit { fence: None, expect: Vec::new(), changes }).await.unwrap();
        let core = Core::new(store, Arc::new(SystemClock));
        let executions = executions(&core, runners).await.unwrap();
        executions.start().await.unwrap();
        Self { core, executions, runner }
    }

    async fn request(&self, action: &str) -> ExecutionId {
        let request = Request {
            action: action.parse().unwrap(),
            parameters: Object::new(),
            rendered: Object::new(),
            behalf: Behalf::own("ann"),
            rerun: None,
            notify: None,
            context: Object::new(),
            delay: None,
            trace: None,
            trace_tag: None,
        };
        self.executions.request(request).await.unwrap().id
    }

    async fn status(&self, id: ExecutionId) -> Status {
        self.core.store().execution(id).await.unwrap().unwrap().status
    }

    async fn count(&self, ids: &[ExecutionId], status: Status) -> usize {
        let mut count = 0;
        for id in ids {
            count += usize::from(self.status(*id).await == status);
        }
        count
    }

    async fn until(&self, id: ExecutionId, status: Status) {
        let reached = async {
            while self.status(id).await != status {
                sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(PATIENCE, reached).await.is_ok(), "{id} does not get {status}");
    }

    async fn until_preparations(&self, count: usize) {
        let reached = async {
            while self.runner.preparations.load(Ordering::SeqCst) < count {
                sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(timeout(PATIENCE, reached).await.is_ok(), "not prepared {count} times");
    }

    /// Stops it in order, with nothing left that it would wait for.
    async fn stop(self) {
        assert!(timeout(PATIENCE, self.core.stop(3 * PATIENCE)).await.is_ok(), "something does not end");
    }
}

#[tokio::test]
async fn what_waits_for_its_preparation_holds_no_slot_and_then_begins_as_there_is_room() {
    let host = Host::start(End::Well).await;
    let mut slow = Vec::new();
    for _ in 0..5 {
        slow.push(host.request("pace.slow").await);
    }
    // More of them wait than there are slots.
    let quick = host.request("pace.quick").await;
    host.until(quick, Status::Succeeded).await;
    host.until_preparations(1).await;
    assert_eq!(host.count(&slow, Status::Requested).await, 5, "a lost host would lose none of them");
    let canceled = slow.remove(1);
    host.executions.cancel(canceled, "ann").await.unwrap();

    host.runner.may_prepare.add_permits(1);
    for id in &slow {
        host.until(*id, Status::Running).await;
        let quick = host.request("pace.quick").await;
        host.until(quick, Status::Succeeded).await;
        assert_eq!(host.count(&slow, Status::Running).await, 1);
        host.runner.may_end.add_permits(1);
        host.until(*id, Status::Succeeded).await;
    }
    assert_eq!(host.status(canceled).await, Status::Canceled);
    assert_eq!(host.runner.preparations.load(Ordering::SeqCst), 1, "one for all");
    host.stop().await;
}

#[tokio::test]
async fn what_changes_while_others_wait_for_room_is_prepared_before_they_begin() {
    let host = Host::start(End::Well).await;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(host.request("pace.slow").await);
    }
    host.runner.may_prepare.add_permits(1);
    host.until(slow[0], Status::Running).await;
    // As when its pack is registered again, with another file.
    host.runner.is_prepared.store(false, Ordering::SeqCst);
    host.runner.may_end.add_permits(slow.len());
    host.until(slow[0], Status::Succeeded).await;
    host.until_preparations(2).await;
    assert_eq!(host.count(&slow, Status::Requested).await, 3);
    host.runner.may_prepare.add_permits(1);
    for id in &slow {
        host.until(*id, Status::Succeeded).await;
    }
    assert_eq!(host.runner.preparations.load(Ordering::SeqCst), 2);
    host.stop().await;
}

#[tokio::test]
async fn what_cannot_be_prepared_runs_into_its_error() {
    for (end, preparations) in [(End::Failure, 1), (End::Panic, 1), (End::Outdated, PREPARATIONS)] {
        let host = Host::start(end).await;
        host.runner.may_prepare.add_permits(2 * PREPARATIONS);
        // It is tried anew each time: by then the file may be another one.
        for attempt in 1..=2 {
            let id = host.request("pace.slow").await;
            host.until(id, Status::Failed).await;
            let made = host.runner.preparations.load(Ordering::SeqCst);
            assert_eq!(made, attempt * preparations, "{end:?}");
        }
        host.stop().await;
    }
}

#[tokio::test]
async fn who_stops_does_not_wait_for_a_preparation() {
    let host = Host::start(End::Well).await;
    let id = host.request("pace.slow").await;
    host.until_preparations(1).await;
    let core = host.core.clone();
    host.stop().await;
    // The next host runs it.
    assert_eq!(core.store().execution(id).await.unwrap().unwrap().status, Status::Requested);
}
