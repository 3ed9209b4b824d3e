//! A deterministic simulation: the engine on one thread, over a store in memory that fails, by a clock that stands until
//! it is turned, with a runner whose runs end as they are told to. One seed gives a list of at most 260 steps: events,
//! rules that are made and changed, requests, cancels, pauses, reruns, the clock turned, runs that end, slow commits, a
//! full disk, a host that stops, is killed at rest or lost in the middle of a commit. In half of the seeds there are timers,
//! a sensor, rules on the ends of executions, policies and questions besides. Each seed is run twice, and all that becomes
//! visible must be the same, commit by commit.
//!
//! After each step, and at each commit within, this must hold (by these names in [`invariants`], and in messages):
//!
//! - nothing acknowledged is lost: an event, an execution, a rule (`lost` of `petrel_crash::invariants`)
//! - every status moves legally, and an execution ends once (`left_behind` there)
//! - nothing has its effect twice, or before its start was stored (`effects` there)
//! - nothing is open inside a workflow that has ended (`open_inside_ended` there), and its log agrees with what is inside
//! - nothing runs after its cancel was acknowledged
//! - no running slot leaks, and what is due runs when there is a slot
//! - enforcements agree with executions; ids are unique and in order; nothing is deleted before its time
//! - everything that can end ends, within an hour by the clock
//! - a timer fires for its times, once each; a cursor is where the events of its sensor end; an internal event is taken
//!   once; policies let no more run than they say, and what they have wait goes on; a question is answered once
//!   (`invariants::events`)
//!
//! **What makes it the same each time.** All tasks run on one thread, in tokio's order of waking. What blocks is done by
//! one other thread while no task runs ([`thread`]). Sleepers wake in the order of their due times ([`clock`]), runs end
//! one after the other ([`runner`]). Traces call executions by their numbers, since ids begin at random. A `select!` of
//! the services is `biased`, as its order is random otherwise; and no run ends in the moment in which the engine's own
//! sleep does.
//! What an evaluation does on a thread of its own would differ too; nothing here is large enough for that.
//!
//! Reading order: [`steps()`], [`world`], [`engine`] (every call of the engine), [`store`], [`ledger`], [`invariants`].
//! `simulate` (`main.rs`) runs many seeds by hand, and [`Failure`] says how to run one again.

mod clock;
mod engine;
mod hearing;
mod invariants;
mod lateness;
mod ledger;
mod pack;
mod polling;
mod rules;
mod runner;
mod shrink;
mod side;
mod slots;
mod steps;
mod store;
mod thread;
mod trace;
mod watch;
mod world;

use std::fmt;

use anyhow::Context as _;

pub use ledger::Violation;
pub use pack::Packs;
pub use steps::{Action, MOST_STEPS, Step, Which, steps};

use world::World;

/// That the same steps lead to the same, as invariants are called.
const SAME: &str = "the same seed gives the same trace";
/// That a simulation goes on, as invariants are called.
const GOES_ON: &str = "the engine comes to rest and starts again";

/// What came of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// What became visible, line by line.
    pub trace: Vec<String>,
    /// The first thing that did not hold.
    pub violation: Option<Violation>,
}

/// A seed in which something does not hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The steps that it takes.
    pub steps: Vec<Step>,
    /// What does not hold.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, steps, violation } = self;
        writeln!(f, "seed {seed}: {violation}")?;
        writeln!(f, "run it again: cargo run -p petrel-simulation -- --seeds {seed}..{} --trace", seed + 1)?;
        writeln!(f, "{} steps:", steps.len())?;
        steps.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "{number:>4} {step:?}"))
    }
}

/// Does `steps` once, and lets all come to its end.
///
/// # Errors
/// When no simulation can be made on this machine.
pub fn simulate(seed: u64, steps: &[Step], packs: &Packs) -> anyhow::Result<Ended> {
    let mut world = World::begin(seed, packs).with_context(|| format!("seed {seed} cannot begin"))?;
    let ended = go_through(&mut world, steps);
    let stuck = |error: &anyhow::Error| Violation { invariant: GOES_ON, what: format!("{error:#}") };
    let violation = world.violation().or_else(|| ended.as_ref().err().map(stuck));
    Ok(Ended { trace: world.trace(), violation })
}

fn go_through(world: &mut World, steps: &[Step]) -> anyhow::Result<()> {
    for (number, step) in steps.iter().enumerate() {
        world.step(number, step)?;
        if world.violation().is_some() {
            return Ok(());
        }
    }
    world.finish()
}

/// Does `steps` twice; says what does not hold, also when the second time is not as the first.
///
/// # Errors
/// When no simulation can be made on this machine.
pub fn violation(seed: u64, steps: &[Step], packs: &Packs) -> anyhow::Result<Option<Violation>> {
    let first = simulate(seed, steps, packs)?;
    if first.violation.is_some() {
        return Ok(first.violation);
    }
    let second = simulate(seed, steps, packs)?;
    let differs = |what| Violation { invariant: SAME, what };
    Ok(trace::difference(&first.trace, &second.trace).map(differs).or(second.violation))
}

/// Does the first `most` steps of a seed twice; says what does not hold.
///
/// # Errors
/// When no simulation can be made on this machine.
pub fn check(seed: u64, most: usize, packs: &Packs) -> anyhow::Result<Option<Failure>> {
    let steps = steps(seed, most);
    let violation = violation(seed, &steps, packs)?;
    Ok(violation.map(|violation| Failure { seed, steps, violation }))
}

impl Failure {
    /// The same failure by as few steps as can be found: the same invariant is violated.
    ///
    /// # Errors
    /// When no simulation can be made on this machine.
    pub fn shrunk(&self, packs: &Packs) -> anyhow::Result<Self> {
        let mut last = self.violation.clone();
        let steps = shrink::shrunk(&self.steps, |steps| {
            let found = violation(self.seed, steps, packs)?;
            let same = found.filter(|violation| violation.invariant == self.violation.invariant);
            let fails = same.is_some();
            same.into_iter().for_each(|same| last = same);
            Ok(fails)
        })?;
        Ok(Self { seed: self.seed, steps, violation: last })
    }
}
