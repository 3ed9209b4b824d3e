//! Equality as in Python: `1`, `1.0` and `true` are equal, a tuple equals no list, and a sequence equals only itself.

use petrel_python::work;

use super::error::Error;
use super::limits::Run;
use super::number::Number;
use super::term::{Dict, List, Term};

/// Whether two terms are equal. Charges a step for each pair of compared values, and work for their length.
pub(super) fn equal_counted(run: &Run<'_>, left: &Term, right: &Term) -> Result<bool, Error> {
    let mut error = None;
    let charged = |bytes| run.step().and_then(|()| work::compare(bytes).map_err(Error::from));
    let is_equal = same(left, right, &mut |bytes| match charged(bytes) {
        Ok(()) => true,
        Err(limit) => {
            error = Some(limit);
            false
        }
    });
    error.map_or(Ok(is_equal), Err)
}

/// Whether two terms are equal, without charging: for keys whose hashes are equal, which were charged when they were
/// built.
pub(super) fn equal(left: &Term, right: &Term) -> bool {
    same(left, right, &mut |_bytes| true)
}

/// The bytes that comparing two terms may read, besides those of their elements.
fn bytes(left: &Term, right: &Term) -> usize {
    match (left, right) {
        (Term::Text(left), Term::Text(right)) => left.len().min(right.len()),
        (Term::Pattern(left), Term::Pattern(right)) => left.source().len().min(right.source().len()),
        (Term::Set(left), Term::Set(right)) => left.members.weight().min(right.members.weight()),
        _ => 0,
    }
}

/// The number in `term`; as in Python, booleans are integers.
fn number(term: &Term) -> Option<Number> {
    match term {
        Term::Bool(value) => Some(Number::Integer(i128::from(*value))),
        Term::Integer(number) => Some(Number::Integer(*number)),
        Term::Float(number) => Some(Number::Float(*number)),
        _ => None,
    }
}

fn same(left: &Term, right: &Term, may_go_on: &mut dyn FnMut(usize) -> bool) -> bool {
    if !may_go_on(bytes(left, right)) {
        return false;
    }
    match (left, right) {
        (Term::Null, Term::Null) => true,
        (Term::Text(left), Term::Text(right)) => left == right,
        (Term::List(left), Term::List(right)) => same_lists(left, right, may_go_on),
        (Term::Dict(left), Term::Dict(right)) | (Term::Pairs(left), Term::Pairs(right)) => {
            same_dicts(left, right, may_go_on)
        }
        (Term::Set(left), Term::Set(right)) => {
            left.members.len() == right.members.len() && left.members.is_subset(&right.members)
        }
        (Term::DateTime(left), Term::DateTime(right)) => left.micros == right.micros,
        (Term::TimeSpan(left), Term::TimeSpan(right)) => left == right,
        (Term::Pattern(left), Term::Pattern(right)) => left.source() == right.source(),
        (Term::Sequence(left), Term::Sequence(right)) => left.address() == right.address(),
        (Term::Ordered(left), Term::Ordered(right)) => std::rc::Rc::ptr_eq(left, right),
        (Term::Context(left), Term::Context(right)) => std::rc::Rc::ptr_eq(left, right),
        (Term::Rule(left), Term::Rule(right)) => std::rc::Rc::ptr_eq(left, right),
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left.compare(right).is_some_and(std::cmp::Ordering::is_eq),
            _ => false,
        },
    }
}

fn same_lists(left: &List, right: &List, may_go_on: &mut dyn FnMut(usize) -> bool) -> bool {
    left.is_tuple() == right.is_tuple()
        && left.len() == right.len()
        && (left.is_same(right)
            || left.iter().zip(right.iter()).all(|(left, right)| same(&left, &right, may_go_on)))
}

fn same_dicts(left: &Dict, right: &Dict, may_go_on: &mut dyn FnMut(usize) -> bool) -> bool {
    left.len() == right.len()
        && (left.is_same(right)
            || left.entries().all(|(key, value)| {
                let other = match &key {
                    Term::Text(name) => right.field(name),
                    key => right.get(&Run::new(None), key).ok().flatten(),
                };
                other.is_some_and(|other| same(&value, &other, may_go_on))
            }))
}
