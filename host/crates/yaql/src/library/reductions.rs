//! Functions from a collection to a single value.

use super::super::compare::equal_counted;
use super::super::context::Lambda;
use super::super::error::Error;
use super::super::evaluate::Lazily;
use super::super::limits::Run;
use super::super::operators::{add, contains};
use super::super::sequence::exhausted;
use super::super::term::Term;
use super::arguments::Arguments;
use super::math::{larger, smaller};
use super::queries::from_elements;
use super::signature::{Function, Parameter, Type, both, method, optional, required};

const COLLECTION: Parameter = required("collection", Type::Iterable);
const ITEM: &[Parameter] = &[COLLECTION, required("item", Type::Any)];
const MAYBE: &[Parameter] = &[COLLECTION, optional("predicate", Type::Lambda)];
const PREDICATE: &[Parameter] = &[COLLECTION, required("predicate", Type::Lambda)];
const INITIAL: &[Parameter] = &[COLLECTION, optional("initial", Type::Any)];
const DEFAULT: &[Parameter] = &[COLLECTION, optional("default", Type::Any)];
const FOLD: &[Parameter] = &[COLLECTION, required("selector", Type::Lambda), optional("seed", Type::Any)];

pub(super) const TABLE: &[Function] = &[
    both("any", MAYBE, |run, args| quantify(run, args, true)),
    both("all", MAYBE, |run, args| quantify(run, args, false)),
    both("len", &[required("collection", Type::Iterator)], count),
    method("count", &[COLLECTION], count),
    method("sum", INITIAL, |run, args| fold(run, args, args.given(1), add)),
    method("max", INITIAL, |run, args| fold(run, args, args.given(1), larger)),
    method("min", INITIAL, |run, args| fold(run, args, args.given(1), smaller)),
    method("aggregate", FOLD, aggregate),
    method("reduce", FOLD, aggregate),
    method("accumulate", FOLD, accumulate),
    method("first", DEFAULT, first),
    method("single", &[COLLECTION], single),
    method("last", DEFAULT, last),
    method("contains", &[COLLECTION, required("value", Type::Any)], |run, args| {
        contains(run, &args.term(0), &args.term(1)).map(Term::Bool)
    }),
    method("indexOf", ITEM, |run, args| {
        let item = args.term(1);
        find(run, args, false, |run, element| equal_counted(run, element, &item))
    }),
    method("lastIndexOf", ITEM, |run, args| {
        let item = args.term(1);
        find(run, args, true, |run, element| equal_counted(run, element, &item))
    }),
    method("indexWhere", PREDICATE, |run, args| {
        let predicate = args.lambda(1)?;
        find(run, args, false, |run, element| is_true(run, &predicate, element))
    }),
    method("lastIndexWhere", PREDICATE, |run, args| {
        let predicate = args.lambda(1)?;
        find(run, args, true, |run, element| is_true(run, &predicate, element))
    }),
];

fn is_true(run: &Run<'_>, predicate: &Lambda, element: &Term) -> Result<bool, Error> {
    predicate.call(run, std::slice::from_ref(element)).map(|value| value.is_true())
}

/// Whether the condition holds for any element, or for all of them.
fn quantify(run: &Run<'_>, args: &Arguments<'_>, wanted: bool) -> Result<Term, Error> {
    let predicate = args.optional_lambda(1);
    let mut elements = args.iterate(run, 0)?;
    while let Some(element) = elements.next(run)? {
        let holds = match &predicate {
            Some(predicate) => is_true(run, predicate, &element)?,
            // Without a condition, `any` asks only whether there is an element.
            None => wanted || element.is_true(),
        };
        if holds == wanted {
            return Ok(Term::Bool(wanted));
        }
    }
    Ok(Term::Bool(!wanted))
}

fn count(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut elements = args.iterate(run, 0)?;
    let mut count = 0;
    while elements.next(run)?.is_some() {
        count += 1;
    }
    Ok(Term::Integer(count))
}

fn fold(
    run: &Run<'_>,
    args: &Arguments<'_>,
    seed: Option<Term>,
    step: impl Fn(&Run<'_>, &Term, &Term) -> Result<Term, Error>,
) -> Result<Term, Error> {
    let mut elements = args.iterate(run, 0)?;
    let seed = match seed {
        Some(seed) => Some(seed),
        None => elements.next(run)?,
    };
    let mut total = seed.ok_or_else(|| Error::type_("reduce() of empty iterable with no initial value"))?;
    while let Some(element) = elements.next(run)? {
        total = step(run, &total, &element)?;
    }
    Ok(total)
}

fn aggregate(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let selector = args.lambda(1)?;
    fold(run, args, args.given(2), |run, total, element| {
        selector.call(run, &[total.clone(), element.clone()])
    })
}

/// All totals in order, the seed first.
fn accumulate(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (selector, seed) = (args.lambda(1)?, args.given(2));
    let mut total: Option<Term> = None;
    from_elements(args, move |run, elements: &mut Lazily| {
        let next = match (&total, &seed) {
            (None, Some(seed)) => seed.clone(),
            (None, None) => elements
                .next(run)?
                .ok_or_else(|| Error::type_("accumulate() of empty sequence with no initial value"))?,
            (Some(total), _) => match elements.next(run)? {
                Some(element) => selector.call(run, &[total.clone(), element])?,
                None => return Ok(None),
            },
        };
        total = Some(next.clone());
        Ok(Some(next))
    })
}

fn first(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let first = args.iterate(run, 0)?.next(run)?;
    first.or_else(|| args.given(1)).ok_or_else(exhausted)
}

fn single(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut elements = args.iterate(run, 0)?;
    let single = elements.next(run)?.ok_or_else(exhausted)?;
    match elements.next(run)? {
        None => Ok(single),
        Some(_) => Err(Error::value("Collection contains more than one item")),
    }
}

fn last(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut last = None;
    // The last item of a list is found without reading the others.
    if let Term::List(list) = args.term(0) {
        last = list.len().checked_sub(1).and_then(|index| list.get(index));
    } else {
        let mut elements = args.iterate(run, 0)?;
        while let Some(element) = elements.next(run)? {
            last = Some(element);
        }
    }
    last.or_else(|| args.given(1)).ok_or_else(exhausted)
}

/// The index of the first or last matching element, -1 if there is none.
fn find(
    run: &Run<'_>,
    args: &Arguments<'_>,
    is_last: bool,
    is_meant: impl Fn(&Run<'_>, &Term) -> Result<bool, Error>,
) -> Result<Term, Error> {
    let mut elements = args.iterate(run, 0)?;
    let (mut found, mut index) = (-1, 0);
    while let Some(element) = elements.next(run)? {
        if is_meant(run, &element)? {
            found = index;
            if !is_last {
                break;
            }
        }
        index += 1;
    }
    Ok(Term::Integer(found))
}
