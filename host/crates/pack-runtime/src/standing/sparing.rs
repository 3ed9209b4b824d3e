//! The audit log's lines about denials: a few a minute for each pack, and the number of the others.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of lines about a pack within one [`WINDOW`]. Further ones are only counted.
const LOGGED: u64 = 10;
/// The interval of [`LOGGED`].
const WINDOW: Duration = Duration::from_mins(1);
/// The most packs that are told apart.
const MOST_PACKS: usize = 1_000;

/// The lines about each pack, with the beginning of the present window.
#[derive(Debug, Default)]
pub(crate) struct Sparing(Mutex<BTreeMap<String, (Instant, u64)>>);

impl Sparing {
    /// Whether a line about `pack` may be written at `now`, and the number of those that were left out before it.
    pub(crate) fn may_log(&self, pack: &str, now: Instant) -> Option<u64> {
        let mut packs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((since, lines)) = packs.get_mut(pack) else {
            let has_room = packs.len() < MOST_PACKS;
            if has_room {
                packs.insert(pack.to_owned(), (now, 1));
            }
            return has_room.then_some(0);
        };
        if now.saturating_duration_since(*since) >= WINDOW {
            let left_out = lines.saturating_sub(LOGGED);
            (*since, *lines) = (now, 1);
            return Some(left_out);
        }
        *lines += 1;
        (*lines <= LOGGED).then_some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_denials_is_a_few_lines() {
        let (sparing, start) = (Sparing::default(), Instant::now());
        let logged = (0..100).filter(|_| sparing.may_log("a", start).is_some()).count();
        assert_eq!(logged, 10);
        assert_eq!(sparing.may_log("b", start), Some(0));
        assert_eq!(sparing.may_log("a", start + WINDOW), Some(90));
        assert_eq!(sparing.may_log("a", start + WINDOW), Some(0));
    }
}
