//! Python's methods of strings, on plain text.

use petrel_python::work::{self, Limit};

use super::super::error::Error;
use super::super::limits::Run;

/// Whether Python counts `char` as white space.
pub(super) fn is_space(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\x1c'..='\x1f')
}

/// `text` without white space, or without `chars`, at its ends.
pub(super) fn trim<'a>(
    text: &'a str,
    chars: Option<&str>,
    left: bool,
    right: bool,
) -> Result<&'a str, Limit> {
    work::trim(text, chars.unwrap_or(" "))?;
    let is_outside = |char: char| chars.map_or_else(|| is_space(char), |chars| chars.contains(char));
    let text = if left { text.trim_start_matches(is_outside) } else { text };
    Ok(if right { text.trim_end_matches(is_outside) } else { text })
}

/// The characters from `start` to before `end`. Negative indexes count from the end.
pub(super) fn slice(text: &str, start: i128, end: i128) -> &str {
    let count = text.chars().count() as i128;
    let clamped = |index: i128| (if index < 0 { index + count } else { index }).clamp(0, count);
    let (start, end) = (byte(text, clamped(start)), byte(text, clamped(end)));
    text.get(start..end).unwrap_or_default()
}

/// The byte at which a character begins.
fn byte(text: &str, index: i128) -> usize {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    text.char_indices().nth(index).map_or(text.len(), |(byte, _)| byte)
}

/// The index of the first or last `part` that lies entirely between `start` and `end`.
pub(super) fn find(text: &str, part: &str, start: i128, end: i128, is_last: bool) -> Option<usize> {
    let count = text.chars().count() as i128;
    let start = (if start < 0 { start + count } else { start }).max(0);
    let end = (if end < 0 { end + count } else { end }).clamp(0, count);
    if start > end {
        return None;
    }
    let first = byte(text, start);
    let within = text.get(first..byte(text, end))?;
    let found = if is_last { within.rfind(part) } else { within.find(part) }?;
    text.get(..first + found).map(|before| before.chars().count())
}

/// `text` with `new` in place of `old`, at most `count` times; a negative count has no limit.
pub(super) fn replace(run: &Run<'_>, text: &str, old: &str, new: &str, count: i128) -> Result<String, Error> {
    let limit = usize::try_from(count).unwrap_or(usize::MAX);
    // As in Python, the empty text occurs before each character and at the end.
    let times = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).take(limit).count() };
    work::visit(times.min(limit))?;
    run.allocate(text.len().saturating_add(times.min(limit).saturating_mul(new.len())))?;
    Ok(text.replacen(old, new, limit))
}

/// The parts between separators, or between runs of white space, after at most `most` cuts.
pub(super) fn split<'a>(
    text: &'a str,
    separator: Option<&str>,
    most: usize,
    from_right: bool,
) -> Result<Vec<&'a str>, Error> {
    let pieces = most.saturating_add(1);
    match separator {
        Some("") => Err(Error::value("empty separator")),
        Some(separator) if from_right => {
            let mut parts: Vec<_> = text.rsplitn(pieces, separator).collect();
            parts.reverse();
            Ok(parts)
        }
        Some(separator) => Ok(text.splitn(pieces, separator).collect()),
        None if from_right => {
            let mut parts = split_space(text, most, |rest| {
                let rest = rest.trim_end_matches(is_space);
                let at = rest.char_indices().rev().find(|(_, char)| is_space(*char));
                let cut = at.map_or(0, |(index, char)| index + char.len_utf8());
                let (before, part) = rest.split_at_checked(cut).unwrap_or(("", rest));
                (part, before.trim_end_matches(is_space))
            });
            parts.reverse();
            Ok(parts)
        }
        None => Ok(split_space(text, most, |rest| {
            let rest = rest.trim_start_matches(is_space);
            let (part, after) =
                rest.split_at_checked(rest.find(is_space).unwrap_or(rest.len())).unwrap_or((rest, ""));
            (part, after.trim_start_matches(is_space))
        })),
    }
}

/// Whether the text has more than white space. Both ends are examined first: the rest of a text that is being split
/// has a word at one of them, and may have much white space at the other.
fn has_word(text: &str) -> bool {
    let is_word = |char: char| !is_space(char);
    text.starts_with(is_word) || text.ends_with(is_word) || text.contains(is_word)
}

/// Takes `most` parts off `text` by `next`; the rest is the last part.
fn split_space<'a>(text: &'a str, most: usize, next: impl Fn(&'a str) -> (&'a str, &'a str)) -> Vec<&'a str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while has_word(rest) {
        if parts.len() == most {
            parts.push(if parts.is_empty() { rest.trim_start_matches(is_space) } else { rest });
            break;
        }
        let (part, left) = next(rest);
        parts.push(part);
        rest = left;
    }
    parts
}
