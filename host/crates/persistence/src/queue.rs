//! Which executions are not final, and which of them can be claimed: the part of a store that one
//! process keeps in memory. Backends that serve one process share it; it is rebuilt when they open.
//!
//! Who claims gets from each account in turn, and the earliest first within one: see [`fair`].

mod fair;

use std::collections::{BTreeMap, HashMap, HashSet};

use petrel_model::execution::Account;
use petrel_model::{Execution, ExecutionId, Timestamp};

use fair::{Accounts, Number, Turns};

/// The executions that are not final.
#[derive(Debug, Default)]
pub struct Queue {
    active: HashMap<ExecutionId, Entry>,
    accounts: Accounts,
    turns: Turns,
    /// How many are inside each workflow that is inside no other.
    inside: HashMap<ExecutionId, usize>,
    waiting: usize,
    /// What was in flight when the store was restored from a backup, and has not been let go on.
    held: HashSet<ExecutionId>,
}

#[derive(Debug)]
struct Entry {
    version: u64,
    runner: String,
    due: Timestamp,
    /// Whether it is held back until then.
    is_delayed: bool,
    is_waiting: bool,
    /// It is as if it did not wait, and had not been begun.
    is_held: bool,
    host: Option<u64>,
    /// The workflow that has asked for it, and the top one.
    above: Option<(ExecutionId, ExecutionId)>,
    account: Number,
}

impl Entry {
    fn can_be_claimed(&self) -> bool {
        self.is_waiting && !self.is_held
    }
}

impl Queue {
    /// The version of an execution that is not final.
    pub fn version(&self, id: ExecutionId) -> Option<u64> {
        self.active.get(&id).map(|entry| entry.version).filter(|version| *version != ENDED)
    }

    /// Takes note of a version that is about to be written, so that a second commit of the same group
    /// that expects the old one is refused, and any that comes after its end.
    pub fn stage(&mut self, execution: &Execution) {
        if let Some(entry) = self.active.get_mut(&execution.id) {
            entry.version = if execution.status.is_final() { ENDED } else { execution.version };
        }
    }

    /// Takes back what was [staged](Self::stage): the commit could not be written, and had expected this version.
    pub fn unstage(&mut self, id: ExecutionId, version: u64) {
        if let Some(entry) = self.active.get_mut(&id) {
            entry.version = version;
        }
    }

    /// Whether it was stored and is not final.
    pub fn is_active(&self, id: ExecutionId) -> bool {
        self.active.contains_key(&id)
    }

    /// Holds these, and whatever they ask for, until [`lift`](Self::lift). To be said before they are stored, and
    /// what asks before what was asked for.
    pub fn hold(&mut self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.held.extend(ids);
    }

    /// Lets go on what was held.
    pub fn lift(&mut self) {
        self.held.clear();
        let mut held: Vec<_> =
            self.active.iter().filter(|(_, entry)| entry.is_held).map(|(id, _)| *id).collect();
        held.sort_unstable();
        for id in held {
            let Some(mut entry) = self.active.remove(&id) else { continue };
            entry.is_held = false;
            self.enqueue(&entry, id);
            self.active.insert(id, entry);
        }
    }

    /// How many that are not final are held.
    pub fn held(&self) -> usize {
        // Most often there was no restore.
        if self.held.is_empty() { 0 } else { self.active.values().filter(|entry| entry.is_held).count() }
    }

    /// Whether this one is held, or what has asked for it.
    pub fn is_held(&self, id: ExecutionId) -> bool {
        self.held.contains(&id)
    }

    /// Whether `execution` is to be held. What a held workflow asks for is held with it.
    fn takes_hold_of(&mut self, execution: &Execution) -> bool {
        if self.held.is_empty() {
            return false;
        }
        if execution.parent.as_ref().is_some_and(|parent| self.held.contains(&parent.execution)) {
            self.held.insert(execution.id);
        }
        self.held.contains(&execution.id)
    }

    /// Takes note of what was written: it can be claimed if it is waiting, and is forgotten if final.
    pub fn store(&mut self, execution: &Execution) {
        if execution.status.is_final() {
            self.forget(execution.id);
            return;
        }
        let mut entry = match self.active.remove(&execution.id) {
            Some(entry) => {
                self.unqueue(&entry, execution.id);
                entry
            }
            None => self.open(execution),
        };
        entry.version = execution.version;
        entry.due = execution.due_at();
        entry.is_delayed = execution.ready_at.is_some();
        entry.is_waiting = execution.status.is_waiting();
        entry.is_held = self.takes_hold_of(execution);
        entry.host = execution.host;
        self.enqueue(&entry, execution.id);
        self.active.insert(execution.id, entry);
    }

    /// Takes note of one that was not known.
    fn open(&mut self, execution: &Execution) -> Entry {
        let above = execution.parent.as_ref().map(|parent| (parent.execution, parent.root()));
        if let Some((_, root)) = above {
            *self.inside.entry(root).or_default() += 1;
        }
        Entry {
            version: execution.version,
            runner: execution.runner.clone(),
            due: execution.due_at(),
            is_delayed: false,
            is_waiting: false,
            is_held: false,
            host: None,
            above,
            account: self.accounts.open(execution.account()),
        }
    }

    /// One that waits can be claimed from now on.
    fn enqueue(&mut self, entry: &Entry, id: ExecutionId) {
        if entry.can_be_claimed() {
            self.waiting += 1;
            self.accounts.add_waiting(entry.account);
            self.offer(entry, id);
        }
    }

    /// One that waits is about to do so no more, or otherwise.
    fn unqueue(&mut self, entry: &Entry, id: ExecutionId) {
        if entry.can_be_claimed() {
            self.waiting -= 1;
            self.accounts.remove_waiting(entry.account);
            self.turns.remove(&entry.runner, entry.due, id, entry.account);
        }
    }

    fn offer(&mut self, entry: &Entry, id: ExecutionId) {
        if entry.is_delayed {
            self.turns.delay(&entry.runner, entry.due, id, entry.account);
        } else {
            self.turns.add(&entry.runner, entry.due, id, entry.account);
        }
    }

    fn forget(&mut self, id: ExecutionId) {
        let Some(entry) = self.active.remove(&id) else { return };
        if let Some((_, root)) = entry.above
            && let Some(inside) = self.inside.get_mut(&root)
        {
            *inside -= 1;
            if *inside == 0 {
                self.inside.remove(&root);
            }
        }
        self.unqueue(&entry, id);
        self.accounts.close(entry.account);
    }

    /// Takes up to `limit` of those that are due: of each account in turn, the earliest first within one.
    pub fn claim(&mut self, runners: &[String], now: Timestamp, limit: usize) -> Vec<ExecutionId> {
        self.turns.wake(runners, now);
        std::iter::from_fn(|| self.turns.take(runners)).take(limit).collect()
    }

    /// Offers again what was claimed and not begun.
    pub fn release(&mut self, id: ExecutionId) {
        if let Some(entry) = self.active.remove(&id) {
            if entry.can_be_claimed() {
                self.offer(&entry, id);
            }
            self.active.insert(id, entry);
        }
    }

    /// When the earliest that nobody has claimed is due.
    pub fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        self.turns.next_due(runners)
    }

    /// How many wait, claimed or not; those that are held do not count.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many of those wait on this account.
    pub fn waiting_of(&self, account: Account<'_>) -> usize {
        self.accounts.waiting(account)
    }

    /// How many wait, when at most `share` of each account are counted.
    pub fn waiting_within(&self, share: usize) -> usize {
        self.accounts.waiting_within(share, self.waiting)
    }

    /// How many are inside a workflow that is inside no other, at any depth.
    pub fn inside(&self, root: ExecutionId) -> usize {
        self.inside.get(&root).copied().unwrap_or_default()
    }

    /// What is inside of each workflow, in order.
    pub fn by_workflow(&self) -> BTreeMap<ExecutionId, Vec<ExecutionId>> {
        let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, entry) in &self.active {
            if let Some((workflow, _)) = entry.above {
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

    /// What was begun by a process before `epoch`, in order.
    pub fn orphans(&self, epoch: u64) -> Vec<ExecutionId> {
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

/// The version of an execution whose end is about to be written.
const ENDED: u64 = u64::MAX;

#[cfg(test)]
mod tests;
