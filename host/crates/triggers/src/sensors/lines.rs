//! The last lines that a sensor has logged. They are in memory only, so that a sensor that talks costs no disk.

use std::collections::VecDeque;
use std::time::Duration;

use petrel_model::Timestamp;
use petrel_runners::OutputLine;

/// The number of lines that are kept of each sensor, and the bytes of their texts together.
const KEPT: (usize, usize) = (200, 64 << 10);
/// The bytes of a line that are kept.
const LONGEST: usize = 4 << 10;

/// A line that a sensor has logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownLine {
    /// The time at which it came.
    pub at: Timestamp,
    /// The line.
    pub text: String,
}

/// The last lines of a sensor.
#[derive(Debug, Default)]
pub(super) struct Lines {
    lines: VecDeque<ShownLine>,
    bytes: usize,
}

impl Lines {
    /// Adds lines, each with how long before `now` it came, and drops the oldest of all that are too many.
    pub(super) fn add(&mut self, now: Timestamp, lines: Vec<(OutputLine, Duration)>) {
        // Of many at once only the last ones can stay.
        let passed_over = lines.len().saturating_sub(KEPT.0);
        for (OutputLine { mut text, .. }, age) in lines.into_iter().skip(passed_over) {
            if text.len() > LONGEST {
                text.truncate(text.floor_char_boundary(LONGEST));
                text.push_str("...");
            }
            self.bytes += text.len();
            // Ages are round, and no line is older than the one before it.
            let came = now.minus(age);
            let at = self.lines.back().map_or(came, |before| came.max(before.at));
            self.lines.push_back(ShownLine { at, text });
        }
        while self.lines.len() > KEPT.0 || self.bytes > KEPT.1 {
            let Some(dropped) = self.lines.pop_front() else { return };
            self.bytes -= dropped.text.len();
        }
    }

    /// The lines, oldest first.
    pub(super) fn all(&self) -> Vec<ShownLine> {
        self.lines.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use petrel_runners::Stream;

    use super::*;

    fn lines(count: usize, text: &str) -> Vec<(OutputLine, Duration)> {
        let line = |number| OutputLine { stream: Stream::Stdout, text: format!("{number}{text}") };
        (0..count).map(|number| (line(number), Duration::ZERO)).collect()
    }

    #[test]
    fn a_line_has_the_time_at_which_it_came() {
        let (mut kept, seconds) = (Lines::default(), |count: i64| Timestamp::from_micros(count * 1_000_000));
        for (now, ages, expected) in [
            (100, &[60, 20, 0][..], &[40, 80, 100][..]),
            // One that seems older than those before it is as old as they are.
            (101, &[5, 0], &[100, 101]),
        ] {
            let ages = ages.iter().map(|age| Duration::from_secs(*age));
            let came = lines(expected.len(), "").into_iter().zip(ages).map(|((line, _), age)| (line, age));
            kept.add(seconds(now), came.collect());
            let times: Vec<_> =
                kept.all().into_iter().rev().take(expected.len()).map(|line| line.at).collect();
            assert!(times.iter().rev().copied().eq(expected.iter().map(|at| seconds(*at))), "{times:?}");
        }
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut kept = Lines::default();
        kept.add(Timestamp::from_micros(1), lines(1, ""));
        kept.add(Timestamp::from_micros(2), lines(500, ""));
        let all = kept.all();
        assert_eq!((all.len(), all[0].text.as_str(), all[199].text.as_str()), (200, "300", "499"));
        kept.add(Timestamp::from_micros(3), lines(100, &"é".repeat(100_000)));
        let all = kept.all();
        assert!(all.len() < 20 && all.iter().all(|line| line.text.len() <= LONGEST + 3), "{}", all.len());
        assert_eq!(kept.bytes, all.iter().map(|line| line.text.len()).sum::<usize>());
    }
}
