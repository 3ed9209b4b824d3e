//! The executions that count for limits of concurrency, and the lines in which others wait, first come first served. Pure:
//! nothing here asks the store or a clock.
//!
//! An execution takes a place in all of its lines together, or waits in the first that is full; so none waits for another
//! while it keeps a third one waiting. It takes its places before it starts, and gives them back when it ends.
//!
//! An execution inside a workflow that has a place never waits for that place: neither would ever end.

mod stuck;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use petrel_model::ExecutionId;
use petrel_model::policy::effect::Otherwise;

use crate::kind::Kind;

pub(crate) use stuck::Stuck;

/// A limit with the values that its executions have in common, as text.
pub(crate) type Key = Arc<str>;

/// What an execution needs before it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) key: Key,
    pub(crate) threshold: usize,
    pub(crate) otherwise: Otherwise,
}

/// An execution that asks for its places.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    pub(crate) id: ExecutionId,
    pub(crate) kind: Kind,
    /// The workflows that it is inside of.
    pub(crate) above: Vec<ExecutionId>,
    pub(crate) needs: Vec<Need>,
}

/// The answer to an execution that asks for its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It has all of them.
    Holds,
    /// It waits in line.
    Waits,
    /// This limit ends what would have to wait.
    Refused(Need),
}

/// The standing of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Nothing is known of it.
    Unknown,
    /// It waits, and whoever has claimed it leaves it alone.
    Waits,
    /// It has its places, and may have more to wait for.
    Holds,
    /// It may start.
    Passed,
}

/// An execution that may be offered to the schedulers again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freed {
    pub(crate) id: ExecutionId,
    pub(crate) kind: Kind,
    /// Whether it was claimed, so that the store has to offer it again.
    pub(crate) is_claimed: bool,
}

/// The wait of an execution, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) key: Key,
    /// The number of executions that are before it.
    pub(crate) before: usize,
    /// The number of executions that have a place.
    pub(crate) running: usize,
    pub(crate) threshold: usize,
    /// Why it may not end by itself.
    pub(crate) stuck: Option<Stuck>,
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    by_key: HashMap<Key, Line>,
    known: HashMap<ExecutionId, Known>,
    /// The number of the next execution that asks.
    next: u64,
}

#[derive(Debug, Default)]
struct Line {
    threshold: usize,
    taken: HashSet<ExecutionId>,
    waiting: BTreeMap<u64, ExecutionId>,
}

#[derive(Debug)]
struct Known {
    asker: Asker,
    number: u64,
    state: State,
    /// Whether a scheduler has it, so that the store offers it to nobody.
    is_claimed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It waits in this line.
    Waiting(Key),
    Holding,
    Passed,
    /// It is paused, and its places are free meanwhile.
    Parked,
}

impl Line {
    fn is_full_for(&self, asker: &Asker) -> bool {
        self.taken.len() >= self.threshold && !asker.above.iter().any(|above| self.taken.contains(above))
    }
}

impl Lines {
    /// The number of executions that are known.
    pub(crate) fn known(&self) -> usize {
        self.known.len()
    }

    /// The standing of an execution that a scheduler has claimed.
    pub(crate) fn claimed(&mut self, id: ExecutionId) -> Standing {
        let Some(known) = self.known.get_mut(&id) else { return Standing::Unknown };
        known.is_claimed = true;
        match known.state {
            State::Waiting(_) => Standing::Waits,
            State::Holding => Standing::Holds,
            State::Passed | State::Parked => Standing::Passed,
        }
    }

    /// Takes the places of an execution that is not known yet, and was claimed, or puts it in line. `is_told` says that a
    /// commit tells it to wait, by which the store offers it again.
    pub(crate) fn ask(&mut self, asker: Asker, is_told: bool) -> Asked {
        for need in &asker.needs {
            // The newest threshold counts, for all that wait.
            self.by_key.entry(Arc::clone(&need.key)).or_default().threshold = need.threshold;
        }
        let refusing = |need: &&Need| need.otherwise == Otherwise::Cancel && self.is_full(need, &asker);
        if let Some(need) = asker.needs.iter().find(refusing).cloned() {
            asker.needs.iter().for_each(|need| self.tidy(&need.key));
            return Asked::Refused(need);
        }
        let id = asker.id;
        let number = self.next;
        self.next += 1;
        let known = Known { asker, number, state: State::Holding, is_claimed: true };
        self.known.insert(id, known);
        if self.stand_in_line(id).is_some() {
            return Asked::Holds;
        }
        // The commit may offer it before whoever asks goes on, and then it is claimed again.
        if let Some(known) = self.known.get_mut(&id) {
            known.is_claimed = !is_told;
        }
        Asked::Waits
    }

    /// Notes that an execution may start.
    pub(crate) fn pass(&mut self, id: ExecutionId) {
        if let Some(known) = self.known.get_mut(&id).filter(|known| known.state == State::Holding) {
            known.state = State::Passed;
        }
    }

    /// Forgets an execution that has ended, or is to ask anew. Returns those that may go on because of that.
    pub(crate) fn forget(&mut self, id: ExecutionId) -> Vec<Freed> {
        let Some(known) = self.known.remove(&id) else { return Vec::new() };
        match &known.state {
            State::Waiting(key) => {
                if let Some(line) = self.by_key.get_mut(key) {
                    line.waiting.remove(&known.number);
                }
                self.tidy(key);
                Vec::new()
            }
            _ => self.give_back(id, &known.asker.needs),
        }
    }

    /// Frees the places of an execution while it is paused, and takes them again afterwards, even beyond the limit.
    pub(crate) fn rest(&mut self, id: ExecutionId, rests: bool) -> Vec<Freed> {
        let Some(known) = self.known.get_mut(&id) else { return Vec::new() };
        match (&known.state, rests) {
            (State::Holding | State::Passed, true) => {
                known.state = State::Parked;
                let needs = known.asker.needs.clone();
                self.give_back(id, &needs)
            }
            (State::Parked, false) => {
                known.state = State::Passed;
                self.take(id);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Counts an execution that has begun. It never waits.
    pub(crate) fn count(&mut self, asker: Asker, rests: bool) {
        let id = asker.id;
        for need in &asker.needs {
            self.by_key.entry(Arc::clone(&need.key)).or_default().threshold = need.threshold;
        }
        let number = self.next;
        self.next += 1;
        let state = if rests { State::Parked } else { State::Passed };
        let known = self.known.entry(id).or_insert_with(|| Known {
            asker: Asker { needs: Vec::new(), ..asker.clone() },
            number,
            state,
            is_claimed: true,
        });
        for need in asker.needs {
            if !known.asker.needs.iter().any(|other| other.key == need.key) {
                known.asker.needs.push(need);
            }
        }
        if matches!(known.state, State::Holding | State::Passed) {
            self.take(id);
        }
    }

    /// Forgets all that wait in line, in their order: they ask anew.
    pub(crate) fn dissolve(&mut self) -> Vec<Freed> {
        let mut waiting: Vec<_> = self
            .known
            .iter()
            .filter(|(_, known)| matches!(known.state, State::Waiting(_)))
            .map(|(id, known)| (known.number, *id))
            .collect();
        waiting.sort_unstable();
        let freed = waiting.into_iter().filter_map(|(_, id)| {
            let known = self.known.remove(&id)?;
            Some(Freed { id, kind: known.asker.kind, is_claimed: known.is_claimed })
        });
        let freed = freed.collect();
        self.by_key.values_mut().for_each(|line| line.waiting.clear());
        self.by_key.retain(|_, line| !line.taken.is_empty());
        freed
    }

    /// The executions that have a place.
    pub(crate) fn holding(&self) -> Vec<ExecutionId> {
        let has_place = |known: &Known| !matches!(known.state, State::Waiting(_));
        let mut all: Vec<_> =
            self.known.iter().filter(|(_, known)| has_place(known)).map(|(id, _)| *id).collect();
        all.sort_unstable();
        all
    }

    /// The wait of an execution, if it waits in line.
    pub(crate) fn wait(&self, id: ExecutionId) -> Option<Wait> {
        let known = self.known.get(&id)?;
        let State::Waiting(key) = &known.state else { return None };
        let line = self.by_key.get(key)?;
        Some(Wait {
            key: Arc::clone(key),
            before: line.waiting.range(..known.number).count(),
            running: line.taken.len(),
            threshold: line.threshold,
            stuck: self.stuck(&known.asker.above, line),
        })
    }

    /// The first line of an execution that is full.
    fn full(&self, asker: &Asker) -> Option<Key> {
        let full = asker.needs.iter().find(|need| self.is_full(need, asker));
        full.map(|need| Arc::clone(&need.key))
    }

    fn is_full(&self, need: &Need, asker: &Asker) -> bool {
        self.by_key.get(&need.key).is_some_and(|line| line.is_full_for(asker))
    }

    /// Takes the places of a known execution.
    fn take(&mut self, id: ExecutionId) {
        let Some(known) = self.known.get(&id) else { return };
        for need in &known.asker.needs {
            let line = self.by_key.entry(Arc::clone(&need.key)).or_default();
            if line.threshold == 0 {
                line.threshold = need.threshold;
            }
            line.taken.insert(id);
        }
    }

    /// Has an execution take its places, or wait in the first line that is full.
    fn stand_in_line(&mut self, id: ExecutionId) -> Option<Freed> {
        let known = self.known.get(&id)?;
        let (kind, number) = (known.asker.kind, known.number);
        let full = self.full(&known.asker);
        let known = self.known.get_mut(&id)?;
        let Some(key) = full else {
            known.state = State::Holding;
            let is_claimed = std::mem::take(&mut known.is_claimed);
            self.take(id);
            return Some(Freed { id, kind, is_claimed });
        };
        known.state = State::Waiting(Arc::clone(&key));
        self.by_key.entry(key).or_default().waiting.insert(number, id);
        None
    }

    /// Gives places back. Returns those that take them.
    fn give_back(&mut self, id: ExecutionId, needs: &[Need]) -> Vec<Freed> {
        let mut freed = Vec::new();
        for need in needs {
            if let Some(line) = self.by_key.get_mut(&need.key) {
                line.taken.remove(&id);
            }
            self.advance(&need.key, &mut freed);
            self.tidy(&need.key);
        }
        freed
    }

    /// Has those that wait in a line go on, as long as there are places.
    fn advance(&mut self, key: &Key, freed: &mut Vec<Freed>) {
        while let Some(line) = self.by_key.get_mut(key)
            && line.taken.len() < line.threshold
            && let Some((_, id)) = line.waiting.pop_first()
        {
            // It may wait in another line from now on.
            freed.extend(self.stand_in_line(id));
        }
    }

    /// Drops a line that nobody needs.
    fn tidy(&mut self, key: &Key) {
        if self.by_key.get(key).is_some_and(|line| line.taken.is_empty() && line.waiting.is_empty()) {
            self.by_key.remove(key);
        }
    }
}

#[cfg(test)]
mod tests;
