//! Terms: values during an evaluation. [`super::value`] has the final ones.
//!
//! Copies share everything. [`list`] and [`dict`] hold lists and mappings.

mod dict;
mod key;
mod list;

use std::rc::Rc;
use std::sync::Arc;

pub(super) use dict::{Dict, Entries};
pub(super) use key::{Key, Keys};
pub(super) use list::List;

use super::context::Context;
use super::error::{Error, ErrorKind};
use super::limits::NESTING;
use super::ordering::Ordered;
use super::pattern::Pattern;
use super::sequence::Sequence;
use super::time::{DateTime, TimeSpan};

/// A value during an evaluation.
#[derive(Debug, Clone)]
pub(super) enum Term {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(Arc<str>),
    List(List),
    Dict(Dict),
    Set(Set),
    /// The values of a mapping: neither a list, nor a sequence that can be used up.
    Values(Dict),
    /// The keys and values of a mapping, with the same properties.
    Pairs(Dict),
    /// A sequence that yields its elements once.
    Sequence(Sequence),
    /// A sequence that is sorted when it is read.
    Ordered(Rc<Ordered>),
    DateTime(DateTime),
    TimeSpan(TimeSpan),
    Pattern(Rc<Pattern>),
    /// Variables for the expression after `->`.
    Context(Rc<Context>),
    /// `a => b` as a value.
    Rule(Rc<(Self, Self)>),
}

/// A set.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) members: Rc<Keys>,
    /// Whether the set is the keys of a mapping: it equals a set of them, but has no methods of a set.
    pub(super) is_view: bool,
}

impl Term {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn set(members: Keys) -> Self {
        Self::Set(Set { members: Rc::new(members), is_view: false })
    }

    /// Whether the term is true in Python.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Integer(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(list) => list.len() > 0,
            Self::Dict(dict) | Self::Values(dict) | Self::Pairs(dict) => dict.len() > 0,
            Self::Set(set) => set.members.len() > 0,
            Self::TimeSpan(span) => span.micros != 0,
            _ => true,
        }
    }

    /// Whether the term can be iterated: it is neither text nor a mapping.
    pub(super) fn is_iterable(&self) -> bool {
        matches!(
            self,
            Self::List(_)
                | Self::Set(_)
                | Self::Values(_)
                | Self::Pairs(_)
                | Self::Sequence(_)
                | Self::Ordered(_)
        )
    }

    /// The depth of values in the term. Values from JSON count as flat, because the reader of JSON limits their
    /// depth.
    pub(super) fn height(&self) -> u32 {
        match self {
            Self::List(list) => list.height(),
            Self::Dict(dict) | Self::Values(dict) | Self::Pairs(dict) => dict.height(),
            Self::Set(set) => set.members.height(),
            Self::Sequence(sequence) => sequence.height(),
            Self::Ordered(ordered) => ordered.height(),
            Self::Context(context) => context.height(),
            Self::Rule(rule) => 1 + rule.0.height().max(rule.1.height()),
            _ => 0,
        }
    }

    /// The name of Python's type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Integer(_) => "int",
            Self::Float(_) => "float",
            Self::Text(_) => "str",
            Self::List(list) if list.is_tuple() => "tuple",
            Self::List(_) => "list",
            Self::Dict(_) => "dict",
            Self::Set(_) => "frozenset",
            Self::Values(_) => "dict_values",
            Self::Pairs(_) => "dict_items",
            Self::Sequence(_) => "generator",
            Self::Ordered(_) => "OrderingIterable",
            Self::DateTime(_) => "datetime.datetime",
            Self::TimeSpan(_) => "datetime.timedelta",
            Self::Pattern(_) => "re.Pattern",
            Self::Context(_) => "Context",
            Self::Rule(_) => "MappingRule",
        }
    }
}

/// The height of a value around one of height `inner`, within the limit: everything that is built can be walked
/// through and dropped without exhausting the stack.
pub(super) fn above(inner: u32) -> Result<u32, Error> {
    if inner >= NESTING { Err(ErrorKind::TooNested.into()) } else { Ok(inner + 1) }
}
