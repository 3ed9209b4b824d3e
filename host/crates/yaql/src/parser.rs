//! The parser, by the operator table of YAQL 3.2.

use std::sync::Arc;

use super::error::{Error, ErrorKind};
use super::lexer::{Token, TokenKind, tokens};
use super::library;
use super::limits::{LENGTH, NESTING};
use super::syntax::{Argument, BinaryOperator, Call, Name, Node, NodeKind, UnaryOperator};

/// The greatest length of a chain of operators without brackets.
const CHAIN: u32 = 2000;

/// The level of indexing in the table of operators.
const INDEX: u8 = 2;

/// A level weaker than that of any operator.
const LOWEST: u8 = u8::MAX;

/// Parses a whole expression.
pub(super) fn parse(text: &str) -> Result<Arc<Node>, Error> {
    if text.len() > LENGTH {
        return Err(ErrorKind::TooLong.into());
    }
    let mut parser = Parser { text, tokens: tokens(text)?, next: 0, depth: 0, links: 0 };
    let node = parser.expression(LOWEST)?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: u32,
    links: u32,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn symbol(&self) -> Option<&'static str> {
        match self.peek() {
            Some(TokenKind::Symbol(symbol)) => Some(symbol),
            _ => None,
        }
    }

    fn skip(&mut self, symbol: &str) -> bool {
        let is_there = self.symbol() == Some(symbol);
        self.next += usize::from(is_there);
        is_there
    }

    /// The error about the next word.
    fn unexpected(&self) -> Error {
        match self.tokens.get(self.next) {
            None => ErrorKind::UnexpectedEnd.into(),
            Some(token) => Error::from(ErrorKind::Unexpected {
                word: token.kind.text(),
                position: token.position,
                expression: self.text.to_owned(),
            })
            .at(token.position + 1),
        }
    }

    /// Parses a value whose operators all bind at least as strongly as `weakest`.
    fn expression(&mut self, weakest: u8) -> Result<Arc<Node>, Error> {
        self.depth += 1;
        if self.depth > NESTING {
            return Err(ErrorKind::TooDeep.into());
        }
        let mut left = self.operand()?;
        while let Some(symbol) = self.symbol() {
            let position = left.position;
            let kind = if symbol == "[" {
                if INDEX > weakest {
                    break;
                }
                self.next += 1;
                let mut arguments = vec![Argument::Value(left)];
                arguments.extend(self.arguments("]")?);
                NodeKind::Call(call("#indexer".into(), arguments))
            } else {
                let Some(operator) = BinaryOperator::parse(symbol) else { break };
                let level = operator.level();
                if level > weakest {
                    break;
                }
                self.next += 1;
                // The last level associates to the right, the others to the left.
                let right = if operator == BinaryOperator::Send { level } else { level - 1 };
                NodeKind::Binary(operator, left, self.expression(right)?)
            };
            self.links += 1;
            if self.links > CHAIN {
                return Err(ErrorKind::TooDeep.into());
            }
            left = Arc::new(Node { kind, position });
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Arc<Node>, Error> {
        let Some(token) = self.tokens.get(self.next).cloned() else { return Err(self.unexpected()) };
        let kind = match token.kind {
            TokenKind::Constant(constant) => NodeKind::Constant(constant),
            TokenKind::Word(word) => NodeKind::Word(word),
            TokenKind::Variable(name) => NodeKind::Variable(Name::new(&name)),
            TokenKind::Function(name) => {
                self.next += 1;
                NodeKind::Call(call(name, self.arguments(")")?))
            }
            TokenKind::Symbol("(") => {
                self.next += 1;
                let inside = self.expression(LOWEST)?;
                if !self.skip(")") {
                    return Err(self.unexpected());
                }
                NodeKind::Wrapped(inside)
            }
            TokenKind::Symbol("[") => {
                self.next += 1;
                NodeKind::Call(call("#list".into(), self.arguments("]")?))
            }
            TokenKind::Symbol("{") => {
                self.next += 1;
                NodeKind::Call(call("#map".into(), self.arguments("}")?))
            }
            TokenKind::Symbol(symbol) => match UnaryOperator::parse(symbol) {
                Some(operator) => {
                    self.next += 1;
                    NodeKind::Unary(operator, self.expression(operator.level())?)
                }
                None => return Err(self.unexpected()),
            },
        };
        if matches!(kind, NodeKind::Constant(_) | NodeKind::Word(_) | NodeKind::Variable(_)) {
            self.next += 1;
        }
        Ok(Arc::new(Node { kind, position: token.position }))
    }

    /// Parses arguments up to `end`: values, some of which may be skipped (not the last), then mappings.
    fn arguments(&mut self, end: &str) -> Result<Vec<Argument>, Error> {
        let mut arguments = Vec::new();
        if self.skip(end) {
            return Ok(arguments);
        }
        let mut skipped = 0;
        let mut has_mappings = false;
        loop {
            if !has_mappings && self.skip(",") {
                arguments.push(Argument::Skipped);
                skipped += 1;
                continue;
            }
            let value = self.expression(LOWEST)?;
            // As in the original's grammar: before the first mapping at most one value may be skipped, and only beside
            // another one.
            let may_map = has_mappings || skipped == 0 || (skipped == 1 && arguments.len() > 1);
            if may_map && self.skip("=>") {
                has_mappings = true;
                arguments.push(Argument::Mapping(value, self.expression(LOWEST)?));
            } else if has_mappings {
                return Err(self.unexpected());
            } else {
                arguments.push(Argument::Value(value));
            }
            skipped = 0;
            if self.skip(end) {
                return Ok(arguments);
            }
            if !self.skip(",") {
                return Err(self.unexpected());
            }
        }
    }
}

/// A call, with the functions and methods of its name looked up once.
fn call(name: Arc<str>, arguments: Vec<Argument>) -> Call {
    let name: Arc<str> = match name.trim_end_matches('_') {
        "" => name,
        trimmed if trimmed.len() < name.len() => trimmed.into(),
        _ => name,
    };
    let (function, method) = library::find(&name);
    Call { name, arguments, function, method }
}
