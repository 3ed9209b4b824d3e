//! Action chains: one action after the other, the next one chosen by how the last one ended. The older of
//! StackStorm's two languages of workflows; its templates are Jinja alone, and see results under the names
//! of their tasks.
//!
//! [`ChainDefinition`] is what is written, [`Chain`] what happens: the same events go in and the same starts
//! come out as with Orquesta's [`crate::conductor`].

mod definition;
mod rendering;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{WorkflowLimits, size};
use serde_json::{Map, Value, json};

pub use definition::{ChainDefinition, Invalid, Node};

use crate::conductor::{Action, ErrorEntry, Event, Refused, Report, Start, World};
use crate::machine;
use crate::status::Status;
use rendering::{Scopes, rendered};

/// What a run of a task takes in memory, in bytes, about.
const TASK_BYTES: usize = 512;

/// What a chain is given by its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The parameters of its action.
    pub input: Arc<Map<String, Value>>,
    /// What templates see as `action_context`.
    pub action_context: Arc<Value>,
    /// What templates see as `config_context`.
    pub config: Arc<Value>,
    /// Whether the result shows what was published.
    pub shows_published: bool,
}

/// A chain that runs.
#[derive(Debug, Clone)]
pub struct Chain {
    definition: Arc<ChainDefinition>,
    given: Given,
    status: Status,
    variables: Map<String, Value>,
    published: Map<String, Value>,
    results: Map<String, Value>,
    tasks: Vec<Value>,
    /// The node whose action runs, and since when.
    running: Option<(usize, i64)>,
    /// The node that is next, when the chain rests.
    next: Option<usize>,
    /// How the last node ended.
    last: Status,
    error: Option<String>,
    started: usize,
    numbers: BTreeMap<Arc<str>, usize>,
    /// How many tasks it may start.
    most: usize,
    /// What its nodes gave takes so many bytes.
    known_bytes: usize,
    /// How many it may take.
    most_bytes: usize,
}

impl Chain {
    /// A chain that was given something. When its variables cannot be rendered it has failed already.
    pub fn new(definition: &Arc<ChainDefinition>, given: Given, world: &World) -> Self {
        let mut chain = Self {
            definition: Arc::clone(definition),
            given,
            status: Status::Unset,
            variables: Map::new(),
            published: Map::new(),
            results: Map::new(),
            tasks: Vec::new(),
            running: None,
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

    /// Whether what its templates give is rendered again, as the original does.
    pub fn reevaluates(&self) -> bool {
        self.definition.reevaluates
    }

    /// The same with limits to what it may take. It has no items, and does one task at a time.
    #[must_use]
    pub fn with_limits(self, limits: WorkflowLimits) -> Self {
        Self { most: limits.tasks, most_bytes: limits.variables, ..self }
    }

    /// Applies an event; gives what starts because of it.
    ///
    /// # Errors
    /// A request that the chain's status does not allow; then nothing has changed.
    pub fn apply(&mut self, event: &Event, world: &World) -> Result<Vec<Start>, Refused> {
        match event {
            Event::Request(status) => self.request(*status, world),
            Event::Report(report) => Ok(self.report(report, world)),
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
        // What rests does not keep the chain from ending.
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
            // What ends with a pause ends as its last node did.
            if after == Status::Succeeded && self.last.is_abended() {
                self.status = Status::Failed;
            }
            return Ok(Vec::new());
        }
        if is_active { Ok(Vec::new()) } else { Ok(self.go_on(world)) }
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

    /// A node has ended: what it gave is kept, its variables are published, the next one is found.
    fn ended(&mut self, node: &Node, since: i64, report: &Report, world: &World) -> Vec<Start> {
        self.running = None;
        self.results.insert(node.name.to_string(), Value::clone(&report.result));
        // It is in the list of tasks too.
        self.known_bytes += 2 * size::of_value(&report.result);
        let scope = self.scopes(Some((node, &report.result))).of_publish();
        let published = rendered(&node.publish, &scope, world);
        let time = |micros: i64| petrel_model::Timestamp::from_micros(micros).to_string();
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
            status if status.is_completed() => {}
            _ => return self.go_on(world),
        }
        Vec::new()
    }

    /// Which limit keeps the next node from starting, and what to do about it.
    fn exceeded(&self) -> Option<String> {
        if self.known_bytes > self.most_bytes {
            return Some(format!(
                "what the tasks of the chain gave takes more than {} MiB, which is the limit \
                 (`workflows.max_variables_mib`), so it was ended; let them give less, or a reference to where it is",
                self.most_bytes >> 20
            ));
        }
        (self.started >= self.most).then(|| {
            format!(
                "more than {} tasks of the chain started, which is the limit (`workflows.max_tasks`), so it was ended; \
                 let its last task lead to none before",
                self.most
            )
        })
    }

    /// Starts the next node, or ends as the last one did.
    fn go_on(&mut self, world: &World) -> Vec<Start> {
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

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.status
    }

    /// About how much memory its tasks and variables take, in bytes.
    pub fn bytes(&self) -> usize {
        self.known_bytes + self.tasks.len() * TASK_BYTES
    }

    /// The number of the latest run of a node.
    pub fn number(&self, task: &str) -> Option<usize> {
        self.numbers.get(task).copied()
    }

    /// Its variables.
    pub fn variables(&self) -> Value {
        Value::Object(self.variables.clone())
    }

    /// Its result: what its nodes gave, what they published, and what went wrong.
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
