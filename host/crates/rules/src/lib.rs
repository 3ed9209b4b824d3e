//! Rules: from a rule and an event to a verdict with reasons; and the parameters of the action to run.
//!
//! Reading order: [`criteria`] has the operators and [`pattern`] their patterns. [`compiled`] is a compiled rule,
//! [`occurrence`] an event. [`verdict`] evaluates one rule, [`index`] finds the rules worth evaluating, and
//! [`enforce`](mod@enforce) combines both. [`grouping`] and [`correlation`] are for rules that look at several events. [`parameters`] renders and casts the parameters of actions, for rules and
//! for executions alike; [`reads`] determines the parts of a payload that all of these look at. [`check`](mod@check)
//! and [`warnings`](mod@warnings) help people who write rules. [`timers`] has the times at which timers are due.
//!
//! Pure: time and datastore are passed in as data. `petrel_catalog` loads rules, and `petrel_triggers` acts on matches.

pub mod breaker;
pub mod check;
pub mod compiled;
pub mod correlation;
pub mod criteria;
pub mod enforce;
pub mod grouping;
pub mod index;
pub mod occurrence;
pub mod parameters;
pub mod pattern;
pub mod reads;
pub mod timers;
pub mod verdict;
pub mod warnings;

pub use check::{Problem, check};
pub use compiled::CompiledRule;
pub use enforce::{Decision, Enforced, enforce, enforce_candidates};
pub use index::RuleIndex;
pub use occurrence::Occurrence;
pub use reads::Reads;
pub use verdict::{Outcome, Verdict, evaluate, evaluate_all};
pub use warnings::{field_warnings, firing_warnings, key_warnings, pack_key_warnings, warnings};
