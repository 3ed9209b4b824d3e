//! Subscripts of values, and keys of mappings. The library does not count the work of either, so it is charged
//! before.

use super::Rewriter;
use crate::error::shortened;
use crate::operators::{INDEXED, ITEM, KEY, SLICE};
use crate::rewrite::tokens::Kind;

/// The digits of an index up to which a text counts only few characters for it.
const DIGITS: usize = 3;

impl Rewriter<'_> {
    /// `value[...]`: a slice becomes a call, as does a key that is not a single text or number. `first` is the index
    /// of the value in the source.
    pub(super) fn subscript(&mut self, value: &str, first: usize) -> Option<String> {
        let (mut plain, mut bounds) = (self.take(), vec![String::new()]);
        let (mut is_list, start) = (false, self.at);
        while self.sign() != Some("]") {
            self.token()?;
            let part = if self.is_start() { self.conditional()? } else { self.take() };
            plain.push_str(&part);
            match part.trim() {
                ":" => bounds.push(String::new()),
                "," => is_list = true,
                _ => bounds.last_mut()?.push_str(&part),
            }
        }
        if let [key] = bounds.as_slice()
            && !is_list
            && !key.trim().is_empty()
        {
            let (is_single, is_large) = (self.is_single(start), self.is_large_number(start));
            let close = self.take();
            if is_single && !is_large {
                return Some(format!("{value}[{key}{close}"));
            }
            self.has_changed = true;
            let value = value.trim_start();
            if is_single {
                return Some(format!(" {INDEXED}({value})[{key}{close}"));
            }
            return Some(format!(" {ITEM}({value} , {}, {})", key.trim(), self.quoted(first)));
        }
        plain.push_str(&self.take());
        if bounds.len() < 2 || bounds.len() > 3 || is_list {
            return Some(format!("{value}{plain}"));
        }
        self.has_changed = true;
        bounds.resize(3, String::new());
        let bound = |bound: &String| if bound.trim().is_empty() { "none".to_owned() } else { bound.clone() };
        let bounds: Vec<_> = bounds.iter().map(bound).collect();
        Some(format!(" {SLICE}({} , {})", value.trim_start(), bounds.join(" ,")))
    }

    /// The source from `first` up to here, as a text literal; shortened if it is long.
    fn quoted(&self, first: usize) -> String {
        let source = self.source.get(first..self.written).unwrap_or_default();
        format!("'{}'", shortened(source.trim()).replace('\\', "\\\\").replace('\'', "\\'"))
    }

    /// Whether a number follows the present sign: `value.0`.
    pub(super) fn is_number_behind(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind == Kind::Number)
    }

    /// `value.0`: an index, as in brackets.
    pub(super) fn numbered(&mut self, value: &str) -> String {
        self.take();
        let places = self.take();
        // `value.0.1` looks like a value followed by one number with a fraction.
        places.trim().split('.').fold(value.to_owned(), |value, place| {
            if place.len() <= DIGITS {
                return format!("{value}.{place}");
            }
            self.has_changed = true;
            format!(" {INDEXED}({}).{place}", value.trim_start())
        })
    }

    /// Whether the word at `at` is an index for which a text may have to count many characters.
    fn is_large_number(&self, at: usize) -> bool {
        let number = self.tokens.get(at).filter(|token| token.kind == Kind::Number);
        number.is_some_and(|token| token.text(self.source).len() > DIGITS)
    }

    /// Whether a single text or number was read from `start` on.
    fn is_single(&self, start: usize) -> bool {
        let kind = self.tokens.get(start).map(|token| token.kind);
        self.at == start + 1 && matches!(kind, Some(Kind::Text | Kind::Number))
    }

    /// `text` as a weighed key, unless it is a single text or number that was read from `start` on.
    pub(super) fn key(&mut self, text: String, start: usize) -> String {
        if self.is_single(start) {
            return text;
        }
        self.has_changed = true;
        format!(" {KEY}({})", text.trim_start())
    }
}
