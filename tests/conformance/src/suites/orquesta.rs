//! `orquesta`: a whole workflow with scripted actions, played as the cases' own description says.

#![expect(clippy::indexing_slicing, reason = "JSON of a test: what is absent reads as null")]

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use petrel_workflows::conductor::{ErrorEntry, Refused};
use petrel_workflows::inspection::{Finding, Kind};
use petrel_workflows::{Conductor, Definition, Event, Report, Start, Status, World, inspect};
use serde_json::{Map, Value, json};

use super::case::{Mode, object, value};
use crate::answer::Answer;
use crate::compare;

pub(super) fn answer(case: &Value, mode: Mode) -> Answer {
    let text = case.get("workflow").and_then(Value::as_str).unwrap_or_default();
    let source = match petrel_yaml::parse(text) {
        Ok(document) => document.value,
        Err(_error) => return Answer::Value(invalid(&[])),
    };
    let parent = object(case, "context");
    let known: Vec<&str> = parent.keys().map(String::as_str).collect();
    let findings = inspect(&source, &known);
    if !findings.is_empty() {
        return Answer::Value(invalid(&findings));
    }
    match Definition::compile(&source) {
        Err(_error) => Answer::Value(invalid(&[])),
        Ok(mut definition) => {
            definition.reevaluates = mode == Mode::Again;
            Answer::Value(Player::new(case, Arc::new(definition), &parent).play())
        }
    }
}

fn invalid(findings: &[Finding]) -> Value {
    json!({"valid": false, "inspection": findings.iter().map(finding).collect::<Vec<_>>()})
}

fn finding(finding: &Finding) -> Value {
    let kind = match finding.kind {
        Kind::Syntax => "syntax",
        Kind::Semantic => "semantic",
        Kind::Expression => "expression",
        Kind::Context => "context",
        Kind::Content => "content",
    };
    let mut answer = json!({"kind": kind, "message": finding.message});
    answer["spec_path"] = json!(finding.spec_path);
    answer["schema_path"] = json!(finding.schema_path);
    if let Some(language) = finding.language {
        answer["type"] = json!(language.name());
    }
    if let Some(expression) = &finding.expression {
        answer["expression"] = json!(expression);
    }
    answer
}

/// A workflow that goes on after so many reports does not do what was recorded.
const MOST_REPORTS: usize = 10_000;

/// An action that runs: where its report belongs, and what it will say.
struct Running {
    task: Arc<str>,
    route: u32,
    item: Option<usize>,
    entry: Value,
}

/// The host of one workflow.
struct Player {
    conductor: Conductor,
    world: World,
    scripts: Map<String, Value>,
    taken: HashMap<Arc<str>, usize>,
    requests: VecDeque<Value>,
    queue: VecDeque<Running>,
    /// All starts of tasks, with the number of the run that each belongs to.
    tasks: Vec<(usize, Value)>,
    steps: Vec<Value>,
    events: Vec<Value>,
    /// What was applied to the conductor, in order.
    applied: Vec<Event>,
}

impl Player {
    fn new(case: &Value, definition: Arc<Definition>, parent: &Map<String, Value>) -> Self {
        let world = World::default();
        let conductor = Conductor::new(definition, &object(case, "input"), parent, &world);
        Self {
            conductor,
            world,
            scripts: object(case, "actions"),
            taken: HashMap::new(),
            requests: value(case, "events").as_array().cloned().unwrap_or_default().into(),
            queue: VecDeque::new(),
            tasks: Vec::new(),
            steps: Vec::new(),
            events: Vec::new(),
            applied: Vec::new(),
        }
    }

    fn play(mut self) -> Value {
        let start = self.run();
        self.outcome(&start)
    }

    /// Plays to the end; gives what happened at the start.
    fn run(&mut self) -> Value {
        let mut start = json!({"started": []});
        let has_failed = self.conductor.status() == Status::Failed;
        if !has_failed {
            start["started"] = self.apply(&Event::Request(Status::Running)).unwrap_or_default();
        }
        start["workflow_status"] = json!(self.conductor.status().as_str());
        if !has_failed {
            self.drain();
        }
        start
    }

    fn drain(&mut self) {
        let mut processed = 0;
        self.make_requests(processed);
        while let Some(running) = self.queue.pop_front().filter(|_| processed < MOST_REPORTS) {
            self.process(running);
            processed += 1;
            self.make_requests(processed);
        }
    }

    fn make_requests(&mut self, processed: usize) {
        while let Some(request) = self.requests.front() {
            let after = request["after"].as_u64().unwrap_or_default();
            if after > processed as u64 {
                return;
            }
            let asked = request["request"].clone();
            self.requests.pop_front();
            let status: Status = asked.as_str().unwrap_or_default().parse().unwrap_or_default();
            let mut event = json!({"after": after, "request": asked, "started": []});
            match self.apply(&Event::Request(status)) {
                Ok(started) => event["started"] = started,
                Err(_refused) => event["raised"] = json!("refused"),
            }
            event["workflow_status"] = json!(self.conductor.status().as_str());
            self.events.push(event);
        }
    }

    fn process(&mut self, running: Running) {
        let Running { task, route, item, entry } = running;
        let reported = entry.get("status").and_then(Value::as_str).unwrap_or("succeeded").to_owned();
        let report = Report {
            task: Arc::clone(&task),
            route,
            item,
            status: reported.parse().unwrap_or_default(),
            result: Arc::new(entry.get("result").cloned().unwrap_or_default()),
            execution: None,
        };
        if let Some(then) = entry.get("then") {
            self.queue.push_back(Running { task: Arc::clone(&task), route, item, entry: then.clone() });
        }
        let started = self.apply(&Event::Report(report)).unwrap_or_default();
        let mut step = json!({"task": &*task, "route": route, "reported": reported, "started": started});
        if let Some(item) = item {
            step["item_id"] = json!(item);
        }
        step["workflow_status"] = json!(self.conductor.status().as_str());
        self.steps.push(step);
    }

    /// Applies an event and starts what it starts; gives that as the cases write it.
    fn apply(&mut self, event: &Event) -> Result<Value, Refused> {
        self.applied.push(event.clone());
        let starts = self.conductor.apply(event, &self.world)?;
        Ok(starts.into_iter().flat_map(|start| self.start(&start)).map(Value::from).collect())
    }

    fn start(&mut self, start: &Start) -> Vec<String> {
        let actions = start.actions.iter().map(|action| {
            let mut shown = json!({"action": *action.action, "input": *action.input});
            if let Some(item) = action.item {
                shown["item_id"] = json!(item);
            }
            shown
        });
        let mut task =
            json!({"id": &*start.task, "route": start.route, "actions": actions.collect::<Vec<_>>()});
        if let Some(delay) = start.delay {
            task["delay"] = json!(delay);
        }
        if let Some(retry) = start.retry {
            task["retry"] = json!(retry);
            let earlier = self
                .tasks
                .iter_mut()
                .filter(|(number, known)| *number == start.number && known.get("retry") != task.get("retry"));
            for (_, earlier) in earlier {
                earlier["status"] = json!("retrying");
            }
        }
        if let Some(items) = start.items {
            task["items_count"] = json!(items);
            task["concurrency"] = json!(start.concurrency.as_deref());
        }
        self.add(start, task);
        let name = format!("{}#{}", start.task, start.route);
        if start.actions.is_empty() {
            return vec![name];
        }
        start
            .actions
            .iter()
            .map(|action| {
                let entry = self.script(&start.task);
                let (task, route, item) = (Arc::clone(&start.task), start.route, action.item);
                self.queue.push_back(Running { task, route, item, entry });
                item.map_or_else(|| name.clone(), |item| format!("{name}[{item}]"))
            })
            .collect()
    }

    /// Adds a start of a task; more items of the same run belong to the same start.
    fn add(&mut self, start: &Start, task: Value) {
        let is_same = |number: usize, known: &Value| {
            number == start.number && known.get("retry").and_then(Value::as_u64) == start.retry.map(u64::from)
        };
        let mut before = self.tasks.iter_mut().rev();
        let known = before.find(|(number, known)| start.items.is_some() && is_same(*number, known));
        match known {
            Some((_, known)) => {
                let more = task["actions"].as_array().cloned().unwrap_or_default();
                if let Some(actions) = known["actions"].as_array_mut() {
                    actions.extend(more);
                }
            }
            None => self.tasks.push((start.number, task)),
        }
    }

    /// What the next action of a task will report.
    fn script(&mut self, task: &Arc<str>) -> Value {
        let taken = self.taken.entry(Arc::clone(task)).or_default();
        let number = *taken;
        *taken += 1;
        let list = self.scripts.get(&**task).and_then(Value::as_array);
        let entry = list.and_then(|list| list.get(number).or_else(|| list.last()));
        entry.cloned().unwrap_or_else(|| json!({"status": "succeeded", "result": null}))
    }

    fn outcome(self, start: &Value) -> Value {
        let tasks = self.tasks.into_iter().map(|(number, mut task)| {
            if task.get("status").is_none() {
                task["status"] = json!(self.conductor.task_status(number).unwrap_or_default().as_str());
            }
            task
        });
        json!({
            "valid": true,
            "status": self.conductor.status().as_str(),
            "output": self.conductor.output(),
            "errors": self.conductor.errors().iter().map(ErrorEntry::to_value).collect::<Vec<_>>(),
            "tasks": tasks.collect::<Vec<_>>(),
            "start": start,
            "steps": self.steps,
            "events": self.events,
        })
    }
}

/// Plays a case, then breaks off after each of its events in turn: a conductor that is made anew from the events
/// so far, and is given the rest, must stand where the first one stood. Gives how many breaks there were.
///
/// # Errors
/// The break after which it stands elsewhere.
pub fn resumes_after_every_event(case: &Value) -> Result<usize, String> {
    let text = case.get("workflow").and_then(Value::as_str).unwrap_or_default();
    let parent = object(case, "context");
    let known: Vec<&str> = parent.keys().map(String::as_str).collect();
    let sound = petrel_yaml::parse(text).ok().filter(|document| inspect(&document.value, &known).is_empty());
    let Some(definition) = sound.and_then(|document| Definition::compile(&document.value).ok()) else {
        return Ok(0);
    };
    let definition = Arc::new(definition);
    let mut player = Player::new(case, Arc::clone(&definition), &parent);
    player.run();
    let (applied, world) = (player.applied, World::default());
    let state = |conductor: &Conductor| {
        json!({
            "status": conductor.status().as_str(), "output": conductor.output(),
            "errors": conductor.errors().iter().map(ErrorEntry::to_value).collect::<Vec<_>>(),
        })
    };
    let expected = state(&player.conductor);
    // A conductor that has seen the first events; the next one goes on from a copy of it.
    let mut before = Conductor::new(Arc::clone(&definition), &object(case, "input"), &parent, &world);
    for (number, event) in applied.iter().enumerate() {
        let mut resumed = Conductor::new(Arc::clone(&definition), &object(case, "input"), &parent, &world);
        let starts: Vec<_> = applied.iter().take(number).map(|event| resumed.apply(event, &world)).collect();
        drop(starts);
        let next = (resumed.apply(event, &world), before.apply(event, &world));
        if next.0 != next.1 {
            return Err(format!("after {number} events it starts {:?} instead of {:?}", next.0, next.1));
        }
        if number + 1 == applied.len() && state(&resumed) != expected {
            return Err(format!("in the end it stands at {} instead of {expected}", state(&resumed)));
        }
    }
    Ok(applied.len())
}

/// What the description of the cases requires to agree.
pub(super) fn agrees(expected: &Value, answer: &Answer) -> bool {
    let Answer::Value(actual) = answer else { return false };
    if expected["valid"] == json!(false) {
        return actual["valid"] == json!(false)
            && same_findings(&expected["inspection"], &actual["inspection"]);
    }
    let plain = ["valid", "status", "output"];
    plain.iter().all(|field| same(&expected[field], &actual[field]))
        && same_step(&expected["start"], &actual["start"])
        && same_list(&expected["tasks"], &actual["tasks"], same)
        && same_list(&expected["steps"], &actual["steps"], same_step)
        && same_list(&expected["events"], &actual["events"], same_event)
        && same_list(&expected["errors"], &actual["errors"], same_error)
}

fn same(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(tag), _) if tag.len() == 1 && tag.contains_key("$repr") => true,
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, value)| actual.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(_), Value::Array(_)) => same_list(expected, actual, same),
        _ => compare::same(expected, actual),
    }
}

fn same_list(expected: &Value, actual: &Value, same: fn(&Value, &Value) -> bool) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (expected, actual) = (list(expected), list(actual));
    expected.len() == actual.len() && expected.iter().zip(&actual).all(|(one, other)| same(one, other))
}

/// A request is refused in both or in neither.
fn same_event(expected: &Value, actual: &Value) -> bool {
    expected.get("raised").is_some() == actual.get("raised").is_some() && same_step(expected, actual)
}

/// Where the original's conductor raised, ours fails the workflow in the same way; that it raised is not
/// compared.
fn same_step(expected: &Value, actual: &Value) -> bool {
    let without = |value: &Value| {
        let mut fields = value.as_object().cloned().unwrap_or_default();
        fields.remove("raised");
        Value::Object(fields)
    };
    same(&without(expected), &without(actual))
}

/// A message that quotes a library needs to agree only in how it begins.
fn same_error(expected: &Value, actual: &Value) -> bool {
    let prefix = expected.get("message_prefix").and_then(Value::as_str);
    let text = |value: &Value| value["message"].as_str().unwrap_or_default().to_owned();
    let is_same_text = match prefix {
        Some(prefix) => text(actual).starts_with(prefix),
        None => text(expected) == text(actual),
    };
    let without = |value: &Value| {
        let mut fields = value.as_object().cloned().unwrap_or_default();
        // The original has no remedies.
        fields.retain(|name, _| !["message", "message_prefix", "hint"].contains(&name.as_str()));
        Value::Object(fields)
    };
    is_same_text && same(&without(expected), &without(actual))
}

fn same_findings(expected: &Value, actual: &Value) -> bool {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let (expected, actual) = (list(expected), list(actual));
    if expected.iter().any(|finding| finding["kind"] == "load") {
        return true;
    }
    expected.len() == actual.len()
        && expected.iter().all(|one| actual.iter().any(|other| same_error(one, other)))
}
