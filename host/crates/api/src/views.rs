//! Nouns as StackStorm prints them: its field names, its `uid`s, its nesting.

use petrel_engine::clock;
use petrel_engine::content::{Content, RegisteredAction, RegisteredTriggerType, RunnerType};
use petrel_engine::reads::Unreadable;
use petrel_engine::workflows::ORQUESTA;
use petrel_model::action::output_key;
use petrel_model::output::OutputLine;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::{MASK, masked, masked_result};
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{
    ApiKey, Enforcement, Execution, Object, Pack, Payload, Ref, Rule, Status, Timestamp, Token, Trigger,
    TriggerInstance, User,
};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::extract::Secrets;

/// The noun itself as JSON; every noun can be written as such.
fn plain(noun: &impl Serialize) -> Object {
    match serde_json::to_value(noun) {
        Ok(Value::Object(object)) => object,
        _ => Object::new(),
    }
}

pub(crate) fn action(registered: &RegisteredAction) -> Value {
    let action = &registered.action;
    let (pack, name) = (action.reference.pack(), action.reference.name());
    let mut view = plain(action.as_ref());
    // StackStorm's client changes by its id what it has found by its reference.
    view.insert("id".into(), json!(action.reference));
    view.insert("name".into(), name.into());
    view.insert("pack".into(), pack.into());
    view.insert("uid".into(), format!("action:{pack}:{name}").into());
    view.insert("metadata_file".into(), format!("actions/{name}.yaml").into());
    // Beyond StackStorm, which would not have it at all.
    view.extend(registered.refused.as_ref().map(|why| ("refused".to_owned(), json!(why))));
    Value::Object(view)
}

pub(crate) fn runner_type(kind: &RunnerType) -> Value {
    json!({
        "id": kind.name,
        "uid": format!("runner_type:{}", kind.name),
        "name": kind.name,
        "description": kind.description,
        "enabled": true,
        "runner_parameters": kind.parameters,
    })
}

/// What takes the place of something that cannot be read.
pub(crate) fn unreadable(lost: &Unreadable) -> Value {
    json!({
        "id": lost.id,
        "error": format!("cannot be read: {}", lost.reason),
        "hint": Unreadable::REMEDY,
    })
}

/// Parameters, with the secrets among them masked unless they are to be shown. What is secret among those of something
/// that is not there any more is not known, so all of them are.
fn parameters(given: &Object, schemas: Option<&Parameters>, secrets: Secrets) -> Object {
    match secrets {
        Secrets::Shown => given.clone(),
        Secrets::Masked => masked(given, schemas),
    }
}

/// What an execution gave, with what its action calls secret in it masked unless it is to be shown; an empty object while
/// it has given nothing, since StackStorm's own client fails without one.
pub(crate) fn result(
    execution: &Execution,
    registered: Option<&RegisteredAction>,
    secrets: Secrets,
) -> Value {
    let Some(result) = execution.result.as_deref().filter(|result| !result.is_null()) else {
        return json!({});
    };
    let schema = registered.map(|registered| &registered.action.output_schema);
    match schema.filter(|schema| !schema.is_empty() && secrets == Secrets::Masked) {
        Some(schema) => masked_result(result, schema, output_key(&execution.runner)),
        None => result.clone(),
    }
}

/// The status of an execution as StackStorm shows it: what waits for its time is delayed. In the store it is requested,
/// which is what it becomes when its time has come.
pub(crate) fn shown_status(execution: &Execution) -> Status {
    let is_early = |due_at: Timestamp| due_at > clock::now();
    match execution.status {
        Status::Requested if execution.ready_at.is_some_and(is_early) => Status::Delayed,
        other => other,
    }
}

/// How far the rules got with an event, in StackStorm's word.
pub(crate) fn event_status(status: TriggerInstanceStatus) -> &'static str {
    match status {
        TriggerInstanceStatus::Pending => "pending",
        TriggerInstanceStatus::Processing => "processing",
        TriggerInstanceStatus::Processed => "processed",
        TriggerInstanceStatus::ProcessingFailed => "processing_failed",
    }
}

/// An execution. Attributes that are not there yet are left out, as StackStorm does; only the [`result`] is empty then.
pub(crate) fn execution(
    execution: &Execution,
    registered: Option<&RegisteredAction>,
    secrets: Secrets,
) -> Value {
    let reference = &execution.action;
    let schemas = registered.map(|registered| &registered.parameters);
    let parameters = parameters(&execution.parameters, schemas, secrets);
    let action = registered.map_or_else(
        || json!({"ref": reference, "name": reference.name(), "pack": reference.pack(), "runner_type": execution.runner}),
        action,
    );
    let mut view = Object::new();
    let mut put = |name: &str, value: Value| {
        if !matches!(&value, Value::Null) && value != json!({}) {
            view.insert(name.to_owned(), value);
        }
    };
    put("id", json!(execution.id));
    put("status", json!(shown_status(execution)));
    put("action", action);
    put("runner", json!({"name": execution.runner}));
    put("liveaction", json!({"id": execution.id, "action": reference, "parameters": parameters}));
    put("start_timestamp", json!(execution.requested_at));
    put("end_timestamp", json!(execution.ended_at));
    let elapsed = execution.ended_at.map(|end| end.seconds_since(execution.requested_at));
    put("elapsed_seconds", json!(elapsed));
    put("parameters", Value::Object(parameters));
    let mut context = execution.context.shown();
    if let Some(parent) = &execution.parent {
        let task = petrel_engine::workflows::task(parent);
        put("parent", json!(parent.execution));
        put("workflow_execution", json!(parent.execution));
        put("task_execution", task.get("task_execution_id").cloned().unwrap_or_default());
        context.insert("parent".into(), json!({"execution_id": parent.execution}));
        context.insert("orquesta".into(), task);
        if parent.in_chain {
            // Beside what is said of the task of any workflow.
            context.insert("chain".into(), json!({"name": &*parent.task, "ref": reference}));
        }
    }
    if execution.runner == ORQUESTA {
        context.insert("workflow_execution".into(), json!(execution.id));
    }
    put("context", Value::Object(context));
    put("log", json!(execution.log));
    let context = &execution.context;
    put("trigger_instance", json!(context.trigger_instance.as_ref().map(|origin| json!({"id": origin.id}))));
    put("rule", json!(context.rule.as_ref().map(|origin| json!({"id": origin.id, "ref": origin.name}))));
    view.insert("result".into(), result(execution, registered, secrets));
    Value::Object(view)
}

/// Output as text: the lines, each with its line end.
pub(crate) fn output(lines: &[OutputLine]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str(&line.text);
        text.push('\n');
        text
    })
}

/// A rule, with the secrets among the parameters of its action and its trigger masked unless they are to be shown.
pub(crate) fn rule(rule: &Rule, content: &Content, secrets: Secrets) -> Value {
    let (pack, name) = (rule.reference.pack(), rule.reference.name());
    let mut view = plain(rule);
    view.insert("name".into(), name.into());
    view.insert("pack".into(), pack.into());
    view.insert("uid".into(), format!("rule:{pack}:{name}").into());
    if let Some(action) = view.get_mut("action").and_then(Value::as_object_mut) {
        let registered = content.action(&rule.action.reference).ok();
        let schemas = registered.map(|registered| &registered.parameters);
        let given = parameters(&rule.action.parameters, schemas, secrets);
        action.insert("parameters".into(), Value::Object(given));
    }
    if let Some(trigger) = view.get_mut("trigger").and_then(Value::as_object_mut) {
        let given = trigger_parameters(&rule.trigger, content, secrets);
        trigger.insert("parameters".into(), Value::Object(given));
        trigger.insert("ref".into(), json!(rule.trigger.reference()));
    }
    Value::Object(view)
}

pub(crate) fn trigger_type(registered: &RegisteredTriggerType) -> Value {
    let kind = &registered.kind;
    let (pack, name) = (kind.reference.pack(), kind.reference.name());
    let mut view = plain(kind.as_ref());
    view.insert("id".into(), json!(kind.reference));
    view.insert("name".into(), name.into());
    view.insert("pack".into(), pack.into());
    view.insert("uid".into(), format!("trigger_type:{pack}:{name}").into());
    Value::Object(view)
}

fn trigger_parameters(trigger: &Trigger, content: &Content, secrets: Secrets) -> Object {
    let kind = content.trigger_type(&trigger.kind).ok();
    parameters(&trigger.parameters, kind.map(|kind| kind.parameters()).as_ref(), secrets)
}

pub(crate) fn trigger(reference: &Ref, trigger: &Trigger, content: &Content, secrets: Secrets) -> Value {
    let mut view = plain(trigger);
    view.insert("parameters".into(), Value::Object(trigger_parameters(trigger, content, secrets)));
    view.insert("id".into(), json!(reference));
    view.insert("uid".into(), format!("trigger:{}:{}", reference.pack(), reference.name()).into());
    view.insert("ref".into(), json!(reference));
    view.insert("pack".into(), reference.pack().into());
    view.insert("name".into(), reference.name().into());
    Value::Object(view)
}

/// An event, whose payload is written as it stands.
pub(crate) struct EventView {
    /// With null for the payload, which keeps its place.
    fields: Object,
    payload: Payload,
}

impl EventView {
    /// The event, of whose attributes `narrow` leaves those that are wanted.
    pub(crate) fn new(mut instance: TriggerInstance, narrow: impl Fn(Value) -> Value) -> Self {
        let payload = std::mem::take(&mut instance.payload);
        let fields = match narrow(Value::Object(plain(&instance))) {
            Value::Object(fields) => fields,
            _ => Object::new(),
        };
        Self { fields, payload }
    }

    /// The same with another field.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }
}

impl Serialize for EventView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for (name, value) in &self.fields {
            if name == "payload" {
                map.serialize_entry(name, &self.payload)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

pub(crate) fn enforcement(enforcement: &Enforcement) -> Value {
    let mut view = plain(enforcement);
    let rule = json!({"ref": enforcement.rule, "id": enforcement.rule_id});
    view.remove("rule_id");
    view.insert("rule".into(), rule);
    Value::Object(view)
}

pub(crate) fn pack(pack: &Pack) -> Value {
    let mut view = plain(pack);
    view.remove("config_schema");
    // What its files said is for its next registration.
    view.remove("rules");
    view.insert("id".into(), json!(pack.reference));
    view.insert("uid".into(), format!("pack:{}", pack.reference).into());
    Value::Object(view)
}

/// A user; the hash of the password is nobody's business.
pub(crate) fn user(user: &User) -> Value {
    json!({"id": user.name, "name": user.name, "is_admin": user.is_admin, "created_at": user.created_at})
}

/// A token, with itself: it is told when it is made and never again.
pub(crate) fn token(token: &Token, secret: &str) -> Value {
    json!({
        "id": token.id,
        "user": token.user,
        "token": secret,
        "expiry": token.expires_at,
        "metadata": token.metadata,
    })
}

/// An API key. Its hash is masked unless it is to be shown.
pub(crate) fn api_key(key: &ApiKey, secrets: Secrets) -> Value {
    let hash = if secrets == Secrets::Shown { key.digest.as_str() } else { MASK };
    json!({
        "id": key.id,
        "uid": format!("api_key:{hash}"),
        "user": key.user,
        "key_hash": hash,
        "metadata": key.metadata,
        "created_at": key.created_at,
        "enabled": key.enabled,
    })
}
