//! A process: its life, and its executions.

use std::sync::Arc;
use std::time::Duration;

use petrel_access::Behalf;
use petrel_engine::datastore::{Form, KeyId, New};
use petrel_engine::executions::{Answer, Canceled, Purge, Purged, Recovered, Resumed};
use petrel_engine::reads::ExecutionFilter;
use petrel_engine::triggers::SensorRunners;
use petrel_engine::{Engine, Error};
use petrel_engine_core::{Core, SetClock};
use petrel_model::{Execution, ExecutionId, Status, Timestamp};
use petrel_persistence::{Change, Commit, Store as _};
use petrel_runners::Outcome;
use serde_json::Value;
use tokio::task::JoinHandle;

use super::plan::Plan;
use super::script::{Script, succeeded};
use super::store::TestStore;
use super::{Again, NET, Request, asks, settle, task_of, until, within};

/// A process, with what the test needs to play the rest of the world.
pub(crate) struct House {
    pub(super) engine: Engine,
    core: Core,
    /// What its runners do.
    pub(crate) script: Script,
    /// What it found at its start.
    pub(crate) report: Recovered,
    pub(super) plan: Plan,
}

/// The life of a process.
impl House {
    /// One as most tests want it.
    pub(crate) async fn new() -> Self {
        Plan::default().open().await
    }

    /// One with a workflow.
    pub(crate) async fn with(name: &str, definition: &str) -> Self {
        Plan::default().workflow(name, definition).open().await
    }

    /// Starts what is planned.
    pub(super) async fn begin(plan: Plan) -> Self {
        let clock = Arc::<SetClock>::clone(&plan.clock);
        let core = Core::with_vault(Arc::new(plan.store.clone()), clock, plan.options.vault.clone());
        if !plan.is_known {
            plan.store.commit(Commit::of([Change::put(Plan::webhook())])).await.unwrap();
        }
        let script = Script::default();
        let engine =
            Engine::on(core.clone(), script.runners(), SensorRunners::default(), plan.options.clone())
                .await
                .unwrap();
        let mut house = Self { engine, core, script, report: Recovered::default(), plan };
        if !house.plan.is_known {
            house.register().await.unwrap();
            house.plan.is_known = true;
        }
        if !house.plan.rests {
            house.start().await;
        }
        house
    }

    /// Starts to run what waits.
    pub(crate) async fn start(&mut self) {
        self.report = self.engine.start().await.unwrap();
        settle().await;
    }

    /// Kills the process: nothing that it does is stored from now on. Gives what the next one starts from.
    pub(crate) async fn killed(self) -> Plan {
        let Self { engine, core, mut plan, .. } = self;
        plan.store = plan.store.reopen();
        core.stop_starting().cancel();
        core.end_running().cancel();
        settle().await;
        drop(engine);
        plan.rests = false;
        plan
    }

    /// The next process after this one was killed.
    pub(crate) async fn next_process(self) -> Self {
        let plan = self.killed().await;
        // Ids of two processes are in the order of the time only where that has gone on.
        plan.turn(Duration::from_millis(1));
        plan.open().await
    }

    /// Another process takes the store over, and this one does not know.
    pub(crate) fn lose_store(&self) {
        drop(self.plan.store.reopen());
    }

    /// Begins to stop in order.
    pub(crate) fn stop(&self) -> JoinHandle<()> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.stop().await })
    }

    /// The store, to have it fail.
    pub(crate) fn store(&self) -> &TestStore {
        &self.plan.store
    }

    /// Turns the clock, and lets everything come to rest.
    pub(crate) async fn turn(&self, by: Duration) {
        self.plan.clock.turn(by);
        settle().await;
    }

    /// Turns the clock by seconds.
    pub(crate) async fn seconds(&self, seconds: u64) {
        self.turn(Duration::from_secs(seconds)).await;
    }

    /// The seconds that have gone by since an execution was asked for.
    pub(crate) fn age(&self, execution: &Execution) -> u64 {
        self.core.now().since(execution.requested_at).as_secs()
    }

    /// Why it takes in nothing.
    pub(crate) async fn not_ready(&self) -> Vec<String> {
        self.engine.not_ready().await
    }

    /// Makes a user, as the admin does.
    pub(crate) async fn make_user(&self, name: &str) {
        self.engine.access().create_user("admin", name, "correct horse").await.unwrap();
    }

    /// Sets a key of the datastore.
    pub(crate) async fn set_key(&self, name: &str, value: &str) {
        self.engine.keys().set(name, value).await.unwrap();
    }

    /// Sets a secret key that all share.
    pub(crate) async fn set_secret(&self, name: &str, value: &str) {
        let new = New { form: Form::Secret, ..New::open(KeyId::shared(name), value) };
        self.engine.keys().put(new).await.unwrap();
    }
}

/// Executions.
impl House {
    /// Asks for an execution.
    pub(crate) async fn request(&self, request: Request) -> Result<Execution, Error> {
        self.engine.executions().request(request).await
    }

    /// The same, while the test does something else.
    pub(crate) fn request_later(&self, request: Request) -> JoinHandle<Result<Execution, Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.executions().request(request).await })
    }

    /// Asks for an execution of an action of the pack.
    pub(crate) async fn ask(&self, action: &str) -> ExecutionId {
        self.request(asks(action)).await.unwrap().id
    }

    /// The same on behalf of somebody.
    pub(crate) async fn ask_as(&self, user: &str, action: &str) -> ExecutionId {
        let request = Request { behalf: Behalf::own(user), ..asks(action) };
        self.request(request).await.unwrap().id
    }

    /// The same, to be run after some seconds.
    pub(crate) async fn ask_later(&self, action: &str, seconds: u64) -> ExecutionId {
        let request = Request { delay: Some(Duration::from_secs(seconds)), ..asks(action) };
        self.request(request).await.unwrap().id
    }

    /// Asks for a workflow of the pack, and lets everything run until it has begun: its file is read by another thread.
    pub(crate) async fn conduct(&self, workflow: &str) -> ExecutionId {
        let id = self.ask(workflow).await;
        let begins = async {
            while self.status(id).await.is_waiting() {
                tokio::task::yield_now().await;
            }
        };
        within(&format!("the workflow {id} begins"), begins).await;
        settle().await;
        id
    }

    /// Cancels an execution as the user `bob`.
    pub(crate) async fn cancel(&self, id: ExecutionId) -> Result<Canceled, Error> {
        self.engine.executions().cancel(id, "bob").await
    }

    /// Cancels the executions with a status, or with any, and says which these are; as a trial it only says so.
    pub(crate) async fn cancel_many(
        &self,
        status: Option<Status>,
        is_trial: bool,
    ) -> Vec<(ExecutionId, Status)> {
        let filter = ExecutionFilter { status, ..ExecutionFilter::default() };
        let step = self.engine.executions().cancel_many(&filter, None, is_trial, "bob").await.unwrap();
        assert!(step.failed.is_empty(), "{step:?}");
        step.canceled.into_iter().map(|(id, _, status)| (id, status)).collect()
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Lets a rule fire that its breaker pauses.
    pub(crate) async fn resume_rule(&self, name: &str) {
        let rule = self.engine.catalog().content().rule(name).unwrap().id;
        self.engine.executions().resume_rule(rule).await.unwrap();
    }

    /// One step of a purge of executions.
    pub(crate) async fn purge(&self, purge: &Purge, is_trial: bool) -> Purged {
        self.engine.executions().purge(purge, None, is_trial).await.unwrap()
    }

    /// The same, where it may fail.
    pub(crate) async fn try_purge(&self, purge: &Purge) -> Result<Purged, Error> {
        self.engine.executions().purge(purge, None, false).await
    }

    /// The same as of [`cancel`](Self::cancel), while the test does something else.
    pub(crate) fn cancel_later(&self, id: ExecutionId) -> JoinHandle<Result<Canceled, Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.executions().cancel(id, "bob").await })
    }

    /// Pauses a workflow.
    pub(crate) async fn pause(&self, id: ExecutionId) -> Result<Execution, Error> {
        self.engine.executions().pause(id).await
    }

    /// Lets a workflow go on.
    pub(crate) async fn resume(&self, id: ExecutionId) -> Result<Execution, Error> {
        self.engine.executions().resume(id).await
    }

    /// Answers a question.
    pub(crate) async fn respond(&self, id: ExecutionId, answer: Answer) -> Result<Execution, Error> {
        self.engine.executions().respond(id, answer).await
    }

    /// The open questions, oldest first.
    pub(crate) fn inquiries(&self) -> Vec<ExecutionId> {
        self.engine.executions().inquiries()
    }

    /// Runs an execution again.
    pub(crate) async fn rerun(&self, id: ExecutionId, again: Again) -> Result<Execution, Error> {
        self.engine.executions().rerun(id, again).await
    }

    /// Lets go on what is held.
    pub(crate) async fn resume_all(&self) -> Result<Resumed, Error> {
        self.engine.executions().resume_all().await
    }

    /// The same, while the test does something else.
    pub(crate) fn resume_all_later(&self) -> JoinHandle<Result<Resumed, Error>> {
        let engine = self.engine.clone();
        tokio::spawn(async move { engine.executions().resume_all().await })
    }

    /// An execution as it is stored, if it is.
    pub(crate) async fn find(&self, id: ExecutionId) -> Option<Execution> {
        self.engine.reads().execution(id).await.unwrap()
    }

    /// An execution as it is stored.
    pub(crate) async fn execution(&self, id: ExecutionId) -> Execution {
        self.find(id).await.unwrap()
    }

    /// Where an execution stands.
    pub(crate) async fn status(&self, id: ExecutionId) -> Status {
        self.execution(id).await.status
    }

    /// All executions, oldest first.
    pub(crate) async fn executions(&self) -> Vec<Execution> {
        let filter = ExecutionFilter::default();
        let mut all = self.engine.reads().executions(&filter, None, 10_000).await.unwrap().items;
        all.reverse();
        all
    }

    /// The output of an execution, line by line.
    pub(crate) async fn output(&self, id: ExecutionId) -> Vec<String> {
        let lines = self.engine.reads().output(id, 0).await.unwrap();
        lines.into_iter().map(|line| line.text).collect()
    }

    /// An execution once it has ended, or as it stands after some seconds of the clock.
    pub(crate) fn wait_later(&self, id: ExecutionId, seconds: u64) -> JoinHandle<Option<Execution>> {
        let engine = self.engine.clone();
        let patience = Duration::from_secs(seconds);
        tokio::spawn(async move {
            engine.executions().wait(id, patience).await.unwrap().map(Arc::unwrap_or_clone)
        })
    }

    /// Lets everything run until an execution has ended.
    pub(crate) async fn ended(&self, id: ExecutionId) -> Execution {
        // Nobody turns the clock as far as that.
        let patience = Duration::from_secs(1 << 40);
        let ended =
            within(&format!("the end of execution {id}"), self.engine.executions().wait(id, patience)).await;
        Arc::unwrap_or_clone(ended.unwrap().unwrap())
    }

    /// Lets everything run until an execution has a status.
    pub(crate) async fn reaches(&self, id: ExecutionId, status: Status) {
        let reached = tokio::time::timeout(NET, async {
            while self.status(id).await != status {
                tokio::task::yield_now().await;
            }
        });
        let is_reached = reached.await.is_ok();
        let found = self.status(id).await;
        assert!(is_reached, "execution {id} is {found} and not {status}");
    }

    /// Lets everything run until an execution has begun.
    pub(crate) async fn begins(&self, id: ExecutionId) {
        until(&format!("execution {id} begins"), || self.script.is_open(id)).await;
    }

    /// Ends an execution with success, once it has begun.
    pub(crate) async fn finish(&self, id: ExecutionId) -> Execution {
        self.finish_with(id, succeeded(Value::Null)).await
    }

    /// Ends an execution, once it has begun.
    pub(crate) async fn finish_with(&self, id: ExecutionId, outcome: Outcome) -> Execution {
        self.begins(id).await;
        self.script.end(id, outcome);
        let ended = self.ended(id).await;
        settle().await;
        ended
    }

    /// What the tasks of a workflow have asked for, oldest first.
    pub(crate) async fn children(&self, workflow: ExecutionId) -> Vec<Execution> {
        self.store().children(workflow, None, 10_000).await.unwrap()
    }

    /// The same as `TASK STATUS`.
    pub(crate) async fn tasks(&self, workflow: ExecutionId) -> Vec<String> {
        let children = self.children(workflow).await;
        children.iter().map(|child| format!("{} {}", task_of(child), child.status)).collect()
    }

    /// Lets everything run until a task of a workflow has asked for an execution that has not ended.
    pub(crate) async fn task(&self, workflow: ExecutionId, task: &str) -> ExecutionId {
        let asks = async {
            loop {
                let children = self.children(workflow).await;
                let is_open = |child: &&Execution| task_of(child) == task && !child.status.is_final();
                if let Some(open) = children.iter().rfind(is_open) {
                    return open.id;
                }
                tokio::task::yield_now().await;
            }
        };
        within(&format!("the task {task} asks for an execution"), asks).await
    }

    /// Ends what a task of a workflow runs, with success.
    pub(crate) async fn finish_task(&self, workflow: ExecutionId, task: &str) -> Execution {
        let id = self.task(workflow, task).await;
        self.finish(id).await
    }
}
