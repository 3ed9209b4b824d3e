//! Sequences over collections, evaluated element by element.

use std::rc::Rc;

use super::super::context::Lambda;
use super::super::error::{Error, ErrorKind};
use super::super::evaluate::Lazily;
use super::super::limits::Run;
use super::super::operators::chained;
use super::super::ordering::Ordered;
use super::super::sequence::{Iteration, Sequence, to_tuple};
use super::super::term::{Keys, List, Term};
use super::arguments::{Arguments, Bound};
use super::signature::{Function, Parameter, Type, both, function, method, optional, required};

const COLLECTION: Parameter = required("collection", Type::Iterable);
const PREDICATE: &[Parameter] = &[COLLECTION, required("predicate", Type::Lambda)];
const SELECTOR: &[Parameter] = &[COLLECTION, required("selector", Type::Lambda)];
const COUNT: &[Parameter] = &[COLLECTION, required("count", Type::Integer)];
const ORDERED: &[Parameter] = &[required("collection", Type::Ordered), required("selector", Type::Lambda)];

pub(super) const TABLE: &[Function] = &[
    method("where", PREDICATE, filter),
    method("filter", PREDICATE, filter),
    method("select", SELECTOR, select),
    method("map", SELECTOR, select),
    method("selectMany", SELECTOR, select_many),
    method("skip", COUNT, skip),
    method("limit", COUNT, limit),
    method("take", COUNT, limit),
    method("takeWhile", PREDICATE, take_while),
    method("skipWhile", PREDICATE, skip_while),
    both("append", &[COLLECTION], |run, args| {
        let rest = Term::List(List::tuple(run, args.rest_terms())?);
        chained(vec![args.term(0), rest]).map(Term::Sequence)
    })
    .rest(Type::Any),
    both("concat", &[], |_, args| chained(args.rest_terms()).map(Term::Sequence)).rest(Type::Iterable),
    both("distinct", &[COLLECTION, optional("keySelector", Type::Lambda)], distinct),
    both("enumerate", &[COLLECTION, optional("start", Type::Integer).nullable()], enumerate),
    method("memorize", &[COLLECTION], |run, args| match args.term(0) {
        // These can be read again as they are.
        term @ (Term::List(_) | Term::Set(_) | Term::Pairs(_)) => Ok(term),
        term => Sequence::kept(args.iterate(run, 0)?, term.height()).map(Term::Sequence),
    }),
    method("reverse", &[COLLECTION], reverse),
    method("orderBy", SELECTOR, |_, args| order(args, true)),
    method("orderByDescending", SELECTOR, |_, args| order(args, false)),
    method("thenBy", ORDERED, |_, args| then_by(args, true)),
    method("thenByDescending", ORDERED, |_, args| then_by(args, false)),
    method("cycle", &[COLLECTION], cycle),
    method("repeat", &[required("value", Type::Any), optional("times", Type::Integer)], repeat),
    function("range", &[required("stop", Type::Integer)], |_, args| numbers(0, Some(args.integer(0)?), 1)),
    function(
        "range",
        &[required("start", Type::Integer), required("stop", Type::Integer), optional("step", Type::Integer)],
        |_, args| match args.integer_or(2, 1) {
            0 => Err(Error::value("range() arg 3 must not be zero")),
            step => numbers(args.integer(0)?, Some(args.integer(1)?), step),
        },
    ),
    function("sequence", &[optional("start", Type::Integer), optional("step", Type::Integer)], |_, args| {
        numbers(args.integer_or(0, 0), None, args.integer_or(1, 1))
    }),
    method("defaultIfEmpty", &[COLLECTION, required("default", Type::Iterable)], default_if_empty),
];

/// A sequence over the elements of the first argument.
pub(super) fn from_elements(
    args: &Arguments<'_>,
    mut next: impl FnMut(&Run<'_>, &mut Lazily) -> Result<Option<Term>, Error> + 'static,
) -> Result<Term, Error> {
    let mut elements = Lazily::new(args.term(0));
    Sequence::new(args.heights(), move |run| next(run, &mut elements)).map(Term::Sequence)
}

fn holds(run: &Run<'_>, predicate: &Lambda, element: &Term) -> Result<bool, Error> {
    predicate.call(run, std::slice::from_ref(element)).map(|value| value.is_true())
}

fn filter(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let predicate = args.lambda(1)?;
    from_elements(args, move |run, elements| {
        while let Some(element) = elements.next(run)? {
            if holds(run, &predicate, &element)? {
                return Ok(Some(element));
            }
        }
        Ok(None)
    })
}

fn select(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let selector = args.lambda(1)?;
    from_elements(args, move |run, elements| match elements.next(run)? {
        Some(element) => selector.call(run, &[element]).map(Some),
        None => Ok(None),
    })
}

fn select_many(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let selector = args.lambda(1)?;
    let mut inner: Option<Iteration> = None;
    from_elements(args, move |run, elements| {
        loop {
            if let Some(current) = &mut inner {
                if let Some(term) = current.next(run)? {
                    return Ok(Some(term));
                }
                inner = None;
            }
            let Some(element) = elements.next(run)? else { return Ok(None) };
            let selected = selector.call(run, &[element])?;
            // As in YAQL, a selected value that is no collection is itself an element.
            if !selected.is_iterable() {
                return Ok(Some(selected));
            }
            inner = Some(Iteration::new(run, &selected)?);
        }
    })
}

/// A number of elements, which must not be negative.
fn count(args: &Arguments<'_>) -> Result<u64, Error> {
    u64::try_from(args.integer(1)?)
        .map_err(|_negative| Error::value("The number of elements must be 0 <= x <= sys.maxsize"))
}

fn skip(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut left = count(args)?;
    // Elements are skipped when the first one is asked for, since sequences are lazy.
    from_elements(args, move |run, elements| {
        while left > 0 {
            left -= 1;
            if elements.next(run)?.is_none() {
                return Ok(None);
            }
        }
        elements.next(run)
    })
}

fn limit(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut left = count(args)?;
    from_elements(args, move |run, elements| {
        if left == 0 {
            return Ok(None);
        }
        left -= 1;
        elements.next(run)
    })
}

fn take_while(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let predicate = args.lambda(1)?;
    from_elements(args, move |run, elements| match elements.next(run)? {
        Some(element) if holds(run, &predicate, &element)? => Ok(Some(element)),
        _ => Ok(None),
    })
}

fn skip_while(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut predicate = Some(args.lambda(1)?);
    from_elements(args, move |run, elements| {
        while let Some(element) = elements.next(run)? {
            match &predicate {
                Some(skipped) if holds(run, skipped, &element)? => {}
                _ => {
                    // From the first element that fails the predicate on, it is not asked again.
                    predicate = None;
                    return Ok(Some(element));
                }
            }
        }
        Ok(None)
    })
}

fn distinct(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let selector = args.optional_lambda(1);
    let mut seen = Keys::default();
    from_elements(args, move |run, elements| {
        while let Some(element) = elements.next(run)? {
            let key = match &selector {
                Some(selector) => selector.call(run, std::slice::from_ref(&element))?,
                None => element.clone(),
            };
            if seen.insert(run, key)? {
                return Ok(Some(element));
            }
        }
        Ok(None)
    })
}

fn enumerate(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut index = match args.given(1) {
        Some(Term::Null) => return Err(Error::type_("enumerate() needs an integer to start with")),
        _ => Some(args.integer_or(1, 0)),
    };
    from_elements(args, move |run, elements| {
        let Some(element) = elements.next(run)? else { return Ok(None) };
        // The number after the greatest one is an error only once it is needed.
        let number = index.ok_or_else(crate::number::too_large)?;
        let pair = List::mutable(run, vec![Term::Integer(number), element])?;
        index = number.checked_add(1);
        Ok(Some(Term::List(pair)))
    })
}

fn reverse(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let list = to_tuple(run, &args.term(0))?;
    let mut left = list.len();
    let sequence = Sequence::new(list.height(), move |_| {
        left = match left.checked_sub(1) {
            Some(left) => left,
            None => return Ok(None),
        };
        Ok(list.get(left))
    });
    sequence.map(Term::Sequence)
}

fn order(args: &Arguments<'_>, is_ascending: bool) -> Result<Term, Error> {
    Ordered::new(args.term(0), args.lambda(1)?, is_ascending).map(|ordered| Term::Ordered(Rc::new(ordered)))
}

fn then_by(args: &Arguments<'_>, is_ascending: bool) -> Result<Term, Error> {
    let Some(Bound::Term(Term::Ordered(ordered))) = args.fixed.first() else {
        return Err(ErrorKind::NoMatchingFunction("thenBy".into()).into());
    };
    ordered.then_by(args.lambda(1)?, is_ascending).map(|ordered| Term::Ordered(Rc::new(ordered)))
}

fn cycle(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let mut seen = Vec::new();
    let mut index = None;
    from_elements(args, move |run, elements| {
        if index.is_none() {
            if let Some(element) = elements.next(run)? {
                // The elements are kept for the later rounds, so their room is charged, though the result is lazy.
                run.allocate(size_of::<Term>())?;
                seen.push(element.clone());
                return Ok(Some(element));
            }
            index = Some(0);
        }
        let next = index.filter(|index| *index < seen.len()).unwrap_or(0);
        index = Some(next + 1);
        Ok(seen.get(next).cloned())
    })
}

fn repeat(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let value = args.term(0);
    // A negative number, the default, repeats the value without end.
    let mut left = u64::try_from(args.integer_or(1, -1)).ok();
    let sequence = Sequence::new(value.height(), move |_| match &mut left {
        Some(0) => Ok(None),
        Some(left) => {
            *left -= 1;
            Ok(Some(value.clone()))
        }
        None => Ok(Some(value.clone())),
    });
    sequence.map(Term::Sequence)
}

/// Integers from `start` to before `stop`, without an end if `stop` is `None`.
fn numbers(start: i128, stop: Option<i128>, step: i128) -> Result<Term, Error> {
    let mut next = Some(start);
    let sequence = Sequence::new(0, move |_| {
        let Some(current) = next else { return Ok(None) };
        if stop.is_some_and(|stop| if step > 0 { current >= stop } else { current <= stop }) {
            return Ok(None);
        }
        // The sequence ends where the next number does not fit an integer.
        next = current.checked_add(step);
        Ok(Some(Term::Integer(current)))
    });
    sequence.map(Term::Sequence)
}

fn default_if_empty(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let collection = match args.term(0) {
        term @ (Term::List(_) | Term::Set(_) | Term::Pairs(_)) => term,
        // The look at the first element would take it from the sequence, so the elements read are kept.
        term => Term::Sequence(Sequence::kept(args.iterate(run, 0)?, term.height())?),
    };
    let is_empty = Iteration::new(run, &collection)?.next(run)?.is_none();
    Ok(if is_empty { args.term(1) } else { collection })
}
