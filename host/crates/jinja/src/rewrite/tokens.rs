//! The words of an expression, with their places.

/// The end of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the text.
    Text,
    /// `}}`.
    Variable,
    /// `%}`.
    Block,
}

/// A word and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The kind of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Sign,
}

impl Token {
    /// The word in the text in which it was found.
    pub(super) fn text(self, source: &str) -> &str {
        source.get(self.start..self.end).unwrap_or_default()
    }

    /// The word, if it is a name or a keyword.
    pub(super) fn word(self, source: &str) -> Option<&str> {
        (self.kind == Kind::Name).then(|| self.text(source))
    }
}

/// The greatest number of words in an expression or tag. The library needs stack in proportion.
pub(super) const WORDS: usize = 1_000;

/// The greatest depth of brackets within each other.
pub(super) const NESTING: usize = 40;

/// The reason why the library must not parse an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The expression is too long or nests too deep.
    #[error(
        "an expression has more than {WORDS} words, or brackets nest deeper than {NESTING}; split it with {{% set %}}"
    )]
    TooLong,
    /// An argument is given twice, of which the library would silently take the last.
    #[error("{called} got several values for {keyword}; give one")]
    Doubled {
        /// The function that is called.
        called: String,
        /// The name of the argument.
        keyword: String,
    },
}

/// Words, and the index behind their end.
type Words = Option<(Vec<Token>, usize)>;

/// The words up to the end; `None` for a text that is no expression.
pub(super) fn tokens(source: &str, end: End) -> Result<Words, Refused> {
    let mut tokens = Vec::new();
    let length = read(source, end, &mut tokens);
    let mut depth = 0_usize;
    for token in &tokens {
        match token.text(source) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > NESTING {
            return Err(Refused::TooLong);
        }
    }
    if tokens.len() > WORDS {
        return Err(Refused::TooLong);
    }
    doubled(source, &tokens)?;
    Ok(length.map(|length| (tokens, length)))
}

/// Refuses a call that names an argument twice.
fn doubled(source: &str, tokens: &[Token]) -> Result<(), Refused> {
    // For each open bracket: the called function, if it is a call, and the argument names so far.
    let mut open: Vec<(Option<&str>, Vec<&str>)> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at)).and_then(|token| token.word(source));
        match token.text(source) {
            "(" => open.push((before, Vec::new())),
            "[" | "{" => open.push((None, Vec::new())),
            ")" | "]" | "}" => {
                open.pop();
            }
            "=" => {
                let (Some(keyword), Some((Some(called), known))) = (before, open.last_mut()) else {
                    continue;
                };
                if known.contains(&keyword) {
                    let (called, keyword) = ((*called).to_owned(), keyword.to_owned());
                    return Err(Refused::Doubled { called, keyword });
                }
                known.push(keyword);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds words up to the end, or one more than the limit, by which the caller sees that it is exceeded.
fn read(source: &str, end: End, tokens: &mut Vec<Token>) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    loop {
        let rest = source.get(at..)?;
        if tokens.len() > WORDS {
            return None;
        }
        let Some(first) = rest.chars().next() else {
            return (end == End::Text).then_some(at);
        };
        if let Some(length) = closing(rest, end).filter(|_| depth == 0) {
            return Some(at + length);
        }
        let (kind, length) = match first {
            _ if first.is_whitespace() => {
                at += first.len_utf8();
                continue;
            }
            '\'' | '"' => (Kind::Text, text_length(rest, first)?),
            '0'..='9' => (Kind::Number, number_length(rest)),
            _ if first.is_alphabetic() || first == '_' => (Kind::Name, name_length(rest)),
            _ => (Kind::Sign, sign_length(rest)),
        };
        match first {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        tokens.push(Token { kind, start: at, end: at + length });
        at += length;
    }
}

/// The length of the end, if it is here.
fn closing(rest: &str, end: End) -> Option<usize> {
    let close = match end {
        End::Text => return None,
        End::Variable => "}}",
        End::Block => "%}",
    };
    let trimmed = rest.strip_prefix(['-', '+']).filter(|after| after.starts_with(close));
    trimmed.map(|_| 3).or_else(|| rest.starts_with(close).then_some(2))
}

fn text_length(rest: &str, quote: char) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((place, char)) = chars.next() {
        if char == '\\' {
            chars.next();
        } else if char == quote {
            return Some(place + 1);
        }
    }
    None
}

/// The length of a number: digits and letters, a dot if a digit follows, and a sign behind the `e` of an exponent.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_digit = |place: usize| bytes.get(place).is_some_and(u8::is_ascii_digit);
    let is_based = rest.starts_with("0x") || rest.starts_with("0X");
    let mut length = 1;
    while let Some(byte) = bytes.get(length) {
        let before = length.checked_sub(1).and_then(|place| bytes.get(place));
        let is_exponent = !is_based && matches!(before, Some(b'e' | b'E'));
        let is_part = match byte {
            b'.' => is_digit(length + 1) && !rest.get(..length).is_some_and(|text| text.contains('.')),
            b'+' | b'-' => is_exponent && is_digit(length + 1),
            _ => byte.is_ascii_alphanumeric() || *byte == b'_',
        };
        if !is_part {
            break;
        }
        length += 1;
    }
    length
}

fn name_length(rest: &str) -> usize {
    rest.find(|char: char| !char.is_alphanumeric() && char != '_').unwrap_or(rest.len())
}

fn sign_length(rest: &str) -> usize {
    const LONG: [&str; 6] = ["==", "!=", "<=", ">=", "//", "**"];
    let long = LONG.iter().find(|sign| rest.starts_with(**sign)).map(|sign| sign.len());
    long.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8))
}
