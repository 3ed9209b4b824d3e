//! The size of a pattern's automaton. In the worst case the text is read once for each of its states, so a byte of
//! the text is priced by it.

/// About the number of states in the automaton of a pattern: one for each character, class and escape, times the
/// counts of the repetitions around it. `text` is a pattern as [`super::dialect`] writes it, in which a bare `{`
/// repeats.
pub(super) fn states(text: &str) -> u64 {
    let mut count = Count::default();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                count.one();
                skip_code(&mut chars);
            }
            '[' => {
                count.one();
                skip_class(&mut chars);
            }
            '(' => count.open(),
            ')' => count.close(),
            '{' => {
                let inner: String = chars.by_ref().take_while(|char| *char != '}').collect();
                count.repeat(most(&inner));
            }
            '*' | '+' | '?' | '|' => {}
            _ => count.one(),
        }
    }
    count.all()
}

/// The states of open groups, the outermost first.
#[derive(Default)]
struct Count {
    outer: Vec<u64>,
    /// The states of the innermost group, without its last item.
    before: u64,
    last: u64,
}

impl Count {
    /// Counts an item with one state.
    fn one(&mut self) {
        self.item(1);
    }

    fn item(&mut self, states: u64) {
        self.before = self.before.saturating_add(self.last);
        self.last = states;
    }

    fn repeat(&mut self, times: u64) {
        self.last = self.last.saturating_mul(times);
    }

    fn open(&mut self) {
        self.item(0);
        self.outer.push(self.before);
        self.before = 0;
    }

    fn close(&mut self) {
        let inside = self.before.saturating_add(self.last);
        self.before = self.outer.pop().unwrap_or(0);
        self.last = inside;
    }

    fn all(self) -> u64 {
        let open = self.outer.into_iter().fold(self.before, u64::saturating_add);
        open.saturating_add(self.last).max(1)
    }
}

/// The larger number of a repetition; 1 without a number.
fn most(inner: &str) -> u64 {
    let number = inner.rsplit(',').find(|number| !number.is_empty());
    // A number that does not fit is refused when the pattern is compiled.
    number.and_then(|number| number.trim().parse().ok()).unwrap_or(1).max(1)
}

/// Skips an escaped character, and the number in `\x{2603}`.
fn skip_code(chars: &mut std::str::Chars<'_>) {
    if chars.next() == Some('x') && chars.as_str().starts_with('{') {
        let _end = chars.find(|char| *char == '}');
    }
}

/// Skips the rest of a class: the dialect escapes each bracket within it.
fn skip_class(chars: &mut std::str::Chars<'_>) {
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                let _escaped = chars.next();
            }
            ']' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::states;

    #[test]
    fn repetitions_within_each_other_multiply_and_others_add_up() {
        for (pattern, expected) in [
            ("", 1),
            ("a", 1),
            ("abc", 3),
            ("a{3}", 3),
            ("a{2,}", 2),
            ("a{0,5}", 5),
            ("(a{2,5}){7}", 35),
            ("x(a{2}b|c){3}y", 14),
            (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 36),
            (r"[a\]{9}]{2}", 2),
            (r"\x{2603}{4}", 4),
            (r"\{9\}", 3),
            ("((((a{1000}){1000}){1000}){1000}){1000}", 1_000_000_000_000_000),
            ("a{99999999999999999999}", 1),
        ] {
            assert_eq!(states(pattern), expected, "{pattern}");
        }
        assert_eq!(states(&"(a{1000}".repeat(3)), 3_000);
        assert_eq!(states(&format!("{}a{}", "(".repeat(9), "{1000}){1000}".repeat(9))), u64::MAX);
    }
}
