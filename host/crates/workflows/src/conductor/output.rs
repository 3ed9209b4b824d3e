//! The output and the result of a workflow that has ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_expressions::Variables;
use serde_json::{Map, Value};

use super::{Conductor, ErrorEntry, World};
use crate::status::Status;

/// The error for a task that has failed although its action did not. The conductor does not keep why.
const UNLOGGED: &str = "The task timed out or was abandoned. Its execution says which.";

impl Conductor {
    /// Evaluates the output of a workflow that has ended, once. So it shows the moment when the workflow ended, even
    /// if some tasks still run.
    pub(super) fn render_output(&mut self, world: &World) {
        if !self.status.is_completed() || self.output.is_some() || self.definition.output.is_empty() {
            return;
        }
        if self.table.routes.is_empty() {
            // The inputs or variables could not be evaluated, so the workflow never began.
            return;
        }
        let definition = Arc::clone(&self.definition);
        let terminal = self.table.terminal().map(|(_, entry)| &entry.context);
        let mut variables = self.dictionaries.merge_all(terminal);
        let (mut output, mut errors) = (Map::new(), Vec::new());
        for (name, statement) in &definition.output {
            let scope = self.bare_scope(&variables, world);
            match statement.evaluate(&scope) {
                Ok(value) => {
                    output.insert(name.to_string(), Value::clone(&value));
                    variables.insert(name, value);
                }
                Err(error) => errors.push(ErrorEntry::of_expression(error.to_string(), &scope)),
            }
        }
        if !output.is_empty() {
            self.output = Some(output);
        }
        // A canceled workflow stays canceled, whatever its output gives.
        if !errors.is_empty() && self.status != Status::Canceled {
            self.fail();
        }
        for error in errors {
            self.errors.add(error);
        }
    }

    /// The final variables: the contexts of the last tasks, in the order of their starts, each with its published
    /// variables over those before.
    pub(crate) fn final_variables(&self) -> Variables {
        self.dictionaries.clone().merge_all(self.table.terminal().map(|(_, entry)| &entry.context))
    }

    /// The result of the workflow's execution: its output, and its errors unless it has succeeded.
    pub fn result(&self) -> Value {
        let mut result = Map::new();
        result.insert("output".into(), self.output.clone().map_or(Value::Null, Value::Object));
        if self.status.is_abended() {
            let logged = self.errors().iter().map(ErrorEntry::to_value);
            result.insert("errors".into(), logged.chain(self.unlogged().map(|e| e.to_value())).collect());
        }
        Value::Object(result)
    }

    /// An error for each task that made the workflow fail without an entry in the log of errors. Orquesta's log only
    /// has actions that failed, not those that timed out or were abandoned.
    fn unlogged(&self) -> impl Iterator<Item = ErrorEntry> + '_ {
        let abended = self.table.terminal().filter(|(_, entry)| entry.status.is_abended());
        let logged: BTreeSet<_> = self.errors().iter().filter_map(|error| error.task_id.clone()).collect();
        abended.filter_map(move |(_, entry)| {
            let name = self.definition.name(entry.task);
            (!logged.contains(&name))
                .then(|| ErrorEntry { task_id: Some(name), ..ErrorEntry::new(UNLOGGED.to_owned()) })
        })
    }

    /// The variables that a run of a task sees, by its number. Null if there is no such run.
    pub fn known_to(&self, number: usize) -> Value {
        self.table.entry(number).map_or(Value::Null, |entry| entry.context.full.to_value())
    }
}
