//! The lexer, which splits text into words as YAQL 3.2 does.

use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::syntax::Constant;

/// A word with the number of characters before it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) position: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    /// `$name`, without the `$`.
    Variable(Arc<str>),
    /// `name(`, without the bracket.
    Function(Arc<str>),
    Word(Arc<str>),
    Constant(Constant),
    /// An operator or a bracket.
    Symbol(&'static str),
}

impl TokenKind {
    /// The word in the form that errors show.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Variable(name) => format!("${name}"),
            Self::Function(name) | Self::Word(name) => name.to_string(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::Constant(Constant::Null) => "None".into(),
            Self::Constant(Constant::Bool(true)) => "True".into(),
            Self::Constant(Constant::Bool(false)) => "False".into(),
            Self::Constant(Constant::Integer(number)) => number.to_string(),
            Self::Constant(Constant::Float(number)) => petrel_python::display::float(*number),
            Self::Constant(Constant::Text(text)) => text.to_string(),
        }
    }
}

/// The symbols; a longer one comes before its own beginnings.
const SYMBOLS: [&str; 24] = [
    "=~", "!~", ">=", "<=", "!=", "?.", "->", "=>", ".", "[", "{", "+", "-", "*", "/", ">", "<", "=", "(",
    ")", "]", "}", ",", "",
];

/// Operators that are words.
const OPERATORS: [&str; 5] = ["mod", "in", "not", "and", "or"];

/// Splits `text` into words.
///
/// # Errors
/// [`ErrorKind::Lexical`] at the first character that begins no word.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer { rest: text, position: 0 };
    let mut tokens = Vec::new();
    loop {
        let blank = lexer.rest.len() - lexer.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        lexer.advance(blank);
        let Some(first) = lexer.rest.chars().next() else { return Ok(tokens) };
        let position = lexer.position;
        let illegal = || Error::from(ErrorKind::Lexical { character: first, position }).at(position + 1);
        let (kind, length) = lexer.token(first)?.ok_or_else(illegal)?;
        tokens.push(Token { kind, position });
        lexer.advance(length);
    }
}

struct Lexer<'a> {
    rest: &'a str,
    position: usize,
}

impl Lexer<'_> {
    fn advance(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.position += passed.chars().count();
        self.rest = rest;
    }

    /// The word at the beginning of `rest`, with its length in bytes.
    fn token(&self, first: char) -> Result<Option<(TokenKind, usize)>, Error> {
        Ok(match first {
            '$' => {
                let name = word(self.rest.get(1..).unwrap_or_default());
                Some((TokenKind::Variable(name.into()), 1 + name.len()))
            }
            '\'' | '"' | '`' => self.quoted(first)?,
            _ if first.is_numeric() && is_word(first) => self.number()?,
            _ if is_word(first) => self.word(),
            _ => SYMBOLS
                .iter()
                .find(|symbol| !symbol.is_empty() && self.rest.starts_with(**symbol))
                .map(|symbol| (TokenKind::Symbol(symbol), symbol.len())),
        })
    }

    fn word(&self) -> Option<(TokenKind, usize)> {
        let name = word(self.rest);
        if self.rest.get(name.len()..).is_some_and(|after| after.starts_with('(')) {
            return Some((TokenKind::Function(name.into()), name.len() + 1));
        }
        // As in YAQL, where only variables may begin so.
        if name.starts_with("__") {
            return None;
        }
        let kind = match name {
            "true" => TokenKind::Constant(Constant::Bool(true)),
            "false" => TokenKind::Constant(Constant::Bool(false)),
            "null" => TokenKind::Constant(Constant::Null),
            _ => match OPERATORS.into_iter().find(|operator| *operator == name) {
                Some(operator) => TokenKind::Symbol(operator),
                None => TokenKind::Word(name.into()),
            },
        };
        Some((kind, name.len()))
    }

    /// Digits, with a fraction if digits follow the dot. A letter must not follow.
    fn number(&self) -> Result<Option<(TokenKind, usize)>, Error> {
        let whole = digits(self.rest);
        let after = self.rest.get(whole..).unwrap_or_default();
        let fraction = after.strip_prefix('.').map_or(0, digits);
        let ends = |length: usize| {
            self.rest.get(length..).is_some_and(|after| !after.chars().next().is_some_and(is_word))
        };
        if fraction > 0 && ends(whole + 1 + fraction) {
            let length = whole + 1 + fraction;
            let text = ascii_digits(self.rest.get(..length).unwrap_or_default());
            let float = text.parse().map_err(|_none| Error::value(format!("`{text}` is not a number")))?;
            return Ok(Some((TokenKind::Constant(Constant::Float(float)), length)));
        }
        if whole == 0 || !ends(whole) {
            return Ok(None);
        }
        let text = ascii_digits(self.rest.get(..whole).unwrap_or_default());
        let integer = text.parse().map_err(|_large| super::number::too_large().at(self.position + 1))?;
        Ok(Some((TokenKind::Constant(Constant::Integer(integer)), whole)))
    }

    fn quoted(&self, quote: char) -> Result<Option<(TokenKind, usize)>, Error> {
        let mut escaped = false;
        for (index, char) in self.rest.char_indices().skip(1) {
            match char {
                // As in the original, an escape may precede any character except a newline.
                '\n' if escaped => return Ok(None),
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if char == quote => {
                    let inside = self.rest.get(1..index).unwrap_or_default();
                    let text = if quote == '`' {
                        inside.replace("\\`", "`")
                    } else {
                        unescape(inside).map_err(|error| error.at(self.position + 1))?
                    };
                    return Ok(Some((TokenKind::Constant(Constant::Text(text.into())), index + 1)));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

fn word(text: &str) -> &str {
    let end = text.find(|char| !is_word(char)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn digits(text: &str) -> usize {
    text.find(|char: char| ascii_digit(char).is_none()).unwrap_or(text.len())
}

/// The ASCII digit for a decimal digit of any script.
fn ascii_digit(char: char) -> Option<char> {
    // The zeros of the scripts in which people write numbers; the other nine digits follow each.
    const ZEROS: [char; 8] = ['0', '٠', '۰', '०', '০', '๐', '０', '༠'];
    ZEROS.into_iter().find_map(|zero| {
        let value = u32::from(char).checked_sub(u32::from(zero)).filter(|value| *value < 10)?;
        char::from_digit(value, 10)
    })
}

fn ascii_digits(text: &str) -> String {
    text.chars().map(|char| ascii_digit(char).unwrap_or(char)).collect()
}

/// Replaces Python's escapes. A backslash before any other character stays.
fn unescape(text: &str) -> Result<String, Error> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\\') {
        let (before, after) = rest.split_at_checked(start).unwrap_or((rest, ""));
        out.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        let length = match after.chars().next() {
            Some(kind @ ('x' | 'u' | 'U')) => {
                let digits = match kind {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let end = after.char_indices().nth(digits + 1).map_or(after.len(), |(index, _)| index);
                let code = after.get(1..end).unwrap_or_default();
                if code.chars().count() < digits {
                    // As in YAQL, an escape with too few digits is none, and its backslash stays.
                    out.push('\\');
                    0
                } else {
                    out.push(character(code, 16).ok_or_else(|| bad_escape(kind, code))?);
                    end
                }
            }
            Some('0'..='7') => {
                let end = after.find(|char| !matches!(char, '0'..='7')).unwrap_or(after.len()).min(3);
                let code = after.get(..end).unwrap_or_default();
                out.push(character(code, 8).ok_or_else(|| bad_escape('0', code))?);
                end
            }
            next => {
                let meaning = next.and_then(simple_escape);
                out.push(meaning.unwrap_or('\\'));
                usize::from(meaning.is_some())
            }
        };
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Ok(out)
}

fn character(code: &str, radix: u32) -> Option<char> {
    u32::from_str_radix(code, radix).ok().and_then(char::from_u32)
}

fn bad_escape(kind: char, code: &str) -> Error {
    Error::value(format!("`\\{kind}{code}` is no character; write two backslashes for one"))
}

fn simple_escape(char: char) -> Option<char> {
    Some(match char {
        '\\' | '\'' | '"' => char,
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}
