//! Which executions are not final, and which of them can be claimed: the part of a store that one
//! process keeps in memory. Backends that serve one process share it; it is rebuilt when they open.
//!
//! Who claims gets from each account in turn, and the earliest first within one: see [`fair`].

mod fair;

use std::collections::{BTreeMap, HashMap};

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
}

#[derive(Debug)]
struct Entry {
    version: u64,
    runner: String,
    due: Timestamp,
    /// Whether it is held back until then.
    is_delayed: bool,
    is_waiting: bool,
    host: Option<u64>,
    /// The workflow that has asked for it, and the top one.
    above: Option<(ExecutionId, ExecutionId)>,
    account: Number,
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
        entry.host = execution.host;
        if entry.is_waiting {
            self.waiting += 1;
            self.accounts.add_waiting(entry.account);
            self.offer(&entry, execution.id);
        }
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
            host: None,
            above,
            account: self.accounts.open(execution.account()),
        }
    }

    /// One that waits is about to do so no more, or otherwise.
    fn unqueue(&mut self, entry: &Entry, id: ExecutionId) {
        if entry.is_waiting {
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
            if entry.is_waiting {
                self.offer(&entry, id);
            }
            self.active.insert(id, entry);
        }
    }

    /// When the earliest that nobody has claimed is due.
    pub fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        self.turns.next_due(runners)
    }

    /// How many wait, claimed or not.
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
            .filter(|(_, entry)| !entry.is_waiting && entry.host.is_some_and(|host| host < epoch))
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
