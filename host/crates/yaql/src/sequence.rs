//! Sequences that give each element once, when it is asked for, and the reading of whatever can be iterated.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use super::error::{Error, ErrorKind};
use super::limits::Run;
use super::term::{Keys, List, Term, above};

/// Gives the next element. It keeps nothing of the run, since it outlives the call that made it.
type Source = Box<dyn FnMut(&Run<'_>) -> Result<Option<Term>, Error>>;

/// A sequence; copies share what is left of it.
#[derive(Clone)]
pub(super) struct Sequence {
    state: Rc<RefCell<State>>,
    height: u32,
}

enum State {
    /// Each element once.
    Once(Source),
    /// It has come to its end.
    Spent,
    /// Elements are kept, so that every reader sees all of them.
    Kept { source: Iteration, read: Vec<Term> },
}

impl fmt::Debug for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<sequence>")
    }
}

impl Sequence {
    /// A sequence over what nests `inner` levels deep.
    pub(super) fn new(
        inner: u32,
        source: impl FnMut(&Run<'_>) -> Result<Option<Term>, Error> + 'static,
    ) -> Result<Self, Error> {
        let state = Rc::new(RefCell::new(State::Once(Box::new(source))));
        Ok(Self { state, height: above(inner)? })
    }

    /// A sequence that keeps what it has read of `source`.
    pub(super) fn kept(source: Iteration, inner: u32) -> Result<Self, Error> {
        let state = State::Kept { source, read: Vec::new() };
        Ok(Self { state: Rc::new(RefCell::new(state)), height: above(inner)? })
    }

    pub(super) fn height(&self) -> u32 {
        self.height
    }

    /// Where it is, which is all that tells it from others.
    pub(super) fn address(&self) -> usize {
        Rc::as_ptr(&self.state).cast::<()>() as usize
    }

    fn next(&self, run: &Run<'_>, index: usize) -> Result<Option<Term>, Error> {
        let _level = run.enter()?;
        let busy = |_borrowed| Error::value("generator already executing");
        let mut state = self.state.try_borrow_mut().map_err(busy)?;
        match &mut *state {
            State::Spent => Ok(None),
            State::Once(source) => {
                let next = source(run)?;
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

/// One reading of something.
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
    /// Begins to read `term`.
    ///
    /// # Errors
    /// When it cannot be iterated. What is sorted first may fail as well.
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
            // Where Python iterates without asking what it is given.
            Term::Dict(dict) => {
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

    /// All that is left.
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

/// `term` as a list that can be indexed, itself if it is one.
pub(super) fn to_tuple(run: &Run<'_>, term: &Term) -> Result<List, Error> {
    match term {
        Term::List(list) if list.is_tuple() => Ok(list.clone()),
        _ => List::tuple(run, collect(run, term)?),
    }
}

/// The error about a sequence without elements.
pub(super) fn exhausted() -> Error {
    ErrorKind::Exhausted("The collection has no elements; give a default").into()
}
