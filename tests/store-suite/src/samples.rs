//! Nouns to store: small, the same at each call, and told apart by their numbers.

use std::sync::Arc;

use petrel_model::execution::Context;
use petrel_model::rule::{ActionCall, RuleKind};
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{
    ApiKeyId, Execution, ExecutionId, Id, InternalEventId, Object, Payload, PolicyId, Rule, RuleId, Status,
    Timestamp, TokenId, Trigger, TriggerInstance, TriggerInstanceId,
};
use petrel_persistence::{Document, DocumentKind};
use serde_json::{Value, json};

/// A time of day in the tests: `n` seconds after an arbitrary start.
pub fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + n * 1_000_000)
}

/// The `n`-th id of a kind.
pub fn id<T: From<Id>>(n: u64) -> T {
    Id::from_parts(1_800_000_000_000 + n, n).into()
}

/// The `n`-th execution: waiting, of runner `shell`.
pub fn execution(n: u64) -> Execution {
    Execution {
        id: id(n),
        version: 1,
        action: "core.local".parse().unwrap(),
        runner: "shell".into(),
        status: Status::Requested,
        idempotent: false,
        attempt: 0,
        parameters: Arc::new(object(json!({"cmd": format!("echo {n}")}))),
        context: Context { user: "admin".into(), pack: "core".into(), ..Context::default() },
        result: None,
        requested_at: at(i64::try_from(n).unwrap()),
        ready_at: None,
        parent: None,
        notify: None,
        ended_at: None,
        host: None,
        log: Vec::new(),
    }
}

/// A rule named `pack.name`.
pub fn rule(n: u64, reference: &str) -> Rule {
    Rule {
        id: id(n),
        reference: reference.parse().unwrap(),
        description: String::new(),
        enabled: true,
        kind: RuleKind::Standard,
        trigger: Trigger {
            kind: "core.st2.webhook".parse().unwrap(),
            parameters: object(json!({"url": "x"})),
        },
        criteria: serde_json::from_value(json!({"trigger.a": {"type": "exists", "pattern": null}})).unwrap(),
        action: ActionCall { reference: "core.noop".parse().unwrap(), parameters: Object::new() },
        circuit_breaker: None,
        tags: Vec::new(),
        context: Object::new(),
    }
}

/// The `n`-th event, with a payload.
pub fn instance(n: u64, payload: Value) -> TriggerInstance {
    TriggerInstance {
        id: id(n),
        trigger: "core.st2.webhook.0a".parse().unwrap(),
        trigger_type: "core.st2.webhook".parse().unwrap(),
        occurrence_time: at(0),
        payload: Payload::from(&payload),
        status: TriggerInstanceStatus::Processed,
        enforcements: vec![id(n + 1)],
        trace: None,
        trace_tag: None,
        caused_by: None,
        depth: 0,
        replay_of: None,
    }
}

fn made_trigger(reference: &str, text: &str) -> Value {
    json!({"ref": reference, "trigger": {"type": "core.a", "parameters": {"n": 1}}, "description": text})
}

fn timer_state(reference: &str, text: &str) -> Value {
    let trigger = json!({"type": "core.st2.CronTimer", "parameters": {"text": text}});
    json!({"ref": reference, "trigger": trigger, "made_at": at(1)})
}

fn correlation_state(n: u64, digest: &str, text: &str) -> Value {
    json!({
        "key": format!("{}:{digest}", id::<RuleId>(n)), "rule_id": id::<RuleId>(n), "made_for": "0a", "group": text,
        "first_at": at(1), "last_at": at(1), "due_at": at(2), "count": 1,
    })
}

/// The `n`-th document of a kind, with `text` in it.
pub fn document(kind: DocumentKind, n: u64, text: &str) -> Document {
    let (name, reference, digest) = (format!("name{n}"), format!("pack.name{n}"), format!("{n:064}"));
    let noun = match kind {
        DocumentKind::Pack => json!({"ref": name, "name": text, "version": "1.0.0"}),
        DocumentKind::Action => json!({"ref": reference, "runner_type": "shell", "description": text}),
        DocumentKind::TriggerType => json!({"ref": reference, "description": text}),
        DocumentKind::MadeTrigger => made_trigger(&reference, text),
        DocumentKind::Rule => json!({
            "id": id::<RuleId>(n), "ref": reference, "description": text,
            "trigger": {"type": "core.st2.webhook"}, "action": {"ref": "core.noop"},
        }),
        DocumentKind::TimerState => timer_state(&reference, text),
        DocumentKind::InternalEvent | DocumentKind::SharedPayload | DocumentKind::HeldRow => {
            of_events(kind, n, text)
        }
        DocumentKind::Delivery => json!({
            "digest": digest, "fingerprint": text, "trigger_instance": id::<TriggerInstanceId>(n),
            "taken_at": at(1),
        }),
        // All of it is in its key.
        DocumentKind::TraceLink => json!({"key": format!("m:{n}")}),
        DocumentKind::CorrelationState => correlation_state(n, &digest, text),
        DocumentKind::MaintenanceWindow => json!({
            "name": name, "description": text, "packs": ["core"], "from": at(1), "until": at(2), "mode": "hold",
        }),
        DocumentKind::HostKey => json!({
            "host": name, "key": text, "fingerprint": "SHA256:a", "pinned_at": at(1), "pinned_by": "ada",
        }),
        DocumentKind::Policy => json!({
            "id": id::<PolicyId>(n), "ref": reference, "description": text, "resource_ref": "core.noop",
            "policy_type": "action.concurrency", "parameters": {"threshold": 1},
        }),
        DocumentKind::PolicyState => json!({
            "key": reference, "until": at(60),
            "starts": text.bytes().map(|byte| at(byte.into())).collect::<Vec<_>>(),
        }),
        DocumentKind::BreakerState => json!({
            "rule": id::<RuleId>(n),
            "failed": text.bytes().map(|byte| json!({"execution": id::<ExecutionId>(1), "at": at(byte.into())})).collect::<Vec<_>>(),
        }),
        DocumentKind::Sensor => json!({"ref": reference, "entry_point": "s.wasm", "description": text}),
        DocumentKind::SensorState => json!({"ref": reference, "cursor": {"text": text}}),
        DocumentKind::WorkflowDefinition => json!({"digest": digest, "source": text}),
        DocumentKind::KeyValue => json!({"name": name, "value": text}),
        DocumentKind::UserKeyValue => json!({
            "ref": format!("3:ada:{name}"), "owner": "ada", "key": {"name": name, "value": text},
        }),
        DocumentKind::User => json!({"name": name, "password_hash": text, "created_at": at(1)}),
        DocumentKind::ApiKey => json!({
            "id": id::<ApiKeyId>(n), "user": "ada", "digest": digest, "metadata": {"text": text},
            "enabled": true, "created_at": at(1),
        }),
        DocumentKind::Token => json!({
            "id": id::<TokenId>(n), "user": "ada", "digest": digest, "metadata": {"text": text},
            "expires_at": at(60),
        }),
        DocumentKind::PackConfig => json!({"pack": name, "values": {"text": text}}),
        DocumentKind::PackGrant => {
            json!({"pack": name, "env": ["TZ"], "granted_by": text, "granted_at": at(1)})
        }
    };
    Document::from_json(kind, noun.to_string().as_bytes()).unwrap()
}

/// The same of an internal event, of what several have in common, and otherwise of an event that a correlation holds.
fn of_events(kind: DocumentKind, n: u64, text: &str) -> Value {
    match kind {
        DocumentKind::InternalEvent => json!({
            "id": id::<InternalEventId>(n), "type": "core.st2.generic.actiontrigger", "payload": {"text": text},
            "occurred_at": at(1),
        }),
        DocumentKind::SharedPayload => json!({
            "id": id::<InternalEventId>(n), "last": id::<InternalEventId>(n + 1), "payload": {"text": text},
        }),
        _ => json!({
            "key": format!("{}:{n:064}:000001", id::<RuleId>(n)),
            "event": {
                "id": id::<TriggerInstanceId>(n), "trigger": format!("pack.name{n}"), "at": at(1),
                "payload": {"text": text}, "trace": format!("{:032x}", n + 1),
            },
        }),
    }
}

pub(crate) fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}
