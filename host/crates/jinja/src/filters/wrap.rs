//! The breaking of lines as in Python's `textwrap` with its defaults, except that blanks stay.

use crate::work::{self, Exceeded};

/// Charges for breaking `line`. Each piece that is cut off a long word, or off the leading blanks, moves the rest of
/// the line.
pub(super) fn charge(line: &str, width: usize) -> Result<(), Exceeded> {
    let blanks = line.len() - line.trim_start().len();
    let longest = line.split_whitespace().map(str::len).max().unwrap_or(0).max(blanks);
    let moves = (longest / width.max(1)).saturating_mul(longest);
    work::charge((moves as u64).saturating_add((line.len() as u64).saturating_mul(20)))?;
    work::make(line.len().saturating_mul(32))
}

/// The lines of at most `width` characters into which `line` is broken.
pub(super) fn wrap(line: &str, width: usize, breaks_words: bool, on_hyphens: bool) -> Vec<String> {
    let mut chunks: Vec<Vec<char>> = chunks(line, on_hyphens);
    chunks.reverse();
    let (mut lines, is_blank) =
        (Vec::new(), |chunk: &Vec<char>| chunk.iter().all(|char| char.is_whitespace()));
    while let Some(first) = chunks.pop() {
        if is_blank(&first) && !lines.is_empty() {
            if chunks.is_empty() {
                break;
            }
            continue;
        }
        chunks.push(first);
        let (mut current, mut length): (Vec<Vec<char>>, usize) = (Vec::new(), 0);
        while let Some(chunk) = chunks.pop() {
            if length + chunk.len() > width {
                chunks.push(chunk);
                break;
            }
            length += chunk.len();
            current.push(chunk);
        }
        if let Some(long) = chunks.pop_if(|chunk| chunk.len() > width) {
            let (now, later) = split_long(
                long,
                width.saturating_sub(length).max(1),
                breaks_words,
                on_hyphens,
                current.is_empty(),
            );
            current.extend(now);
            chunks.extend(later);
        }
        if current.last().is_some_and(is_blank) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.into_iter().flatten().collect());
        }
    }
    lines
}

/// The part of a long word that goes onto the present line, and the rest.
fn split_long(
    mut word: Vec<char>,
    room: usize,
    breaks_words: bool,
    on_hyphens: bool,
    is_first: bool,
) -> (Option<Vec<char>>, Option<Vec<char>>) {
    if !breaks_words {
        return if is_first { (Some(word), None) } else { (None, Some(word)) };
    }
    let mut end = room;
    if on_hyphens && word.len() > room {
        let hyphen = word.iter().take(room).rposition(|char| *char == '-').filter(|hyphen| *hyphen > 0);
        let is_inner = |hyphen: &usize| word.iter().take(*hyphen).any(|char| *char != '-');
        end = hyphen.filter(is_inner).map_or(room, |hyphen| hyphen + 1);
    }
    let rest = word.split_off(end.min(word.len()));
    (Some(word), Some(rest))
}

/// Words and blanks in turn. A word ends behind a hyphen between letters too.
fn chunks(line: &str, on_hyphens: bool) -> Vec<Vec<char>> {
    let chars: Vec<char> = line.chars().collect();
    let mut chunks: Vec<Vec<char>> = Vec::new();
    for (index, &char) in chars.iter().enumerate() {
        let at = |index: Option<usize>| index.and_then(|index| chars.get(index)).copied().unwrap_or(' ');
        let (before, last) = (at(index.checked_sub(2)), at(index.checked_sub(1)));
        let is_hyphenated = on_hyphens && last == '-' && before.is_alphabetic() && char.is_alphanumeric();
        let starts = last.is_whitespace() != char.is_whitespace() || is_hyphenated;
        match chunks.last_mut() {
            Some(chunk) if !starts => chunk.push(char),
            _ => chunks.push(vec![char]),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks_and_hyphens_and_then_within_words() {
        for (line, width, expected) in [
            ("The quick brown fox jumps", 10, &["The quick", "brown fox", "jumps"][..]),
            ("abcdefghij kl", 4, &["abcd", "efgh", "ij", "kl"]),
            ("well-known words", 6, &["well-", "known", "words"]),
            ("  a b", 3, &["  a", "b"]),
            ("", 5, &[]),
        ] {
            assert_eq!(wrap(line, width, true, true), expected, "{line}");
        }
        assert_eq!(wrap("abcdefghij x", 4, false, true), ["abcdefghij", "x"]);
    }
}
