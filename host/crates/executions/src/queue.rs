//! The state of executions in memory: clients that wait for an end, runs, and executions that are set aside
//! until there is room. Services that commit executions have this handle, and report to it after each commit.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use petrel_catalog::Catalog;
use petrel_datastore::Keys;
use petrel_engine_core::Error;
use petrel_engine_core::{Core, Evaluations};
use petrel_model::execution::Account;
use petrel_model::{Execution, ExecutionId};
use petrel_persistence::{Change, Expect, Store};
use petrel_runners::Outlet;
use petrel_runners::sensors::Emitter;

use super::breakers::book::Breakers;
use super::ends;
use super::events::Events;
use super::given::Admissions;
use super::inquiries::Inquiries;
use super::kind::Kind;
use super::options::Options;
use super::policies::book::Book;
use super::policies::lines::Freed;
use super::running::Running;
use super::uncommitted::Uncommitted;
use super::wake::{Schedulers, Wake};

/// The time after which an execution that could not be dealt with is offered again.
const AGAIN: Duration = Duration::from_secs(1);

/// The handle to waiting and running executions. Cheap to clone.
#[derive(Clone)]
pub struct Queue(Arc<Inner>);

struct Inner {
    core: Core,
    catalog: Catalog,
    keys: Keys,
    evaluations: Evaluations,
    options: Options,
    /// The kinds of slots by runner type: the row of an execution has only its name.
    kinds: HashMap<String, Kind>,
    wake: Wake,
    events: Events,
    running: Running,
    admissions: Admissions,
    policies: Book,
    breakers: Breakers,
    inquiries: Inquiries,
    /// What takes events of actions.
    emitter: OnceLock<Arc<dyn Emitter>>,
}

impl Queue {
    /// The queue of a host on which nothing runs yet.
    pub fn new(core: Core, catalog: Catalog, keys: Keys, evaluations: Evaluations, options: Options) -> Self {
        let content = catalog.content();
        let kinds = content.runners().iter().map(|(name, runs)| (name.clone(), Kind::of(runs)));
        let (wake, kinds) = (Wake::default(), kinds.collect());
        let admissions = Admissions::new(core.clone(), catalog.clone(), wake.clone(), options.given_limit);
        let (events, running) = (Events::default(), Running::default());
        Self(Arc::new(Inner {
            core,
            catalog,
            keys,
            evaluations,
            options,
            kinds,
            wake,
            events,
            running,
            admissions,
            policies: Book::default(),
            breakers: Breakers::default(),
            inquiries: Inquiries::default(),
            emitter: OnceLock::new(),
        }))
    }

    /// Lets actions emit events, which `emitter` takes; it must not keep this handle. To be called once, when the
    /// services are created.
    pub fn emit_to(&self, emitter: Arc<dyn Emitter>) {
        // A second one would be that of the same host.
        drop(self.0.emitter.set(emitter));
    }

    /// The place for events of actions: none before [`emit_to`](Self::emit_to).
    pub(crate) fn outlet(&self) -> Outlet {
        self.0.emitter.get().cloned().map_or_else(Outlet::default, Outlet::to)
    }

    /// The ground of all services: store, clock, ids and tasks.
    pub fn core(&self) -> &Core {
        &self.0.core
    }

    /// The catalog.
    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    /// The keys of the datastore.
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// The threads for long evaluations.
    pub fn evaluations(&self) -> &Evaluations {
        &self.0.evaluations
    }

    /// The store, for reading.
    pub fn store(&self) -> &dyn Store {
        self.0.core.store()
    }

    /// Whether an execution is a workflow.
    pub fn is_workflow(&self, execution: &Execution) -> bool {
        self.0.kinds.get(&execution.runner) == Some(&Kind::Workflow)
    }

    /// Commits on behalf of this process, with the events of the executions that end by it.
    ///
    /// # Errors
    /// [`Uncommitted::Moved`] when an expectation does not hold; otherwise when the disk is nearly full or
    /// the store fails.
    pub async fn commit(&self, expect: Vec<Expect>, mut changes: Vec<Change>) -> Result<(), Uncommitted> {
        self.report_ends(&mut changes);
        let noted = self.note_breakers(&mut changes).await;
        let made = if noted.is_nothing() {
            self.0.core.commit(expect, changes).await
        } else {
            noted.commit(self, expect, changes, || {}).await
        };
        made.map_err(Uncommitted::of_commit)
    }

    /// Commits `changes` as they are, and wakes the schedulers that their new executions wait for: also if the caller goes away
    /// meanwhile, since nobody else would wake them.
    ///
    /// # Errors
    /// As [`Core::commit`].
    pub async fn commit_new(&self, expect: Vec<Expect>, mut changes: Vec<Change>) -> Result<(), Error> {
        let noted = self.note_breakers(&mut changes).await;
        let (schedulers, wake) = (self.schedulers_of(&changes), self.0.wake.clone());
        let then = move || wake.these(schedulers);
        if noted.is_nothing() {
            self.0.core.commit_then(expect, changes, then).await
        } else {
            noted.commit(self, expect, changes, then).await
        }
    }

    /// Adds the events of the executions that end by `changes`. [`commit`](Self::commit) does so by itself.
    pub fn report_ends(&self, changes: &mut Vec<Change>) {
        let ended = changes.iter().filter_map(ends::ended);
        let events: Vec<_> = ended.flat_map(|execution| ends::events(self, execution)).collect();
        changes.extend(events);
    }

    /// Wakes the schedulers. To be called after a commit of new executions.
    pub fn wake(&self) {
        self.0.wake.all();
    }

    /// The schedulers that the new executions among `changes` wait for.
    pub fn schedulers_of(&self, changes: &[Change]) -> Schedulers {
        let mut schedulers = Schedulers::default();
        for change in changes {
            if let Change::CreateExecution(execution) = change
                && execution.status.is_waiting()
                && let Some(kind) = self.0.kinds.get(&execution.runner)
            {
                schedulers.add(*kind);
            }
        }
        schedulers
    }

    /// As [`wake`](Self::wake), for these schedulers alone.
    pub fn wake_these(&self, schedulers: Schedulers) {
        self.0.wake.these(schedulers);
    }

    /// Gives an execution that has ended to the clients that wait for it, and its places to the executions that policies
    /// keep waiting, and takes note of inquiries. To be called with the execution as it is stored, after each commit that
    /// changes one.
    pub fn tell(&self, execution: &Execution) {
        self.let_go_on(self.0.policies.told(execution));
        if execution.status.is_final() {
            self.give_back_start(execution);
        }
        self.note_inquiry(execution);
        self.0.events.tell(execution);
    }

    /// Takes note of an inquiry as it is stored.
    pub(super) fn note_inquiry(&self, execution: &Execution) {
        self.0.inquiries.tell(execution, || self.store().is_active(execution.id));
    }

    /// Offers executions to the schedulers that policies let go on.
    pub(super) fn let_go_on(&self, freed: Vec<Freed>) {
        if freed.is_empty() {
            return;
        }
        let queue = self.clone();
        self.0.core.spawn("executions that policies let go on", async move {
            let mut schedulers = Schedulers::default();
            for one in freed {
                schedulers.add(one.kind);
                if one.is_claimed
                    && let Err(error) = queue.store().release(one.id).await
                {
                    tracing::error!(execution.id = %one.id, %error, "failed to return an execution to the queue");
                }
            }
            queue.wake_these(schedulers);
        });
    }

    /// Offers an execution again, after a while: it is claimed, and nobody else would take it.
    pub(super) fn put_back(&self, id: ExecutionId) {
        let queue = self.clone();
        self.0.core.spawn("execution that is offered again", async move {
            tokio::select! {
                biased;
                () = queue.core().stop_starting().cancelled() => return,
                () = queue.core().sleep(AGAIN) => {}
            }
            if let Err(error) = queue.store().release(id).await {
                tracing::error!(execution.id = %id, %error, "failed to return an execution to the queue");
            }
            queue.wake();
        });
    }

    /// Ends the runs of these executions in this process, and drops those that were set aside. To be called
    /// after the commit that requests their end.
    pub fn end(&self, ids: &[ExecutionId]) {
        ids.iter().for_each(|id| self.0.running.end(*id));
        self.0.admissions.forget(ids);
    }

    /// The execution as soon as it is final, without a read of the store. `None` if it is not open now, does not exist, or is
    /// still open after `patience`.
    pub async fn told(&self, id: ExecutionId, patience: Duration) -> Option<Arc<Execution>> {
        self.0.events.told(&self.0.core, id, patience).await
    }

    /// The execution once it is final, or in its state after `patience`. `None` if it does not exist.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn wait(&self, id: ExecutionId, patience: Duration) -> Result<Option<Arc<Execution>>, Error> {
        self.0.events.wait(&self.0.core, id, patience).await
    }

    /// The number of executions that run in this process.
    pub fn running(&self) -> usize {
        self.0.running.count()
    }

    /// Refuses new work when the host is stopping or too much is waiting.
    ///
    /// # Errors
    /// [`Error::Stopping`] or [`Error::Busy`].
    pub fn check_room(&self) -> Result<(), Error> {
        if self.0.core.is_stopping() {
            return Err(Error::Stopping);
        }
        let limit = self.0.options.waiting_limit;
        // At most its share counts of each account: more may wait inside workflows, and takes no room from
        // others.
        let waiting = self.store().waiting_within(self.waiting_share());
        if waiting >= limit {
            return Err(Error::Busy(format!(
                "{waiting} executions are waiting, and {limit} is the limit (`engine.waiting_limit`)"
            )));
        }
        Ok(())
    }

    /// Refuses new work of an account that has its share of the waiting executions.
    ///
    /// # Errors
    /// [`Error::Busy`], with the name of the setting.
    pub fn check_share(&self, account: Account<'_>) -> Result<(), Error> {
        let share = self.waiting_share();
        // An account cannot have more than there are, so most requests need no look at accounts.
        if self.store().waiting() < share || self.store().waiting_of(account) < share {
            return Ok(());
        }
        Err(Error::Busy(format!(
            "{share} executions of {account} are waiting, which is its share of what may wait (`engine.waiting_share`)"
        )))
    }

    /// The number of waiting executions that one account may have.
    fn waiting_share(&self) -> usize {
        let Options { waiting_limit, waiting_share, .. } = self.0.options;
        (waiting_limit.saturating_mul(waiting_share) / 100).max(1)
    }

    pub(super) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(super) fn wakes(&self) -> &Wake {
        &self.0.wake
    }

    pub(super) fn runs(&self) -> &Running {
        &self.0.running
    }

    pub(super) fn policies(&self) -> &Book {
        &self.0.policies
    }

    pub(super) fn breakers(&self) -> &Breakers {
        &self.0.breakers
    }

    pub(super) fn inquiries(&self) -> &Inquiries {
        &self.0.inquiries
    }

    /// The kind of slot that an execution needs, if this host has its runner.
    pub(super) fn kind(&self, execution: &Execution) -> Option<Kind> {
        self.0.kinds.get(&execution.runner).copied()
    }

    pub(super) fn admissions(&self) -> &Admissions {
        &self.0.admissions
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("options", &self.0.options).finish_non_exhaustive()
    }
}
