//! The scopes of expressions in a workflow.

use std::sync::Arc;

use petrel_expressions::workflow::{CurrentTask, Tasks};
use petrel_expressions::{Variables, WorkflowScope};
use serde_json::{Value, json};

use super::context::Context;
use super::state::{Place, Table};
use super::{Conductor, Records, World};
use crate::definition::Definition;
use crate::status::Status;

/// The tasks of a workflow, from the view of expressions.
#[derive(Debug)]
struct View {
    definition: Arc<Definition>,
    /// Shared with the conductor, so that a scope costs no copy of all tasks. See [`Conductor::table_mut`].
    table: Arc<Table>,
    records: Option<Arc<dyn Records>>,
    /// A task with the status that it is about to get.
    upcoming: Option<(Place, Status)>,
}

impl Tasks for View {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        let task = self.definition.find(id)?;
        if let Some((place, status)) = self.upcoming
            && place == (task, route)
        {
            return Some(status.as_str());
        }
        self.table.status(task, route).map(Status::as_str)
    }

    fn describe(&self, id: &str, route: u32) -> Result<Option<Arc<Value>>, String> {
        let number = self.definition.find(id).and_then(|task| self.table.latest((task, route)));
        let Some((number, entry)) = number.and_then(|number| Some((number, self.table.entry(number)?)))
        else {
            return Ok(None);
        };
        let records = self.records.as_ref().ok_or("the results of tasks are not available here")?;
        let result = records.result(number)?;
        let time = |micros: i64| petrel_model::Timestamp::from_micros(micros).to_string();
        Ok(Some(Arc::new(json!({
            "task_execution_id": records.task(number),
            "workflow_execution_id": records.workflow(),
            "task_name": id,
            "task_id": id,
            "route": route,
            "result": *result,
            "status": entry.status.as_str(),
            "start_timestamp": time(entry.started),
            "end_timestamp": entry.ended.map(time),
        }))))
    }
}

impl Conductor {
    /// The scope outside of tasks.
    pub(super) fn bare_scope(&self, variables: &Variables, world: &World) -> WorkflowScope {
        WorkflowScope {
            variables: variables.clone(),
            task: None,
            item: None,
            tasks: Some(self.view(world, None)),
            keys: world.keys.clone(),
            config: self.config.clone(),
            moment: world.moment,
            reevaluates: self.definition.reevaluates,
        }
    }

    /// The scope of a task with this result.
    pub(super) fn task_scope(
        &self,
        (task, route): Place,
        context: &Context,
        result: Arc<Value>,
        world: &World,
    ) -> WorkflowScope {
        let task = CurrentTask { id: self.definition.name(task), route, result };
        WorkflowScope { task: Some(task), ..self.bare_scope(&context.full, world) }
    }

    /// As [`Conductor::task_scope`], with the status that the task is about to get.
    pub(super) fn upcoming_scope(
        &self,
        place: Place,
        status: Status,
        context: &Context,
        result: Arc<Value>,
        world: &World,
    ) -> WorkflowScope {
        let scope = self.task_scope(place, context, result, world);
        WorkflowScope { tasks: Some(self.view(world, Some((place, status)))), ..scope }
    }

    fn view(&self, world: &World, upcoming: Option<(Place, Status)>) -> Arc<dyn Tasks> {
        Arc::new(View {
            definition: Arc::clone(&self.definition),
            table: Arc::clone(&self.table),
            records: world.records.clone(),
            upcoming,
        })
    }
}
