//! Lines of texts, as Python's methods find them.

/// The lines of `text` without their ends, as `str.splitlines` returns them.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    lines_with_ends(text)
        .map(|line| line.strip_suffix("\r\n").unwrap_or_else(|| line.strip_suffix(is_end).unwrap_or(line)))
}

/// The lines of `text` with their ends.
pub fn lines_with_ends(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(is_end).map_or(rest.len(), |start| {
            let after = rest.get(start..).unwrap_or_default();
            let length =
                if after.starts_with("\r\n") { 2 } else { after.chars().next().map_or(0, char::len_utf8) };
            start + length
        });
        let (line, after) = rest.split_at(end);
        rest = after;
        Some(line)
    })
}

fn is_end(char: char) -> bool {
    matches!(char, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_at_every_end_of_line() {
        let text = "a\nb\r\nc\rd\x0b\u{2028}e";
        assert_eq!(lines(text).collect::<Vec<_>>(), ["a", "b", "c", "d", "", "e"]);
        assert_eq!(lines_with_ends(text).collect::<String>(), text);
        assert_eq!(lines("a\n").count(), 1);
        assert_eq!(lines("").count(), 0);
    }
}
