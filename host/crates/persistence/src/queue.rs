//! Which executions are not final, and which of them can be claimed: the part of a store that one
//! process keeps in memory. Backends that serve one process share it; it is rebuilt when they open.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petrel_model::{Execution, ExecutionId, Timestamp};

/// The executions that are not final.
#[derive(Debug, Default)]
pub struct Queue {
    active: HashMap<ExecutionId, Entry>,
    ready: BTreeMap<String, BTreeSet<(Timestamp, ExecutionId)>>,
    waiting: usize,
}

#[derive(Debug)]
struct Entry {
    version: u64,
    runner: String,
    due: Timestamp,
    is_waiting: bool,
    host: Option<u64>,
}

impl Queue {
    /// The version of an execution that is not final.
    pub fn version(&self, id: ExecutionId) -> Option<u64> {
        self.active.get(&id).map(|entry| entry.version)
    }

    /// Takes note of a version that is about to be written, so that a second commit of the same group
    /// that expects the old one is refused.
    pub fn stage(&mut self, execution: &Execution) {
        if let Some(entry) = self.active.get_mut(&execution.id) {
            entry.version = execution.version;
        }
    }

    /// Takes note of what was written: it can be claimed if it is waiting, and is forgotten if final.
    pub fn store(&mut self, execution: &Execution) {
        self.forget(execution.id);
        if execution.status.is_final() {
            return;
        }
        let entry = Entry {
            version: execution.version,
            runner: execution.runner.clone(),
            due: execution.due_at(),
            is_waiting: execution.status.is_waiting(),
            host: execution.host,
        };
        if entry.is_waiting {
            self.waiting += 1;
            self.offer(&entry.runner, entry.due, execution.id);
        }
        self.active.insert(execution.id, entry);
    }

    fn forget(&mut self, id: ExecutionId) {
        if let Some(entry) = self.active.remove(&id)
            && entry.is_waiting
        {
            self.waiting -= 1;
            if let Some(ready) = self.ready.get_mut(&entry.runner) {
                ready.remove(&(entry.due, id));
            }
        }
    }

    fn offer(&mut self, runner: &str, due: Timestamp, id: ExecutionId) {
        match self.ready.get_mut(runner) {
            Some(ready) => {
                ready.insert((due, id));
            }
            None => {
                self.ready.insert(runner.to_owned(), BTreeSet::from([(due, id)]));
            }
        }
    }

    /// Takes up to `limit` of those that are due, earliest first.
    pub fn claim(&mut self, runners: &[String], now: Timestamp, limit: usize) -> Vec<ExecutionId> {
        let mut claimed = Vec::new();
        while claimed.len() < limit {
            let first = runners
                .iter()
                .filter_map(|runner| Some((*self.ready.get(runner)?.first()?, runner)))
                .min_by_key(|(entry, _)| *entry);
            match first {
                Some(((due, id), runner)) if due <= now => {
                    if let Some(ready) = self.ready.get_mut(runner) {
                        ready.remove(&(due, id));
                    }
                    claimed.push(id);
                }
                _ => break,
            }
        }
        claimed
    }

    /// Offers again what was claimed and not begun.
    pub fn release(&mut self, id: ExecutionId) {
        if let Some(entry) = self.active.get(&id)
            && entry.is_waiting
        {
            let (runner, due) = (entry.runner.clone(), entry.due);
            self.offer(&runner, due, id);
        }
    }

    /// When the earliest that nobody has claimed is due.
    pub fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        runners.iter().filter_map(|runner| Some(self.ready.get(runner)?.first()?.0)).min()
    }

    /// How many wait, claimed or not.
    pub fn waiting(&self) -> usize {
        self.waiting
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
