//! The parser of JSONPath. As in the original, `|` binds tighter than `.`, and `.` tighter than `..`.

use super::{JsonPath, Step};

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Name(String),
    Number(i64),
    DoubleDot,
    Sign(char),
}

pub(super) fn parse(path: &str) -> Result<JsonPath, String> {
    let tokens = tokens(path)?;
    let mut parser = Parser { tokens: tokens.into_iter().peekable(), depth: 0, steps: 0 };
    let parsed = parser.path()?;
    match parser.tokens.next() {
        Some(token) => Err(format!("{} is out of place", describe(&token))),
        None => Ok(parsed),
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Name(name) => format!("`{name}`"),
        Token::Number(number) => format!("`{number}`"),
        Token::DoubleDot => "`..`".into(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}

fn tokens(path: &str) -> Result<Vec<Token>, String> {
    let mut chars = path.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(char) = chars.next() {
        match char {
            ' ' | '\t' | '\n' => {}
            '.' if chars.next_if_eq(&'.').is_some() => tokens.push(Token::DoubleDot),
            '.' | '*' | '[' | ']' | '(' | ')' | '$' | ',' | ':' | '|' => tokens.push(Token::Sign(char)),
            '\'' | '"' => {
                let mut name = String::new();
                loop {
                    match chars.next() {
                        Some('\\') => name.extend(chars.next()),
                        Some(end) if end == char => break,
                        Some(other) => name.push(other),
                        None => return Err(format!("the {char} is not closed")),
                    }
                }
                tokens.push(Token::Name(name));
            }
            '-' | '0'..='9' => {
                let mut text = String::from(char);
                while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                    text.push(digit);
                }
                tokens.push(Token::Number(
                    text.parse().map_err(|_invalid| format!("`{text}` is not a number"))?,
                ));
            }
            'a'..='z' | 'A'..='Z' | '_' | '@' => {
                let mut name = String::from(char);
                let goes_on = |char: &char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '@');
                while let Some(next) = chars.next_if(goes_on) {
                    name.push(next);
                }
                tokens.push(Token::Name(name));
            }
            other => return Err(format!("`{other}` is not allowed without quotes")),
        }
    }
    Ok(tokens)
}

/// The depth of nested parentheses.
const DEPTH: usize = 16;

/// The number of steps in a path. Following a path takes stack for each.
const STEPS: usize = 256;

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    depth: usize,
    steps: usize,
}

impl Parser {
    fn take(&mut self, sign: char) -> bool {
        self.tokens.next_if_eq(&Token::Sign(sign)).is_some()
    }

    fn expect(&mut self, sign: char) -> Result<(), String> {
        if self.take(sign) { Ok(()) } else { Err(format!("`{sign}` is missing")) }
    }

    /// Counts a step before it is parsed.
    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS { Err(format!("it has more than {STEPS} steps")) } else { Ok(()) }
    }

    fn path(&mut self) -> Result<JsonPath, String> {
        let mut parts = vec![self.steps()?];
        while self.tokens.next_if_eq(&Token::DoubleDot).is_some() {
            parts.push(self.steps()?);
        }
        Ok(JsonPath { parts })
    }

    fn steps(&mut self) -> Result<Vec<Step>, String> {
        let mut steps = self.alternatives()?;
        while self.take('.') {
            steps.extend(self.alternatives()?);
        }
        Ok(steps)
    }

    fn alternatives(&mut self) -> Result<Vec<Step>, String> {
        let first = self.with_brackets()?;
        if self.tokens.peek() != Some(&Token::Sign('|')) {
            return Ok(first);
        }
        let mut paths = vec![JsonPath { parts: vec![first] }];
        while self.take('|') {
            paths.push(JsonPath { parts: vec![self.with_brackets()?] });
        }
        Ok(vec![Step::Either(paths)])
    }

    fn with_brackets(&mut self) -> Result<Vec<Step>, String> {
        self.step()?;
        let mut steps = match self.tokens.next() {
            Some(Token::Sign('$')) => vec![Step::Root],
            Some(Token::Sign('*')) => vec![Step::AnyField],
            Some(Token::Sign('[')) => vec![self.bracket()?],
            Some(Token::Sign('(')) if self.depth < DEPTH => {
                self.depth += 1;
                let path = self.path()?;
                self.depth -= 1;
                self.expect(')')?;
                vec![Step::Either(vec![path])]
            }
            Some(Token::Name(name)) => vec![self.names(name)?],
            Some(token) => return Err(format!("{} is out of place", describe(&token))),
            None => return Err("it ends too early".into()),
        };
        while self.take('[') {
            self.step()?;
            steps.push(self.bracket()?);
        }
        Ok(steps)
    }

    fn names(&mut self, first: String) -> Result<Step, String> {
        let mut names = vec![first];
        while self.take(',') {
            match self.tokens.next() {
                Some(Token::Name(name)) => names.push(name),
                _ => return Err("a name is missing after `,`".into()),
            }
        }
        Ok(Step::Fields(names))
    }

    /// The step between brackets, after the opening one.
    fn bracket(&mut self) -> Result<Step, String> {
        if self.take('*') {
            self.expect(']')?;
            return Ok(Step::Slice { start: None, end: None, step: None });
        }
        if let Some(Token::Name(name)) = self.tokens.next_if(|token| matches!(token, Token::Name(_))) {
            let step = self.names(name)?;
            self.expect(']')?;
            return Ok(step);
        }
        let start = self.number();
        let step = if self.take(':') {
            let end = self.number();
            let step = if self.take(':') { self.number() } else { None };
            Step::Slice { start, end, step }
        } else {
            Step::Index(start.ok_or("a number, a name or `*` is missing after `[`")?)
        };
        self.expect(']')?;
        Ok(step)
    }

    fn number(&mut self) -> Option<i64> {
        match self.tokens.next_if(|token| matches!(token, Token::Number(_))) {
            Some(Token::Number(number)) => Some(number),
            _ => None,
        }
    }
}
