//! The rewriting of one expression: it is parsed as Jinja does, and written as it was, except for operators.

mod places;

use super::tokens::{Kind, Token};
use crate::operators::{ARITHMETIC, COMPARE, CONCATENATE, EACH, LIST, MAPPING};

/// The greatest depth of brackets; the library allows less.
const DEPTH: usize = 200;

/// A chain of operations from left to right, in two forms: as it was written, and as arguments of a call.
struct Row {
    plain: String,
    call: String,
    /// Whether the library and Python differ in one of the operators.
    differs: bool,
}

impl Row {
    fn of(first: String) -> Self {
        Self { call: first.clone(), plain: first, differs: false }
    }

    fn push(&mut self, sign: &str, operator: &str, right: &str) {
        self.plain.extend([operator, right]);
        self.call.extend([" ,'", sign, "',", right]);
        self.differs |= matches!(sign, "+" | "*" | "%");
    }
}

/// The rewriter of one tag or expression.
pub(super) struct Rewriter<'a> {
    source: &'a str,
    tokens: &'a [Token],
    at: usize,
    /// The index from which the source has not been written yet.
    written: usize,
    depth: usize,
    is_mutable: bool,
    has_changed: bool,
}

impl<'a> Rewriter<'a> {
    /// `is_mutable` requests mutable lists and mappings for literals.
    pub(super) fn new(source: &'a str, tokens: &'a [Token], is_mutable: bool) -> Self {
        Self { source, tokens, at: 0, written: 0, depth: 0, is_mutable, has_changed: false }
    }

    /// Whether the output differs from the source.
    pub(super) fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Rewrites a block: its keyword and the rest.
    pub(super) fn block(&mut self) -> Option<String> {
        let mut out = String::new();
        let keyword = self.word().unwrap_or_default();
        let is_loop = keyword == "for";
        out.push_str(&self.take());
        if is_loop {
            while self.word() != Some("in") {
                self.tokens.get(self.at)?;
                out.push_str(&self.take());
            }
            out.push_str(&self.take());
            let list = self.or()?;
            self.has_changed = true;
            out.push_str(&format!(" {EACH}({list})"));
        }
        out.push_str(&self.sequence()?);
        Some(out)
    }

    /// Rewrites expressions with anything between them, up to the end.
    pub(super) fn sequence(&mut self) -> Option<String> {
        let mut out = String::new();
        while self.at < self.tokens.len() {
            out.push_str(&if self.is_start() { self.conditional()? } else { self.take() });
        }
        Some(out)
    }

    fn token(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    fn word(&self) -> Option<&'a str> {
        self.token().and_then(|token| token.word(self.source))
    }

    fn sign(&self) -> Option<&'a str> {
        let token = self.token().filter(|token| token.kind == Kind::Sign)?;
        Some(token.text(self.source))
    }

    /// Takes the next word with the blanks before it.
    fn take(&mut self) -> String {
        let Some(token) = self.token() else { return String::new() };
        let text = self.source.get(self.written..token.end).unwrap_or_default().to_owned();
        (self.at, self.written) = (self.at + 1, token.end);
        text
    }

    /// Whether an expression can begin here.
    fn is_start(&self) -> bool {
        match self.token().map(|token| token.kind) {
            None => false,
            Some(Kind::Sign) => matches!(self.sign(), Some("(" | "[" | "{" | "-" | "+")),
            Some(Kind::Name) => !matches!(self.word(), Some("if" | "else" | "in" | "and" | "or" | "is")),
            Some(_) => true,
        }
    }

    fn conditional(&mut self) -> Option<String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let mut out = self.or()?;
        while self.word() == Some("if") {
            out.push_str(&self.take());
            out.push_str(&self.or()?);
            if self.word() == Some("else") {
                out.push_str(&self.take());
                out.push_str(&self.conditional()?);
            }
        }
        self.depth -= 1;
        Some(out)
    }

    fn or(&mut self) -> Option<String> {
        let mut out = self.not()?;
        while matches!(self.word(), Some("or" | "and")) {
            out.push_str(&self.take());
            out.push_str(&self.not()?);
        }
        Some(out)
    }

    fn not(&mut self) -> Option<String> {
        let mut out = String::new();
        while self.word() == Some("not") {
            out.push_str(&self.take());
        }
        out.push_str(&self.compare()?);
        Some(out)
    }

    fn compare(&mut self) -> Option<String> {
        let (mut plain, mut call) = (self.sum()?, String::new());
        call.push_str(&plain);
        // A comparison in the library visits shared parts as often as they occur, without counting that as work.
        let mut differs = false;
        loop {
            let next_word = self.tokens.get(self.at + 1).and_then(|token| token.word(self.source));
            let operator = match (self.sign(), self.word(), next_word) {
                (Some(sign @ ("==" | "!=" | "<" | "<=" | ">" | ">=")), ..) => sign,
                (_, Some("in"), _) => "in",
                (_, Some("not"), Some("in")) => "not in",
                _ => break,
            };
            differs = true;
            plain.push_str(&self.take());
            if operator == "not in" {
                plain.push_str(&self.take());
            }
            let right = self.sum()?;
            plain.push_str(&right);
            call.push_str(&format!(" ,'{operator}',{right}"));
        }
        if !differs {
            return Some(plain);
        }
        self.has_changed = true;
        Some(format!(" {COMPARE}({})", call.trim_start()))
    }

    fn sum(&mut self) -> Option<String> {
        let mut row = Row::of(self.concatenation()?);
        while let Some(sign @ ("+" | "-")) = self.sign() {
            let operator = self.take();
            let right = self.concatenation()?;
            row.push(sign, &operator, &right);
        }
        Some(self.finished(row))
    }

    fn concatenation(&mut self) -> Option<String> {
        let mut parts = vec![self.product()?];
        while self.sign() == Some("~") {
            self.take();
            parts.push(self.product()?);
        }
        if parts.len() < 2 {
            return parts.pop();
        }
        self.has_changed = true;
        Some(format!(" {CONCATENATE}({})", parts.join(" ,").trim_start()))
    }

    /// A chain of operations, as a call if the library differs from Python in one of them.
    fn finished(&mut self, row: Row) -> String {
        if !row.differs {
            return row.plain;
        }
        self.has_changed = true;
        format!(" {ARITHMETIC}({})", row.call.trim_start())
    }

    fn product(&mut self) -> Option<String> {
        let mut row = Row::of(self.power()?);
        while let Some(sign @ ("*" | "/" | "//" | "%")) = self.sign() {
            let operator = self.take();
            let right = self.power()?;
            row.push(sign, &operator, &right);
        }
        Some(self.finished(row))
    }

    fn power(&mut self) -> Option<String> {
        let mut out = self.unary()?;
        while self.sign() == Some("**") {
            out.push_str(&self.take());
            out.push_str(&self.unary()?);
        }
        Some(out)
    }

    fn unary(&mut self) -> Option<String> {
        let mut signs = String::new();
        while matches!(self.sign(), Some("-" | "+")) {
            signs.push_str(&self.take());
        }
        let mut out = self.operand()?;
        loop {
            let is_filter = self.sign() == Some("|");
            if !is_filter && self.word() != Some("is") {
                return Some(signs + &out);
            }
            out.push_str(&self.take());
            if !is_filter && self.word() == Some("not") {
                out.push_str(&self.take());
            }
            out.push_str(&self.take());
            while self.sign() == Some(".") {
                out.push_str(&self.take());
                out.push_str(&self.take());
            }
            if self.sign() == Some("(") {
                out.push_str(&self.brackets(false)?);
            } else if !is_filter && self.is_argument() {
                out.push_str(&self.operand()?);
            }
        }
    }

    /// Whether the argument of a test begins here, without brackets.
    fn is_argument(&self) -> bool {
        self.is_start() && !matches!(self.sign(), Some("-" | "+")) && self.word() != Some("not")
    }

    /// Rewrites a value with its attributes, subscripts and calls.
    fn operand(&mut self) -> Option<String> {
        let first = self.token().map_or(self.written, |token| token.start);
        let mut out = self.primary()?;
        loop {
            match self.sign() {
                Some(".") if self.is_number_behind() => out = self.numbered(&out),
                Some(".") => {
                    out.push_str(&self.take());
                    let is_compared = self.word() == Some("changed");
                    out.push_str(&self.take());
                    if is_compared && self.sign() == Some("(") {
                        out.push_str(&self.brackets(true)?);
                    }
                }
                Some("[") => out = self.subscript(&out, first)?,
                Some("(") => out.push_str(&self.brackets(false)?),
                _ => return Some(out),
            }
        }
    }

    fn primary(&mut self) -> Option<String> {
        if !self.is_start() {
            return None;
        }
        match (self.sign(), self.token()?.kind) {
            (Some(open @ ("[" | "{")), _) => {
                let text = self.brackets(false)?;
                if !self.is_mutable {
                    return Some(text);
                }
                self.has_changed = true;
                let name = if open == "[" { LIST } else { MAPPING };
                Some(format!(" {name}({})", text.trim_start()))
            }
            (Some("("), _) => self.brackets(false),
            (Some(_), _) => None,
            (None, Kind::Text) => {
                let mut out = self.take();
                while self.token().is_some_and(|token| token.kind == Kind::Text) {
                    out.push_str(&self.take());
                }
                Some(out)
            }
            (None, _) => Some(self.take()),
        }
    }

    /// Rewrites everything from an opening bracket to the closing one. Keys of a mapping are weighed, as are
    /// arguments of a call in which the library compares them.
    fn brackets(&mut self, are_compared: bool) -> Option<String> {
        self.depth += 1;
        if self.depth > DEPTH {
            return None;
        }
        let close = match self.sign() {
            Some("(") => ")",
            Some("[") => "]",
            _ => "}",
        };
        let mut out = self.take();
        while self.sign() != Some(close) {
            self.token()?;
            let start = self.at;
            if !self.is_start() {
                out.push_str(&self.take());
                continue;
            }
            let part = self.conditional()?;
            let is_key = close == "}" && self.sign() == Some(":");
            let is_argument = are_compared && self.sign() != Some("=");
            // The names of `f(**mapping)` are keys too.
            let is_spread = start.checked_sub(1).and_then(|at| self.tokens.get(at)).is_some_and(|before| {
                close == ")" && before.kind == Kind::Sign && before.text(self.source) == "**"
            });
            out.push_str(&if is_key || is_argument || is_spread { self.key(part, start) } else { part });
        }
        out.push_str(&self.take());
        self.depth -= 1;
        Some(out)
    }
}
