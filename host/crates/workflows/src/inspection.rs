//! What is wrong with a workflow's definition, all of it at once, before anything runs.
//!
//! The kinds, places and words are Orquesta's: [`syntax`] against the grammar (worded by [`shapes`], as Orquesta leaves it to
//! a library), [`semantics`] of tasks and how they hang together, [`expressions`] that cannot be read, [`context`] for
//! variables that are read before they are set; [`inspect`] has all of these. [`contents`] compares a workflow with the
//! actions that it calls, by what the caller knows of them. What the original passes over is found by [`slips()`].

pub mod contents;
mod context;
mod expressions;
mod finding;
mod known;
mod semantics;
mod shapes;
mod slips;
mod syntax;
mod walked;

use serde_json::Value;

use crate::definition::shape;
pub use finding::{Finding, Kind, Severity, Step};
pub use slips::slips;

/// All that the original finds wrong with `definition` by itself; `known` are the variables that it is given by its surroundings.
/// Sorted by kind and place, each thing once.
pub fn inspect(definition: &Value, known: &[&str]) -> Vec<Finding> {
    if !definition.is_object() {
        return vec![Finding::syntax("a workflow is a mapping with the key `tasks`; write one")];
    }
    let overlong = syntax::overlong(definition);
    if !overlong.is_empty() {
        // Every finding in a task repeats its name.
        return overlong;
    }
    let definition = shape::normalized(definition);
    let mut findings = syntax::inspect(&definition);
    findings.extend(semantics::inspect(&definition));
    findings.extend(expressions::inspect(&definition));
    findings.extend(context::inspect(&definition, known));
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests;
