//! The lines that the host and the process of a sensor write to each other: JSON, one object on each, UTF-8.
//!
//! The host writes
//!
//! | line | meaning |
//! |---|---|
//! | `{"begin": {...}}` | the first line: `pack`, `pack_path`, `file`, `class_name`, `config`, `poll_interval`, `triggers`, and the bytes of the `longest_line` that it reads |
//! | `{"triggers": {"added": [...], "removed": [...]}}` | other rules listen than before |
//! | `{"poll": true}` | the sensor is to poll without waiting for its time |
//! | `{"answer": {"id": N, "result": ...}}`, or `"error": TEXT` | the answer to the question with this number; with `"is_ending": true` the sensor is being ended, and may not go on as if it was refused |
//!
//! and the sensor
//!
//! | line | meaning |
//! |---|---|
//! | `{"ready": {"polls": BOOL}}` | it is set up, and whether it can be told to poll |
//! | `{"polled": true}` | it has polled once more |
//! | `{"failed": {"message": TEXT, "hint": TEXT}}` | why it ends |
//! | `{"id": N, "dispatch": {"trigger": TEXT, "payload": {...}, "trace_tag": TEXT}}` | an event; it is answered once the event is stored |
//! | `{"id": N, "get": {"name": TEXT, "decrypt": BOOL}}` | a key of the datastore; `set` has `value`, `ttl` in seconds and `encrypt`, `delete` a name, `list` `prefix`, `limit` and `offset` |
//!
//! Questions are answered in their order. The answer about keys is a list of those that it is about.

use std::path::Path;
use std::time::Duration;

use petrel_model::Object;
use serde_json::{Value, json};

use crate::attendant::{KeyShown, KeysAsked};
use crate::sensors::{Emitted, SensorCall, SensorTrigger};

/// The longest line of a sensor, in bytes: several times the largest payload of an event.
pub(super) const LONGEST: usize = 8 << 20;
/// The longest line with an event: more than the largest payload takes, with Python's spaces. A longer one would be refused
/// after it is read, which costs many times its size.
const LONGEST_EVENT: usize = 2 << 20;
/// The greatest number of keys in one list.
const MOST_KEYS: u64 = 1_000;

/// What a sensor says.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// It is set up.
    Ready {
        /// Whether it can be told to poll.
        polls: bool,
    },
    /// It has polled once more.
    Polled,
    /// It ends, with what it says about that.
    Failed {
        /// What happened.
        message: String,
        /// The remedy; empty if it knows none.
        hint: String,
    },
    /// It asks.
    Asked {
        /// The number of the question.
        id: u64,
        /// The question.
        question: Question,
    },
    /// It asks for what cannot be.
    Unfit {
        /// The number of the question.
        id: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// What a sensor asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Question {
    /// To store an event.
    Event(Box<Emitted>),
    /// To do something with keys.
    Keys(KeysAsked),
}

impl Said {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        if let Some(unfit) = too_long(line) {
            return Ok(unfit);
        }
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) => return too_deep(line, &error).ok_or_else(|| format!("it is no JSON: {error}")),
        };
        let Value::Object(mut said) = value else { return Err("it is no object".into()) };
        if said.contains_key("polled") {
            return Ok(Self::Polled);
        }
        if let Some(ready) = said.get("ready") {
            return Ok(Self::Ready { polls: ready.get("polls").and_then(Value::as_bool).unwrap_or(false) });
        }
        if let Some(failed) = said.get("failed") {
            let text = |name: &str| failed.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            return Ok(Self::Failed { message: text("message"), hint: text("hint") });
        }
        let id =
            said.get("id").and_then(Value::as_u64).ok_or("it has neither a number nor a known meaning")?;
        let verbs = ["dispatch", "get", "set", "delete", "list"];
        let asked = verbs.into_iter().find_map(|verb| Some((verb, said.remove(verb)?)));
        let Some((verb, Value::Object(given))) = asked else {
            return Err("it asks for nothing known".into());
        };
        let question = match verb {
            "dispatch" => event(given).map(|event| Question::Event(Box::new(event))),
            verb => keys(verb, &given).map(Question::Keys),
        };
        // The line can be read, so only the one who asks is told.
        Ok(match question {
            Ok(question) => Self::Asked { id, question },
            Err(why) => Self::Unfit { id, why },
        })
    }
}

/// The number of the question in a line as the process writes it, and what follows. The line is not read as JSON.
fn asked_in(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"{\"id\": ")?;
    let end = rest.iter().position(|byte| *byte == b',')?;
    let (number, rest) = rest.split_at_checked(end)?;
    Some((std::str::from_utf8(number).ok()?.parse().ok()?, rest))
}

/// The question in a line with an event that is too long to be read.
fn too_long(line: &[u8]) -> Option<Said> {
    if line.len() <= LONGEST_EVENT {
        return None;
    }
    let (id, rest) = asked_in(line)?;
    let bytes = line.len();
    rest.starts_with(b", \"dispatch\": ").then(|| Said::Unfit {
        id,
        why: format!(
            "it has {bytes} bytes of JSON, and {LONGEST_EVENT} is the limit; emit a reference to it"
        ),
    })
}

/// The question in a line that is nested deeper than JSON is read. Other lines that are no JSON are mixed ones, after which
/// nobody knows who waits for an answer.
fn too_deep(line: &[u8], error: &serde_json::Error) -> Option<Said> {
    if !error.to_string().starts_with("recursion limit exceeded") {
        return None;
    }
    let (id, _) = asked_in(line)?;
    let why = "it is nested too deep; send something flatter, or send it as text".to_owned();
    Some(Said::Unfit { id, why })
}

fn event(mut given: Object) -> Result<Emitted, String> {
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let trigger = text(given.remove("trigger")).ok_or("an event has no trigger")?;
    Ok(Emitted {
        trigger,
        payload: given.remove("payload").unwrap_or_default(),
        parameters: None,
        dedup_key: None,
        occurred_at: None,
        trace_tag: text(given.remove("trace_tag")),
        depth: 0,
        emitted_by: None,
    })
}

fn keys(verb: &str, given: &Object) -> Result<KeysAsked, String> {
    let text = |name: &str| given.get(name).and_then(Value::as_str).map(str::to_owned);
    let flag = |name: &str| given.get(name).and_then(Value::as_bool).unwrap_or(false);
    let count = |name: &str| given.get(name).and_then(Value::as_u64).unwrap_or(0);
    let size = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if verb == "list" {
        let limit = size(count("limit").min(MOST_KEYS));
        return Ok(KeysAsked::List {
            prefix: text("prefix").unwrap_or_default(),
            offset: size(count("offset")),
            limit,
        });
    }
    let name = text("name").ok_or("a key has no name")?;
    Ok(match verb {
        "get" => KeysAsked::Get { name, decrypt: flag("decrypt") },
        "delete" => KeysAsked::Delete { name },
        _ => {
            let value = text("value").ok_or("a key has no value")?;
            let seconds = given.get("ttl").and_then(Value::as_f64);
            let ttl = seconds.map(|seconds| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
            KeysAsked::Set { name, value, ttl, encrypt: flag("encrypt") }
        }
    })
}

/// The first line of the host.
pub(super) fn begin(call: &SensorCall, file: &Path, triggers: &[SensorTrigger]) -> Vec<u8> {
    line(&json!({"begin": {
        "pack": call.sensor.pack(),
        "pack_path": call.pack_path.display().to_string(),
        "file": file.display().to_string(),
        "class_name": call.class_name,
        "config": &*call.pack_config,
        "poll_interval": call.poll_interval,
        "triggers": triggers.iter().map(shown).collect::<Vec<_>>(),
        "longest_line": LONGEST,
    }}))
}

/// The line about triggers that were `known` and are `now`. `None` if they are the same.
pub(super) fn changed(known: &[SensorTrigger], now: &[SensorTrigger]) -> Option<Vec<u8>> {
    let beside = |these: &[SensorTrigger], those: &[SensorTrigger]| -> Vec<Value> {
        let is_among = |one: &&SensorTrigger| those.iter().any(|other| other.reference == one.reference);
        these.iter().filter(|one| !is_among(one)).map(shown).collect()
    };
    let (added, removed) = (beside(now, known), beside(known, now));
    let is_same = added.is_empty() && removed.is_empty();
    (!is_same).then(|| line(&json!({"triggers": {"added": added, "removed": removed}})))
}

/// The line that has the sensor poll.
pub(super) fn poll() -> Vec<u8> {
    line(&json!({"poll": true}))
}

/// Why what a sensor asks for was not done.
#[derive(Debug)]
pub(super) enum Undone {
    /// It is refused.
    Refused(String),
    /// The sensor is being ended.
    Ending(String),
}

/// The answer to a question.
pub(super) fn answer(id: u64, done: Result<Value, Undone>) -> Vec<u8> {
    let written = match done {
        Ok(result) => line(&json!({"answer": {"id": id, "result": result}})),
        Err(Undone::Refused(error)) => line(&json!({"answer": {"id": id, "error": error}})),
        Err(Undone::Ending(error)) => line(&json!({"answer": {"id": id, "error": error, "is_ending": true}})),
    };
    if written.len() <= LONGEST {
        return written;
    }
    let error = format!("the answer has {} bytes, and {LONGEST} is the limit; ask for less", written.len());
    line(&json!({"answer": {"id": id, "error": error}}))
}

/// A key as the sensor sees it.
pub(super) fn key(key: KeyShown) -> Value {
    let KeyShown { name, value, secret, encrypted, expires_at } = key;
    json!({
        "name": name, "value": value, "secret": secret, "encrypted": encrypted,
        "expire_timestamp": expires_at.map(|at| at.to_string()),
    })
}

/// A trigger as StackStorm shows it to sensors.
fn shown(SensorTrigger { reference, trigger }: &SensorTrigger) -> Value {
    let (pack, name) = (reference.pack(), reference.name());
    json!({
        "id": reference.as_str(), "ref": reference.as_str(), "uid": format!("trigger:{pack}:{name}"),
        "name": name, "pack": pack, "type": trigger.kind.as_str(), "parameters": trigger.parameters, "description": null,
    })
}

fn line(value: &Value) -> Vec<u8> {
    let mut text = value.to_string();
    text.push('\n');
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_model::Trigger;

    use super::*;

    #[test]
    fn a_line_of_a_sensor_is_read_or_refused_with_the_reason() {
        let asked = |question| Ok(Said::Asked { id: 7, question });
        let unfit = |why: &str| Ok(Said::Unfit { id: 7, why: why.to_owned() });
        let deep =
            format!(r#"{{"id": 7, "dispatch": {{"payload": {}1{}}}}}"#, "[".repeat(300), "]".repeat(300));
        let long = format!(r#"{{"id": 7, "dispatch": {{"payload": "{}"}}}}"#, "x".repeat(LONGEST_EVENT));
        let too_long =
            format!("it has {} bytes of JSON, and 2097152 is the limit; emit a reference to it", long.len());
        let named = || "p.S:a".to_owned();
        for (line, expected) in [
            (r#"{"ready": {"polls": true}}"#, Ok(Said::Ready { polls: true })),
            (r#"{"polled": true}"#, Ok(Said::Polled)),
            (
                r#"{"failed": {"message": "m"}}"#,
                Ok(Said::Failed { message: "m".into(), hint: String::new() }),
            ),
            (
                r#"{"id": 7, "get": {"name": "p.S:a", "decrypt": true}}"#,
                asked(Question::Keys(KeysAsked::Get { name: named(), decrypt: true })),
            ),
            (
                r#"{"id": 7, "set": {"name": "p.S:a", "value": "v", "ttl": 1.5}}"#,
                asked(Question::Keys(KeysAsked::Set {
                    name: named(),
                    value: "v".into(),
                    ttl: Some(Duration::from_millis(1_500)),
                    encrypt: false,
                })),
            ),
            (
                r#"{"id": 7, "list": {"prefix": "p.S:", "limit": 5000, "offset": 2}}"#,
                asked(Question::Keys(KeysAsked::List { prefix: "p.S:".into(), offset: 2, limit: 1_000 })),
            ),
            (
                r#"{"id": 7, "delete": {"name": "p.S:a"}}"#,
                asked(Question::Keys(KeysAsked::Delete { name: named() })),
            ),
            (r#"{"id": 7, "delete": {}}"#, unfit("a key has no name")),
            (r#"{"id": 7, "dispatch": {"payload": {}}}"#, unfit("an event has no trigger")),
            (long.as_str(), unfit(&too_long)),
            (deep.as_str(), unfit("it is nested too deep; send something flatter, or send it as text")),
            (r#"{"id": 7, "dispatch": 1}"#, Err("it asks for nothing known")),
            (r#"{"id": 7}"#, Err("it asks for nothing known")),
            (r#"{"else": 7}"#, Err("it has neither a number nor a known meaning")),
            ("[]", Err("it is no object")),
        ] {
            assert_eq!(Said::read(line.as_bytes()), expected.map_err(str::to_owned), "{line}");
        }
        let line = br#"{"id": 1, "dispatch": {"trigger": "p.t", "payload": {"n": 1}, "trace_tag": null}}"#;
        let Ok(Said::Asked { question: Question::Event(event), .. }) = Said::read(line) else {
            panic!("{line:?}")
        };
        assert_eq!(
            (event.trigger.as_str(), &event.payload, event.trace_tag.as_deref()),
            ("p.t", &json!({"n": 1}), None)
        );
    }

    #[test]
    fn a_sensor_hears_of_the_triggers_that_come_and_go() {
        let one = |n: u64| {
            let parameters = json!({"n": n}).as_object().cloned().unwrap();
            let trigger = Trigger { kind: "p.t".parse().unwrap(), parameters };
            SensorTrigger { reference: trigger.reference(), trigger: Arc::new(trigger) }
        };
        assert_eq!(changed(&[one(1), one(2)], &[one(2), one(1)]), None);
        let line = changed(&[one(1), one(2)], &[one(2), one(3)]).unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        let parameters = |list: &Value| {
            list.as_array().unwrap().iter().map(|one| one["parameters"]["n"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(parameters(&line["triggers"]["added"]), [json!(3)]);
        assert_eq!(parameters(&line["triggers"]["removed"]), [json!(1)]);
        let added = &line["triggers"]["added"][0];
        assert_eq!(
            (&added["type"], &added["pack"], &added["ref"]),
            (&json!("p.t"), &json!("p"), &added["id"])
        );
    }

    #[test]
    fn an_answer_that_is_too_long_says_so() {
        for (result, says) in [(json!("x"), "\"result\":\"x\""), (json!("x".repeat(LONGEST)), "ask for less")]
        {
            let line = answer(3, Ok(result));
            let text = String::from_utf8(line).unwrap();
            assert!(text.contains(says) && text.contains("\"id\":3") && text.ends_with('\n'));
        }
    }
}
