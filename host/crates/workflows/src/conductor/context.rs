//! The variables that a task sees, and dictionaries that tasks share.
//!
//! Orquesta treats a dictionary as a mutable object. A value published into one is stored there when the next task's
//! variables are evaluated, and from then on every task with the same dictionary sees it, on any branch. A value that
//! is not a dictionary is only seen on the branch that published it.
//!
//! A [`Context`] has the identity of each dictionary and what its branch has published into it; the [`Dictionaries`]
//! of the workflow have the present contents.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_expressions::Variables;
use petrel_model::size;
use serde_json::Value;

/// The variables that a task sees.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// All of them, with dictionaries as of the latest refresh.
    pub(super) full: Variables,
    /// The variables published on the way here, without the initial ones: at a join, only these override those of
    /// another branch. For an initial dictionary, everything that was published into it.
    published: Variables,
    /// The published dictionaries among them.
    puts: Arc<BTreeMap<Arc<str>, Put>>,
}

/// Publications of a branch into one dictionary.
#[derive(Debug, Clone)]
struct Put {
    /// The number of the first publication. Unless the dictionary is an initial one, that publication created it.
    number: u64,
    first: Arc<Value>,
    /// The later publications, merged.
    since: Option<Arc<Value>>,
    /// Whether the workflow began with the dictionary.
    is_of_beginning: bool,
    /// Whether a value of another kind was published under its name before.
    begins_anew: bool,
}

/// The number of initial dictionaries. It is unique together with the name of the variable.
const OF_BEGINNING: u64 = 0;

impl Context {
    /// The context of the start tasks.
    pub(super) fn initial(full: Variables) -> Self {
        Self { full, ..Self::default() }
    }

    fn is_dictionary(&self, name: &str) -> bool {
        self.full.get(name).is_some_and(|value| value.is_object())
    }

    /// Replaces `name` by an unrelated value. `put` is given if that is a dictionary.
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

    /// This context without the initial variables.
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
    /// Whether each branch has its own copy, as before [`EDITION`](super::EDITION) 1.
    are_apart: bool,
    /// The initial variables.
    initial: Variables,
    /// The present contents of dictionaries that have changed, by variable and number.
    current: BTreeMap<Arc<str>, BTreeMap<u64, Arc<Value>>>,
    /// Number of dictionaries published so far.
    published: u64,
    /// Bytes copied by publications. Tasks keep the contexts that they saw, so none of these has been freed.
    copied: usize,
}

impl Dictionaries {
    pub(super) fn new(initial: Variables) -> Self {
        Self { initial, ..Self::default() }
    }

    /// Bytes that the dictionaries take in addition to the published values.
    pub(super) fn bytes(&self) -> usize {
        self.copied
    }

    /// Gives each branch its own copy.
    pub(super) fn keep_apart(&mut self) {
        self.are_apart = true;
    }

    /// The context after a transition has published variables.
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

    /// Merges the publications of another branch into a context.
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

    /// Merges what another branch published into its dictionary `name` into that of a context, or makes it the
    /// context's dictionary if that has none. `all` is used for an initial dictionary.
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
        // Both branches have the same dictionary, which contains the first publication already.
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

    /// Brings a context up to date: stores its publications in the dictionaries, and reads their present contents.
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

    /// Merges contexts, each over those before. Initial variables come from the first.
    pub(super) fn merge_all<'a>(&mut self, contexts: impl Iterator<Item = &'a Context>) -> Variables {
        let mut merged = Variables::new();
        let mut numbers: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for (place, context) in contexts.enumerate() {
            let is_first = place == 0;
            let mut context = if is_first { context.clone() } else { context.clone().without_beginning() };
            self.refresh(&mut context);
            let names = if is_first { &context.full } else { &context.published };
            for (name, published) in names.iter() {
                let value =
                    if self.are_apart { published } else { context.full.get(name).unwrap_or(published) };
                let is_put = value.is_object() && merged.get(name).is_some_and(|known| known.is_object());
                merged.merge(name, value);
                if !is_put {
                    numbers.insert(Arc::clone(name), context.number(name));
                } else if let (Some(number), Some(current), Some(value)) =
                    (numbers.get(name), self.current.get_mut(name), merged.get(name))
                {
                    current.insert(*number, Arc::clone(value));
                }
            }
        }
        merged
    }
}

impl Put {
    /// All publications, over the present contents of the first.
    fn over(&self, first: &Arc<Value>) -> Arc<Value> {
        self.since.as_ref().map_or_else(|| Arc::clone(first), |since| Variables::merged(first, since))
    }
}
