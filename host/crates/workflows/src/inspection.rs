//! Inspection: all problems of a workflow's definition at once, before anything runs.
//!
//! Kinds, places and words of the findings are Orquesta's: [`syntax`] checks the schema (worded by [`shapes`], where
//! Orquesta shows the messages of a library), [`semantics`] the graph of tasks, [`expressions`] their syntax, and
//! [`context`] variables that are read before they are set. [`inspect`] does all of these, and [`near`] adds remedies.
//! [`contents`] compares a workflow with the actions that it calls, and [`slips()`] finds mistakes that Orquesta ignores.

mod calls;
mod certain;
mod config;
pub mod contents;
mod context;
mod expressions;
mod finding;
mod items;
mod known;
mod literals;
mod near;
mod numbers;
mod questions;
mod semantics;
mod shapes;
mod slips;
mod syntax;
mod values;
mod walked;

use serde_json::Value;

use crate::definition::shape;
pub use calls::absent_keys;
pub use config::strange_config;
pub use finding::{Finding, Kind, Severity, Step, Unknown};
pub use questions::{Mistake, questions};
pub use slips::slips;

/// All problems that Orquesta finds in `definition` alone. `known` are the variables that its surroundings provide.
/// Sorted by kind and place, without duplicates.
pub fn inspect(definition: &Value, known: &[&str]) -> Vec<Finding> {
    if !definition.is_object() {
        return vec![Finding::syntax("a workflow is a mapping with the key `tasks`; write one")];
    }
    let overlong = syntax::overlong(definition);
    if !overlong.is_empty() {
        // Each finding in a task repeats the task's name, so very long names would multiply.
        return overlong;
    }
    let definition = shape::normalized(definition);
    let mut findings = syntax::inspect(&definition);
    findings.extend(semantics::inspect(&definition));
    findings.extend(expressions::inspect(&definition));
    findings.extend(context::inspect(&definition, known));
    findings.sort();
    findings.dedup();
    // Without duplicates, since only the first findings get a remedy.
    near::add(&definition, known, &mut findings);
    findings
}

#[cfg(test)]
mod tests;
