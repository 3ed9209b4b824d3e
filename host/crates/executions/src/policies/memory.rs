//! The memory of policies: which execution was the first with its values, and when executions start. A copy of the
//! rows of the store, changed before the commit that stores it. Pure: the clock is the caller's.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use petrel_model::policy::PolicyState;
use petrel_model::{ExecutionId, Timestamp};
use petrel_persistence::Change;

/// The most that is remembered. Beyond it, what would be forgotten first is forgotten early.
const MOST: usize = 200_000;
/// The most starts to come that a row has, beyond those that count. The places of earlier ones are not given back.
const MOST_COMING: usize = 1_000;
/// Rows that nobody needs any more and that one commit deletes. More than it adds, so that they become fewer.
const TIDIED: usize = 4;

/// All that policies remember.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    states: HashMap<String, PolicyState>,
    /// The keys, by the time until which they are needed.
    ends: BTreeSet<(Timestamp, String)>,
}

impl Memory {
    /// The memory of an earlier process.
    pub(crate) fn of(states: Vec<PolicyState>) -> Self {
        let mut memory = Self::default();
        states.into_iter().for_each(|state| memory.set(state));
        memory
    }

    /// The execution that was the first with these values, unless it is this one, or forgotten by now.
    pub(crate) fn other(&self, key: &str, id: ExecutionId, now: Timestamp) -> Option<ExecutionId> {
        self.present(key, now)?.first.filter(|first| *first != id)
    }

    /// Remembers an execution as the first with its values, in place of any other.
    pub(crate) fn note_first(
        &mut self,
        key: &str,
        id: ExecutionId,
        now: Timestamp,
        window: Duration,
    ) -> Vec<Change> {
        let until = match self.present(key, now) {
            // It asks again, since it could not be stored.
            Some(state) if state.first == Some(id) => state.until,
            _ => now.plus(window),
        };
        self.put(PolicyState { key: key.to_owned(), until, first: Some(id), starts: Vec::new() }, now)
    }

    /// The time at which one more execution may start, of which `limit` may start in the time `per`.
    pub(crate) fn free_at(&self, key: &str, now: Timestamp, limit: usize, per: Duration) -> Timestamp {
        let starts = self.present(key, now).map(|state| state.starts.as_slice()).unwrap_or_default();
        // Times of starts to come are among these, so it comes after those that were given before.
        let oldest = starts.len().checked_sub(limit).and_then(|place| starts.get(place));
        oldest.map_or(now, |oldest| oldest.plus(per).max(now))
    }

    /// Remembers that an execution starts `at` a time.
    pub(crate) fn note_start(
        &mut self,
        key: &str,
        at: Timestamp,
        now: Timestamp,
        limit: usize,
        per: Duration,
    ) -> Vec<Change> {
        let mut starts = self.present(key, now).map(|state| state.starts.clone()).unwrap_or_default();
        starts.push(at);
        starts.sort_unstable();
        // Those to come may be given back, and then what was before them counts again.
        let past = starts.partition_point(|start| *start <= now);
        starts.drain(..past.saturating_sub(limit));
        let excess = starts.len().saturating_sub(limit.saturating_add(MOST_COMING));
        starts.drain(..excess);
        let last = starts.last().copied().unwrap_or(at);
        self.put(PolicyState { key: key.to_owned(), until: last.plus(per), first: None, starts }, now)
    }

    /// Forgets that an execution was to start `at` a time to come. It changes nothing if nobody was, or if that start may
    /// stand for others of which nothing is known any more.
    pub(crate) fn give_back_start(
        &mut self,
        key: &str,
        at: Timestamp,
        now: Timestamp,
        limit: usize,
        per: Duration,
    ) -> Vec<Change> {
        let Some(state) = self.present(key, now) else { return Vec::new() };
        let mut starts = state.starts.clone();
        // Fewer than `limit` are all that there were. Of more the last ones count, and so they do afterwards.
        let is_known = at > now && starts.len() != limit;
        let Some(place) = starts.binary_search(&at).ok().filter(|_| is_known) else { return Vec::new() };
        starts.remove(place);
        let last = starts.last().copied().unwrap_or(now);
        self.put(PolicyState { key: key.to_owned(), until: last.plus(per), first: None, starts }, now)
    }

    /// Forgets all of the policies for which `is_gone` holds. Returns the keys of their rows.
    pub(crate) fn forget_policies(&mut self, is_gone: impl Fn(&str) -> bool) -> Vec<String> {
        let gone: Vec<_> = self.states.keys().filter(|key| is_gone(key)).cloned().collect();
        for key in &gone {
            if let Some(state) = self.states.remove(key) {
                self.ends.remove(&(state.until, state.key));
            }
        }
        gone
    }

    /// The state with this key, if it is still needed.
    fn present(&self, key: &str, now: Timestamp) -> Option<&PolicyState> {
        self.states.get(key).filter(|state| state.until > now)
    }

    fn put(&mut self, state: PolicyState, now: Timestamp) -> Vec<Change> {
        self.set(state.clone());
        let mut changes = vec![Change::put(state)];
        for _ in 0..TIDIED {
            let is_over = |end: &Timestamp| *end <= now || self.states.len() > MOST;
            let Some((end, key)) = self.ends.first().cloned().filter(|(end, _)| is_over(end)) else { break };
            self.states.remove(&key);
            self.ends.remove(&(end, key.clone()));
            changes.push(Change::delete::<PolicyState>(key));
        }
        changes
    }

    fn set(&mut self, state: PolicyState) {
        let (end, key) = (state.until, state.key.clone());
        if let Some(before) = self.states.insert(key.clone(), state) {
            self.ends.remove(&(before.until, key.clone()));
        }
        self.ends.insert((end, key));
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;
    use petrel_persistence::{Document, DocumentKey};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn id(number: u64) -> ExecutionId {
        Id::from_parts(1, number).into()
    }

    /// The memory of the next process, which has the rows of these changes.
    fn stored(changes: &[Change]) -> Memory {
        let states = changes.iter().filter_map(|change| match change {
            Change::Put(Document::PolicyState(state)) => Some(state.clone()),
            _ => None,
        });
        Memory::of(states.collect())
    }

    #[test]
    fn the_first_is_remembered_for_the_window() {
        let mut memory = Memory::default();
        let changes = memory.note_first("p:1", id(1), at(0), 10 * SECOND);
        for memory in [&memory, &stored(&changes)] {
            for (key, asker, now, other) in
                [("p:1", 2, 9, Some(1)), ("p:1", 1, 9, None), ("p:2", 2, 9, None), ("p:1", 2, 10, None)]
            {
                assert_eq!(memory.other(key, id(asker), at(now)), other.map(id), "{key} {asker} {now}");
            }
        }
        // It asks again, and the window does not begin again.
        memory.note_first("p:1", id(1), at(5), 10 * SECOND);
        assert_eq!(memory.other("p:1", id(2), at(10)), None);
        memory.note_first("p:1", id(3), at(12), 10 * SECOND);
        assert_eq!(memory.other("p:1", id(2), at(15)), Some(id(3)));
    }

    #[test]
    fn no_more_start_in_any_time_than_may() {
        let mut memory = Memory::default();
        let mut starts = Vec::new();
        for (now, expected) in
            [(0, 0), (0, 0), (0, 10), (1, 10), (1, 20), (21, 21), (55, 55), (56, 56), (57, 65)]
        {
            let free = memory.free_at("p:1", at(now), 2, 10 * SECOND);
            assert_eq!(free, at(expected), "{starts:?} {now}");
            let changes = memory.note_start("p:1", free, at(now), 2, 10 * SECOND);
            assert_eq!(
                stored(&changes).free_at("p:1", at(now), 2, 10 * SECOND),
                memory.free_at("p:1", at(now), 2, 10 * SECOND)
            );
            starts.push(free);
        }
        assert!(starts.windows(3).all(|three| three[2].since(three[0]) >= 10 * SECOND), "{starts:?}");
    }

    #[test]
    fn a_start_to_come_is_given_back() {
        for limit in [1, 2] {
            let mut memory = Memory::default();
            let mut starts = Vec::new();
            for _ in 0..10 {
                let free = memory.free_at("p:1", at(5), limit, 10 * SECOND);
                memory.note_start("p:1", free, at(5), limit, 10 * SECOND);
                starts.push(free);
            }
            // What has begun is not given back, nor what nobody was to take.
            for none in [at(5), at(7)] {
                assert!(memory.give_back_start("p:1", none, at(5), limit, 10 * SECOND).is_empty(), "{limit}");
            }
            for start in &starts[limit..] {
                let changes = memory.give_back_start("p:1", *start, at(5), limit, 10 * SECOND);
                assert_eq!(changes.len(), 1, "{limit} {start:?}");
                let stored = stored(&changes).free_at("p:1", at(5), limit, 10 * SECOND);
                assert_eq!(stored, memory.free_at("p:1", at(5), limit, 10 * SECOND));
            }
            assert_eq!(memory.free_at("p:1", at(5), limit, 10 * SECOND), at(15), "{limit}");
        }
    }

    #[test]
    fn given_back_starts_never_make_the_rate_higher() {
        let mut memory = Memory::default();
        let mut starts = Vec::new();
        for _ in 0..2 * MOST_COMING {
            let free = memory.free_at("p:1", at(0), 1, 10 * SECOND);
            memory.note_start("p:1", free, at(0), 1, 10 * SECOND);
            starts.push(free);
        }
        while let Some(start) = starts.pop() {
            if memory.give_back_start("p:1", start, at(0), 1, 10 * SECOND).is_empty() {
                starts.push(start);
                break;
            }
        }
        // The row has no more of them, and whoever comes is behind all that are left.
        assert_eq!(starts.len(), MOST_COMING);
        assert!(memory.free_at("p:1", at(0), 1, 10 * SECOND) > *starts.last().unwrap());
    }

    #[test]
    fn a_policy_that_is_gone_is_forgotten() {
        let mut memory = Memory::default();
        for key in ["p.a:", "p.a:1", "p.ab:1"] {
            memory.note_first(key, id(1), at(0), 10 * SECOND);
        }
        let mut gone = memory.forget_policies(|key| key.starts_with("p.a:"));
        gone.sort();
        assert_eq!(gone, ["p.a:", "p.a:1"]);
        assert_eq!((memory.states.len(), memory.ends.len()), (1, 1));
    }

    #[test]
    fn what_nobody_needs_is_deleted_with_what_comes() {
        let mut memory = Memory::default();
        for number in 0..10 {
            memory.note_first(&format!("p:{number}"), id(number), at(0), SECOND);
        }
        let mut deleted = 0;
        for round in 0..5 {
            let changes = memory.note_first("q", id(100), at(10 + round), SECOND);
            let gone = |change: &&Change| matches!(change, Change::Delete(DocumentKey::PolicyState(_)));
            deleted += changes.iter().filter(gone).count();
        }
        assert_eq!((deleted, memory.states.len(), memory.ends.len()), (10, 1, 1));
    }
}
