//! The source of ids: 48 bits of milliseconds, then 48 bits that grow within a process and differ between processes.
//! So ids sort by creation, even within a millisecond and when the clock is set back.

use parking_lot::Mutex;
use petrel_model::{Id, Timestamp};

/// The source of all ids of one process.
#[derive(Debug)]
pub struct Ids(Mutex<Last>);

#[derive(Debug)]
struct Last {
    milliseconds: u64,
    sequence: u64,
}

/// The sequence starts at random in the lower half of its range, so that it never wraps in practice: the upper half
/// alone has room for 140 million million ids.
const START_MASK: u64 = (1 << 47) - 1;

impl Ids {
    /// A source whose sequence starts at `seed`, which should be random.
    pub fn starting_at(seed: u64) -> Self {
        Self(Mutex::new(Last { milliseconds: 0, sequence: seed & START_MASK }))
    }

    /// A source that differs from those of all other processes, made at `now`.
    pub fn random(now: Timestamp) -> Self {
        // If the system has no random bytes the time has to do: two processes never use one store at the same time.
        let seed = getrandom::u64().unwrap_or_else(|_unavailable| now.as_millis());
        Self::starting_at(seed)
    }

    /// The next id, for something that is created at `now`.
    pub fn mint<T: From<Id>>(&self, now: Timestamp) -> T {
        let mut last = self.0.lock();
        // The maximum, because the clock may go back between two processes, and the order of ids must follow
        // creation.
        last.milliseconds = last.milliseconds.max(now.as_millis());
        last.sequence += 1;
        Id::from_parts(last.milliseconds, last.sequence).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_within_a_millisecond_and_when_the_clock_goes_back() {
        let ids = Ids::starting_at(u64::MAX);
        let at = |millisecond: i64| Timestamp::from_micros(millisecond * 1000);
        let minted: Vec<Id> = [5, 5, 6, 3, 7].into_iter().map(|time| ids.mint(at(time))).collect();
        assert!(minted.is_sorted_by(|a, b| a < b), "{minted:?}");
        assert_eq!(minted[3].created_at(), at(6));
    }
}
