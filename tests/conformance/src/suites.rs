//! The suites: how the input of a case becomes an answer. The format of cases is described beside them.

mod case;
mod criteria;
mod cron;
mod jinja;
pub mod orquesta;
mod params;
mod positional;
mod rules;
mod yaql;

use serde_json::Value;

use crate::answer::Answer;
use crate::compare;
pub use case::Mode;

/// A kind of case.
#[derive(Debug, Clone, Copy)]
pub struct Suite {
    /// Its name on the command line.
    pub name: &'static str,
    /// What our code says to a case.
    pub answer: fn(&Value, Mode) -> Answer,
    /// Whether that is what was recorded.
    pub agrees: fn(&Value, &Answer) -> bool,
}

/// All of them.
pub const SUITES: [Suite; 8] = [
    Suite { name: "criteria", answer: |case, _| criteria::answer(case), agrees: compare::agrees },
    Suite { name: "cron", answer: |case, _| cron::answer(case), agrees: cron::agrees },
    Suite { name: "jinja", answer: jinja::answer, agrees: compare::agrees },
    Suite { name: "rules", answer: |case, _| rules::answer(case), agrees: rules::agrees },
    Suite { name: "params", answer: |case, _| params::answer(case), agrees: compare::agrees },
    Suite { name: "positional", answer: |case, _| positional::answer(case), agrees: positional::agrees },
    Suite { name: "yaql", answer: yaql::answer, agrees: compare::agrees },
    Suite { name: "orquesta", answer: orquesta::answer, agrees: orquesta::agrees },
];
