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
use petrel_model::size;
use serde_json::Value;

/// The variables that a task sees.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// All of them, with dictionaries as they were when this was last brought up to date.
    pub(super) full: Variables,
    /// Those that were published on the way, without what the workflow began with; at a join only they are put over
    /// what another branch brought. Of a dictionary of the beginning it is all that was put into it.
    published: Variables,
    /// For those of them that are dictionaries: what was put into which.
    puts: Arc<BTreeMap<Arc<str>, Put>>,
}

/// What a branch has put into a dictionary.
#[derive(Debug, Clone)]
struct Put {
    /// The number of the first thing that was published. It is a dictionary itself: that which is meant, unless that
    /// is of the beginning.
    number: u64,
    first: Arc<Value>,
    /// What was put into it since.
    since: Option<Arc<Value>>,
    /// Whether the workflow began with the dictionary.
    is_of_beginning: bool,
    /// Whether something else was published in the place of a dictionary before.
    begins_anew: bool,
}

/// The number of a dictionary that the workflow began with. No two of them are the same variable.
const OF_BEGINNING: u64 = 0;

impl Context {
    /// What a workflow begins with.
    pub(super) fn initial(full: Variables) -> Self {
        Self { full, ..Self::default() }
    }

    fn is_dictionary(&self, name: &str) -> bool {
        self.full.get(name).is_some_and(|value| value.is_object())
    }

    /// Sets `name` to a value that has not to do with the one before; `put` when it is a dictionary.
    fn set(&mut self, name: &str, value: &Arc<Value>, put: Option<Put>) {
        self.full.insert(name, Arc::clone(value));
        self.published.insert(name, Arc::clone(value));
        match put {
            Some(put) => {
                Arc::make_mut(&mut self.puts).insert(name.into(), put);
            }
            None if self.puts.contains_key(name) => {
                Arc::make_mut(&mut self.puts).remove(name);
            }
            None => {}
        }
    }

    /// The number of the dictionary `name`.
    fn number(&self, name: &str) -> u64 {
        self.puts.get(name).filter(|put| !put.is_of_beginning).map_or(OF_BEGINNING, |put| put.number)
    }

    /// The same without what the workflow began with.
    fn without_beginning(mut self) -> Self {
        for put in Arc::make_mut(&mut self.puts).values_mut() {
            put.is_of_beginning = false;
        }
        self
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
    /// How many were published.
    published: u64,
    /// How many bytes were copied to put something into one. Tasks keep what they saw, so it is all still there.
    copied: usize,
}

impl Dictionaries {
    pub(super) fn new(initial: Variables) -> Self {
        Self { initial, ..Self::default() }
    }

    /// How many bytes they take beside what was published.
    pub(super) fn bytes(&self) -> usize {
        self.copied
    }

    /// Each branch has its own.
    pub(super) fn keep_apart(&mut self) {
        self.are_apart = true;
    }

    /// A context, and what a transition published.
    pub(super) fn after(&mut self, context: &Context, published: &Variables) -> Context {
        let mut next = context.clone();
        for (name, value) in published.iter() {
            if self.are_apart || !value.is_object() {
                self.replace(&mut next, name, value);
            } else {
                self.published += 1;
                let (number, first) = (self.published, Arc::clone(value));
                let put = Put { number, first, since: None, is_of_beginning: false, begins_anew: false };
                self.put(&mut next, name, &put, value);
            }
        }
        next
    }

    /// Puts what another branch published over a context.
    pub(super) fn join(&mut self, context: &mut Context, other: &Context) {
        for (name, value) in other.published.iter() {
            match other.puts.get(name) {
                Some(put) => self.put(context, name, put, value),
                None => self.replace(context, name, value),
            }
        }
    }

    fn replace(&self, context: &mut Context, name: &str, value: &Arc<Value>) {
        if self.are_apart {
            context.full.merge(name, value);
            context.published.merge(name, value);
        } else {
            context.set(name, value, None);
        }
    }

    /// Puts what another branch has put into its dictionary `name`, `all` when that is of the beginning, into that of
    /// a context; it becomes the context's dictionary when that has none.
    fn put(&mut self, context: &mut Context, name: &Arc<str>, theirs: &Put, all: &Arc<Value>) {
        if !context.is_dictionary(name) || theirs.begins_anew {
            let begins_anew = theirs.begins_anew || context.published.get(name).is_some();
            let ours = Put { is_of_beginning: false, begins_anew, ..theirs.clone() };
            context.set(name, &theirs.first, Some(ours));
            return;
        }
        let current = self.current.entry(Arc::clone(name)).or_default();
        let first = current.get(&theirs.number).unwrap_or(&theirs.first);
        let Some(ours) = Arc::make_mut(&mut context.puts).get_mut(name) else {
            let all = if theirs.is_of_beginning { Arc::clone(all) } else { theirs.over(first) };
            context.published.insert(name, all);
            let ours = Put { is_of_beginning: true, ..theirs.clone() };
            Arc::make_mut(&mut context.puts).insert(Arc::clone(name), ours);
            return;
        };
        if ours.is_of_beginning {
            let all = if theirs.is_of_beginning { Arc::clone(all) } else { theirs.over(first) };
            self.copied += size::of_value(&all);
            context.published.merge(name, &all);
        }
        // A dictionary that is put into itself stays as it is.
        let more = if ours.number == theirs.number { theirs.since.clone() } else { Some(theirs.over(first)) };
        if let Some(more) = more {
            let since = ours
                .since
                .as_ref()
                .map_or_else(|| Arc::clone(&more), |since| Variables::merged(since, &more));
            self.copied += size::of_value(&since);
            ours.since = Some(since);
        }
    }

    /// Brings a context up to date: puts into the dictionaries what its branch has for them, and takes what is in them
    /// now.
    pub(super) fn refresh(&mut self, context: &mut Context) {
        for (name, current) in &mut self.current {
            let Some(seen) = context.full.get(name).filter(|value| value.is_object()) else { continue };
            let (first, put) = match context.puts.get(name) {
                Some(put) if !put.is_of_beginning => (&put.first, put.since.as_ref()),
                _ => (self.initial.get(name).unwrap_or(seen), context.published.get(name)),
            };
            let number = context.number(name);
            let before = current.get(&number).unwrap_or(first);
            let now = put.map_or_else(|| Arc::clone(before), |put| Variables::merged(before, put));
            if !Arc::ptr_eq(&now, before) {
                self.copied += size::of_value(&now);
                current.insert(number, Arc::clone(&now));
            }
            if !Arc::ptr_eq(&now, seen) {
                context.full.insert(name, now);
            }
        }
    }

    /// What contexts come to, each put over those before; what the workflow began with is taken from the first.
    pub(super) fn together<'a>(&mut self, contexts: impl Iterator<Item = &'a Context>) -> Variables {
        let mut together = Variables::new();
        let mut numbers: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for (place, context) in contexts.enumerate() {
            let is_first = place == 0;
            let mut context = if is_first { context.clone() } else { context.clone().without_beginning() };
            self.refresh(&mut context);
            let names = if is_first { &context.full } else { &context.published };
            for (name, published) in names.iter() {
                let value =
                    if self.are_apart { published } else { context.full.get(name).unwrap_or(published) };
                let is_put = value.is_object() && together.get(name).is_some_and(|known| known.is_object());
                together.merge(name, value);
                if !is_put {
                    numbers.insert(Arc::clone(name), context.number(name));
                } else if let (Some(number), Some(current), Some(value)) =
                    (numbers.get(name), self.current.get_mut(name), together.get(name))
                {
                    current.insert(*number, Arc::clone(value));
                }
            }
        }
        together
    }
}

impl Put {
    /// All of it, over what is in the first thing now.
    fn over(&self, first: &Arc<Value>) -> Arc<Value> {
        self.since.as_ref().map_or_else(|| Arc::clone(first), |since| Variables::merged(first, since))
    }
}
