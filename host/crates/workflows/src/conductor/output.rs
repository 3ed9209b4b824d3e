//! What a workflow gives when it has ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use petrel_expressions::Variables;
use serde_json::{Map, Value};

use super::{Conductor, ErrorEntry, World};
use crate::status::Status;

/// What is said of a task that failed otherwise than by its action's failing: of the action's end the
/// conductor keeps no more than that.
const UNLOGGED: &str = "The task timed out or was abandoned. Its execution says which.";

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
        let terminal = self.table.terminal().map(|(_, entry)| &entry.context);
        let mut variables = self.dictionaries.together(terminal);
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
        self.dictionaries.clone().together(self.table.terminal().map(|(_, entry)| &entry.context))
    }

    /// What is kept as the result of the workflow's execution: what it gives, and what went wrong when it
    /// has not succeeded.
    pub fn result(&self) -> Value {
        let mut result = Map::new();
        result.insert("output".into(), self.output.clone().map_or(Value::Null, Value::Object));
        if self.status.is_abended() {
            let logged = self.errors().iter().map(ErrorEntry::to_value);
            result.insert("errors".into(), logged.chain(self.unlogged().map(|e| e.to_value())).collect());
        }
        Value::Object(result)
    }

    /// An error for each task that let the workflow fail and of which the log of errors says nothing, as
    /// Orquesta's knows only actions that failed and not those that timed out or were abandoned.
    fn unlogged(&self) -> impl Iterator<Item = ErrorEntry> + '_ {
        let abended = self.table.terminal().filter(|(_, entry)| entry.status.is_abended());
        let logged: BTreeSet<_> = self.errors().iter().filter_map(|error| error.task_id.clone()).collect();
        abended.filter_map(move |(_, entry)| {
            let name = self.definition.name(entry.task);
            (!logged.contains(&name))
                .then(|| ErrorEntry { task_id: Some(name), ..ErrorEntry::new(UNLOGGED.to_owned()) })
        })
    }

    /// The variables that a run of a task sees, by its number; null when there is none.
    pub fn known_to(&self, number: usize) -> Value {
        self.table.entry(number).map_or(Value::Null, |entry| entry.context.full.to_value())
    }
}
