//! Panic messages of components. They are written to standard error, and go to the execution's output like any other
//! line; a copy is picked out here, since people read the error first. `failure` puts it into the error.

/// Bytes of a panic message that are kept.
const LONGEST: usize = 1000;

/// The latest panic message, collected line by line.
#[derive(Debug, Default)]
pub(crate) struct LastWords {
    text: String,
    /// Whether the next line still belongs to the message.
    is_open: bool,
}

impl LastWords {
    /// Takes one line of standard error.
    pub(crate) fn take_line(&mut self, line: &[u8]) {
        let begins = line.starts_with(b"thread '") || line.starts_with(b"panic: ");
        if !begins && !self.is_open {
            return;
        }
        let line = String::from_utf8_lossy(line);
        let begun = match line.split_once(" panicked at ") {
            // Rust: `thread 'main' (1) panicked at src/lib.rs:1:2:`, and the message in the lines that follow.
            Some((_thread, message)) if begins => Some(message),
            // Go.
            _ => line.strip_prefix("panic: "),
        };
        if let Some(begun) = begun {
            self.text.clear();
            self.is_open = true;
            self.add(begun);
        } else if line.starts_with("note: ")
            || line.starts_with("stack backtrace:")
            || line.starts_with("goroutine ")
        {
            self.is_open = false;
        } else {
            self.add(&line);
        }
    }

    fn add(&mut self, words: &str) {
        let words = words.trim();
        if !self.is_open || words.is_empty() {
            return;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let room = LONGEST.saturating_sub(self.text.len());
        if words.len() <= room {
            self.text.push_str(words);
        } else {
            self.text.push_str(words.get(..words.floor_char_boundary(room)).unwrap_or_default());
            self.text.push('…');
            self.is_open = false;
        }
    }

    /// The message, if there was one.
    pub(crate) fn message(&self) -> Option<String> {
        (!self.text.is_empty()).then(|| self.text.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Option<String> {
        let mut words = LastWords::default();
        text.lines().for_each(|line| words.take_line(line.as_bytes()));
        words.message()
    }

    #[test]
    fn the_message_of_the_last_panic_is_picked_out() {
        for (text, expected) in [
            ("", None),
            ("thread 'x' is fine\nall is well", None),
            (
                "before\n\nthread '<unnamed>' (1) panicked at src/lib.rs:7:5:\nwhat now?\nnote: run with `RUST_BACKTRACE=1`\nafter",
                Some("src/lib.rs:7:5: what now?"),
            ),
            ("thread 'main' panicked at 'old', src/a.rs:1:2", Some("'old', src/a.rs:1:2")),
            (
                "thread 'a' panicked at a.rs:1:1:\none\nthread 'a' panicked at b.rs:2:2:\ntwo\n  lines",
                Some("b.rs:2:2: two lines"),
            ),
            ("panic: oh no\n\ngoroutine 1 [running]:", Some("oh no")),
        ] {
            assert_eq!(message(text).as_deref(), expected, "{text}");
        }
        let long = message(&format!("thread 'a' panicked at a.rs:1:1:\n{}\nmore", "é".repeat(5000))).unwrap();
        assert!(long.len() <= LONGEST + '…'.len_utf8() && long.ends_with('…'), "{}", long.len());
    }
}
