//! Executions whose needs are unknown until their action is prepared, by the file that they start from. Each
//! file is prepared once, and its executions hold nothing meanwhile.

use std::collections::HashMap;
use std::path::PathBuf;

/// The starting point of a run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Start {
    /// The name of the runner.
    pub(super) runner: &'static str,
    /// The directory of the pack.
    pub(super) pack_path: PathBuf,
    /// The file in that directory.
    pub(super) entry_point: String,
}

/// The waiting executions, by preparation. An entry stands for a preparation under way, even if no execution
/// waits for it any more.
#[derive(Debug)]
pub(super) struct Unprepared<One>(HashMap<Start, Vec<One>>);

// A derived implementation would require a default of `One`.
impl<One> Default for Unprepared<One> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<One> Unprepared<One> {
    /// Adds a waiting execution. Returns whether it is the first, so that the preparation has to begin.
    pub(super) fn add(&mut self, start: &Start, one: One) -> bool {
        if let Some(waiting) = self.0.get_mut(start) {
            waiting.push(one);
            return false;
        }
        self.0.insert(start.clone(), vec![one]);
        true
    }

    /// Takes out the executions of a preparation that has ended, in the order in which they came.
    pub(super) fn take(&mut self, start: &Start) -> Vec<One> {
        self.0.remove(start).unwrap_or_default()
    }

    /// Drops the executions for which `keeps` does not hold.
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
