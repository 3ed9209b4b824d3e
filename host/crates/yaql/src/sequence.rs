//! Sequences, which yield each element once and when it is asked for, and iterations over any value that has
//! elements.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::error::{Error, ErrorKind};
use super::limits::Run;
use super::term::{Keys, List, Term, above};

/// A source of elements. It borrows nothing from the run, because it outlives the call that made it.
type Source = Box<dyn FnMut(&Run<'_>) -> Result<Option<Term>, Error>>;

/// A sequence. Copies share the rest of it.
#[derive(Clone)]
pub(super) struct Sequence {
    state: Rc<RefCell<State>>,
    height: u32,
}

enum State {
    /// Yields each element once.
    Once(Source),
    /// Has come to its end.
    Spent,
    /// Keeps its elements, so that every reader gets all of them.
    Kept { source: Iteration, read: Vec<Term> },
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<sequence>")
    }
}

impl Sequence {
    /// A sequence over values that nest `inner` levels deep.
    pub(super) fn new(
        inner: u32,
        source: impl FnMut(&Run<'_>) -> Result<Option<Term>, Error> + 'static,
    ) -> Result<Self, Error> {
        let state = Rc::new(RefCell::new(State::Once(Box::new(source))));
        Ok(Self { state, height: above(inner)? })
    }

    /// A sequence that keeps the elements which it reads from `source`.
    pub(super) fn kept(source: Iteration, inner: u32) -> Result<Self, Error> {
        let state = State::Kept { source, read: Vec::new() };
        Ok(Self { state: Rc::new(RefCell::new(state)), height: above(inner)? })
    }

    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// The address of the sequence, which is its only identity.
    pub(super) fn address(&self) -> usize {
        Rc::as_ptr(&self.state).cast::<()>() as usize
    }

    fn next(&self, run: &Run<'_>, index: usize) -> Result<Option<Term>, Error> {
        let _level = run.enter()?;
        let busy = |_borrowed| Error::value("generator already executing");
        // A lambda may read the very sequence that is calling it. Python reports this in the same words.
        let mut state = self.state.try_borrow_mut().map_err(busy)?;
        match &mut *state {
            State::Spent => Ok(None),
            State::Once(source) => {
                let next = source(run)?;
                // The source may hold large values, so it is dropped at its end.
                if next.is_none() {
                    *state = State::Spent;
                }
                Ok(next)
            }
            State::Kept { source, read } => {
                while read.len() <= index {
                    let Some(term) = source.next(run)? else { return Ok(None) };
                    run.allocate(size_of::<Term>())?;
                    read.push(term);
                }
                Ok(read.get(index).cloned())
            }
        }
    }
}

/// One iteration over a value.
#[derive(Debug, Clone)]
pub(super) struct Iteration {
    over: Over,
    index: usize,
}

#[derive(Debug, Clone)]
enum Over {
    List(List),
    Set(Rc<Keys>),
    Terms(Rc<[Term]>),
    Sequence(Sequence),
}

impl Iteration {
    /// Begins an iteration over `term`.
    ///
    /// # Errors
    /// When `term` has no elements, or when it is sorted first and sorting fails.
    pub(super) fn new(run: &Run<'_>, term: &Term) -> Result<Self, Error> {
        let over = match term {
            Term::List(list) => Over::List(list.clone()),
            Term::Set(set) => Over::Set(Rc::clone(&set.members)),
            Term::Sequence(sequence) => Over::Sequence(sequence.clone()),
            Term::Ordered(ordered) => Over::Terms(ordered.sorted(run)?),
            Term::Values(dict) => {
                run.steps(dict.len() as u64)?;
                Over::Terms(dict.entries().map(|(_, value)| value).collect())
            }
            Term::Pairs(dict) => {
                run.steps(dict.len() as u64)?;
                let pair = |(key, value)| List::tuple(run, vec![key, value]).map(Term::List);
                Over::Terms(dict.entries().map(pair).collect::<Result<_, _>>()?)
            }
            // Python iterates over a mapping too, in the functions that do not check their argument.
            Term::Dict(dict) => {
                // A copy of keys is cheaper than a step each.
                run.steps(dict.len() as u64 / 16)?;
                Over::Terms(dict.keys().into())
            }
            Term::Text(text) => {
                run.allocate(text.len() * size_of::<Term>())?;
                Over::Terms(text.chars().map(|char| Term::text(char.encode_utf8(&mut [0; 4]))).collect())
            }
            other => return Err(Error::type_(format!("'{}' object is not iterable", other.type_name()))),
        };
        Ok(Self { over, index: 0 })
    }

    /// The next element.
    pub(super) fn next(&mut self, run: &Run<'_>) -> Result<Option<Term>, Error> {
        run.step()?;
        let index = self.index;
        self.index += 1;
        Ok(match &self.over {
            Over::List(list) => list.get(index),
            Over::Set(members) => members.get(index).cloned(),
            Over::Terms(terms) => terms.get(index).cloned(),
            Over::Sequence(sequence) => return sequence.next(run, index),
        })
    }

    /// All remaining elements.
    pub(super) fn collect(mut self, run: &Run<'_>) -> Result<Vec<Term>, Error> {
        let mut terms = Vec::new();
        while let Some(term) = self.next(run)? {
            run.allocate(size_of::<Term>())?;
            terms.push(term);
        }
        Ok(terms)
    }
}

/// All elements of `term`.
pub(super) fn collect(run: &Run<'_>, term: &Term) -> Result<Vec<Term>, Error> {
    Iteration::new(run, term)?.collect(run)
}

/// `term` as a list with places, which is `term` itself if it is one.
pub(super) fn to_tuple(run: &Run<'_>, term: &Term) -> Result<List, Error> {
    match term {
        Term::List(list) if list.is_tuple() => Ok(list.clone()),
        _ => List::tuple(run, collect(run, term)?),
    }
}

/// The error for a sequence without elements.
pub(super) fn exhausted() -> Error {
    ErrorKind::Exhausted("The collection has no elements; give a default").into()
}
