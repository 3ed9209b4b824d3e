//! Collections split into lists.

use super::super::compare::equal_counted;
use super::super::error::Error;
use super::super::limits::Run;
use super::super::sequence::{Sequence, to_tuple};
use super::super::term::{List, Term};
use super::arguments::Arguments;
use super::lists::place;
use super::queries::from_elements;
use super::signature::{Function, Parameter, Type, method, required};

const COLLECTION: Parameter = required("collection", Type::Iterable);
const PREDICATE: &[Parameter] = &[COLLECTION, required("predicate", Type::Lambda)];

pub(super) const TABLE: &[Function] = &[
    method("slice", &[COLLECTION, required("length", Type::Integer)], slice),
    method("splitWhere", PREDICATE, split_where),
    method("sliceWhere", PREDICATE, slice_where),
    method("splitAt", &[COLLECTION, required("index", Type::Integer)], split_at),
];

fn slice(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let length = args.integer(1)?;
    from_elements(args, move |run, elements| {
        let length = usize::try_from(length)
            .map_err(|_negative| Error::value("The length of a slice must not be negative"))?;
        let mut part = Vec::new();
        while part.len() < length
            && let Some(element) = elements.next(run)?
        {
            run.allocate(size_of::<Term>())?;
            part.push(element);
        }
        if part.is_empty() { Ok(None) } else { List::tuple(run, part).map(|part| Some(Term::List(part))) }
    })
}

/// The parts between elements for which the condition holds. These elements are left out.
fn split_where(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (collection, predicate) = (args.term(0), args.lambda(1)?);
    let mut list: Option<List> = None;
    let (mut start, mut end) = (0, 0);
    let sequence = Sequence::new(args.heights(), move |run| {
        let list = match &list {
            Some(list) => list.clone(),
            None => list.insert(to_tuple(run, &collection)?).clone(),
        };
        while let Some(element) = list.get(end) {
            end += 1;
            if predicate.call(run, &[element])?.is_true() {
                let part = list.slice(start, end - 1);
                start = end;
                return List::tuple(run, part).map(|part| Some(Term::List(part)));
            }
        }
        if start == end {
            return Ok(None);
        }
        let part = list.slice(start, end);
        start = end;
        List::tuple(run, part).map(|part| Some(Term::List(part)))
    });
    sequence.map(Term::Sequence)
}

/// The parts within which the value of the expression stays the same.
fn slice_where(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (collection, predicate) = (args.term(0), args.lambda(1)?);
    let mut list: Option<List> = None;
    let (mut start, mut end) = (0, 0);
    let mut before: Option<Term> = None;
    let sequence = Sequence::new(args.heights(), move |run| {
        let list = match &list {
            Some(list) => list.clone(),
            None => list.insert(to_tuple(run, &collection)?).clone(),
        };
        while let Some(element) = list.get(end) {
            let value = predicate.call(run, &[element])?;
            let is_other = match &before {
                Some(before) => !equal_counted(run, &value, before)?,
                None => false,
            };
            before = Some(value);
            let part_end = end;
            end += 1;
            if is_other {
                let part = list.slice(start, part_end);
                start = part_end;
                return List::tuple(run, part).map(|part| Some(Term::List(part)));
            }
        }
        if start == end {
            return Ok(None);
        }
        let part = list.slice(start, end);
        start = end;
        List::tuple(run, part).map(|part| Some(Term::List(part)))
    });
    sequence.map(Term::Sequence)
}

fn split_at(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let list = to_tuple(run, &args.term(0))?;
    let index = place(args.integer(1)?, list.len()).unwrap_or(0).min(list.len());
    let first = List::tuple(run, list.slice(0, index))?;
    let second = List::tuple(run, list.slice(index, list.len()))?;
    List::mutable(run, vec![Term::List(first), Term::List(second)]).map(Term::List)
}
