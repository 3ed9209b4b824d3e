//! The script of a rehearsal: inputs, planned results of actions, and expectations.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::Object;
use crate::conductor::CONFIG;
use crate::status::Status;

/// The script of one rehearsal.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Script {
    /// Its name. Empty if it has none.
    pub name: String,
    /// The input of the workflow.
    pub input: Arc<Object>,
    /// The variables of its parent, including `config_context`, the configuration of the pack.
    pub context: Object,
    /// The contents of the datastore.
    pub keys: BTreeMap<String, String>,
    /// The time of the rehearsal, in microseconds since 1970.
    pub now_micros: i64,
    /// The planned results of each task's actions, in order. The last one is repeated.
    pub actions: BTreeMap<String, Vec<Planned>>,
    /// The expected results.
    pub expect: Expectation,
}

/// The planned end of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// Its status.
    pub status: Status,
    /// Its result.
    pub result: Arc<Value>,
}

/// The expected results of a rehearsal. Absent ones are not compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expectation {
    /// The final status of the workflow.
    pub status: Option<Status>,
    /// Its output.
    pub output: Option<Value>,
    /// Its tasks, in the order in which they start.
    pub tasks: Option<Vec<String>>,
    /// Some of its final variables.
    pub variables: Object,
    /// Texts that must occur in errors.
    pub errors: Vec<String>,
}

impl Script {
    /// The plan for the `number`-th action of a task. By default it succeeds without a result.
    pub fn planned(&self, task: &str, number: usize) -> Planned {
        let list = self.actions.get(task).map(Vec::as_slice).unwrap_or_default();
        // The last plan holds for all further actions.
        let planned = list.get(number).or_else(|| list.last());
        planned.cloned().unwrap_or(Planned { status: Status::Succeeded, result: Arc::default() })
    }
}

/// Parses a test file: the name of the workflow's file, and one script, or one for each entry of `tests`. An entry
/// inherits the parts that it leaves out from the file.
///
/// # Errors
/// The problem and its place, as a message.
pub fn parse(source: &Value) -> Result<(String, Vec<Script>), String> {
    let whole =
        source.as_object().ok_or("a test file is a mapping with `workflow` and `expect`; write one")?;
    let workflow = whole.get("workflow").and_then(Value::as_str);
    let workflow = workflow.ok_or("`workflow` must be the name of the workflow's file")?.to_owned();
    let mut common = whole.clone();
    common.remove("workflow");
    let Some(tests) = common.remove("tests") else {
        return Ok((workflow, vec![script(&common, "")?]));
    };
    let tests = tests.as_array().ok_or("`tests` must be a list")?;
    let scripts = tests.iter().enumerate().map(|(number, test)| {
        let at = format!("tests[{number}].");
        let test = test.as_object().ok_or_else(|| format!("tests[{number}] must be a mapping"))?;
        let mut all = common.clone();
        all.extend(test.clone());
        script(&all, &at)
    });
    Ok((workflow, scripts.collect::<Result<_, _>>()?))
}

fn script(source: &Object, at: &str) -> Result<Script, String> {
    known(source, at, &["name", "input", "context", "config_context", "keys", "now", "actions", "expect"])?;
    let mut context = object(source, at, "context")?;
    if source.contains_key(CONFIG) {
        context.insert(CONFIG.to_owned(), Value::Object(object(source, at, CONFIG)?));
    }
    let now = source.get("now").and_then(Value::as_str).unwrap_or("2026-01-01T00:00:00Z");
    let now: petrel_model::Timestamp =
        now.parse().map_err(|_invalid| format!("{at}now must be a time like 2026-01-01T00:00:00Z"))?;
    let keys = object(source, at, "keys")?.into_iter().map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name, text)
    });
    let actions = object(source, at, "actions")?.into_iter().map(|(task, plan)| {
        let list = match plan {
            Value::Array(list) => list,
            one => vec![one],
        };
        let place = format!("{at}actions.{task}");
        let plans = list.iter().map(|plan| planned(plan, &place)).collect::<Result<Vec<_>, String>>()?;
        Ok((task, plans))
    });
    Ok(Script {
        name: source.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        input: Arc::new(object(source, at, "input")?),
        context,
        keys: keys.collect(),
        now_micros: now.as_micros(),
        actions: actions.collect::<Result<_, String>>()?,
        expect: expectation(&object(source, at, "expect")?, &format!("{at}expect."))?,
    })
}

/// Parses `{status, result}`, or the bare result of a success.
fn planned(plan: &Value, at: &str) -> Result<Planned, String> {
    const KEYS: [&str; 2] = ["status", "result"];
    // A mapping with one of these keys, or a misspelt one, was hardly meant as a bare result.
    let is_plan =
        |object: &Map<String, Value>| object.keys().any(|key| KEYS.iter().any(|known| is_near(key, known)));
    let plan_object = plan.as_object().filter(|object| is_plan(object));
    if let Some(key) = plan_object.and_then(|object| object.keys().find(|key| !KEYS.contains(&key.as_str())))
    {
        let near = KEYS.iter().find(|known| is_near(key, known));
        let hint = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        return Err(format!(
            "{at}: `{key}` is not known beside `status` and `result`; {hint}parts of the result belong below `result`"
        ));
    }
    match plan_object {
        Some(object) => Ok(Planned {
            status: object.get("status").map_or(Ok(Status::Succeeded), |value| status(value, at))?,
            result: Arc::new(object.get("result").cloned().unwrap_or_default()),
        }),
        None => Ok(Planned { status: Status::Succeeded, result: Arc::new(plan.clone()) }),
    }
}

fn status(value: &Value, at: &str) -> Result<Status, String> {
    let known =
        || format!("{at}: `status` must be one of succeeded, failed, timeout, canceled, paused, pending");
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(known)
}

/// Whether `word` is `known`, or differs from it by one letter (missing, added or replaced).
fn is_near(word: &str, known: &str) -> bool {
    let (shorter, longer) = if word.len() < known.len() { (word, known) } else { (known, word) };
    let (a, b) = (shorter.as_bytes(), longer.as_bytes());
    let before = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let behind = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    b.len() - a.len() <= 1 && before + behind + 1 >= b.len()
}

fn expectation(source: &Object, at: &str) -> Result<Expectation, String> {
    const PARTS: [&str; 5] = ["status", "output", "tasks", "variables", "errors"];
    known(source, at, &PARTS)?;
    if source.is_empty() {
        let parts = PARTS.join(", ");
        return Err(format!("`{}` names nothing to compare; it may have {parts}", at.trim_end_matches('.')));
    }
    let texts = |name: &str| match source.get(name) {
        None => Ok(None),
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            Ok(Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
        }
        Some(_) => Err(format!("{at}{name} must be a list of texts")),
    };
    Ok(Expectation {
        status: source.get("status").map(|value| status(value, at.trim_end_matches('.'))).transpose()?,
        output: source.get("output").cloned(),
        tasks: texts("tasks")?,
        variables: object(source, at, "variables")?,
        errors: texts("errors")?.unwrap_or_default(),
    })
}

fn object(source: &Object, at: &str, name: &str) -> Result<Object, String> {
    match source.get(name) {
        None | Some(Value::Null) => Ok(Object::new()),
        Some(Value::Object(object)) => Ok(object.clone()),
        Some(_) => Err(format!("{at}{name} must be a mapping")),
    }
}

fn known(source: &Object, at: &str, known: &[&str]) -> Result<(), String> {
    match source.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{at}{key} is not known; known are {}", known.join(", "))),
        None => Ok(()),
    }
}
