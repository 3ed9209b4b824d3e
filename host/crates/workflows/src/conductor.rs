//! The conductor: a state machine that takes an event and returns the tasks to start.
//!
//! It is pure. The state of a workflow follows from its events alone: the same events give the same state, on any host
//! and at any time. Time, randomness and the datastore come in with each event, as a [`World`].
//!
//! A step costs the same in a large workflow as in a small one: [`state`] maintains sums, contexts share their common
//! parts, and no step searches all tasks.
//!
//! The rules are Orquesta's. They are in [`progress`] and [`items`] (a task changes), [`transitions`] (a task has ended),
//! [`starting`] (tasks are ready), [`requests`] (pause, resume, cancel), [`resuming`] (what rested goes on), [`rerun`] and
//! [`output`].

mod change;
mod context;
mod edition;
mod event;
mod items;
mod log;
mod output;
mod progress;
mod refused;
mod requests;
mod rerun;
mod resuming;
mod scope;
mod seconds;
mod staging;
mod starting;
mod state;
mod transitions;
mod world;

use std::sync::Arc;

use petrel_expressions::{Statement, Variables};
use petrel_model::{WorkflowLimits, size};
use serde_json::{Map, Value};

pub use edition::EDITION;
pub use event::{Action, Event, Report, Rerun, Start};
pub use log::ErrorEntry;
pub use refused::Refused;
pub use world::{Records, Secrets, World};

use crate::definition::Definition;
use crate::status::Status;
use change::Change;
use context::{Context, Dictionaries};
use edition::Rules;
use log::Errors;
use staging::{Staged, Staging};
use state::Table;

/// The variable that holds the configuration of the workflow's pack.
pub const CONFIG: &str = "config_context";

/// A running workflow.
#[derive(Debug, Clone)]
pub struct Conductor {
    definition: Arc<Definition>,
    status: Status,
    table: Arc<Table>,
    staging: Staging,
    dictionaries: Dictionaries,
    rules: Rules,
    errors: Errors,
    output: Option<Map<String, Value>>,
    timeout: Option<i64>,
    limits: WorkflowLimits,
    /// The value of `config_context` in expressions, if there is one.
    config: Option<Arc<Value>>,
    /// Bytes of the input, of item results, of failed results and of published variables. It never decreases, since the
    /// table of tasks keeps the context that each run saw.
    known_bytes: usize,
}

/// Approximate memory of one run of a task, in bytes.
const TASK_BYTES: usize = 512;

impl Conductor {
    /// Creates a workflow with `input`, in the context `parent`. If its inputs or variables cannot be evaluated, it has
    /// already failed; otherwise nothing has happened yet.
    pub fn new(
        definition: Arc<Definition>,
        input: &Map<String, Value>,
        parent: &Map<String, Value>,
        world: &World,
    ) -> Self {
        let mut conductor = Self {
            definition,
            status: Status::Unset,
            table: Arc::default(),
            staging: Staging::default(),
            dictionaries: Dictionaries::default(),
            rules: Rules::CURRENT,
            errors: Errors::default(),
            output: None,
            timeout: None,
            limits: WorkflowLimits::NONE,
            config: parent.get(CONFIG).cloned().map(Arc::new),
            known_bytes: input.values().chain(parent.values()).map(size::of_value).sum(),
        };
        match conductor.initial(input, parent, world) {
            Ok((variables, timeout)) => {
                conductor.timeout = timeout;
                conductor.dictionaries = Dictionaries::new(variables.clone());
                conductor.stage_starts(&Context::initial(variables));
            }
            Err(errors) => {
                for error in errors {
                    conductor.errors.add(error);
                }
                conductor.status = Status::Failed;
            }
        }
        conductor
    }

    /// Sets its limits.
    #[must_use]
    pub fn with_limits(self, limits: WorkflowLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the edition of the rules: the one that was current when the workflow began.
    #[must_use]
    pub fn with_edition(mut self, edition: u32) -> Self {
        self.rules = Rules::of(edition);
        if !self.rules.shares_dictionaries() {
            self.dictionaries.keep_apart();
        }
        self
    }

    fn stage_starts(&mut self, context: &Context) {
        self.table_mut().routes.push(Vec::new());
        let definition = Arc::clone(&self.definition);
        for start in definition.starts() {
            self.staging.add(Staged::new((*start, 0), context.clone(), Vec::new(), true));
        }
    }

    /// The initial variables: those of the parent, the inputs, and its own, each of which sees those before it. With
    /// the timeout in seconds.
    fn initial(
        &self,
        input: &Map<String, Value>,
        parent: &Map<String, Value>,
        world: &World,
    ) -> Result<(Variables, Option<i64>), Vec<ErrorEntry>> {
        let mut errors = Vec::new();
        let mut parent = parent.clone();
        // The configuration has a name of its own in expressions, and is not among the variables of `ctx()`.
        parent.shift_remove(CONFIG);
        let mut initial = Variables::from(parent);
        let mut rolling = initial.clone();
        for (name, default) in &self.definition.inputs {
            let scope = self.bare_scope(&rolling, world);
            let value = match input.get(&**name) {
                // The caller has rendered the input, so it is data.
                Some(given) if !self.definition.reevaluates => Ok(Arc::new(given.clone())),
                Some(given) => Statement::compile(given.clone()).evaluate(&scope),
                None => default.evaluate(&scope),
            };
            match value {
                Ok(value) => rolling.insert(name, value),
                Err(error) => errors.push(ErrorEntry::of_expression(error.to_string(), &scope)),
            }
        }
        initial.merge_all(&rolling);
        let mut rolling = initial.clone();
        let mut own = Variables::new();
        for (name, statement) in &self.definition.vars {
            let scope = self.bare_scope(&rolling, world);
            match statement.evaluate(&scope) {
                Ok(value) => {
                    rolling.insert(name, Arc::clone(&value));
                    own.insert(name, value);
                }
                Err(error) => errors.push(ErrorEntry::of_expression(error.to_string(), &scope)),
            }
        }
        initial.merge_all(&own);
        let timeout = self.definition.timeout.as_ref();
        match seconds::given("timeout", None, timeout, 0, &self.bare_scope(&initial, world)) {
            Ok(timeout) if errors.is_empty() => Ok((initial, timeout)),
            Ok(_) => Err(errors),
            Err(reason) => {
                errors.push(ErrorEntry::new(reason));
                Err(errors)
            }
        }
    }

    /// Whether results of expressions are evaluated again, as in StackStorm.
    pub fn reevaluates(&self) -> bool {
        self.definition.reevaluates
    }

    /// Applies an event, and returns the tasks that start because of it, in order.
    ///
    /// # Errors
    /// If the status of the workflow does not allow the request. Nothing has changed then.
    pub fn apply(&mut self, event: &Event, world: &World) -> Result<Vec<Start>, Refused> {
        match event {
            Event::Request(status) => {
                let goes_on = matches!(status, Status::Running | Status::Resuming);
                let from = self.status;
                let result = self.request(*status, world);
                if result.is_ok() && goes_on {
                    self.go_on(from, *status, world);
                }
                self.render_output(world);
                result?;
                Ok(if goes_on { self.start_ready(world) } else { Vec::new() })
            }
            Event::Report(report) => Ok(self.report(report, world)),
            Event::Rerun(rerun) => {
                self.rerun(rerun)?;
                Ok(self.start_ready(world))
            }
            Event::Fail(error) => {
                self.errors.add(error.clone());
                self.fail();
                self.render_output(world);
                Ok(Vec::new())
            }
        }
    }

    /// Applies the report of an action.
    fn report(&mut self, report: &Report, world: &World) -> Vec<Start> {
        let Some(task) = self.definition.find(&report.task) else { return Vec::new() };
        let place = (task, report.route);
        if self.is_left_behind(place, report) || self.starts_late(place, report) {
            return Vec::new();
        }
        if self.goes_on_by(place, report) {
            // A task that continues also resumes the workflow. Its status may not allow that, which is no error.
            drop(self.request(Status::Running, world));
            if report.status != Status::Running {
                let goes_on = match report.item {
                    Some(item) => Change::Item { item, status: Status::Running, result: None },
                    None => Change::Action { status: Status::Running, result: None },
                };
                drop(self.change(place, &goes_on, world));
            }
        }
        let result = &report.result;
        let change = match report.item {
            Some(item) => Change::Item { item, status: report.status, result: Some(result) },
            None => Change::Action { status: report.status, result: Some(result) },
        };
        self.change_or_fail(place, &change, world);
        self.rest_after(report.status);
        self.render_output(world);
        // An item that rests while others have failed ends its task, as in Orquesta, and is left behind.
        let ends_task = self.rules.counts_resumed()
            && report.status.is_resting()
            && self.table.latest_entry(place).is_some_and(|entry| entry.status.is_completed());
        if report.status.is_completed() || ends_task { self.start_ready(world) } else { Vec::new() }
    }

    /// Applies a change of a task. If that fails, the task fails as far as it can, and so does the workflow.
    fn change_or_fail(&mut self, place: state::Place, change: &Change<'_>, world: &World) {
        let Err(message) = self.change(place, change, world) else { return };
        let failed = Change::Action { status: Status::Failed, result: None };
        drop(self.change(place, &failed, world));
        self.fail();
        let (task_id, route) = (Some(self.definition.name(place.0)), Some(place.1));
        self.errors.add(ErrorEntry { message, task_id, route, ..ErrorEntry::default() });
    }

    /// Makes the workflow fail, unless its status does not allow it.
    fn fail(&mut self) {
        let (is_active, is_over) = (self.is_active(), false);
        if let Some(status) =
            crate::machine::workflow_after_request(self.status, Status::Failed, is_active, is_over)
        {
            self.status = status;
        }
    }

    /// The definition of the workflow.
    pub fn definition(&self) -> &Arc<Definition> {
        &self.definition
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Its timeout in seconds, from the start.
    pub fn timeout(&self) -> Option<i64> {
        self.timeout
    }

    /// Approximate memory of its tasks and variables, in bytes.
    pub fn bytes(&self) -> usize {
        self.known_bytes + self.dictionaries.bytes() + self.table.entries().len() * TASK_BYTES
    }

    /// Its errors, in order.
    pub fn errors(&self) -> &[ErrorEntry] {
        self.errors.entries()
    }

    /// Its output, once it has ended. `None` if the output is empty.
    pub fn output(&self) -> Option<&Map<String, Value>> {
        self.output.as_ref()
    }

    /// The status of a run of a task, by its number.
    pub fn task_status(&self, number: usize) -> Option<Status> {
        Some(self.table.entry(number)?.status)
    }

    /// The number of the latest run of a task on a route.
    pub fn number(&self, task: &str, route: u32) -> Option<usize> {
        self.table.latest((self.definition.find(task)?, route))
    }

    /// Whether any task is active.
    pub fn is_active(&self) -> bool {
        self.table.has(Status::is_active)
    }

    /// Mutable access to the table of tasks. No scope may share it at that moment, or the whole table is copied.
    fn table_mut(&mut self) -> &mut Table {
        debug_assert_eq!(Arc::strong_count(&self.table), 1, "a scope still holds the table of tasks");
        Arc::make_mut(&mut self.table)
    }
}
