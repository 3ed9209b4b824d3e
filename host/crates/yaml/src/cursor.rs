//! The cursor: the remainder of a text, and its position.

use crate::error::Error;
use crate::place::Mark;

/// Returned after the last character. [`Cursor::new`] refuses texts that contain it.
pub(crate) const END: char = '\0';

/// The byte order mark, which takes no column.
const BYTE_ORDER: char = '\u{feff}';

/// The remainder of a text.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a str,
    mark: Mark,
}

impl<'a> Cursor<'a> {
    /// Creates a cursor at the beginning of `text`.
    ///
    /// # Errors
    /// If the text contains a character that YAML only allows as an escape.
    pub(crate) fn new(text: &'a str) -> Result<Self, Error> {
        let mut cursor = Self { rest: text, mark: Mark::default() };
        // PyYAML checks a text before it reads any of it, so such a character is refused in comments, too.
        if let Some(char) = text.chars().find(|char| !is_printable(*char)) {
            while cursor.peek() != char && !cursor.rest.is_empty() {
                if cursor.line_break().is_none() {
                    cursor.advance();
                }
            }
            let code = u32::from(char);
            return Err(Error::syntax(cursor.mark, &format!("the character U+{code:04X} is not allowed")));
        }
        Ok(cursor)
    }

    /// The position of the next character.
    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    /// The next character.
    pub(crate) fn peek(&self) -> char {
        self.rest.chars().next().unwrap_or(END)
    }

    /// The character after the next `skipped` ones.
    pub(crate) fn peek_at(&self, skipped: usize) -> char {
        self.rest.chars().nth(skipped).unwrap_or(END)
    }

    /// Skips the next character, which must not be a line break.
    pub(crate) fn advance(&mut self) {
        let mut chars = self.rest.chars();
        if let Some(char) = chars.next() {
            self.rest = chars.as_str();
            self.count(char);
        }
    }

    /// Skips a byte order mark at the beginning of a line.
    pub(crate) fn skip_byte_order(&mut self) {
        if self.mark.column == 0 && self.peek() == BYTE_ORDER {
            self.advance();
        }
    }

    /// Takes characters, none of which may be a line break, up to the first for which `ends` holds. `ends` receives
    /// that character and the one after it.
    pub(crate) fn take_until(&mut self, ends: impl Fn(char, char) -> bool) -> &'a str {
        let whole = self.rest;
        let mut chars = whole.chars();
        while let Some(char) = chars.next() {
            let next = chars.clone().next().unwrap_or(END);
            if ends(char, next) {
                break;
            }
            self.rest = chars.as_str();
            self.count(char);
        }
        whole.get(..whole.len() - self.rest.len()).unwrap_or_default()
    }

    /// As [`take_until`](Self::take_until), up to the first character for which `goes_on` does not hold.
    pub(crate) fn take_while(&mut self, goes_on: impl Fn(char) -> bool) -> &'a str {
        self.take_until(|char, _next| !goes_on(char))
    }

    /// Skips a line break, if one is next, and returns its normalized form: `\n` in most cases.
    pub(crate) fn line_break(&mut self) -> Option<char> {
        let (meant, length) = match self.peek() {
            '\r' if self.peek_at(1) == '\n' => ('\n', 2),
            '\n' | '\r' | '\u{85}' => ('\n', 1),
            // PyYAML keeps these two in texts and makes `\n` of every other break.
            separator @ ('\u{2028}' | '\u{2029}') => (separator, 1),
            _ => return None,
        };
        (0..length).for_each(|_| self.advance());
        self.mark.line += 1;
        self.mark.column = 0;
        Some(meant)
    }

    /// Whether `---` or `...` is next, by itself at the beginning of a line.
    pub(crate) fn is_at_document(&self, indicator: &str) -> bool {
        self.mark.column == 0 && self.rest.starts_with(indicator) && is_space(self.peek_at(3))
    }

    fn count(&mut self, char: char) {
        self.mark.index += 1;
        self.mark.column += usize::from(char != BYTE_ORDER);
    }
}

/// Whether YAML allows the character in a text.
fn is_printable(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | '\u{85}' | ' '..='~' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// Whether the character ends a line.
pub(crate) fn is_break(char: char) -> bool {
    matches!(char, END | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether the character separates words within a line.
pub(crate) fn is_blank(char: char) -> bool {
    matches!(char, ' ' | '\t')
}

/// Whether the character is a blank or ends a line.
pub(crate) fn is_space(char: char) -> bool {
    is_blank(char) || is_break(char)
}
