//! Quoted scalars, which may continue in lines of any indentation.

use crate::cursor::{END, is_blank, is_break, is_space};
use crate::error::Error;
use crate::place::Mark;
use crate::token::{Kind, Scalar, Token};

use super::{Scanner, folded};

/// The name of quoted scalars in messages.
const WHAT: &str = "a quoted text";

impl Scanner<'_> {
    /// Scans a quoted scalar of either kind.
    pub(super) fn quoted(&mut self) -> Result<Token, Error> {
        let (start, quote) = (self.cursor.mark(), self.cursor.peek());
        self.cursor.advance();
        let mut text = String::new();
        loop {
            self.word(quote, start, &mut text)?;
            if self.cursor.peek() == quote {
                break;
            }
            self.gap(start, &mut text)?;
        }
        self.cursor.advance();
        Ok(Token { kind: Kind::Scalar(Scalar { text, is_plain: false }), start })
    }

    /// Scans up to the next blank, line break or final quote.
    fn word(&mut self, quote: char, start: Mark, text: &mut String) -> Result<(), Error> {
        loop {
            text.push_str(
                self.cursor.take_while(|char| !is_space(char) && !matches!(char, '\'' | '"' | '\\')),
            );
            match (quote, self.cursor.peek()) {
                ('\'', '\'') if self.cursor.peek_at(1) == '\'' => {
                    text.push('\'');
                    self.cursor.advance();
                    self.cursor.advance();
                }
                ('\'', char @ ('"' | '\\')) | ('"', char @ '\'') => {
                    text.push(char);
                    self.cursor.advance();
                }
                ('"', '\\') => {
                    self.cursor.advance();
                    self.escape(start, text)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Scans blanks within a line, or line breaks with the blanks around them.
    fn gap(&mut self, start: Mark, text: &mut String) -> Result<(), Error> {
        let blanks = self.cursor.take_while(is_blank);
        match self.cursor.line_break() {
            Some(first) => folded(first, &self.quoted_lines(start)?, text),
            None if self.cursor.peek() == END => {
                return Err(self.wrong(WHAT, start, "the text ends before the last quote"));
            }
            None => text.push_str(blanks),
        }
        Ok(())
    }

    /// Scans the line breaks of empty lines, and the indentation of the next line.
    fn quoted_lines(&mut self, start: Mark) -> Result<String, Error> {
        let mut breaks = String::new();
        loop {
            // Quoted texts may go on in any column, so only the end of the document shows that a quote is
            // missing.
            if self.is_at_any_document() {
                return Err(self.wrong(WHAT, start, "the document ends before the last quote"));
            }
            self.cursor.take_while(is_blank);
            match self.cursor.line_break() {
                Some(line_break) => breaks.push(line_break),
                None => return Ok(breaks),
            }
        }
    }

    /// Scans an escape sequence after its backslash.
    fn escape(&mut self, start: Mark, text: &mut String) -> Result<(), Error> {
        let meant = match self.cursor.peek() {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            char @ (' ' | '"' | '/' | '\\') => char,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => return self.coded(2, start, text),
            'u' => return self.coded(4, start, text),
            'U' => return self.coded(8, start, text),
            char if char != END && is_break(char) => {
                self.cursor.line_break();
                text.push_str(&self.quoted_lines(start)?);
                return Ok(());
            }
            END => return Err(self.wrong(WHAT, start, "the text ends before the last quote")),
            char => {
                let why = format!("`\\{char}` has no meaning (a backslash itself is `\\\\`)");
                return Err(self.wrong(WHAT, start, &why));
            }
        };
        self.cursor.advance();
        text.push(meant);
        Ok(())
    }

    /// Scans a character given by its number, or by the two surrogates that JSON uses above 0xffff.
    fn coded(&mut self, length: usize, start: Mark, text: &mut String) -> Result<(), Error> {
        let code = self.code(length, start)?;
        let second = (self.cursor.peek(), self.cursor.peek_at(1)) == ('\\', 'u');
        let code = if second && (0xd800..0xdc00).contains(&code) {
            self.cursor.advance();
            match self.code(4, start)? {
                low @ 0xdc00..0xe000 => 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00),
                _ => code,
            }
        } else {
            code
        };
        let char = char::from_u32(code)
            .ok_or_else(|| self.wrong(WHAT, start, &format!("there is no character U+{code:04X}")))?;
        text.push(char);
        Ok(())
    }

    /// Scans the digits of a character's number.
    fn code(&mut self, length: usize, start: Mark) -> Result<u32, Error> {
        self.cursor.advance();
        let mut code = 0_u32;
        for _ in 0..length {
            let digit = self.cursor.peek().to_digit(16).ok_or_else(|| {
                self.wrong(WHAT, start, &format!("{length} hexadecimal digits are expected here"))
            })?;
            code = (code << 4) | digit;
            self.cursor.advance();
        }
        Ok(code)
    }
}
