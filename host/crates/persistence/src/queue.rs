//! The queue of active executions: which are not final, and which of them can be claimed. A store keeps it in memory
//! for its one process and rebuilds it when it opens; backends share this implementation.
//!
//! A claim takes executions from each account in turn, and the earliest first within an account: see [`fair`].

mod fair;

use std::collections::{BTreeMap, HashMap, HashSet};

use petrel_model::execution::Account;
use petrel_model::{Execution, ExecutionId, Timestamp};

use fair::{Accounts, Number, Turns};

/// The executions that are not final.
#[derive(Debug, Default)]
pub struct Queue {
    active: HashMap<ExecutionId, Active>,
    accounts: Accounts,
    turns: Turns,
    /// The number of executions inside each top workflow, at any depth.
    inside: HashMap<ExecutionId, usize>,
    waiting: usize,
    /// Executions that were in flight when the store was restored from a backup and have not been let go since.
    held: HashSet<ExecutionId>,
}

#[derive(Debug)]
struct Active {
    version: u64,
    runner: String,
    due: Timestamp,
    /// Whether the execution may not be claimed before `due`.
    is_delayed: bool,
    is_waiting: bool,
    /// A held execution counts neither as waiting nor as begun.
    is_held: bool,
    host: Option<u64>,
    /// The workflow that requested the execution, and the top workflow.
    parent_and_root: Option<(ExecutionId, ExecutionId)>,
    account: Number,
}

impl Active {
    fn can_be_claimed(&self) -> bool {
        self.is_waiting && !self.is_held
    }
}

impl Queue {
    /// The version of an execution that is not final.
    pub fn version(&self, id: ExecutionId) -> Option<u64> {
        // An execution whose end is staged is final for every reader, although it is still in the map.
        self.active.get(&id).map(|entry| entry.version).filter(|version| *version != ENDED)
    }

    /// Notes a version that is about to be written, so that a second commit of the same group with the old
    /// expectation is refused, as is any after a final one.
    pub fn stage(&mut self, execution: &Execution) {
        if let Some(entry) = self.active.get_mut(&execution.id) {
            entry.version = if execution.status.is_final() { ENDED } else { execution.version };
        }
    }

    /// Reverts [`stage`](Self::stage), after the commit with the expectation `version` could not be written.
    pub fn unstage(&mut self, id: ExecutionId, version: u64) {
        if let Some(entry) = self.active.get_mut(&id) {
            entry.version = version;
        }
    }

    /// Whether the execution is stored and not final.
    pub fn is_active(&self, id: ExecutionId) -> bool {
        self.active.contains_key(&id)
    }

    /// Holds these executions, and those that they request, until [`lift`](Self::lift). It must be called before they
    /// are stored, and a workflow must come before the executions inside it.
    pub fn hold(&mut self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.held.extend(ids);
    }

    /// Lets all held executions go on.
    pub fn lift(&mut self) {
        self.held.clear();
        let mut held: Vec<_> =
            self.active.iter().filter(|(_, entry)| entry.is_held).map(|(id, _)| *id).collect();
        // In the order of ids, so that executions which are due at the same time are claimed in the order of
        // creation.
        held.sort_unstable();
        for id in held {
            let Some(mut entry) = self.active.remove(&id) else { continue };
            entry.is_held = false;
            self.enqueue(&entry, id);
            self.active.insert(id, entry);
        }
    }

    /// The number of held executions that are not final.
    pub fn held(&self) -> usize {
        // The usual case is a store without a restore, where nothing needs to be counted.
        if self.held.is_empty() { 0 } else { self.active.values().filter(|entry| entry.is_held).count() }
    }

    /// Whether the execution is held, itself or through its workflow.
    pub fn is_held(&self, id: ExecutionId) -> bool {
        self.held.contains(&id)
    }

    /// Whether `execution` is held. An execution inside a held workflow is held as well.
    fn takes_hold_of(&mut self, execution: &Execution) -> bool {
        if self.held.is_empty() {
            return false;
        }
        if execution.parent.as_ref().is_some_and(|parent| self.held.contains(&parent.execution)) {
            self.held.insert(execution.id);
        }
        self.held.contains(&execution.id)
    }

    /// Notes a stored execution: it can be claimed if it is waiting, and is forgotten if it is final.
    pub fn store(&mut self, execution: &Execution) {
        if execution.status.is_final() {
            self.forget(execution.id);
            return;
        }
        let mut entry = match self.active.remove(&execution.id) {
            Some(entry) => {
                // Withdrawn under its old due time and runner, by which the turns know it, before these change.
                self.unqueue(&entry, execution.id);
                entry
            }
            None => self.open(execution),
        };
        entry.version = execution.version;
        // The due time also sorts executions without a delay, so whether to wait for it is a fact of its own.
        entry.due = execution.due_at();
        entry.is_delayed = execution.ready_at.is_some();
        entry.is_waiting = execution.status.is_waiting();
        entry.is_held = self.takes_hold_of(execution);
        entry.host = execution.host;
        self.enqueue(&entry, execution.id);
        self.active.insert(execution.id, entry);
    }

    /// Notes an execution that is not in the queue yet.
    fn open(&mut self, execution: &Execution) -> Active {
        let parent_and_root = execution.parent.as_ref().map(|parent| (parent.execution, parent.root()));
        if let Some((_, root)) = parent_and_root {
            *self.inside.entry(root).or_default() += 1;
        }
        Active {
            version: execution.version,
            runner: execution.runner.clone(),
            due: execution.due_at(),
            is_delayed: false,
            is_waiting: false,
            is_held: false,
            host: None,
            parent_and_root,
            account: self.accounts.open(execution.account()),
        }
    }

    /// Offers an execution that is waiting.
    fn enqueue(&mut self, entry: &Active, id: ExecutionId) {
        if entry.can_be_claimed() {
            self.waiting += 1;
            self.accounts.add_waiting(entry.account);
            self.offer(entry, id);
        }
    }

    /// Withdraws an execution before it changes.
    fn unqueue(&mut self, entry: &Active, id: ExecutionId) {
        if entry.can_be_claimed() {
            self.waiting -= 1;
            self.accounts.remove_waiting(entry.account);
            self.turns.remove(&entry.runner, entry.due, id, entry.account);
        }
    }

    fn offer(&mut self, entry: &Active, id: ExecutionId) {
        if entry.is_delayed {
            self.turns.delay(&entry.runner, entry.due, id, entry.account);
        } else {
            self.turns.add(&entry.runner, entry.due, id, entry.account);
        }
    }

    fn forget(&mut self, id: ExecutionId) {
        let Some(entry) = self.active.remove(&id) else { return };
        if let Some((_, root)) = entry.parent_and_root
            && let Some(inside) = self.inside.get_mut(&root)
        {
            *inside -= 1;
            if *inside == 0 {
                self.inside.remove(&root);
            }
        }
        // Withdrawn first: the record of an account goes with its last active execution.
        self.unqueue(&entry, id);
        self.accounts.close(entry.account);
    }

    /// Claims up to `limit` due executions: of each account in turn, the earliest first within one.
    pub fn claim(&mut self, runners: &[String], now: Timestamp, limit: usize) -> Vec<ExecutionId> {
        self.turns.wake(runners, now);
        std::iter::from_fn(|| self.turns.take(runners)).take(limit).collect()
    }

    /// Offers a claimed execution again that was not begun.
    pub fn release(&mut self, id: ExecutionId) {
        // Taken out and put back, since an offer changes other parts of the queue.
        if let Some(entry) = self.active.remove(&id) {
            if entry.can_be_claimed() {
                self.offer(&entry, id);
            }
            self.active.insert(id, entry);
        }
    }

    /// The time at which the next unclaimed execution is due.
    pub fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        self.turns.next_due(runners)
    }

    /// The number of waiting executions, claimed or not, without held ones.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The number of an account's waiting executions.
    pub fn waiting_of(&self, account: Account<'_>) -> usize {
        self.accounts.waiting(account)
    }

    /// The number of waiting executions, with at most `share` counted of each account.
    pub fn waiting_within(&self, share: usize) -> usize {
        self.accounts.waiting_within(share, self.waiting)
    }

    /// Whether an execution is waiting, claimed or not. What is only staged does not count.
    pub fn is_waiting(&self, id: ExecutionId) -> bool {
        self.active.get(&id).is_some_and(|entry| entry.is_waiting)
    }

    /// The number of executions inside a top workflow, at any depth.
    pub fn inside(&self, root: ExecutionId) -> usize {
        self.inside.get(&root).copied().unwrap_or_default()
    }

    /// The executions that have begun, in order, without held ones.
    pub fn begun(&self) -> Vec<ExecutionId> {
        let has_begun = |entry: &Active| !entry.is_waiting && !entry.is_held;
        let mut begun: Vec<_> =
            self.active.iter().filter(|(_, entry)| has_begun(entry)).map(|(id, _)| *id).collect();
        begun.sort_unstable();
        begun
    }

    /// The executions inside each workflow, in order.
    pub fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, entry) in &self.active {
            if let Some((workflow, _)) = entry.parent_and_root {
                all.entry(workflow).or_default().push(*id);
            }
        }
        all.values_mut().for_each(|inside| inside.sort_unstable());
        all
    }

    #[cfg(test)]
    fn accounts_open(&self) -> usize {
        self.accounts.len()
    }

    /// Executions that a process before `epoch` began, in order.
    pub fn orphans(&self, epoch: u64) -> Vec<ExecutionId> {
        // An execution without a host never began anywhere, so it is no orphan whatever its status.
        let mut orphans: Vec<_> = self
            .active
            .iter()
            .filter(|(_, entry)| {
                !entry.is_waiting && !entry.is_held && entry.host.is_some_and(|host| host < epoch)
            })
            .map(|(id, _)| *id)
            .collect();
        orphans.sort_unstable();
        orphans
    }
}

/// A version that no expectation matches: an execution whose end is about to be written.
const ENDED: u64 = u64::MAX;

#[cfg(test)]
mod tests;
