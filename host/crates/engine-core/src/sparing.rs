//! Sparing log lines: when the same thing happens a thousand times a second, a few lines a minute are written about it,
//! and the next one says how many were left out. A log must neither fill the disk nor slow events down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// The number of lines about one subject in a window.
const MOST_LINES: u32 = 5;
/// The length of a window. It begins with the first line after the window before.
const WINDOW: Duration = Duration::from_secs(60);
/// The greatest number of subjects that are told apart. All others share one window.
const MOST_SUBJECTS: usize = 1_000;
/// The subject that stands for the others. No name is empty.
const OTHERS: &str = "";

/// The lines that were written lately, by subject.
#[derive(Debug, Default)]
pub(crate) struct Sparing(Mutex<BTreeMap<String, Window>>);

#[derive(Debug)]
struct Window {
    begun: Instant,
    written: u32,
    left_out: u64,
}

impl Sparing {
    /// Whether a line about `subject` may be written at `now`, and then the number of lines about it that were left out
    /// since the last one.
    pub(crate) fn admits(&self, subject: &str, now: Instant) -> Option<u64> {
        let mut windows = self.0.lock();
        let is_over = |window: &Window| now.saturating_duration_since(window.begun) >= WINDOW;
        let mut subject = subject;
        if windows.len() >= MOST_SUBJECTS && !windows.contains_key(subject) {
            windows.retain(|_, window| !is_over(window));
            if windows.len() >= MOST_SUBJECTS {
                subject = OTHERS;
            }
        }
        let Some(window) = windows.get_mut(subject) else {
            windows.insert(subject.to_owned(), Window { begun: now, written: 1, left_out: 0 });
            return Some(0);
        };
        if is_over(window) {
            (window.begun, window.written) = (now, 0);
        }
        if window.written >= MOST_LINES {
            window.left_out = window.left_out.saturating_add(1);
            return None;
        }
        window.written += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock as _;
    use crate::set_clock::SetClock;

    #[test]
    fn of_a_flood_a_few_lines_are_written_and_the_next_one_counts_the_others() {
        let (sparing, clock) = (Sparing::default(), SetClock::default());
        let written = |subject: &str, times: usize| -> Vec<u64> {
            (0..times).filter_map(|_| sparing.admits(subject, clock.monotonic())).collect()
        };
        assert_eq!(written("a", 1_000), [0; 5]);
        assert_eq!(written("b", 2), [0; 2], "what is said of one leaves room for another");
        clock.turn(WINDOW);
        assert_eq!(written("a", 6), [995, 0, 0, 0, 0]);
        clock.turn(WINDOW);
        assert_eq!(written("a", 1), [1]);
    }

    #[test]
    fn many_subjects_share_what_is_left_until_the_windows_of_others_are_over() {
        let (sparing, clock) = (Sparing::default(), SetClock::default());
        let written = |from: usize, to: usize| {
            (from..to).filter(|n| sparing.admits(&n.to_string(), clock.monotonic()).is_some()).count()
        };
        assert_eq!(written(0, MOST_SUBJECTS), MOST_SUBJECTS);
        assert_eq!(written(MOST_SUBJECTS, 3 * MOST_SUBJECTS), MOST_LINES as usize);
        assert!(sparing.0.lock().len() <= MOST_SUBJECTS + 1);
        clock.turn(WINDOW);
        assert_eq!(written(MOST_SUBJECTS, MOST_SUBJECTS + 10), 10);
    }
}
