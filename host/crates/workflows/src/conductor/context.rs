//! The variables that a task sees, and the dictionaries that tasks have in common.
//!
//! To Orquesta a dictionary is a place. What a transition publishes into one is put there when the variables of the
//! task behind it are looked at, and from then on it is seen by every task that has the same dictionary, on whichever
//! branch it is. A value that is no dictionary is seen only on the branch that published it.
//!
//! Which dictionary a variable is, and what the branch has put into it, is part of the [`Context`]; what is in it now
//! is known to the [`Dictionaries`] of the workflow.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_expressions::Variables;
use serde_json::Value;

/// The variables that a task sees.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// All of them, with dictionaries as they were when this was last brought up to date.
    pub(super) full: Variables,
    /// Those that were published on the way, without what the workflow began with: what was put into a dictionary of
    /// the beginning, else the value. At a join only they are put over what another branch brought.
    published: Variables,
    /// Those that are a dictionary which was published on the way.
    made: Arc<BTreeMap<Arc<str>, Made>>,
}

/// A dictionary that a transition made, as a branch has it.
#[derive(Debug, Clone)]
struct Made {
    number: u64,
    /// What was in it at first.
    first: Arc<Value>,
    /// What the branch has put into it since.
    since: Option<Arc<Value>>,
}

/// A dictionary of the beginning has this number; no two of them are the same variable.
const OF_BEGINNING: u64 = 0;

impl Context {
    /// What a workflow begins with.
    pub(super) fn initial(full: Variables) -> Self {
        Self { full, ..Self::default() }
    }

    fn is_dictionary(&self, name: &str) -> bool {
        self.full.get(name).is_some_and(|value| value.is_object())
    }

    /// Sets `name` to something that is none of the dictionaries that there are.
    fn set(&mut self, name: &str, value: &Arc<Value>, made: Option<Made>) {
        self.full.insert(name, Arc::clone(value));
        self.published.insert(name, Arc::clone(value));
        match made {
            Some(made) => {
                Arc::make_mut(&mut self.made).insert(name.into(), made);
            }
            None if self.made.contains_key(name) => {
                Arc::make_mut(&mut self.made).remove(name);
            }
            None => {}
        }
    }

    /// Notes what is to be put into the dictionary `name`.
    fn put(&mut self, name: &str, value: &Arc<Value>) {
        if !self.made.contains_key(name) {
            self.published.merge(name, value);
        } else if let Some(made) = Arc::make_mut(&mut self.made).get_mut(name) {
            let merged = made.since.as_ref().map(|since| Variables::merged(since, value));
            made.since = Some(merged.unwrap_or_else(|| Arc::clone(value)));
        }
    }
}

/// The dictionaries of a workflow.
#[derive(Debug, Clone, Default)]
pub(super) struct Dictionaries {
    /// Whether each branch has its own, as it was before they were in common.
    are_apart: bool,
    /// What the workflow began with.
    initial: Variables,
    /// For each variable that something was put into: what is in its dictionaries now, where that has changed.
    current: BTreeMap<Arc<str>, BTreeMap<u64, Arc<Value>>>,
    /// How many were made.
    made: u64,
}

impl Dictionaries {
    pub(super) fn new(initial: Variables) -> Self {
        Self { initial, ..Self::default() }
    }

    /// Each branch has its own.
    pub(super) fn keep_apart(&mut self) {
        self.are_apart = true;
    }

    /// A context, and what a transition published.
    pub(super) fn after(&mut self, context: &Context, published: &Variables) -> Context {
        let mut next = context.clone();
        for (name, value) in published.iter() {
            self.publish(&mut next, name, value);
        }
        next
    }

    /// Puts what another branch published over a context.
    pub(super) fn join(&mut self, context: &mut Context, other: &Context) {
        for (name, value) in other.published.iter() {
            match (other.made.get(name), other.full.get(name)) {
                (Some(theirs), _) if !context.is_dictionary(name) => {
                    context.set(name, value, Some(theirs.clone()));
                }
                (Some(theirs), Some(seen)) => {
                    let is_same = context.made.get(name).is_some_and(|ours| ours.number == theirs.number);
                    for value in (!is_same).then_some(seen).into_iter().chain(&theirs.since) {
                        self.publish(context, name, value);
                    }
                }
                _ => self.publish(context, name, value),
            }
        }
    }

    fn publish(&mut self, context: &mut Context, name: &Arc<str>, value: &Arc<Value>) {
        if self.are_apart {
            context.full.merge(name, value);
            context.published.merge(name, value);
        } else if !value.is_object() {
            context.set(name, value, None);
        } else if context.is_dictionary(name) {
            self.current.entry(Arc::clone(name)).or_default();
            context.put(name, value);
        } else {
            self.made += 1;
            let made = Made { number: self.made, first: Arc::clone(value), since: None };
            context.set(name, value, Some(made));
        }
    }

    /// Brings a context up to date: puts into the dictionaries what its branch has for them, and takes what is in them
    /// now.
    pub(super) fn refresh(&mut self, context: &mut Context) {
        for (name, current) in &mut self.current {
            let Some(seen) = context.full.get(name).filter(|value| value.is_object()) else { continue };
            let (number, first, put) = match context.made.get(name) {
                Some(made) => (made.number, &made.first, made.since.as_ref()),
                None => (OF_BEGINNING, self.initial.get(name).unwrap_or(seen), context.published.get(name)),
            };
            let before = current.get(&number).unwrap_or(first);
            let now = put.map_or_else(|| Arc::clone(before), |put| Variables::merged(before, put));
            if !Arc::ptr_eq(&now, before) {
                current.insert(number, Arc::clone(&now));
            }
            if !Arc::ptr_eq(&now, seen) {
                context.full.insert(name, now);
            }
        }
    }
}
