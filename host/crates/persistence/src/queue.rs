//! Which executions are not final, and which of them can be claimed: the part of a store that one
//! process keeps in memory. Backends that serve one process share it; it is rebuilt when they open.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use petrel_model::{Execution, ExecutionId, Timestamp};

/// The executions that are not final.
#[derive(Debug, Default)]
pub struct Queue {
    active: HashMap<ExecutionId, Entry>,
    ready: BTreeMap<String, BTreeSet<(Timestamp, ExecutionId)>>,
    waiting: usize,
    /// What was in flight when the store was restored from a backup, and has not been let go on.
    held: HashSet<ExecutionId>,
}

#[derive(Debug)]
struct Entry {
    version: u64,
    runner: String,
    due: Timestamp,
    is_waiting: bool,
    /// It is as if it did not wait, and had not been begun.
    is_held: bool,
    host: Option<u64>,
}

impl Entry {
    fn can_be_claimed(&self) -> bool {
        self.is_waiting && !self.is_held
    }
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

    /// Holds these, and whatever they ask for, until [`lift`](Self::lift). To be said before they are stored, and
    /// what asks before what was asked for.
    pub fn hold(&mut self, ids: impl IntoIterator<Item = ExecutionId>) {
        self.held.extend(ids);
    }

    /// Lets go on what was held.
    pub fn lift(&mut self) {
        self.held.clear();
        let mut offered = Vec::new();
        for (id, entry) in self.active.iter_mut().filter(|(_, entry)| entry.is_held) {
            entry.is_held = false;
            if entry.is_waiting {
                offered.push((entry.runner.clone(), entry.due, *id));
            }
        }
        self.waiting += offered.len();
        offered.into_iter().for_each(|(runner, due, id)| self.offer(&runner, due, id));
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
        self.forget(execution.id);
        if execution.status.is_final() {
            return;
        }
        let entry = Entry {
            version: execution.version,
            runner: execution.runner.clone(),
            due: execution.due_at(),
            is_waiting: execution.status.is_waiting(),
            is_held: self.takes_hold_of(execution),
            host: execution.host,
        };
        if entry.can_be_claimed() {
            self.waiting += 1;
            self.offer(&entry.runner, entry.due, execution.id);
        }
        self.active.insert(execution.id, entry);
    }

    fn forget(&mut self, id: ExecutionId) {
        if let Some(entry) = self.active.remove(&id)
            && entry.can_be_claimed()
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
            && entry.can_be_claimed()
        {
            let (runner, due) = (entry.runner.clone(), entry.due);
            self.offer(&runner, due, id);
        }
    }

    /// When the earliest that nobody has claimed is due.
    pub fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        runners.iter().filter_map(|runner| Some(self.ready.get(runner)?.first()?.0)).min()
    }

    /// How many wait, claimed or not; those that are held do not count.
    pub fn waiting(&self) -> usize {
        self.waiting
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

#[cfg(test)]
mod tests {
    use petrel_model::{Parent, Status};

    use super::*;
    use crate::suite::{at, execution, id};

    fn shell() -> [String; 1] {
        ["shell".to_owned()]
    }

    /// The `n`-th execution, as something that a process with epoch 1 had begun.
    fn begun(n: u64) -> Execution {
        Execution { status: Status::Running, host: Some(1), ..execution(n) }
    }

    fn child(n: u64, of: u64) -> Execution {
        let parent =
            Parent { execution: id(of), task: "task".into(), number: 0, route: 0, item: None, depth: 0 };
        Execution { parent: Some(parent), ..execution(n) }
    }

    #[test]
    fn what_is_held_is_neither_claimed_nor_orphaned_until_the_hold_is_lifted() {
        let mut queue = Queue::default();
        queue.hold([id(1), id(2)]);
        for stored in [execution(1), begun(2), execution(3), begun(4), child(5, 2)] {
            queue.store(&stored);
        }
        assert_eq!((queue.held(), queue.waiting()), (3, 1), "1, 2 and what 2 has asked for");
        assert_eq!(queue.next_due(&shell()), Some(execution(3).due_at()));
        assert_eq!(queue.claim(&shell(), at(100), 9), [id(3)]);
        assert_eq!(queue.orphans(2), [id(4)]);
        // Releasing or storing it again does not let it go on.
        queue.release(id(1));
        queue.store(&Execution { version: 2, ..execution(1) });
        assert_eq!(queue.claim(&shell(), at(100), 9), []);
        assert_eq!(queue.version(id(1)), Some(2), "it can be ended");
        queue.lift();
        assert_eq!((queue.held(), queue.is_held(id(2))), (0, false));
        assert_eq!(queue.claim(&shell(), at(100), 9), [id(1), id(5)]);
        assert_eq!(queue.orphans(2), [id(2), id(4)]);
        // One was claimed before the hold was lifted, and waits until it is stored.
        assert_eq!(queue.waiting(), 3);
    }

    #[test]
    fn what_is_held_may_end_and_what_it_has_asked_for_stays_held() {
        let mut queue = Queue::default();
        queue.hold([id(1)]);
        queue.store(&begun(1));
        queue.store(&Execution { status: Status::Canceled, ..begun(1) });
        queue.store(&child(2, 1));
        assert_eq!((queue.held(), queue.waiting()), (1, 0));
        queue.lift();
        assert_eq!((queue.held(), queue.waiting()), (0, 1));
    }
}
