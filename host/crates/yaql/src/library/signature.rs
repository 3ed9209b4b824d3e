//! Signatures of functions: names, types and defaults of parameters, as YAQL declares them.

use std::fmt;

use super::super::error::Error;
use super::super::limits::Run;
use super::super::term::Term;
use super::arguments::Arguments;

/// A row of a table: one overload of a function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(super) kind: Kind,
    pub(crate) parameters: &'static [Parameter],
    /// The type of all further arguments.
    pub(crate) rest: Option<Type>,
    /// Whether the function takes arguments of any name.
    pub(crate) takes_any_name: bool,
    /// Whether `a => b` is an ordinary argument and not a named one.
    pub(crate) takes_rules: bool,
    pub(crate) body: Body,
}

pub(super) type Body = fn(&Run<'_>, &Arguments<'_>) -> Result<Term, Error>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Function,
    Method,
    Both,
}

impl Kind {
    pub(super) fn is_function(self) -> bool {
        self != Self::Method
    }

    pub(super) fn is_method(self) -> bool {
        self != Self::Function
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

pub(super) const fn function(name: &'static str, parameters: &'static [Parameter], body: Body) -> Function {
    Function {
        name,
        kind: Kind::Function,
        parameters,
        rest: None,
        takes_any_name: false,
        takes_rules: false,
        body,
    }
}

pub(super) const fn method(name: &'static str, parameters: &'static [Parameter], body: Body) -> Function {
    Function { kind: Kind::Method, ..function(name, parameters, body) }
}

/// A function that is a method as well.
pub(super) const fn both(name: &'static str, parameters: &'static [Parameter], body: Body) -> Function {
    Function { kind: Kind::Both, ..function(name, parameters, body) }
}

impl Function {
    pub(super) const fn rest(self, kind: Type) -> Self {
        Self { rest: Some(kind), ..self }
    }

    pub(super) const fn any_name(self) -> Self {
        Self { takes_any_name: true, ..self }
    }

    pub(super) const fn rules(self) -> Self {
        Self { takes_rules: true, ..self }
    }

    /// The type of the argument at `index`.
    pub(crate) fn type_at(&self, index: usize) -> Option<Type> {
        self.parameters.get(index).map(|parameter| parameter.kind).or(self.rest)
    }
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) is_optional: bool,
    pub(crate) is_nullable: bool,
}

pub(super) const fn required(name: &'static str, kind: Type) -> Parameter {
    Parameter { name, kind, is_optional: false, is_nullable: false }
}

pub(super) const fn optional(name: &'static str, kind: Type) -> Parameter {
    Parameter { name, kind, is_optional: true, is_nullable: false }
}

impl Parameter {
    pub(super) const fn nullable(self) -> Self {
        Self { is_nullable: true, ..self }
    }

    pub(crate) fn accepts(&self, term: &Term) -> bool {
        (self.is_nullable && matches!(term, Term::Null)) || self.kind.accepts(term)
    }
}

/// The type of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Any value.
    Any,
    Bool,
    /// Booleans are integers, too, as in Python.
    Integer,
    PureInteger,
    Number,
    Text,
    Dict,
    /// A value with elements, but neither text nor a mapping.
    Iterable,
    IterableButSet,
    List,
    /// A sequence that yields its elements once.
    Iterator,
    Set,
    Ordered,
    Pattern,
    DateTime,
    TimeSpan,
    /// `a => b`, with both sides evaluated.
    Rule,
    /// An expression, which the function evaluates as often as it wants.
    Lambda,
    /// `a => b`, with both sides evaluated by the function.
    LazyRule,
}

impl Type {
    pub(crate) fn accepts(self, term: &Term) -> bool {
        match self {
            Self::Any | Self::Lambda => true,
            Self::Bool => matches!(term, Term::Bool(_)),
            Self::Integer => matches!(term, Term::Integer(_) | Term::Bool(_)),
            Self::PureInteger => matches!(term, Term::Integer(_)),
            Self::Number => matches!(term, Term::Integer(_) | Term::Float(_)),
            Self::Text => matches!(term, Term::Text(_)),
            Self::Dict => matches!(term, Term::Dict(_)),
            Self::Iterable => term.is_iterable(),
            Self::IterableButSet => term.is_iterable() && !matches!(term, Term::Set(_) | Term::Pairs(_)),
            Self::List => matches!(term, Term::List(_)),
            Self::Iterator => matches!(term, Term::Sequence(_)),
            Self::Set => matches!(term, Term::Set(_) | Term::Pairs(_)),
            Self::Ordered => matches!(term, Term::Ordered(_)),
            Self::Pattern => matches!(term, Term::Pattern(_)),
            Self::DateTime => matches!(term, Term::DateTime(_)),
            Self::TimeSpan => matches!(term, Term::TimeSpan(_)),
            Self::Rule => matches!(term, Term::Rule(_)),
            Self::LazyRule => false,
        }
    }

    /// Whether the type accepts strictly fewer values than `other`.
    pub(crate) fn is_narrower(self, other: Self) -> bool {
        match other {
            Self::Any => !matches!(self, Self::Any | Self::Lambda | Self::LazyRule),
            Self::Iterable | Self::IterableButSet => {
                matches!(self, Self::List | Self::Iterator | Self::Set | Self::Ordered)
            }
            _ => false,
        }
    }
}
