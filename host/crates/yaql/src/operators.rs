//! Operators, by the types of their operands.

use std::cmp::Ordering;

use petrel_python::work;

use super::compare::equal_counted;
use super::error::{Error, ErrorKind};
use super::evaluate::Lazily;
use super::limits::Run;
use super::number::Number;
use super::pattern::Pattern;
use super::sequence::{Iteration, Sequence};
use super::syntax::{BinaryOperator, UnaryOperator};
use super::term::{Dict, Key, Keys, List, Set, Term};
use super::time::TimeSpan;

impl From<Number> for Term {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(number) => Self::Integer(number),
            Number::Float(number) => Self::Float(number),
        }
    }
}

impl Term {
    /// The number, if the term is one and not a boolean.
    pub(super) fn as_number(&self) -> Option<Number> {
        // As in YAQL, and not in Python, a boolean is no number in arithmetic.
        match self {
            Self::Integer(number) => Some(Number::Integer(*number)),
            Self::Float(number) => Some(Number::Float(*number)),
            _ => None,
        }
    }

    /// The integer, if the term is one; a boolean counts as one.
    pub(super) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Bool(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

fn no_match(name: &str) -> Error {
    ErrorKind::NoMatchingFunction(name.into()).into()
}

/// `+x` and `-x`.
pub(super) fn unary(operator: UnaryOperator, operand: &Term) -> Result<Term, Error> {
    match (operator, operand) {
        (UnaryOperator::Plus, Term::Integer(_) | Term::Float(_) | Term::TimeSpan(_)) => Ok(operand.clone()),
        (UnaryOperator::Minus, Term::TimeSpan(span)) => Ok(Term::TimeSpan(TimeSpan { micros: -span.micros })),
        (UnaryOperator::Minus, _) => match operand.as_number() {
            Some(number) => number.negate().map(Term::from),
            None => Err(no_match(operator.function())),
        },
        _ => Err(no_match(operator.function())),
    }
}

/// Applies the operators that evaluate both sides.
pub(super) fn binary(
    run: &Run<'_>,
    operator: BinaryOperator,
    left: &Term,
    right: &Term,
) -> Result<Term, Error> {
    use BinaryOperator as Op;
    match operator {
        Op::Equal => equal_counted(run, left, right).map(Term::Bool),
        Op::NotEqual => equal_counted(run, left, right).map(|is_equal| Term::Bool(!is_equal)),
        Op::Less | Op::LessOrEqual | Op::Greater | Op::GreaterOrEqual => {
            compare(run, operator, left, right).map(Term::Bool)
        }
        Op::In => is_in(run, left, right).map(Term::Bool),
        Op::Matches => matches(left, right).map(Term::Bool),
        Op::MatchesNot => matches(left, right)
            // The error is to name the operator that was written.
            .map_err(|error| match error.kind() {
                ErrorKind::NoMatchingFunction(_) => no_match(operator.function()),
                _ => error,
            })
            .map(|is_match| Term::Bool(!is_match)),
        Op::Add => add(run, left, right),
        Op::Subtract => subtract(run, left, right),
        Op::Multiply => multiply(run, left, right),
        Op::Divide => divide(left, right),
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) if operator == Op::Modulo => left.modulo(right).map(Term::from),
            _ => Err(no_match(operator.function())),
        },
    }
}

/// `<`, `<=`, `>` and `>=`: null precedes everything, and sets are compared by inclusion.
pub(super) fn compare(
    run: &Run<'_>,
    operator: BinaryOperator,
    left: &Term,
    right: &Term,
) -> Result<bool, Error> {
    let order = match (left, right) {
        (Term::Null, Term::Null) => Some(Ordering::Equal),
        (Term::Null, _) => Some(Ordering::Less),
        (_, Term::Null) => Some(Ordering::Greater),
        (Term::Text(left), Term::Text(right)) => {
            // Comparing texts is quick, so a kibibyte costs one step.
            run.steps((left.len().min(right.len()) / 1024) as u64)?;
            Some(left.cmp(right))
        }
        (Term::DateTime(left), Term::DateTime(right)) => Some(left.micros.cmp(&right.micros)),
        (Term::TimeSpan(left), Term::TimeSpan(right)) => Some(left.micros.cmp(&right.micros)),
        (Term::Set(left), Term::Set(right)) => {
            run.steps(left.members.len().min(right.members.len()) as u64)?;
            work::compare(left.members.weight().saturating_add(right.members.weight()))?;
            compare_sets(&left.members, &right.members)
        }
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.compare(right),
            _ => return Err(no_match(operator.function())),
        },
    };
    Ok(order.is_some_and(|order| match operator {
        BinaryOperator::Less => order.is_lt(),
        BinaryOperator::LessOrEqual => order.is_le(),
        BinaryOperator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn compare_sets(left: &Keys, right: &Keys) -> Option<Ordering> {
    match (left.is_subset(right), right.is_subset(left)) {
        (true, true) => Some(Ordering::Equal),
        (true, false) => Some(Ordering::Less),
        (false, true) => Some(Ordering::Greater),
        // Neither contains the other: as in Python, every comparison of the two is false.
        (false, false) => None,
    }
}

fn is_in(run: &Run<'_>, left: &Term, right: &Term) -> Result<bool, Error> {
    match (left, right) {
        (Term::Text(part), Term::Text(text)) => {
            // A search reads a text faster than steps are counted: 256 bytes cost one.
            run.steps((text.len() / 256) as u64)?;
            Ok(text.contains(&**part))
        }
        (_, collection) if collection.is_iterable() => contains(run, collection, left),
        _ => Err(no_match(BinaryOperator::In.function())),
    }
}

/// Whether `term` is an element of `collection`.
pub(super) fn contains(run: &Run<'_>, collection: &Term, term: &Term) -> Result<bool, Error> {
    // Members are found by their hash, without a walk through the set.
    if let Term::Set(set) = collection {
        return Ok(set.members.contains(&Key::new(run, term.clone())?));
    }
    let mut elements = Iteration::new(run, collection)?;
    while let Some(element) = elements.next(run)? {
        if equal_counted(run, &element, term)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn matches(left: &Term, right: &Term) -> Result<bool, Error> {
    match (left, right) {
        (Term::Text(text), Term::Pattern(pattern)) => pattern.is_match(text),
        (Term::Text(text), Term::Text(pattern)) => Pattern::new(pattern, "")?.is_match(text),
        _ => Err(no_match(BinaryOperator::Matches.function())),
    }
}

pub(super) fn add(run: &Run<'_>, left: &Term, right: &Term) -> Result<Term, Error> {
    match (left, right) {
        (Term::Text(left), Term::Text(right)) => {
            run.allocate(left.len() + right.len())?;
            Ok(Term::Text([&**left, &**right].concat().into()))
        }
        (Term::Dict(left), Term::Dict(right)) => merged(run, left, right).map(Term::Dict),
        (Term::DateTime(time), Term::TimeSpan(span)) | (Term::TimeSpan(span), Term::DateTime(time)) => {
            time.plus(*span).map(Term::DateTime)
        }
        (Term::TimeSpan(left), Term::TimeSpan(right)) => {
            TimeSpan::new(i128::from(left.micros) + i128::from(right.micros)).map(Term::TimeSpan)
        }
        // Only tuples are joined at once. As in YAQL, a sum with a list that can change is a lazy sequence.
        (Term::List(left), Term::List(right)) if left.is_tuple() && right.is_tuple() => {
            let items = left.iter().chain(right.iter());
            run.steps((left.len() + right.len()) as u64 / 16)?;
            List::tuple(run, items.collect()).map(Term::List)
        }
        (
            Term::Set(Set { members: left, is_view: false }),
            Term::Set(Set { members: right, is_view: false }),
        ) => {
            run.allocate((left.len() + right.len()) * size_of::<Key>())?;
            work::compare(right.weight())?;
            let mut union = Keys::clone(left);
            right.iter().for_each(|key| union.push(key.clone()));
            Ok(Term::set(union))
        }
        _ if left.is_iterable() && right.is_iterable() => {
            chained(vec![left.clone(), right.clone()]).map(Term::Sequence)
        }
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.add(right).map(Term::from),
            _ => Err(no_match(BinaryOperator::Add.function())),
        },
    }
}

/// `left` with all entries of `right` added or replaced.
pub(super) fn merged(run: &Run<'_>, left: &Dict, right: &Dict) -> Result<Dict, Error> {
    let mut entries = left.to_entries(run)?;
    for (key, value) in right.entries() {
        entries.insert(run, key, value)?;
    }
    Ok(entries.into_dict())
}

/// The elements of several collections in a row.
pub(super) fn chained(collections: Vec<Term>) -> Result<Sequence, Error> {
    // The deepest part decides how deep the whole nests.
    let height = collections.iter().map(Term::height).max().unwrap_or(0);
    let mut parts = collections.into_iter().map(Lazily::new).collect::<Vec<_>>().into_iter();
    let mut current = parts.next();
    Sequence::new(height, move |run| {
        while let Some(part) = &mut current {
            if let Some(term) = part.next(run)? {
                return Ok(Some(term));
            }
            current = parts.next();
        }
        Ok(None)
    })
}

fn subtract(run: &Run<'_>, left: &Term, right: &Term) -> Result<Term, Error> {
    match (left, right) {
        (Term::DateTime(time), Term::TimeSpan(span)) => {
            time.plus(TimeSpan { micros: -span.micros }).map(Term::DateTime)
        }
        (Term::DateTime(left), Term::DateTime(right)) => {
            Ok(Term::TimeSpan(TimeSpan { micros: left.micros - right.micros }))
        }
        (Term::TimeSpan(left), Term::TimeSpan(right)) => {
            TimeSpan::new(i128::from(left.micros) - i128::from(right.micros)).map(Term::TimeSpan)
        }
        (Term::Set(Set { members, is_view: false }), Term::Set(other)) => {
            run.steps(members.len() as u64)?;
            work::compare(members.weight())?;
            let mut difference = Keys::default();
            members
                .iter()
                .filter(|key| !other.members.contains(key))
                .for_each(|key| difference.push(key.clone()));
            Ok(Term::set(difference))
        }
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.subtract(right).map(Term::from),
            _ => Err(no_match(BinaryOperator::Subtract.function())),
        },
    }
}

fn multiply(run: &Run<'_>, left: &Term, right: &Term) -> Result<Term, Error> {
    if let (Some(left), Some(right)) = (left.as_number(), right.as_number()) {
        return left.multiply(right).map(Term::from);
    }
    match (left, right) {
        (Term::TimeSpan(span), number) | (number, Term::TimeSpan(span)) => {
            let factor = number.as_number().ok_or_else(|| no_match(BinaryOperator::Multiply.function()))?;
            let product = Number::Integer(i128::from(span.micros)).multiply(factor)?;
            TimeSpan::from_number(product).map(Term::TimeSpan)
        }
        (Term::Text(text), count) | (count, Term::Text(text)) => {
            let count = times(count)?;
            // Charged before the text is built, since a small expression can ask for gigabytes.
            run.allocate(text.len().saturating_mul(count))?;
            Ok(Term::Text(text.repeat(count).into()))
        }
        (Term::List(list), count) | (count, Term::List(list)) => {
            let count = times(count)?;
            run.allocate(list.len().saturating_mul(count).saturating_mul(size_of::<Term>()))?;
            let items: Vec<_> = list.iter().collect();
            // No item costs nothing however often it is repeated, so the repetitions themselves are left out.
            let count = if items.is_empty() { 0 } else { count };
            let items = (0..count).flat_map(|_| items.iter().cloned()).collect();
            let repeated = if list.is_tuple() { List::tuple(run, items) } else { List::mutable(run, items) };
            repeated.map(Term::List)
        }
        _ => Err(no_match(BinaryOperator::Multiply.function())),
    }
}

/// The factor of a repetition; a negative one means zero.
fn times(count: &Term) -> Result<usize, Error> {
    let count = count.as_integer().ok_or_else(|| no_match(BinaryOperator::Multiply.function()))?;
    Ok(usize::try_from(count.max(0)).unwrap_or(usize::MAX))
}

fn divide(left: &Term, right: &Term) -> Result<Term, Error> {
    match (left, right) {
        (Term::TimeSpan(left), Term::TimeSpan(right)) => {
            // Divided as floats, since YAQL gives the ratio of two spans as one.
            let left = Number::Float(Number::Integer(i128::from(left.micros)).float());
            left.divide(Number::Integer(i128::from(right.micros))).map(Term::from)
        }
        (Term::TimeSpan(span), number) => {
            let divisor = number.as_number().ok_or_else(|| no_match(BinaryOperator::Divide.function()))?;
            let span = Number::Float(Number::Integer(i128::from(span.micros)).float());
            TimeSpan::from_number(span.divide(divisor)?).map(Term::TimeSpan)
        }
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left.divide(right).map(Term::from),
            _ => Err(no_match(BinaryOperator::Divide.function())),
        },
    }
}
