//! The tree of an expression. Nodes are shared, because lazy sequences keep parts of the tree.

use std::sync::Arc;

/// A node of the tree with its position.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    /// The number of characters before the node.
    pub(super) position: usize,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    Constant(Constant),
    /// A bare word: a text as a value, and a name where one is expected.
    Word(Arc<str>),
    Variable(Name),
    /// A value in parentheses.
    Wrapped(Arc<Node>),
    Binary(BinaryOperator, Arc<Node>, Arc<Node>),
    Unary(UnaryOperator, Arc<Node>),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Arc<str>),
}

/// The name of a variable. `$` is short for `$1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Position(u32),
    Text(Arc<str>),
}

impl Name {
    /// Parses the text after `$`.
    pub(super) fn new(text: &str) -> Self {
        if text.is_empty() {
            return Self::Position(1);
        }
        match text.parse() {
            // `$01` is another variable than `$1`.
            Ok(position) if !text.starts_with(['0', '+']) => Self::Position(position),
            _ => Self::Text(text.into()),
        }
    }
}

/// A function with its arguments. Lists, mappings and indexing are calls as well.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) name: Arc<str>,
    pub(super) arguments: Vec<Argument>,
    pub(super) function: super::library::Family,
    pub(super) method: super::library::Family,
}

#[derive(Debug)]
pub(super) enum Argument {
    /// A skipped argument, which stands for the default.
    Skipped,
    Value(Arc<Node>),
    /// `a => b`
    Mapping(Arc<Node>, Arc<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOperator {
    Dot,
    ElvisDot,
    Matches,
    MatchesNot,
    Multiply,
    Divide,
    Modulo,
    Add,
    Subtract,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    NotEqual,
    Equal,
    In,
    And,
    Or,
    Send,
}

impl BinaryOperator {
    /// The operator that `word` writes.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "." => Self::Dot,
            "?." => Self::ElvisDot,
            "=~" => Self::Matches,
            "!~" => Self::MatchesNot,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "mod" => Self::Modulo,
            "+" => Self::Add,
            "-" => Self::Subtract,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" => Self::GreaterOrEqual,
            "<=" => Self::LessOrEqual,
            "!=" => Self::NotEqual,
            "=" => Self::Equal,
            "in" => Self::In,
            "and" => Self::And,
            "or" => Self::Or,
            "->" => Self::Send,
            _ => return None,
        })
    }

    /// The level of the operator: a lower one binds more strongly.
    pub(super) fn level(self) -> u8 {
        match self {
            Self::Dot | Self::ElvisDot => 1,
            Self::Matches | Self::MatchesNot => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
            Self::Add | Self::Subtract => 6,
            Self::Greater
            | Self::Less
            | Self::GreaterOrEqual
            | Self::LessOrEqual
            | Self::NotEqual
            | Self::Equal
            | Self::In => 7,
            Self::And => 9,
            Self::Or => 10,
            Self::Send => 11,
        }
    }

    /// The name of the original's function for the operator.
    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Dot => "#operator_.",
            Self::ElvisDot => "#operator_?.",
            Self::Matches => "#operator_=~",
            Self::MatchesNot => "#operator_!~",
            Self::Multiply => "#operator_*",
            Self::Divide => "#operator_/",
            Self::Modulo => "#operator_mod",
            Self::Add => "#operator_+",
            Self::Subtract => "#operator_-",
            Self::Greater => "#operator_>",
            Self::Less => "#operator_<",
            Self::GreaterOrEqual => "#operator_>=",
            Self::LessOrEqual => "#operator_<=",
            Self::NotEqual => "*not_equal",
            Self::Equal => "*equal",
            Self::In => "#operator_in",
            Self::And => "#operator_and",
            Self::Or => "#operator_or",
            Self::Send => "#operator_->",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOperator {
    Plus,
    Minus,
    Not,
}

impl UnaryOperator {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "+" => Some(Self::Plus),
            "-" => Some(Self::Minus),
            "not" => Some(Self::Not),
            _ => None,
        }
    }

    pub(super) fn level(self) -> u8 {
        match self {
            Self::Plus | Self::Minus => 3,
            Self::Not => 8,
        }
    }

    pub(super) fn function(self) -> &'static str {
        match self {
            Self::Plus => "#unary_operator_+",
            Self::Minus => "#unary_operator_-",
            Self::Not => "#unary_operator_not",
        }
    }
}
