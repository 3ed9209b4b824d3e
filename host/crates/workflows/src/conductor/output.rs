//! What a workflow gives when it has ended.

use std::sync::Arc;

use petrel_expressions::Variables;
use serde_json::{Map, Value};

use super::{Conductor, ErrorEntry, World};
use crate::status::Status;

impl Conductor {
    /// Evaluates the output of a workflow that has ended, unless there is one. So it is that of the moment
    /// when the workflow ended, though tasks may still run.
    pub(super) fn render_output(&mut self, world: &World) {
        if !self.status.is_completed() || self.output.is_some() || self.definition.output.is_empty() {
            return;
        }
        if self.table.routes.is_empty() {
            // It never began.
            return;
        }
        let definition = Arc::clone(&self.definition);
        let mut variables = self.final_variables();
        let (mut output, mut errors) = (Map::new(), Vec::new());
        for (name, statement) in &definition.output {
            match statement.evaluate(&self.bare_scope(&variables, world)) {
                Ok(value) => {
                    output.insert(name.to_string(), Value::clone(&value));
                    variables.insert(name, value);
                }
                Err(error) => errors.push(ErrorEntry::new(error.to_string())),
            }
        }
        if !output.is_empty() {
            self.output = Some(output);
        }
        if !errors.is_empty() && self.status != Status::Canceled {
            self.fail();
        }
        for error in errors {
            self.errors.add(error);
        }
    }

    /// The variables that the workflow ends with: those of its last tasks, in the order in which they were
    /// started, each putting what was published on its way over those before.
    pub(crate) fn final_variables(&self) -> Variables {
        let mut variables: Option<Variables> = None;
        for (_, entry) in self.table.terminal() {
            match &mut variables {
                None => variables = Some(entry.context.full.clone()),
                Some(variables) => variables.merge_all(&entry.context.published),
            }
        }
        variables.unwrap_or_default()
    }

    /// What is kept as the result of the workflow's execution: what it gives, and what went wrong when it
    /// has not succeeded.
    pub fn result(&self) -> Value {
        let mut result = Map::new();
        result.insert("output".into(), self.output.clone().map_or(Value::Null, Value::Object));
        if self.status.is_abended() {
            result.insert("errors".into(), self.errors().iter().map(ErrorEntry::to_value).collect());
        }
        Value::Object(result)
    }

    /// The variables that a run of a task sees, by its number; null when there is none.
    pub fn known_to(&self, number: usize) -> Value {
        self.table.entry(number).map_or(Value::Null, |entry| entry.context.full.to_value())
    }
}
