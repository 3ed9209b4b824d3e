//! Plain scalars, which have no quotes.

use crate::cursor::{is_blank, is_space};
use crate::error::Error;
use crate::place::Mark;
use crate::token::{Kind, Scalar, Token};

use super::{Scanner, folded};

impl Scanner<'_> {
    /// Scans a plain scalar. It may continue in further lines if they are indented.
    pub(super) fn plain(&mut self) -> Result<Token, Error> {
        let (start, in_flow) = (self.cursor.mark(), self.is_in_flow());
        let is_bracket = |char| in_flow && matches!(char, ',' | '[' | ']' | '{' | '}');
        // In brackets, both PyYAML and libyaml read `:?` as a key without text, followed by a value.
        let ends_key = |next| is_space(next) || is_bracket(next) || (in_flow && next == '?');
        let ends = |char, next| is_space(char) || is_bracket(char) || (char == ':' && ends_key(next));
        let (mut text, mut between) = (String::new(), String::new());
        // Words end at blanks, so a `#` here follows one and begins a comment. Inside a word it is text.
        while self.cursor.peek() != '#' && !self.is_at_any_document() {
            let word = self.cursor.take_until(ends);
            if word.is_empty() {
                break;
            }
            self.allows_key = false;
            text.push_str(&between);
            text.push_str(word);
            between.clear();
            between.push_str(self.cursor.take_while(is_blank));
            let Some(first) = self.cursor.line_break() else {
                if between.is_empty() {
                    break;
                }
                continue;
            };
            between.clear();
            // If the text ends with this line break, a key may begin behind it. If it goes on, the next word
            // forbids that again.
            self.allows_key = true;
            folded(first, &self.empty_lines(start)?, &mut between);
            if !in_flow && self.cursor.mark().column < self.inside {
                break;
            }
        }
        if text.is_empty() {
            let char = self.cursor.peek();
            return Err(Error::syntax(start, &format!("`{char}` has nothing before it")));
        }
        Ok(Token { kind: Kind::Scalar(Scalar { text, is_plain: true }), start })
    }

    /// Scans the line breaks of empty lines, up to the first character of another line.
    fn empty_lines(&mut self, start: Mark) -> Result<String, Error> {
        let mut breaks = String::new();
        loop {
            while is_blank(self.cursor.peek()) {
                if self.cursor.peek() == '\t' && self.cursor.mark().column < self.inside {
                    return Err(self.wrong("a text", start, "a tab cannot indent"));
                }
                self.cursor.advance();
            }
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => return Ok(breaks),
            }
        }
    }

    pub(super) fn is_at_any_document(&self) -> bool {
        self.cursor.is_at_document("---") || self.cursor.is_at_document("...")
    }
}
