//! The scanner: from text to tokens. Changes of indentation become tokens, and a key gets a token before it.
//!
//! Follows the scanners of `PyYAML` and libyaml (both MIT, Copyright 2006-2016 Kirill Simonov and 2017-2020 Ingy döt
//! Net), and accepts what either accepts: StackStorm reads packs with the one and workflows with the other. So quoted
//! texts and texts in brackets may continue at any column, and tabs may separate words within a line. The kinds of
//! scalars are in `scanner/plain.rs`, `quoted.rs` and `block.rs`, anchors, tags and directives in `names.rs`.
//! `builder` turns the tokens into nodes.

mod block;
mod names;
mod plain;
mod quoted;

use std::collections::VecDeque;

use crate::cursor::{Cursor, END, is_blank, is_break, is_space};
use crate::error::Error;
use crate::place::Mark;
use crate::token::{Kind, Token};

/// Largest length of a key without `?`, in characters.
const KEY_LIMIT: usize = 1024;

/// The tokens of a text, produced on demand.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    cursor: Cursor<'a>,
    /// Tokens that were produced and not taken yet.
    tokens: VecDeque<Token>,
    /// Number of tokens taken.
    taken: usize,
    is_done: bool,
    /// Smallest column (from 1) of the contents of the innermost block: one more than the block's own column. 0
    /// outside of all blocks.
    inside: usize,
    /// The smallest columns of the blocks around it, the outermost first.
    around: Vec<usize>,
    /// Whether a key may begin here.
    allows_key: bool,
    /// The possible key of each open bracket, and of the level outside of all.
    keys: Vec<Option<PossibleKey>>,
}

/// A token that is a key if a `:` follows.
#[derive(Debug, Clone, Copy)]
struct PossibleKey {
    /// Number of tokens before it.
    number: usize,
    /// Whether nothing but a key is allowed there.
    is_required: bool,
    start: Mark,
}

impl<'a> Scanner<'a> {
    /// Creates a scanner for `text`.
    ///
    /// # Errors
    /// As [`Cursor::new`].
    pub(crate) fn new(text: &'a str) -> Result<Self, Error> {
        Ok(Self {
            cursor: Cursor::new(text)?,
            tokens: VecDeque::new(),
            taken: 0,
            is_done: false,
            inside: 0,
            around: Vec::new(),
            allows_key: true,
            keys: vec![None],
        })
    }

    /// The next token. The last one is [`Kind::End`], which is then returned for ever.
    ///
    /// # Errors
    /// If there is no valid token, with its position.
    pub(crate) fn peek(&mut self) -> Result<&Token, Error> {
        while self.needs_more()? {
            self.fetch()?;
        }
        let mark = self.cursor.mark();
        if self.tokens.is_empty() {
            self.push(Kind::End, mark);
        }
        self.tokens.front().ok_or_else(|| Error::syntax(mark, "the text ends"))
    }

    /// Takes the next token.
    ///
    /// # Errors
    /// As [`peek`](Self::peek).
    pub(crate) fn take(&mut self) -> Result<Token, Error> {
        let start = self.peek()?.start;
        self.taken += 1;
        Ok(self.tokens.pop_front().unwrap_or(Token { kind: Kind::End, start }))
    }

    fn needs_more(&mut self) -> Result<bool, Error> {
        if self.is_done || self.tokens.is_empty() {
            return Ok(!self.is_done);
        }
        self.forget_stale_keys()?;
        // The next token cannot be returned while it may still turn out to be a key, which needs a token before it.
        let first = self.keys.iter().flatten().next();
        Ok(first.is_some_and(|key| key.number == self.taken))
    }

    fn is_in_flow(&self) -> bool {
        self.keys.len() > 1
    }

    fn push(&mut self, kind: Kind, start: Mark) {
        self.tokens.push_back(Token { kind, start });
    }

    /// Produces a token of `length` characters.
    fn indicator(&mut self, kind: Kind, length: usize) {
        let start = self.cursor.mark();
        (0..length).for_each(|_| self.cursor.advance());
        self.push(kind, start);
    }

    fn fetch(&mut self) -> Result<(), Error> {
        self.skip_spaces();
        self.forget_stale_keys()?;
        let mark = self.cursor.mark();
        self.close_blocks(mark.column + 1);
        let (char, is_alone) = (self.cursor.peek(), is_space(self.cursor.peek_at(1)));
        let in_flow = self.is_in_flow();
        match char {
            END => self.end(),
            '%' if mark.column == 0 => self.directive(),
            '-' if self.cursor.is_at_document("---") => self.document(Kind::DocumentStart),
            '.' if self.cursor.is_at_document("...") => self.document(Kind::DocumentEnd),
            '[' => self.open(Kind::FlowListStart),
            '{' => self.open(Kind::FlowMappingStart),
            ']' => self.close(Kind::FlowListEnd),
            '}' => self.close(Kind::FlowMappingEnd),
            ',' => self.flow_entry(),
            '-' if is_alone => self.block_entry(),
            '?' if is_alone || in_flow => self.key(),
            ':' if is_alone || in_flow => self.value(),
            '*' | '&' => self.text(Self::anchor),
            '!' => self.text(Self::tag),
            '|' | '>' if !in_flow => {
                self.forget_key()?;
                // The text has ended at the beginning of a line, where a key may stand.
                self.allows_key = true;
                let token = self.block_scalar(char == '>')?;
                self.tokens.push_back(token);
                Ok(())
            }
            '\'' | '"' => self.text(Self::quoted),
            '#' | '|' | '>' | '%' | '@' | '`' | '\t' => Err(Error::syntax(mark, &unexpected(char))),
            _ => self.text(Self::plain),
        }
    }

    /// Skips to the next token. A tab before a possible key would be indentation, so it is not skipped there.
    fn skip_spaces(&mut self) {
        loop {
            self.cursor.skip_byte_order();
            let takes_tabs = self.is_in_flow() || !self.allows_key;
            self.cursor.take_while(|char| char == ' ' || (takes_tabs && char == '\t'));
            self.skip_comment();
            if self.cursor.line_break().is_none() {
                return;
            }
            if !self.is_in_flow() {
                self.allows_key = true;
            }
        }
    }

    fn skip_comment(&mut self) {
        if self.cursor.peek() == '#' {
            self.cursor.take_while(|char| !is_break(char));
        }
    }

    /// Skips the rest of a line, which must be empty.
    fn skip_rest_of_line(&mut self, what: &str, start: Mark) -> Result<(), Error> {
        self.cursor.take_while(is_blank);
        self.skip_comment();
        if !is_break(self.cursor.peek()) {
            return Err(self.wrong(what, start, "the rest of its line is not empty"));
        }
        self.cursor.line_break();
        Ok(())
    }

    /// An error inside something that began at `start`.
    fn wrong(&self, what: &str, start: Mark, why: &str) -> Error {
        let begins = Error::begins(what, start);
        Error::syntax(self.cursor.mark(), &format!("{why}, in {begins}"))
    }

    fn forget_stale_keys(&mut self) -> Result<(), Error> {
        let here = self.cursor.mark();
        for possible in &mut self.keys {
            let Some(key) = *possible else { continue };
            // A key without `?` is short and in one line. Otherwise any text could still turn out to be a key
            // at its end, and no token could be returned before.
            if key.start.line != here.line || here.index - key.start.index > KEY_LIMIT {
                key.is_missed(here)?;
                *possible = None;
            }
        }
        Ok(())
    }

    /// Remembers the next token as a possible key.
    fn remember_key(&mut self) -> Result<(), Error> {
        if !self.allows_key {
            return Ok(());
        }
        self.forget_key()?;
        let start = self.cursor.mark();
        // In the column of a mapping's keys nothing but another key can begin.
        let is_required = !self.is_in_flow() && self.inside == start.column + 1;
        // Counted from the beginning of the text, since tokens before this one may be taken until its `:` is
        // met.
        let number = self.taken + self.tokens.len();
        if let Some(key) = self.keys.last_mut() {
            *key = Some(PossibleKey { number, is_required, start });
        }
        Ok(())
    }

    fn forget_key(&mut self) -> Result<(), Error> {
        let here = self.cursor.mark();
        self.keys.last_mut().and_then(Option::take).map_or(Ok(()), |key| key.is_missed(here))
    }

    /// Ends the blocks that do not contain `column`, counted from 1.
    fn close_blocks(&mut self, column: usize) {
        // Indentation has no meaning inside brackets.
        while !self.is_in_flow() && self.inside > column {
            self.inside = self.around.pop().unwrap_or_default();
            self.push(Kind::BlockEnd, self.cursor.mark());
        }
    }

    /// Whether a new block begins at `column`. If so, it becomes the innermost one.
    fn opens_block(&mut self, column: usize) -> bool {
        let opens = !self.is_in_flow() && self.inside < column + 1;
        if opens {
            self.around.push(self.inside);
            self.inside = column + 1;
        }
        opens
    }

    fn end(&mut self) -> Result<(), Error> {
        self.close_blocks(0);
        self.forget_key()?;
        self.is_done = true;
        Ok(())
    }

    fn directive(&mut self) -> Result<(), Error> {
        self.close_blocks(0);
        self.forget_key()?;
        self.allows_key = false;
        let token = self.directive_line()?;
        self.tokens.push_back(token);
        Ok(())
    }

    fn document(&mut self, kind: Kind) -> Result<(), Error> {
        self.close_blocks(0);
        self.forget_key()?;
        self.allows_key = false;
        self.indicator(kind, 3);
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> Result<(), Error> {
        self.remember_key()?;
        self.keys.push(None);
        self.allows_key = true;
        self.indicator(kind, 1);
        Ok(())
    }

    fn close(&mut self, kind: Kind) -> Result<(), Error> {
        self.forget_key()?;
        if self.is_in_flow() {
            self.keys.pop();
        }
        self.allows_key = false;
        self.indicator(kind, 1);
        Ok(())
    }

    fn flow_entry(&mut self) -> Result<(), Error> {
        self.forget_key()?;
        self.allows_key = true;
        self.indicator(Kind::FlowEntry, 1);
        Ok(())
    }

    /// Opens a block before an indicator, if one may begin here.
    fn open_block(&mut self, kind: Kind, what: &str) -> Result<(), Error> {
        let mark = self.cursor.mark();
        if !self.is_in_flow() && !self.allows_key {
            return Err(Error::syntax(mark, &format!("{what} cannot begin here")));
        }
        if self.opens_block(mark.column) {
            self.push(kind, mark);
        }
        Ok(())
    }

    fn block_entry(&mut self) -> Result<(), Error> {
        self.open_block(Kind::BlockListStart, "an item of a list")?;
        self.forget_key()?;
        self.allows_key = true;
        self.indicator(Kind::BlockEntry, 1);
        Ok(())
    }

    fn key(&mut self) -> Result<(), Error> {
        self.open_block(Kind::BlockMappingStart, "a key")?;
        self.forget_key()?;
        self.allows_key = !self.is_in_flow();
        self.indicator(Kind::Key, 1);
        Ok(())
    }

    fn value(&mut self) -> Result<(), Error> {
        if let Some(key) = self.keys.last_mut().and_then(Option::take) {
            // The tokens of the key have been produced already; the token that announces it goes before them.
            let place = key.number.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(place, Token { kind: Kind::Key, start: key.start });
            if self.opens_block(key.start.column) {
                self.tokens.insert(place, Token { kind: Kind::BlockMappingStart, start: key.start });
            }
            // No other key begins behind a key on the same line: `a: b: c` is an error in PyYAML as well.
            self.allows_key = false;
        } else {
            self.open_block(Kind::BlockMappingStart, "the value of a key")?;
            self.allows_key = !self.is_in_flow();
        }
        self.indicator(Kind::Value, 1);
        Ok(())
    }

    /// Produces a token that may be a key.
    fn text(&mut self, read: fn(&mut Self) -> Result<Token, Error>) -> Result<(), Error> {
        self.remember_key()?;
        self.allows_key = false;
        let token = read(self)?;
        self.tokens.push_back(token);
        Ok(())
    }
}

impl PossibleKey {
    /// The possible key turned out to be none, at the position `here`.
    fn is_missed(self, here: Mark) -> Result<(), Error> {
        if !self.is_required {
            return Ok(());
        }
        let begins = Error::begins("a key", self.start);
        Err(Error::syntax(here, &format!("there is no `:` after {begins}")))
    }
}

fn unexpected(char: char) -> String {
    match char {
        '\t' => "a tab cannot indent".into(),
        char => format!("nothing can begin with `{char}` without quotes"),
    }
}

/// Joins two lines of a scalar: a single line break becomes a blank, further ones are kept.
fn folded(first: char, others: &str, into: &mut String) {
    if first != '\n' {
        into.push(first);
    } else if others.is_empty() {
        into.push(' ');
    }
    into.push_str(others);
}
