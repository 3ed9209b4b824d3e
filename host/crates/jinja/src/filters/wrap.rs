//! The breaking of lines as in Python's `textwrap` with its defaults, except that blanks stay.
//!
//! Words and lines are ranges of the original line, so that cutting a word moves nothing. The work grows with the
//! number of characters and of lines, and that is what is charged.

use std::ops::Range;

use crate::work::{self, Exceeded};

/// The work of a character: it is read, put into a chunk, read again where a word is cut, and copied.
const CHAR: u64 = 20;
/// The bytes of a character while lines are broken, with its chunk.
const CHAR_BYTES: usize = 32;
/// The work of a line, which is a text of its own.
const LINE: u64 = 100;
/// The bytes of a line beside its text.
const LINE_BYTES: usize = 2 * size_of::<String>();

/// The options for breaking lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// The greatest number of characters in a line, at least 1.
    pub(super) width: usize,
    /// Whether words longer than a line are broken.
    pub(super) breaks_words: bool,
    /// Whether words may end behind a hyphen.
    pub(super) on_hyphens: bool,
}

/// The lines of at most `width` characters into which `line` is broken.
///
/// # Errors
/// The limit that this exceeds.
pub(super) fn wrap(line: &str, layout: Layout) -> Result<Vec<String>, Exceeded> {
    work::charge((line.len() as u64).saturating_mul(CHAR))?;
    work::make(line.len().saturating_mul(CHAR_BYTES))?;
    let chars: Vec<char> = line.chars().collect();
    let at = |place: &Range<usize>| chars.get(place.clone()).unwrap_or_default();
    // A chunk is either blank as a whole or has no blanks.
    let is_blank = |chunk: &Range<usize>| at(chunk).first().is_none_or(|char| char.is_whitespace());
    let mut chunks = chunks(&chars, layout.on_hyphens);
    chunks.reverse();
    let mut lines = Vec::new();
    while let Some(first) = chunks.pop() {
        work::charge(LINE)?;
        if is_blank(&first) && !lines.is_empty() {
            continue;
        }
        let (start, mut end) = (first.start, first.start);
        let mut last = None;
        chunks.push(first);
        while let Some(chunk) = chunks.pop_if(|chunk| end - start + chunk.len() <= layout.width) {
            end = chunk.end;
            last = Some(chunk);
        }
        if let Some(long) = chunks.pop_if(|chunk| chunk.len() > layout.width) {
            let room = layout.width.saturating_sub(end - start).max(1);
            let cut = long.start + layout.cut(at(&long), room, last.is_none());
            if cut > long.start {
                end = cut;
                last = Some(long.start..cut);
            }
            if cut < long.end {
                chunks.push(cut..long.end);
            }
        }
        if let Some(blanks) = last.filter(is_blank) {
            end = blanks.start;
        }
        if end > start {
            work::make(LINE_BYTES)?;
            lines.push(at(&(start..end)).iter().collect());
        }
    }
    Ok(lines)
}

impl Layout {
    /// The number of characters of a long word that go onto the present line, which has room for `room` of them.
    fn cut(self, word: &[char], room: usize, is_first: bool) -> usize {
        if !self.breaks_words {
            return if is_first { word.len() } else { 0 };
        }
        let hyphen = word.iter().take(room).rposition(|char| *char == '-').filter(|hyphen| *hyphen > 0);
        let is_inner = |hyphen: &usize| word.iter().take(*hyphen).any(|char| *char != '-');
        match hyphen.filter(|_| self.on_hyphens && word.len() > room).filter(is_inner) {
            Some(hyphen) => hyphen + 1,
            None => room.min(word.len()),
        }
    }
}

/// The ranges of words and blanks in turn. A word ends behind a hyphen between letters too.
fn chunks(chars: &[char], on_hyphens: bool) -> Vec<Range<usize>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    for (index, &char) in chars.iter().enumerate() {
        let at = |index: Option<usize>| index.and_then(|index| chars.get(index)).copied().unwrap_or(' ');
        let (before, last) = (at(index.checked_sub(2)), at(index.checked_sub(1)));
        let is_hyphenated = on_hyphens && last == '-' && before.is_alphabetic() && char.is_alphanumeric();
        let starts = last.is_whitespace() != char.is_whitespace() || is_hyphenated;
        match chunks.last_mut() {
            Some(chunk) if !starts => chunk.end = index + 1,
            _ => chunks.push(index..index + 1),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(line: &str, width: usize, breaks_words: bool) -> Vec<String> {
        wrap(line, Layout { width, breaks_words, on_hyphens: true }).unwrap()
    }

    #[test]
    fn lines_are_broken_at_blanks_and_hyphens_and_then_within_words() {
        for (line, width, expected) in [
            ("The quick brown fox jumps", 10, &["The quick", "brown fox", "jumps"][..]),
            ("abcdefghij kl", 4, &["abcd", "efgh", "ij", "kl"]),
            ("well-known words", 6, &["well-", "known", "words"]),
            ("ab1-2345-678", 5, &["ab1-", "2345-", "678"]),
            ("-----a", 3, &["---", "--a"]),
            ("a bcdefg", 4, &["a bc", "defg"]),
            ("  a b", 3, &["  a", "b"]),
            ("     a", 2, &[" a"]),
            ("a     ", 2, &["a"]),
            ("", 5, &[]),
        ] {
            assert_eq!(lines(line, width, true), expected, "{line}");
        }
        assert_eq!(lines("abcdefghij x", 4, false), ["abcdefghij", "x"]);
        assert_eq!(lines("x abcdefghij", 4, false), ["x", "abcdefghij"]);
    }

    #[test]
    fn long_words_and_blanks_cost_no_more_than_their_characters() {
        // To move what is left of each word, or to look through the blanks again, takes minutes here.
        let (words, blanks) = ("x".repeat(400_000) + " ", " ".repeat(400_000));
        assert_eq!(lines(&words.repeat(4), 1, true).len(), 1_600_000);
        assert_eq!(lines(&blanks, 1, true).len(), 0);
    }
}
