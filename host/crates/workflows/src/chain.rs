//! Action chains: one action after the other, the next one chosen by the status of the last. They are the older of
//! StackStorm's two workflow languages; their templates are Jinja only, and see results under the names of the tasks.
//!
//! [`ChainDefinition`] is the source, [`Chain`] the running chain. It takes the same events and returns the same starts
//! as the [`crate::conductor`] of Orquesta.

mod definition;
mod keys;
mod rendering;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{Notify, WorkflowLimits, size};
use serde_json::{Map, Value, json};

pub use definition::{ChainDefinition, Invalid, Node};

use crate::conductor::{Action, ErrorEntry, Event, Refused, Report, Start, World};
use crate::machine;
use crate::status::Status;
use rendering::{Scopes, rendered};

/// Approximate memory of one run of a task, in bytes.
const TASK_BYTES: usize = 512;

/// The input of a chain.
#[derive(Debug, Clone, Default)]
pub struct ChainInput {
    /// The parameters of its action.
    pub input: Arc<Map<String, Value>>,
    /// The value of `action_context` in templates.
    pub action_context: Arc<Value>,
    /// The value of `config_context` in templates.
    pub config: Arc<Value>,
    /// Whether the result includes published variables.
    pub shows_published: bool,
}

/// A running chain.
#[derive(Debug, Clone)]
pub struct Chain {
    definition: Arc<ChainDefinition>,
    given: ChainInput,
    status: Status,
    variables: Map<String, Value>,
    published: Map<String, Value>,
    results: Map<String, Value>,
    tasks: Vec<Value>,
    /// The node whose action runs, and its start in microseconds since 1970.
    running: Option<(usize, i64)>,
    /// Whether that action waits for the answer of a person.
    asks: bool,
    /// Whether the chain has rested on that node: while a question was open, or the workflow of the node was paused.
    has_rested: bool,
    /// The next node, while the chain is paused.
    next: Option<usize>,
    /// The final status of the last node.
    last: Status,
    error: Option<String>,
    started: usize,
    numbers: BTreeMap<Arc<str>, usize>,
    /// Largest number of tasks that the chain may start.
    most: usize,
    /// Bytes taken by the results of its nodes.
    known_bytes: usize,
    /// Largest number of these bytes.
    most_bytes: usize,
}

impl Chain {
    /// Creates a chain. If its variables cannot be rendered, it has already failed.
    pub fn new(definition: &Arc<ChainDefinition>, given: ChainInput, world: &World) -> Self {
        let mut chain = Self {
            definition: Arc::clone(definition),
            given,
            status: Status::Unset,
            variables: Map::new(),
            published: Map::new(),
            results: Map::new(),
            tasks: Vec::new(),
            running: None,
            asks: false,
            has_rested: false,
            next: Some(definition.first()),
            last: Status::Succeeded,
            error: None,
            started: 0,
            numbers: BTreeMap::new(),
            most: WorkflowLimits::NONE.tasks,
            known_bytes: 0,
            most_bytes: WorkflowLimits::NONE.variables,
        };
        let scope = chain.scopes(None).of_variables();
        match rendered(&definition.vars, &scope, world) {
            Ok(variables) => chain.variables = variables,
            Err(reason) => {
                chain.error = Some(format!("Failed initializing ``vars`` in chain. {reason}"));
                chain.status = Status::Failed;
            }
        }
        chain
    }

    /// Whether rendered values are rendered again, as in StackStorm.
    pub fn reevaluates(&self) -> bool {
        self.definition.reevaluates
    }

    /// Sets limits. Those of items and of concurrent tasks have no meaning here, since a chain does one task at a time.
    #[must_use]
    pub fn with_limits(self, limits: WorkflowLimits) -> Self {
        Self { most: limits.tasks, most_bytes: limits.variables, ..self }
    }

    /// Applies an event, and returns the tasks that start because of it.
    ///
    /// # Errors
    /// If the status of the chain does not allow the request. Nothing has changed then.
    pub fn apply(&mut self, event: &Event, world: &World) -> Result<Vec<Start>, Refused> {
        match event {
            Event::Request(status) => self.request(*status, world),
            Event::Report(report) => Ok(self.report(report, world)),
            // As in StackStorm, where single tasks are run again of Orquesta's workflows only.
            Event::Rerun(_) => Err(Refused::NotRun("an action chain is only run again as a whole".into())),
            Event::Fail(ErrorEntry { message, .. }) => {
                self.error = Some(message.clone());
                self.status = Status::Failed;
                Ok(Vec::new())
            }
        }
    }

    fn request(&mut self, requested: Status, world: &World) -> Result<Vec<Start>, Refused> {
        let (from, rests) = (self.status, self.status == Status::Paused);
        let ends = matches!(requested, Status::Canceling | Status::Canceled);
        // A paused node does not keep the chain from ending.
        let is_active = self.running.is_some() && !(rests && ends);
        let is_over = !is_active && self.next.is_none();
        let after = machine::workflow_after_request(from, requested, is_active, is_over);
        let Some(after) = after else {
            return if requested == from {
                Ok(Vec::new())
            } else {
                Err(Refused::Status { from, to: requested })
            };
        };
        self.status = after;
        if !matches!(after, Status::Running | Status::Resuming) {
            // A chain that ends while it was pausing has the status of its last node.
            if after == Status::Succeeded && self.last.is_abended() {
                self.status = Status::Failed;
            }
            return Ok(Vec::new());
        }
        if is_active { Ok(Vec::new()) } else { Ok(self.start_next(world)) }
    }

    fn report(&mut self, report: &Report, world: &World) -> Vec<Start> {
        let Some((number, since)) = self.running else { return Vec::new() };
        let definition = Arc::clone(&self.definition);
        let Some(node) = definition.nodes.get(number).filter(|node| node.name == report.task) else {
            return Vec::new();
        };
        match report.status {
            status if status.is_completed() => self.ended(node, since, report, world),
            Status::Paused | Status::Pending => {
                self.asks = report.status == Status::Pending;
                self.has_rested = true;
                self.status = Status::Paused;
                Vec::new()
            }
            Status::Running if self.status == Status::Paused => {
                self.status = Status::Running;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Ends a node: stores its result, publishes its variables, and determines the next node.
    fn ended(&mut self, node: &Node, since: i64, report: &Report, world: &World) -> Vec<Start> {
        self.running = None;
        let is_answer = std::mem::take(&mut self.asks) && report.status == Status::Succeeded;
        let has_rested = std::mem::take(&mut self.has_rested);
        let seen = if has_rested { seen_after_rest(&report.result) } else { Value::clone(&report.result) };
        // The list of tasks shows the result, too.
        self.known_bytes += size::of_value(&seen) + size::of_value(&report.result);
        self.results.insert(node.name.to_string(), seen);
        let scope = self.scopes(Some((node, &report.result))).of_publish();
        let published = rendered(&node.publish, &scope, world);
        let time = |micros: i64| petrel_model::Timestamp::from_micros(micros).to_string();
        // StackStorm's form of a task, whose live action is the execution itself here.
        self.tasks.push(json!({
            "id": &*node.name,
            "name": &*node.name,
            "execution_id": report.execution,
            "liveaction_id": report.execution,
            "workflow": null,
            "created_at": time(since),
            "updated_at": time(world.moment.micros),
            "state": report.status.as_str(),
            "result": *report.result,
        }));
        self.last = report.status;
        self.next = match report.status {
            Status::Canceled => None,
            status if status.is_abended() => self.definition.find(&node.on_failure),
            _ => self.definition.find(&node.on_success),
        };
        match published {
            Ok(published) => {
                self.published.extend(published.clone());
                self.variables.extend(published);
            }
            Err(reason) => {
                let name = &node.name;
                self.error = Some(format!("Failed running task \"{name}\". {reason}"));
                (self.last, self.next) = (Status::Failed, self.definition.find(&node.on_failure));
            }
        }
        match self.status {
            _ if report.status == Status::Canceled => self.status = Status::Canceled,
            Status::Canceling => self.status = Status::Canceled,
            Status::Pausing => self.status = Status::Paused,
            // The host asks a chain to go on before it reports an answer, unless somebody has paused it.
            Status::Paused if is_answer => {}
            status if status.is_completed() => {}
            _ => return self.start_next(world),
        }
        Vec::new()
    }

    /// The limit that keeps the next node from starting, with a remedy, as a message.
    fn exceeded(&self) -> Option<String> {
        if self.known_bytes > self.most_bytes {
            return Some(format!(
                "the results of the chain take more than {} MiB, which is the limit \
                 (`workflows.max_variables_mib`), so it was ended; return less, or a reference to the data",
                self.most_bytes >> 20
            ));
        }
        (self.started >= self.most).then(|| {
            format!(
                "more than {} tasks of the chain started, which is the limit (`workflows.max_tasks`), so it was ended; \
                 end it before, by a task that leads to none",
                self.most
            )
        })
    }

    /// Starts the next node, or ends with the status of the last one.
    fn start_next(&mut self, world: &World) -> Vec<Start> {
        let definition = Arc::clone(&self.definition);
        let Some((number, node)) =
            self.next.take().and_then(|next| Some((next, definition.nodes.get(next)?)))
        else {
            self.status = if self.last.is_abended() { self.last } else { Status::Succeeded };
            if self.status == Status::Abandoned {
                self.status = Status::Failed;
            }
            return Vec::new();
        };
        if let Some(message) = self.exceeded() {
            self.error = Some(message);
            self.status = Status::Failed;
            return Vec::new();
        }
        let scope = self.scopes(None).of_parameters();
        match rendered(&node.parameters, &scope, world) {
            Ok(parameters) => {
                self.status = Status::Running;
                self.running = Some((number, world.moment.micros));
                self.started += 1;
                self.numbers.insert(Arc::clone(&node.name), self.started - 1);
                vec![self.start(node, parameters)]
            }
            Err(unrendered) => {
                let is_secret = world.is_secret(&node.action, Some(&unrendered.name));
                let reason = if is_secret { unrendered.hidden() } else { unrendered };
                let name = &node.name;
                self.error =
                    Some(format!("Failed to run task \"{name}\". Parameter rendering failed. {reason}"));
                self.status = Status::Failed;
                Vec::new()
            }
        }
    }

    fn start(&self, node: &Node, parameters: Map<String, Value>) -> Start {
        let action = Action {
            action: Arc::new(Value::from(&*node.action)),
            input: Arc::new(Value::Object(parameters)),
            item: None,
        };
        Start {
            task: Arc::clone(&node.name),
            route: 0,
            number: self.started - 1,
            actions: vec![action],
            delay: None,
            retry: None,
            items: None,
            concurrency: None,
            timeout: None,
        }
    }

    fn scopes<'a>(&'a self, node: Option<(&'a Node, &'a Arc<Value>)>) -> Scopes<'a> {
        Scopes { given: &self.given, results: &self.results, variables: &self.variables, node }
    }

    /// Its status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Approximate memory of its tasks and variables, in bytes.
    pub fn bytes(&self) -> usize {
        self.known_bytes + self.tasks.len() * TASK_BYTES
    }

    /// The number of the latest run of a task.
    pub fn number(&self, task: &str) -> Option<usize> {
        self.numbers.get(task).copied()
    }

    /// Who is told of the end of a task's action, as the task says it.
    pub fn notify_of(&self, task: &str) -> Option<Arc<Notify>> {
        let number = self.definition.find(task)?;
        self.definition.nodes.get(number)?.notify.clone()
    }

    /// Its variables.
    pub fn variables(&self) -> Value {
        Value::Object(self.variables.clone())
    }

    /// Its result: the results of its nodes, published variables and the error.
    pub fn result(&self) -> Value {
        let mut result = Map::new();
        result.insert("tasks".into(), Value::Array(self.tasks.clone()));
        if self.given.shows_published {
            result.insert("published".into(), Value::Object(self.published.clone()));
        }
        if let Some(error) = &self.error {
            result.insert("error".into(), Value::from(error.clone()));
        }
        Value::Object(result)
    }
}

/// The result of a node on which the chain has rested, as templates see it: StackStorm puts it under `result` then, in
/// `{{ ask.result.response }}` for example. `{{ ask.response }}` stays, as after any other node.
fn seen_after_rest(result: &Arc<Value>) -> Value {
    let mut seen = Value::clone(result);
    if let Value::Object(members) = &mut seen {
        members.entry("result").or_insert_with(|| Value::clone(result));
    }
    seen
}
