//! Combinations of collections: groups, joins, zips and deep merges.

use std::cell::RefCell;

use indexmap::IndexMap;

use super::super::compare::equal_counted;
use super::super::context::Lambda;
use super::super::error::{Error, ErrorKind};
use super::super::evaluate::Lazily;
use super::super::limits::Run;
use super::super::sequence::{Iteration, Sequence};
use super::super::term::{Dict, Entries, Key, Keys, List, Term};
use super::arguments::Arguments;
use super::signature::{Function, Parameter, Type, method, optional, required};

const COLLECTION: Parameter = required("collection", Type::Iterable);

pub(super) const TABLE: &[Function] = &[
    method(
        "groupBy",
        &[
            COLLECTION,
            required("keySelector", Type::Lambda),
            optional("valueSelector", Type::Lambda),
            optional("aggregator", Type::Lambda),
        ],
        group_by,
    ),
    method(
        "join",
        &[
            required("collection1", Type::Iterable),
            required("collection2", Type::Iterable),
            required("predicate", Type::Lambda),
            required("selector", Type::Lambda),
        ],
        join,
    ),
    method("zip", &[COLLECTION], |_, args| zip(args, None)).rest(Type::Iterable),
    method("zipLongest", &[COLLECTION], |_, args| {
        let default = args.named("default").cloned().unwrap_or(Term::Null);
        zip(args, Some(default))
    })
    .rest(Type::Iterable)
    .any_name(),
    method(
        "mergeWith",
        &[
            required("dict", Type::Dict),
            required("another", Type::Dict),
            optional("listMerger", Type::Lambda),
            optional("itemMerger", Type::Lambda),
            optional("maxLevels", Type::Integer),
        ],
        merge_with,
    ),
];

fn group_by(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (key, value) = (args.lambda(1)?, args.optional_lambda(2));
    let mut groups: IndexMap<Key, Vec<Term>> = IndexMap::new();
    let mut elements = args.iterate(run, 0)?;
    while let Some(element) = elements.next(run)? {
        let element = std::slice::from_ref(&element);
        let item = match &value {
            Some(value) => value.call(run, element)?,
            None => element.first().cloned().unwrap_or(Term::Null),
        };
        run.allocate(size_of::<Key>() + size_of::<Term>())?;
        groups.entry(Key::new(run, key.call(run, element)?)?).or_default().push(item);
    }
    let height = groups.keys().map(|key| key.term().height()).max().unwrap_or(0);
    // Two levels more: the list of a group, and its pair with the key.
    let height = groups.values().flatten().map(Term::height).max().unwrap_or(0).max(height) + 2;
    let mut groups = groups.into_iter();
    let aggregation = args.optional_lambda(3).map(Aggregation::new);
    let sequence = Sequence::new(height.max(args.heights()), move |run| {
        let Some((key, items)) = groups.next() else { return Ok(None) };
        let items = Term::List(List::mutable(run, items)?);
        let pair = |value| List::tuple(run, vec![key.term().clone(), value]).map(Term::List);
        match &aggregation {
            None => pair(items).map(Some),
            Some(aggregation) => aggregation.apply(run, &items, &pair).map(Some),
        }
    });
    sequence.map(Term::Sequence)
}

/// The aggregation of `groupBy`: a function of the group's list or, as in old versions of YAQL, of key and list if
/// the first form fails.
struct Aggregation {
    aggregator: Lambda,
    failure: RefCell<Option<Error>>,
    may_fall_back: RefCell<bool>,
}

impl Aggregation {
    fn new(aggregator: Lambda) -> Self {
        Self { aggregator, failure: RefCell::default(), may_fall_back: RefCell::new(true) }
    }

    fn apply(
        &self,
        run: &Run<'_>,
        items: &Term,
        pair: &dyn Fn(Term) -> Result<Term, Error>,
    ) -> Result<Term, Error> {
        let failure = self.failure.borrow().clone();
        let failure = match failure {
            Some(failure) => failure,
            None => match self.aggregator.call(run, std::slice::from_ref(items)) {
                Ok(result) => {
                    if !is_old_style(run, &result, items)? {
                        self.may_fall_back.replace(false);
                    }
                    return pair(result);
                }
                Err(error) if may_recover(&error) => {
                    self.failure.replace(Some(error.clone()));
                    error
                }
                Err(error) => return Err(error),
            },
        };
        if *self.may_fall_back.borrow()
            && let Ok(result) = self.aggregator.call(run, &[pair(items.clone())?])
            && has_two(&result)
        {
            return Ok(result);
        }
        Err(failure)
    }
}

fn may_recover(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NoMatchingMethod { .. } | ErrorKind::NoMatchingFunction(_) | ErrorKind::Index(_)
    )
}

/// Whether `result` may be the key and the value of a group, as the old form returns them.
fn is_old_style(run: &Run<'_>, result: &Term, items: &Term) -> Result<bool, Error> {
    let (Term::List(result), Term::List(items)) = (result, items) else { return Ok(false) };
    match (result.get(0), items.get(0)) {
        (Some(first), Some(item)) if items.len() == 2 && result.len() == 2 => {
            equal_counted(run, &first, &item)
        }
        _ => Ok(false),
    }
}

fn has_two(term: &Term) -> bool {
    match term {
        Term::List(list) => list.len() == 2,
        Term::Text(text) => text.chars().take(3).count() == 2,
        Term::Dict(dict) | Term::Values(dict) | Term::Pairs(dict) => dict.len() == 2,
        Term::Set(set) => set.members.len() == 2,
        _ => false,
    }
}

fn join(_run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let (predicate, selector) = (args.lambda(2)?, args.lambda(3)?);
    let (first, second) = (args.term(0), args.term(1));
    let mut outer = Lazily::new(first);
    let mut others = None;
    let mut current: Option<(Term, Iteration)> = None;
    let sequence = Sequence::new(args.heights(), move |run| {
        // The second collection is read once for each element of the first, which a sequence does not allow.
        if others.is_none() {
            let kept = Sequence::kept(Iteration::new(run, &second)?, second.height())?;
            others = Some(Term::Sequence(kept));
        }
        let Some(others) = &others else { return Ok(None) };
        loop {
            if current.is_none() {
                let Some(item) = outer.next(run)? else { return Ok(None) };
                current = Some((item, Iteration::new(run, others)?));
            }
            while let Some((item, inner)) = &mut current {
                let Some(other) = inner.next(run)? else { break };
                let pair = [item.clone(), other];
                if predicate.call(run, &pair)?.is_true() {
                    return selector.call(run, &pair).map(Some);
                }
            }
            current = None;
        }
    });
    sequence.map(Term::Sequence)
}

/// Elements of several collections side by side, up to the end of the shortest, or of the longest with a filler.
fn zip(args: &Arguments<'_>, filler: Option<Term>) -> Result<Term, Error> {
    let mut columns = vec![Lazily::new(args.term(0))];
    columns.extend(args.rest_terms().into_iter().map(Lazily::new));
    let sequence = Sequence::new(args.heights() + 1, move |run| {
        let mut row = Vec::with_capacity(columns.len());
        let mut ended = 0;
        for column in &mut columns {
            match (column.next(run)?, &filler) {
                (Some(term), _) => row.push(term),
                (None, None) => return Ok(None),
                (None, Some(filler)) => {
                    ended += 1;
                    row.push(filler.clone());
                }
            }
        }
        if ended == columns.len() {
            return Ok(None);
        }
        List::tuple(run, row).map(|row| Some(Term::List(row)))
    });
    sequence.map(Term::Sequence)
}

/// The options of a merge of mappings.
struct Merge {
    lists: Option<Lambda>,
    items: Option<Lambda>,
}

fn merge_with(run: &Run<'_>, args: &Arguments<'_>) -> Result<Term, Error> {
    let merge = Merge { lists: args.optional_lambda(2), items: args.optional_lambda(3) };
    merge.dicts(run, &args.dict(0)?, &args.dict(1)?, args.integer_or(4, 0)).map(Term::Dict)
}

impl Merge {
    fn dicts(&self, run: &Run<'_>, left: &Dict, right: &Dict, levels: i128) -> Result<Dict, Error> {
        let _level = run.enter()?;
        let mut merged = Entries::mutable();
        for (key, value) in left.entries() {
            run.step()?;
            let value = match right.get(run, &key)? {
                Some(other) => self.values(run, value, other, levels)?,
                None => value,
            };
            merged.insert(run, key, value)?;
        }
        for (key, value) in right.entries() {
            run.step()?;
            if left.get(run, &key)?.is_none() {
                merged.insert(run, key, value)?;
            }
        }
        Ok(merged.into_dict())
    }

    fn values(&self, run: &Run<'_>, left: Term, right: Term, levels: i128) -> Result<Term, Error> {
        match (left, right) {
            (Term::Dict(left), Term::Dict(right)) if levels != 1 => {
                // 0 stands for all levels, and 1 for the last.
                let levels = if levels == 0 { 0 } else { levels - 1 };
                self.dicts(run, &left, &right, levels).map(Term::Dict)
            }
            (Term::List(left), Term::List(right)) if levels != 1 => {
                if let Some(merger) = &self.lists {
                    return merger.call(run, &[Term::List(left), Term::List(right)]);
                }
                // The merger of YAQL, where none is given.
                let distinct = Keys::of(run, left.iter().chain(right.iter()))?;
                let distinct = distinct.iter().map(|key| key.term().clone()).collect();
                List::tuple(run, distinct).map(Term::List)
            }
            (left, right @ (Term::Dict(_) | Term::List(_))) if levels != 1 => {
                let (left, right) = (left.type_name(), right.type_name());
                Err(Error::type_(format!("Cannot merge {left} with {right}")))
            }
            (left, right) => match &self.items {
                Some(merger) => merger.call(run, &[left, right]),
                None => Ok(right),
            },
        }
    }
}
