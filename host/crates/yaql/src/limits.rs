//! The limits of one evaluation, each with an error that names it. All costs are charged to the meter of
//! [`petrel_python::work`] too, which several expressions share.

use std::cell::Cell;

use petrel_python::work;
use petrel_scope::WorkflowScope;

use super::error::{Error, ErrorKind};

/// The number of evaluated nodes and elements: some tenths of a second of work.
pub const STEPS: u64 = 1_000_000;

/// The bytes of text and lists that one evaluation may build in all.
pub const MEMORY: usize = 64 * 1024 * 1024;

/// The depth of calls, lambdas and sequences within each other.
pub const DEPTH: u32 = 160;

/// The depth of brackets and operators in an expression, and of the values that it builds.
pub const NESTING: u32 = 100;

/// The greatest length of an expression, in bytes.
pub const LENGTH: usize = 64 * 1024;

/// The units of [`work`] of a step.
const STEP: u64 = 200;

/// The state of one evaluation: its scope and its consumption.
#[derive(Debug)]
pub(super) struct Run<'a> {
    pub(super) scope: Option<&'a WorkflowScope>,
    steps: Cell<u64>,
    memory: Cell<usize>,
    depth: Cell<u32>,
    random: Cell<u64>,
    /// Whether `def` was called. Otherwise no name needs to be looked up among definitions.
    pub(super) has_definitions: Cell<bool>,
}

impl<'a> Run<'a> {
    pub(super) fn new(scope: Option<&'a WorkflowScope>) -> Self {
        Self {
            scope,
            steps: Cell::new(0),
            memory: Cell::new(0),
            depth: Cell::new(0),
            random: Cell::new(scope.map_or(0, |scope| scope.moment.seed)),
            has_definitions: Cell::new(false),
        }
    }

    /// Counts one step.
    pub(super) fn step(&self) -> Result<(), Error> {
        self.steps(1)
    }

    /// Counts several steps.
    pub(super) fn steps(&self, count: u64) -> Result<(), Error> {
        let steps = self.steps.get().saturating_add(count);
        self.steps.set(steps);
        work::charge(count.saturating_mul(STEP))?;
        if steps > STEPS { Err(ErrorKind::TooManySteps.into()) } else { Ok(()) }
    }

    /// Counts bytes that are about to be built.
    pub(super) fn allocate(&self, bytes: usize) -> Result<(), Error> {
        let memory = self.memory.get().saturating_add(bytes);
        self.memory.set(memory);
        work::make(bytes)?;
        if memory > MEMORY { Err(ErrorKind::TooMuchMemory.into()) } else { Ok(()) }
    }

    /// Enters a level of depth, until the returned guard is dropped, and counts a step.
    pub(super) fn enter(&self) -> Result<Level<'_>, Error> {
        self.step()?;
        let depth = self.depth.get() + 1;
        if depth > DEPTH {
            return Err(ErrorKind::TooManyCalls.into());
        }
        self.depth.set(depth);
        Ok(Level(&self.depth))
    }

    /// The next random number (`SplitMix64`), from the seed of the moment.
    pub(super) fn random(&self) -> u64 {
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A level of depth, which ends when the guard is dropped.
#[derive(Debug)]
pub(super) struct Level<'a>(&'a Cell<u32>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}
