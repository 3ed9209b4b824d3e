//! Rules: a rule and what happened in, a reasoned verdict out; and the parameters of what is to run.
//!
//! Reading order: [`criteria`] says what one operator means and [`pattern`] what it compares with;
//! [`compiled`] is a rule made ready, [`occurrence`] what happened; [`verdict`] evaluates one rule, [`index`]
//! finds the rules worth evaluating, and [`enforce`](mod@enforce) puts them together. [`parameters`] renders and casts the
//! parameters of actions, for rules and for executions alike; [`reads`] says what of a payload all of them look at. [`check`](mod@check) and [`warnings`](mod@warnings) are for the people who
//! write rules.
//!
//! Pure: the time and the datastore come in as data. Who loads rules and acts on matches is
//! `petrel_engine`.

pub mod check;
pub mod compiled;
pub mod criteria;
pub mod enforce;
pub mod index;
pub mod occurrence;
pub mod parameters;
pub mod pattern;
pub mod reads;
pub mod verdict;
pub mod warnings;

pub use check::{Problem, check};
pub use compiled::CompiledRule;
pub use enforce::{Enforced, What, enforce, enforce_candidates};
pub use index::RuleIndex;
pub use occurrence::Occurrence;
pub use reads::Reads;
pub use verdict::{Outcome, Verdict, evaluate};
pub use warnings::warnings;
