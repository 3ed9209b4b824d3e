//! The cases of a pack, from `tests/*.yaml`: an action with its parameters, and what must come of it. `petrel pack test`
//! runs them.

use std::collections::BTreeMap;
use std::fmt;

use petrel_model::Object;
use petrel_yaml::{Content, Node};
use serde_json::Value;

use super::parsed;
use crate::fields::{Fields, Problems};
use crate::problem::{Position, Problem};

/// Most cases in one file.
const MOST_CASES: usize = 1000;

const FIELDS: &[&str] = &["name", "action", "parameters", "config", "keys", "secrets", "http", "expect"];
const HTTP_FIELDS: &[&str] = &["method", "url", "status", "headers", "body"];
const EXPECT_FIELDS: &[&str] = &["result", "error", "logged", "keys", "events"];
const EVENT_FIELDS: &[&str] = &["trigger", "payload"];
const ERROR_FIELDS: &[&str] = &["kind", "code", "says"];

/// One case.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name. By default that of the action.
    pub name: String,
    /// Its place in the file.
    pub position: Position,
    /// The name of the action in the pack.
    pub action: String,
    /// The parameters of the action.
    pub parameters: Object,
    /// The configuration of the pack.
    pub config: Object,
    /// The texts of keys of the datastore, by their whole names.
    pub keys: BTreeMap<String, String>,
    /// The texts of secret keys.
    pub secrets: BTreeMap<String, String>,
    /// The requests that the action makes, with their answers.
    pub http: Vec<Exchange>,
    /// What must come of it.
    pub expect: Expectation,
}

/// A request, and the answer that it gets in place of the network's.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// The method, in upper case. Default `GET`.
    pub method: String,
    /// The address, with its query.
    pub url: String,
    /// The status of the answer. Default 200.
    pub status: u16,
    /// The headers of the answer.
    pub headers: Vec<(String, String)>,
    /// The body of the answer: a text as it is, anything else as JSON. Default: none.
    pub body: String,
}

/// What must come of a case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectation {
    /// The result. `None` where any will do, or an error is expected.
    pub result: Option<Value>,
    /// The error. `None` if it must succeed.
    pub error: Option<ExpectedError>,
    /// Texts that must be in lines of the output.
    pub logged: Vec<String>,
    /// The texts of keys. `None` for one that must not be there.
    pub keys: BTreeMap<String, Option<String>>,
    /// All events that it emits, in order. `None` where any will do.
    pub events: Option<Vec<ExpectedEvent>>,
}

/// An event that an action emits.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedEvent {
    /// The name of the trigger type in the pack.
    pub trigger: String,
    /// The payload. By default an empty object.
    pub payload: Value,
}

impl fmt::Display for ExpectedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.trigger, self.payload)
    }
}

/// The error that must come of a case. What is left out may be anything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ExpectedError {
    /// The kind, such as `invalid-input`.
    pub kind: Option<String>,
    /// The code.
    pub code: Option<String>,
    /// A part of the message.
    pub says: Option<String>,
}

/// Parses a file with a list of cases.
///
/// # Errors
/// All problems.
pub fn read_cases(file: &str, text: &str) -> Result<Vec<Case>, Vec<Problem>> {
    let (node, mut problems) = parsed(file, text)?;
    if node.is_null() {
        return Ok(Vec::new());
    }
    let Content::List(items) = &node.content else {
        let message =
            format!("cases must be a list, and this is {}; begin each with `- action: NAME`", node.kind());
        problems.add(node.position, message);
        return Err(problems.told());
    };
    if items.len() > MOST_CASES {
        problems.add(node.position, format!("a file has at most {MOST_CASES} cases; write more files"));
        return Err(problems.told());
    }
    let cases = items.iter().filter_map(|item| case(item, &mut problems)).collect();
    problems.into_result(Some(cases))
}

fn case(node: &Node, problems: &mut Problems) -> Option<Case> {
    let fields = Fields::of(node, "a case", problems)?;
    fields.refuse_unknown(FIELDS, &[], problems);
    let action = fields.required_text("action", problems);
    let http = fields.list("http", problems).iter().filter_map(|item| exchange(item, problems)).collect();
    let expect =
        fields.get("expect").map_or_else(|| Some(Expectation::default()), |node| expectation(node, problems));
    let action = action?;
    Some(Case {
        name: fields.text("name", problems).unwrap_or_else(|| action.clone()),
        position: node.position,
        parameters: fields.object("parameters", problems),
        config: fields.object("config", problems),
        keys: texts(fields.object("keys", problems)),
        secrets: texts(fields.object("secrets", problems)),
        http,
        expect: expect?,
        action,
    })
}

fn exchange(node: &Node, problems: &mut Problems) -> Option<Exchange> {
    let fields = Fields::of(node, "a request", problems)?;
    fields.refuse_unknown(HTTP_FIELDS, &[], problems);
    let url = fields.required_text("url", problems);
    let status = match fields.get("status").map(Node::to_json) {
        None => 200,
        Some(status) => {
            let known = status.as_u64().and_then(|status| u16::try_from(status).ok());
            known.filter(|status| (100..=599).contains(status)).unwrap_or_else(|| {
                problems.add(fields.position("status"), "status must be from 100 to 599".to_owned());
                200
            })
        }
    };
    let headers = fields.object("headers", problems);
    Some(Exchange {
        method: fields.text("method", problems).map_or_else(|| "GET".to_owned(), |name| name.to_uppercase()),
        url: url?,
        status,
        headers: headers.into_iter().map(|(name, value)| (name, as_text(value))).collect(),
        body: fields.get("body").map(|body| as_text(body.to_json())).unwrap_or_default(),
    })
}

fn texts(values: Object) -> BTreeMap<String, String> {
    values.into_iter().map(|(name, value)| (name, as_text(value))).collect()
}

/// A text as it is, anything else as JSON.
fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn expectation(node: &Node, problems: &mut Problems) -> Option<Expectation> {
    let fields = Fields::of(node, "expect", problems)?;
    fields.refuse_unknown(EXPECT_FIELDS, &[], problems);
    let error = match fields.get("error") {
        None => None,
        Some(node) => {
            let fields = Fields::of(node, "error", problems)?;
            fields.refuse_unknown(ERROR_FIELDS, &[], problems);
            let [kind, code, says] = ["kind", "code", "says"].map(|name| fields.text(name, problems));
            Some(ExpectedError { kind, code, says })
        }
    };
    if error.is_some() && fields.has("result") {
        let message = "a case expects a result or an error, and not both; remove one";
        problems.add(fields.position("result"), message);
    }
    let logged = fields.texts("logged", problems);
    let keys = fields.object("keys", problems).into_iter();
    let keys = keys.map(|(name, value)| (name, (!value.is_null()).then(|| as_text(value)))).collect();
    let events = fields
        .has("events")
        .then(|| fields.list("events", problems).iter().filter_map(|item| event(item, problems)).collect());
    // A null that is written is an expectation, too.
    let written = fields.entries().iter().find(|entry| entry.key == "result");
    Some(Expectation { result: written.map(|entry| entry.node.to_json()), error, logged, keys, events })
}

fn event(node: &Node, problems: &mut Problems) -> Option<ExpectedEvent> {
    let fields = Fields::of(node, "an event", problems)?;
    fields.refuse_unknown(EVENT_FIELDS, &[], problems);
    let trigger = fields.required_text("trigger", problems)?;
    Some(ExpectedEvent { trigger, payload: Value::Object(fields.object("payload", problems)) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_says_what_is_given_and_what_must_come_of_it() {
        let text = "
- action: fetch
  parameters: {id: 7}
  config: {token: t}
  http:
    - url: https://example.com/7?all=1
      body: {id: 7}
    - {method: post, url: 'https://example.com/', status: 503, headers: {retry-after: 5}, body: later}
  expect: {result: null, logged: [fetched], events: [{trigger: seen, payload: {a: 1}}]}
- name: nothing there
  action: fetch
  expect: {error: {kind: not-found, says: nothing}}
- action: fetch
";
        let cases = read_cases("tests/a.yaml", text).unwrap();
        assert_eq!(cases.len(), 3);
        let first = &cases[0];
        assert_eq!((first.name.as_str(), first.position.line), ("fetch", 2));
        assert_eq!(first.parameters, *json!({"id": 7}).as_object().unwrap());
        assert_eq!((first.http[0].method.as_str(), first.http[0].body.as_str()), ("GET", "{\"id\":7}"));
        assert_eq!((first.http[1].method.as_str(), first.http[1].status), ("POST", 503));
        assert_eq!(first.http[1].headers, [("retry-after".to_owned(), "5".to_owned())]);
        assert_eq!(first.http[1].body, "later");
        assert_eq!(first.expect.result, Some(Value::Null));
        let seen = ExpectedEvent { trigger: "seen".to_owned(), payload: json!({"a": 1}) };
        assert_eq!(first.expect.events.as_deref(), Some([seen].as_slice()));
        let error = cases[1].expect.error.as_ref().unwrap();
        assert_eq!((error.kind.as_deref(), error.says.as_deref()), (Some("not-found"), Some("nothing")));
        assert_eq!(cases[2].expect, Expectation::default());
        assert!(read_cases("tests/a.yaml", "---\n").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_case_is_told_with_its_place() {
        for (text, says) in [
            ("action: a\n", "cases must be a list"),
            ("- parameters: {}\n", "a case needs a field action"),
            ("- {action: a, expct: {}}\n", "did you mean expect?"),
            ("- {action: a, expect: {result: 1, error: {}}}\n", "not both"),
            ("- {action: a, http: [{url: u, status: 42}]}\n", "from 100 to 599"),
            ("- {action: a, expect: {error: {knd: x}}}\n", "did you mean kind?"),
        ] {
            let problems = read_cases("tests/a.yaml", text).unwrap_err();
            let told = problems[0].to_string();
            assert!(told.starts_with("tests/a.yaml:1:") && told.contains(says), "{told}");
        }
    }
}
