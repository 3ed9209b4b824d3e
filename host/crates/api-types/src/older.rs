//! Answers of an older host, which lacks some fields: they are read as empty, false or unknown. The fields that define
//! an object stay required: its id or name, its status, and whether it is enabled.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::explanation::Explanation;
use crate::{
    Action, ApiKey, Execution, HostStatus, Key, MadeApiKey, Pack, Registration, Removal, Rule, Trigger,
    TriggerInstance, TriggerType, User,
};

const ID: &str = "65a000000000000000000001";
const NOON: &str = "2026-11-20T12:00:00.000000Z";

/// Reads `answer` as the type `T`, and returns the view that is written from it.
fn read<T: Serialize + DeserializeOwned>(answer: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_value(answer.clone()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

/// The reader of an answer as one type.
type Read = fn(&Value) -> Result<Value, String>;

#[test]
fn what_an_older_host_leaves_out_is_empty() {
    let least: [(Read, Value, &str, Value); 14] = [
        (read::<Action<'static>>, action(), "/description", json!("")),
        (read::<Execution<'static>>, execution(), "/log", json!([])),
        (read::<Execution<'static>>, execution(), "/context/user", json!("")),
        (read::<Rule<'static>>, rule(), "/criteria", json!({})),
        (read::<TriggerType<'static>>, json!({"ref": "core.x"}), "/payload_schema", json!({})),
        (read::<Trigger<'static>>, json!({"ref": "core.x", "type": "core.x"}), "/parameters", json!({})),
        (read::<TriggerInstance<'static>>, event(), "/payload", json!(null)),
        (read::<Pack<'static>>, json!({"ref": "mine"}), "/keywords", json!([])),
        (read::<Registration<'static>>, json!({"actions": 1}), "/notes", json!([])),
        (read::<Removal<'static>>, json!({"ref": "mine"}), "/rules", json!(0)),
        (read::<Key<'static>>, json!({"name": "n", "value": "v"}), "/encrypted", json!(false)),
        (
            read::<User<'static>>,
            json!({"id": "a", "name": "a", "created_at": NOON}),
            "/is_admin",
            json!(false),
        ),
        (read::<MadeApiKey<'static>>, json!({"id": ID, "key": "k"}), "/key", json!("k")),
        (
            read::<ApiKey<'static>>,
            json!({"id": ID, "user": "a", "created_at": NOON, "enabled": true}),
            "/metadata",
            json!({}),
        ),
    ];
    for (read, answer, path, expected) in least {
        let shown = read(&answer).unwrap_or_else(|error| panic!("{answer}: {error}"));
        assert_eq!(shown.pointer(path), Some(&expected), "{path} of {answer}");
    }
}

#[test]
fn what_a_thing_is_not_without_is_missed() {
    for (read, answer, missing) in [
        (
            read::<Action<'static>> as Read,
            json!({"ref": "core.x", "runner_type": "noop", "uid": "u"}),
            "enabled",
        ),
        (read::<Execution<'static>>, json!({"id": ID}), "status"),
        (read::<Rule<'static>>, json!({"id": ID}), "ref"),
        (read::<Pack<'static>>, json!({}), "ref"),
        (read::<HostStatus<'static>>, json!({"version": "0.1.0"}), "waiting"),
        (read::<Explanation<'static>>, json!({"rule": "mine.r", "matched": true}), "verdict"),
    ] {
        let refused = read(&answer).unwrap_err();
        assert!(refused.contains(&format!("missing field `{missing}`")), "{answer}: {refused}");
    }
}

/// An action with the required fields only.
fn action() -> Value {
    json!({"ref": "core.x", "enabled": true, "runner_type": "noop", "uid": "action:core:x"})
}

fn execution() -> Value {
    json!({
        "id": ID, "status": "running", "action": action(), "start_timestamp": NOON,
        "liveaction": {"id": ID, "action": "core.x", "parameters": {}},
    })
}

fn rule() -> Value {
    json!({
        "id": ID, "ref": "mine.r", "enabled": true, "type": {"ref": "standard", "parameters": {}},
        "trigger": {"type": "core.x"}, "action": {"ref": "core.noop"},
    })
}

fn event() -> Value {
    json!({
        "id": ID, "trigger": "core.x", "trigger_type": "core.x", "occurrence_time": NOON, "status": "processed",
    })
}
