//! Executions of which it is not known yet what they need, by what they start from. That is being prepared:
//! once for all that wait for it, which hold nothing meanwhile.

use std::collections::HashMap;
use std::path::PathBuf;

/// What a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Start {
    /// The name of the runner.
    pub(super) runner: &'static str,
    /// Where the files of the pack are.
    pub(super) pack_path: PathBuf,
    /// The file among them.
    pub(super) entry_point: String,
}

/// What waits for a preparation. Each entry is one that goes on, also when nobody waits for it any more.
#[derive(Debug)]
pub(super) struct Unprepared<One>(HashMap<Start, Vec<One>>);

// Derived, it would ask for defaults of what is in it.
impl<One> Default for Unprepared<One> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<One> Unprepared<One> {
    /// Adds one that waits. Says whether it is the first that waits for this, which is to be prepared then.
    pub(super) fn add(&mut self, start: &Start, one: One) -> bool {
        if let Some(waiting) = self.0.get_mut(start) {
            waiting.push(one);
            return false;
        }
        self.0.insert(start.clone(), vec![one]);
        true
    }

    /// Takes out all that wait for this, in the order in which they came: its preparation has ended.
    pub(super) fn take(&mut self, start: &Start) -> Vec<One> {
        self.0.remove(start).unwrap_or_default()
    }

    /// Drops those that are not to be kept.
    pub(super) fn retain(&mut self, keeps: impl Fn(&One) -> bool) {
        self.0.values_mut().for_each(|waiting| waiting.retain(&keeps));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(entry_point: &str) -> Start {
        Start { runner: "places", pack_path: "sizes".into(), entry_point: entry_point.to_owned() }
    }

    #[test]
    fn the_first_that_waits_has_it_prepared_and_all_go_on_in_their_order() {
        let (large, small) = (start("large.wasm"), start("small.wasm"));
        let mut unprepared = Unprepared::default();
        let firsts = [(&large, 1), (&large, 2), (&small, 3), (&large, 4)]
            .map(|(start, one)| unprepared.add(start, one));
        assert_eq!(firsts, [true, false, true, false]);
        assert_eq!(unprepared.take(&large), [1, 2, 4]);
        assert!(unprepared.take(&large).is_empty());
        assert!(unprepared.add(&large, 5), "it is prepared anew");
    }

    #[test]
    fn a_preparation_goes_on_whether_anybody_waits_for_it_or_not() {
        let large = start("large.wasm");
        let mut unprepared = Unprepared::default();
        unprepared.add(&large, 1);
        unprepared.retain(|one| *one != 1);
        assert!(!unprepared.is_empty());
        assert!(!unprepared.add(&large, 2), "it is under way");
        assert_eq!(unprepared.take(&large), [2]);
        assert!(unprepared.is_empty());
    }
}
