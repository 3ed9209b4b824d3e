//! Block scalars, which begin with `|` or `>` and end with their indentation.

use crate::cursor::{END, is_blank, is_break};
use crate::error::Error;
use crate::place::Mark;
use crate::token::{Kind, Scalar, Token};

use super::Scanner;

/// The name of block scalars in messages.
const WHAT: &str = "a text behind | or >";

/// The treatment of line breaks at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// `-`: none is kept.
    Strip,
    /// Without a sign: one is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

impl Scanner<'_> {
    /// Scans a scalar after `|`, or after `>`, which joins its lines.
    pub(super) fn block_scalar(&mut self, is_folded: bool) -> Result<Token, Error> {
        let start = self.cursor.mark();
        self.cursor.advance();
        let (chomping, increment) = self.indicators(start)?;
        self.skip_rest_of_line(WHAT, start)?;
        let least = self.inside.max(1);
        let mut empty = String::new();
        let indent = match increment {
            Some(increment) => {
                let indent = least + increment - 1;
                self.block_lines(indent, &mut empty);
                indent
            }
            // The first line with content sets the indentation, or a longer empty line before it.
            None => self.block_lines(usize::MAX, &mut empty).max(least),
        };
        let (mut text, mut last, mut was_more) = (String::new(), None, false);
        while self.cursor.mark().column == indent && self.cursor.peek() != END {
            // A line with more indentation is not joined with its neighbours.
            let is_more = is_blank(self.cursor.peek());
            match last {
                Some('\n') if is_folded && !was_more && !is_more => {
                    if empty.is_empty() {
                        text.push(' ');
                    }
                }
                last => text.extend(last),
            }
            was_more = is_more;
            text.push_str(&empty);
            text.push_str(self.cursor.take_while(|char| !is_break(char)));
            last = self.cursor.line_break();
            empty.clear();
            self.block_lines(indent, &mut empty);
        }
        if chomping != Chomping::Strip {
            text.extend(last);
        }
        if chomping == Chomping::Keep {
            text.push_str(&empty);
        }
        Ok(Token { kind: Kind::Scalar(Scalar { text, is_plain: false }), start })
    }

    /// Scans `+` or `-`, and the number of columns of the indentation, in either order.
    fn indicators(&mut self, start: Mark) -> Result<(Chomping, Option<usize>), Error> {
        let (mut chomping, mut increment) = (None, None);
        loop {
            match self.cursor.peek() {
                '+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                '-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                '0' => return Err(self.wrong(WHAT, start, "its indentation is from 1 to 9")),
                digit @ '1'..='9' if increment.is_none() => {
                    increment = digit.to_digit(10).and_then(|digit| usize::try_from(digit).ok());
                }
                _ => return Ok((chomping.unwrap_or(Chomping::Clip), increment)),
            }
            self.cursor.advance();
        }
    }

    /// Skips empty lines, whose line breaks are added to `empty`, and up to `indent` blanks of the next line. Returns
    /// the largest indentation seen.
    fn block_lines(&mut self, indent: usize, empty: &mut String) -> usize {
        let mut furthest = 0;
        loop {
            while self.cursor.peek() == ' ' && self.cursor.mark().column < indent {
                self.cursor.advance();
            }
            furthest = furthest.max(self.cursor.mark().column);
            match self.cursor.line_break() {
                Some(line_break) => empty.push(line_break),
                None => return furthest,
            }
        }
    }
}
