//! The price of a search. It is charged in advance, because nothing can end a search from outside once it has begun.

use super::states::states;

/// The limits on steps back of a search. It is tried with the smallest one first, so that it is charged for about what
/// it takes.
pub(super) const BACKTRACKS: [usize; 3] = [2_000, 50_000, 1_000_000];

/// The units of work of one step back.
pub(super) const BACKTRACK: u64 = 30;

/// The least units of work for a byte of the text, without backtracking.
pub(super) const BYTE: u64 = 10;

/// The units of work for a byte of the text, for each state above [`FREE_STATES`]. Runs of one letter in text and
/// pattern take 8 to 20 ns, most others much less, so that a search may cost a few times its charge.
const STATE: u64 = 4;

/// The number of states that cost nothing besides [`BYTE`].
const FREE_STATES: u64 = 20;

/// The units of work for a byte of the text, for each byte of it, where backtracking may scan the rest of the text at
/// each place. Measured with look-ahead over texts of 5 to 60 KB.
const SCAN: u64 = 5;

/// The number of states from which backtracking costs in proportion to them.
const FREE_TO_SCAN: u64 = 200;

/// The price of searches for one pattern, as a function of the length of the text.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// Units of work for a byte of the text.
    byte: u64,
    /// Units for a byte of the text, for each byte of it; 0 without backtracking.
    scan: u64,
    /// Whether the text is scanned only at steps back, because the pattern looks ahead for nothing but the end of the
    /// text.
    scans_at_backtracks: bool,
}

/// The end of a text, as [`super::dialect`] writes Python's `$`.
const END: &str = r"(?=\n?\z)";

impl Price {
    /// The price of the pattern `text`, in the dialect of Rust or of ECMAScript, in which a bare `{` repeats.
    pub fn of(text: &str) -> Self {
        let states = states(text);
        let scan = (states / FREE_TO_SCAN).max(1).saturating_mul(SCAN);
        Self {
            byte: states.saturating_sub(FREE_STATES).saturating_mul(STATE).max(BYTE),
            scan: if backtracks(text) { scan } else { 0 },
            scans_at_backtracks: !backtracks(&text.replace(END, "")),
        }
    }

    /// Whether the pattern can make a search go back.
    pub(super) fn backtracks(self) -> bool {
        self.scan > 0
    }

    /// The tries of a search through so many bytes: the limit on steps back of each, and the units of work that it takes
    /// at most. The next try is for a search that met the limit. A pattern that never goes back has one try, with the
    /// limit 0.
    pub fn tries(self, bytes: usize) -> impl Iterator<Item = (usize, u64)> {
        let limits: &'static [usize] = if self.backtracks() { &BACKTRACKS } else { &[0] };
        limits.iter().map(move |&limit| {
            let going_back = (limit as u64).saturating_mul(BACKTRACK);
            (limit, self.within(bytes, limit).saturating_add(going_back))
        })
    }

    /// The units of work of a search through so many bytes that goes back at most so often.
    pub(super) fn within(self, bytes: usize, backtracks: usize) -> u64 {
        let scans = if self.scans_at_backtracks { bytes.min(backtracks) } else { bytes };
        let scanning = (scans as u64).saturating_mul(self.scan);
        (bytes as u64).saturating_mul(self.byte.saturating_add(scanning))
    }
}

/// Whether an expression holds what needs going back: look-around, references, atomic groups, conditions.
fn backtracks(text: &str) -> bool {
    let is_reference = |(place, _): (usize, &str)| {
        text.as_bytes().get(place + 1).is_some_and(|byte| b"123456789kKG".contains(byte))
    };
    ["(?=", "(?!", "(?<", "(?>", "(?P=", "(?(", "++", "*+", "?+", "}+"].iter().any(|mark| text.contains(mark))
        || text.match_indices('\\').any(is_reference)
}
