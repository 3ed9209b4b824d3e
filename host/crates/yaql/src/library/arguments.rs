//! The arguments of a call, in the order of the parameters. Their types were checked when the overload was chosen, so
//! the errors of the accessors do not occur.

use std::rc::Rc;
use std::sync::Arc;

use petrel_python::work;

use super::super::context::{Context, Lambda};
use super::super::error::Error;
use super::super::limits::Run;
use super::super::number::Number;
use super::super::pattern::Pattern;
use super::super::sequence::Iteration;
use super::super::term::{Dict, List, Set, Term};
use super::super::time::{DateTime, TimeSpan};

/// An argument.
#[derive(Debug, Clone)]
pub(crate) enum Bound {
    /// The argument was left out.
    Absent,
    Term(Term),
    Lambda(Lambda),
    /// `a => b`
    Rule(Lambda, Lambda),
}

/// The arguments of a call.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    pub(crate) context: &'a Rc<Context>,
    pub(crate) fixed: Vec<Bound>,
    pub(crate) rest: Vec<Bound>,
    pub(crate) named: Vec<(Arc<str>, Term)>,
}

fn wrong(index: usize) -> Error {
    Error::type_(format!("Invalid argument {}", index + 1))
}

impl Arguments<'_> {
    /// The argument at `index`, if it was given.
    pub(super) fn given(&self, index: usize) -> Option<Term> {
        match self.fixed.get(index) {
            Some(Bound::Term(term)) => Some(term.clone()),
            _ => None,
        }
    }

    /// The argument at `index`, or null.
    pub(super) fn term(&self, index: usize) -> Term {
        self.given(index).unwrap_or(Term::Null)
    }

    pub(super) fn text(&self, index: usize) -> Result<Arc<str>, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Text(text))) => {
                // A function reads a text several times.
                work::charge((text.len() as u64).saturating_mul(4))?;
                Ok(Arc::clone(text))
            }
            _ => Err(wrong(index)),
        }
    }

    /// The text at `index`, if it was given and is not null.
    pub(super) fn optional_text(&self, index: usize) -> Option<Arc<str>> {
        self.text(index).ok()
    }

    pub(super) fn integer(&self, index: usize) -> Result<i128, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Integer(number))) => Ok(*number),
            Some(Bound::Term(Term::Bool(value))) => Ok(i128::from(*value)),
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn integer_or(&self, index: usize, default: i128) -> i128 {
        self.integer(index).unwrap_or(default)
    }

    pub(super) fn flag(&self, index: usize, default: bool) -> bool {
        match self.fixed.get(index) {
            Some(Bound::Term(term)) => term.is_true(),
            _ => default,
        }
    }

    pub(super) fn number(&self, index: usize) -> Result<Number, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Integer(number))) => Ok(Number::Integer(*number)),
            Some(Bound::Term(Term::Float(number))) => Ok(Number::Float(*number)),
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn list(&self, index: usize) -> Result<List, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::List(list))) => Ok(list.clone()),
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn dict(&self, index: usize) -> Result<Dict, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Dict(dict))) => Ok(dict.clone()),
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn set(&self, index: usize) -> Result<Set, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Set(set))) => Ok(set.clone()),
            Some(Bound::Term(other)) => {
                Err(Error::type_(format!("'{}' object has no such method", other.type_name())))
            }
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn pattern(&self, index: usize) -> Result<Rc<Pattern>, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::Pattern(pattern))) => Ok(Rc::clone(pattern)),
            _ => Err(wrong(index)),
        }
    }

    pub(super) fn time(&self, index: usize) -> Result<DateTime, Error> {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::DateTime(time))) => Ok(*time),
            _ => Err(wrong(index)),
        }
    }

    /// The span of time at `index`, or zero.
    pub(super) fn span(&self, index: usize) -> TimeSpan {
        match self.fixed.get(index) {
            Some(Bound::Term(Term::TimeSpan(span))) => *span,
            _ => TimeSpan { micros: 0 },
        }
    }

    pub(super) fn lambda(&self, index: usize) -> Result<Lambda, Error> {
        self.optional_lambda(index).ok_or_else(|| wrong(index))
    }

    pub(super) fn optional_lambda(&self, index: usize) -> Option<Lambda> {
        match self.fixed.get(index) {
            Some(Bound::Lambda(lambda)) => Some(lambda.clone()),
            _ => None,
        }
    }

    /// Begins an iteration over an argument.
    pub(super) fn iterate(&self, run: &Run<'_>, index: usize) -> Result<Iteration, Error> {
        Iteration::new(run, &self.term(index))
    }

    /// The depth of values in an argument.
    pub(super) fn height(&self, index: usize) -> u32 {
        match self.fixed.get(index) {
            Some(Bound::Term(term)) => term.height(),
            Some(Bound::Lambda(lambda)) => lambda.height(),
            _ => 0,
        }
    }

    /// The largest [`Arguments::height`].
    pub(super) fn heights(&self) -> u32 {
        let rest = self.rest.iter().map(|bound| match bound {
            Bound::Term(term) => term.height(),
            Bound::Lambda(lambda) | Bound::Rule(lambda, _) => lambda.height(),
            Bound::Absent => 0,
        });
        (0..self.fixed.len()).map(|index| self.height(index)).chain(rest).max().unwrap_or(0)
    }

    /// The further arguments, as values.
    pub(super) fn rest_terms(&self) -> Vec<Term> {
        let term = |bound: &Bound| match bound {
            Bound::Term(term) => term.clone(),
            _ => Term::Null,
        };
        self.rest.iter().map(term).collect()
    }

    /// The further arguments, as expressions.
    pub(super) fn rest_lambdas(&self) -> Vec<Lambda> {
        let lambda = |bound: &Bound| match bound {
            Bound::Lambda(lambda) => Some(lambda.clone()),
            _ => None,
        };
        self.rest.iter().filter_map(lambda).collect()
    }

    /// A named argument, for a function that takes any names.
    pub(super) fn named(&self, name: &str) -> Option<&Term> {
        self.named.iter().find(|(known, _)| **known == *name).map(|(_, term)| term)
    }
}
