//! Functions on lists, and conversions to lists.

use super::super::error::{Error, ErrorKind};
use super::super::limits::Run;
use super::super::sequence::{Iteration, Sequence, collect, to_tuple};
use super::super::term::{List, Term};
use super::arguments::Arguments;
use super::signature::{Function, Type, both, function, method, required};

pub(super) const TABLE: &[Function] = &[
    function("list", &[], |run, args| List::tuple(run, flat(run, args.rest_terms())?).map(Term::List))
        .rest(Type::Any),
    function("#list", &[], |run, args| List::tuple(run, args.rest_terms()).map(Term::List)).rest(Type::Any),
    method("toList", &[required("collection", Type::Iterable)], |run, args| {
        to_tuple(run, &args.term(0)).map(Term::List)
    }),
    method("flatten", &[required("collection", Type::Iterable)], flatten),
    function("#indexer", &[required("list", Type::List), required("index", Type::Integer)], index),
    both("len", &[required("sequence", Type::List)], |_, args| {
        Ok(Term::Integer(args.list(0)?.len() as i128))
    }),
    method(
        "insert",
        &[
            required("collection", Type::List),
            required("position", Type::Integer),
            required("value", Type::Any),
        ],
        insert,
    ),
];

/// `terms` with sequences replaced by their elements. Lists stay as they are.
pub(super) fn flat(run: &Run<'_>, terms: Vec<Term>) -> Result<Vec<Term>, Error> {
    let mut flattened = Vec::with_capacity(terms.len());
    for term in terms {
        if let Term::Sequence(_) = term {
            let _level = run.enter()?;
            flattened.extend(flat(run, collect(run, &term)?)?);
        } else {
            flattened.push(term);
        }
    }
    Ok(flattened)
}

/// All elements at all depths in a row.
fn flatten(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut stack = vec![args.iterate(run, 0)?];
    let sequence = Sequence::new(args.heights(), move |run| {
        while let Some(top) = stack.last_mut() {
            match top.next(run)? {
                None => {
                    stack.pop();
                }
                Some(term) if term.is_iterable() => {
                    stack.push(Iteration::new(run, &term)?);
                    run.allocate(size_of::<Iteration>())?;
                }
                term => return Ok(term),
            }
        }
        Ok(None)
    });
    sequence.map(Term::Sequence)
}

/// The place of an index, which counts from the end if it is negative.
pub(super) fn place(index: i128, length: usize) -> Option<usize> {
    let index = if index < 0 { index + length as i128 } else { index };
    usize::try_from(index).ok()
}

fn index(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let list = args.list(0)?;
    let kind = if list.is_tuple() { "tuple" } else { "list" };
    let item = place(args.integer(1)?, list.len()).and_then(|index| list.get(index));
    item.ok_or_else(|| ErrorKind::Index(kind).into())
}

fn insert(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut items: Vec<_> = args.list(0)?.iter().collect();
    // As in Python's `list.insert`, a place outside of the list is its nearest end.
    let position = place(args.integer(1)?, items.len()).unwrap_or(0).min(items.len());
    items.insert(position, args.term(2));
    List::mutable(run, items).map(Term::List)
}
