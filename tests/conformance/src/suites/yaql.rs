//! `yaql`: bare expressions over data, and values of workflows that hold expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_expressions::workflow::{CurrentTask, Moment, Tasks};
use petrel_expressions::{Statement, Variables, WorkflowScope};
use petrel_yaql::{Expression, Value as Yaql};
use serde_json::{Value, json};

use super::case::{Mode, object, value};
use crate::answer::Answer;

pub(super) fn answer(case: &Value, mode: Mode) -> Answer {
    let data = value(case, "data");
    if case.get("mode").and_then(Value::as_str) != Some("expr") {
        return statement(case.get("expr").cloned().unwrap_or_default(), &data, mode);
    }
    let text = case.get("expr").and_then(Value::as_str).unwrap_or_default();
    let (data, scope) = (Arc::new(data.clone()), scope(&data, mode));
    match Expression::compile(text).and_then(|expression| expression.evaluate_with(&scope, Some(&data))) {
        Ok(value) => tagged(&value).map_or_else(Answer::Error, Answer::Value),
        Err(error) => Answer::Error(format!("{}: {error}", error.exception())),
    }
}

fn statement(source: Value, data: &Value, mode: Mode) -> Answer {
    match Statement::compile(source).evaluate(&scope(data, mode)) {
        Ok(value) => Answer::Value(Value::clone(&value)),
        Err(error) => Answer::Error(error.to_string()),
    }
}

/// What a workflow with the context `data` sees; the engine's own variables tell of its tasks.
pub(super) fn scope(data: &Value, mode: Mode) -> WorkflowScope {
    let state = object(data, "__state");
    let task = data.get("__current_task").and_then(Value::as_object);
    let task = task.filter(|task| !task.is_empty()).map(|task| CurrentTask {
        id: task.get("id").and_then(Value::as_str).unwrap_or_default().into(),
        route: route(task.get("route")),
        result: Arc::new(task.get("result").cloned().unwrap_or_default()),
    });
    WorkflowScope {
        variables: data.as_object().cloned().map(Variables::from).unwrap_or_default(),
        task,
        item: data.get("__current_item").cloned().map(Arc::new),
        tasks: Some(Arc::new(State::new(&state))),
        keys: None,
        config: None,
        moment: Moment::default(),
        reevaluates: mode == Mode::Again,
    }
}

fn route(value: Option<&Value>) -> u32 {
    value.and_then(Value::as_u64).and_then(|route| u32::try_from(route).ok()).unwrap_or(0)
}

/// The states of tasks, as a conductor's state has them.
#[derive(Debug)]
struct State {
    statuses: BTreeMap<(String, u32), String>,
    routes: Vec<Vec<Value>>,
}

impl State {
    fn new(state: &petrel_model::Object) -> Self {
        let list = |name: &str| state.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let sequence = list("sequence");
        let pointers = state.get("tasks").and_then(Value::as_object).cloned().unwrap_or_default();
        let status = |(name, index): (String, Value)| {
            let (id, route) = name.rsplit_once("__r")?;
            let index = usize::try_from(index.as_u64()?).ok()?;
            let status = sequence.get(index)?.get("status").and_then(Value::as_str).unwrap_or("null");
            Some(((id.to_owned(), route.parse().ok()?), status.to_owned()))
        };
        let routes = list("routes").into_iter().map(|route| route.as_array().cloned().unwrap_or_default());
        Self { statuses: pointers.into_iter().filter_map(status).collect(), routes: routes.collect() }
    }
}

impl Tasks for State {
    fn status(&self, id: &str, route: u32) -> Option<&str> {
        let own = self.routes.get(usize::try_from(route).ok()?);
        (0..=route).rev().find_map(|earlier| {
            let other = self.routes.get(usize::try_from(earlier).ok()?);
            let is_within = earlier == route
                || own.zip(other).is_some_and(|(own, other)| other.iter().all(|step| own.contains(step)));
            let status = self.statuses.get(&(id.to_owned(), earlier)).map(String::as_str);
            status.filter(|_| is_within)
        })
    }

    fn describe(&self, _id: &str, _route: u32) -> Result<Option<Arc<Value>>, String> {
        Ok(None)
    }
}

/// A value as the corpus writes it, with tags for what JSON has not.
fn tagged(value: &Yaql) -> Result<Value, String> {
    let all = |items: &[Yaql]| items.iter().map(tagged).collect::<Result<Vec<_>, _>>();
    Ok(match value {
        Yaql::Float(number) if number.is_nan() => json!({"$float": "nan"}),
        Yaql::Float(number) if number.is_infinite() => {
            json!({"$float": if *number > 0.0 { "inf" } else { "-inf" }})
        }
        Yaql::TimeSpan(micros) => json!({"$timespan_us": micros}),
        Yaql::List(items) | Yaql::Set(items) => Value::Array(all(items)?),
        Yaql::Dict(entries) => {
            let mut object = petrel_model::Object::new();
            for (key, value) in entries {
                let key = match key {
                    Yaql::Text(text) => text.to_string(),
                    key => tagged(key)?.to_string(),
                };
                object.insert(key, tagged(value)?);
            }
            Value::Object(object)
        }
        value => Value::clone(&*value.to_json().map_err(|error| error.to_string())?),
    })
}
