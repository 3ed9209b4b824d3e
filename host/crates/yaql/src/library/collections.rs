//! Changed collections, with elements added, replaced or removed, and sequences that generate themselves.

use std::collections::VecDeque;

use super::super::error::Error;
use super::super::evaluate::Lazily;
use super::super::limits::Run;
use super::super::sequence::{Iteration, Sequence};
use super::super::term::{Keys, Term};
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, function, method, optional, required};

const COLLECTION: Parameter = required("collection", Type::Iterable);
const POSITION: Parameter = required("position", Type::Integer);
const COUNT: Parameter = optional("count", Type::Integer);

pub(super) const TABLE: &[Function] = &[
    method("delete", &[COLLECTION, POSITION, COUNT], |_, args| edit(args, Edit::replace(args, 2)?, Vec::new)),
    method("replace", &[COLLECTION, POSITION, required("value", Type::Any), COUNT], |_, args| {
        let value = args.term(2);
        edit(args, Edit::replace(args, 3)?, move || vec![Part::One(value.clone())])
    }),
    method("replaceMany", &[COLLECTION, POSITION, required("values", Type::Iterable), COUNT], |_, args| {
        let values = args.term(2);
        edit(args, Edit::replace(args, 3)?, move || vec![Part::Many(values.clone())])
    }),
    method(
        "insert",
        &[required("collection", Type::IterableButSet), POSITION, required("value", Type::Any)],
        |_, args| {
            let value = args.term(2);
            let position = args.integer(1)?;
            // As in YAQL, `insert` drops a value for a negative position, and `insertMany` puts the values
            // first.
            let edit_ = Edit { start: position, end: position, at_end: position >= 0 };
            edit(args, edit_, move || vec![Part::One(value.clone())])
        },
    ),
    method("insertMany", &[COLLECTION, POSITION, required("values", Type::Iterable)], |_, args| {
        let values = args.term(2);
        let position = args.integer(1)?;
        let start = if position < 0 { 0 } else { position };
        edit(args, Edit { start, end: start, at_end: true }, move || vec![Part::Many(values.clone())])
    }),
    function(
        "generate",
        &[
            required("initial", Type::Any),
            required("predicate", Type::Lambda),
            required("producer", Type::Lambda),
            optional("selector", Type::Lambda),
            optional("decycle", Type::Bool),
        ],
        generate,
    ),
    function(
        "generateMany",
        &[
            required("initial", Type::Any),
            required("producer", Type::Lambda),
            optional("selector", Type::Lambda),
            optional("decycle", Type::Bool),
            optional("depthFirst", Type::Bool),
        ],
        generate_many,
    ),
];

/// A change: values in place of the elements from `start` to before `end`.
#[derive(Clone, Copy)]
struct Edit {
    start: i128,
    end: i128,
    /// Whether the values go to the end if there are fewer than `start` elements.
    at_end: bool,
}

enum Part {
    One(Term),
    Many(Term),
}

impl Edit {
    /// The change for a position and a count; a negative count means all following elements.
    fn replace(args: &Arguments<'_>, count: usize) -> Result<Self, Error> {
        let start = args.integer(1)?;
        let end = match args.integer_or(count, 1) {
            ..0 => i128::MAX,
            count => start.saturating_add(count),
        };
        Ok(Self { start, end, at_end: false })
    }

    fn covers(self, index: i128) -> bool {
        (self.start..self.end).contains(&index)
    }
}

fn edit(
    args: &Arguments<'_>,
    edit: Edit,
    mut parts: impl FnMut() -> Vec<Part> + 'static,
) -> Result<Term, Error> {
    let mut elements = Lazily::new(args.term(0));
    let mut queue: VecDeque<Term> = VecDeque::new();
    let mut inner: Option<Lazily> = None;
    let (mut index, mut is_put, mut has_ended) = (0_i128, false, false);
    let sequence = Sequence::new(args.heights(), move |run| {
        loop {
            if let Some(current) = &mut inner {
                if let Some(term) = current.next(run)? {
                    return Ok(Some(term));
                }
                inner = None;
            }
            if let Some(term) = queue.pop_front() {
                return Ok(Some(term));
            }
            if has_ended {
                return Ok(None);
            }
            let element = elements.next(run)?;
            has_ended = element.is_none();
            let is_here = if edit.start == edit.end { index == edit.start } else { edit.covers(index) };
            let is_behind = has_ended && edit.at_end && index <= edit.start;
            let is_due = !is_put && if has_ended { is_behind } else { is_here };
            if is_due {
                is_put = true;
                for part in parts() {
                    match part {
                        Part::One(term) => queue.push_back(term),
                        Part::Many(terms) => inner = Some(Lazily::new(terms)),
                    }
                }
            }
            queue.extend(element.filter(|_| !edit.covers(index)));
            index += 1;
        }
    });
    sequence.map(Term::Sequence)
}

/// Generates each value from the previous one, as long as the condition holds.
fn generate(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (predicate, producer) = (args.lambda(1)?, args.lambda(2)?);
    let selector = args.optional_lambda(3);
    let mut seen = args.flag(4, false).then(Keys::default);
    let (mut current, mut is_first) = (args.term(0), true);
    let sequence = Sequence::new(args.heights(), move |run| {
        if !std::mem::take(&mut is_first) {
            current = producer.call(run, std::slice::from_ref(&current))?;
        }
        if !predicate.call(run, std::slice::from_ref(&current))?.is_true() {
            return Ok(None);
        }
        // As in YAQL, the first value that returns ends the sequence, since only known ones would follow.
        if let Some(seen) = &mut seen
            && !seen.insert(run, current.clone())?
        {
            return Ok(None);
        }
        match &selector {
            Some(selector) => selector.call(run, std::slice::from_ref(&current)).map(Some),
            None => Ok(Some(current.clone())),
        }
    });
    sequence.map(Term::Sequence)
}

/// Generates a tree: each value produces more values.
fn generate_many(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (producer, selector) = (args.lambda(1)?, args.optional_lambda(2));
    let mut seen = args.flag(3, false).then(Keys::default);
    let is_depth_first = args.flag(4, false);
    let mut queue = VecDeque::from([args.term(0)]);
    let mut last: Option<Term> = None;
    let sequence = Sequence::new(args.heights(), move |run| {
        if let Some(last) = last.take() {
            let produced = Iteration::new(run, &producer.call(run, &[last])?)?.collect(run)?;
            if is_depth_first {
                produced.into_iter().rev().for_each(|term| queue.push_front(term));
            } else {
                queue.extend(produced);
            }
        }
        while let Some(term) = queue.pop_front() {
            if let Some(seen) = &mut seen
                && !seen.insert(run, term.clone())?
            {
                continue;
            }
            last = Some(term.clone());
            return match &selector {
                Some(selector) => selector.call(run, &[term]).map(Some),
                None => Ok(Some(term)),
            };
        }
        Ok(None)
    });
    sequence.map(Term::Sequence)
}
