//! Words the findings of [`super::syntax`]: the key, the value, and what is allowed there.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use petrel_model::nearest::nearest;
use serde_json::Value;

/// Number of characters of a value that are quoted.
const LONGEST: usize = 80;

/// Number of unknown keys that are quoted.
const MOST_KEYS: usize = 10;

const SECONDS: &str = "a whole number of seconds that is not negative, or an expression";
const NUMBER: &str = "a whole number that is not negative, or an expression";
const CONDITION: &str = "a text that holds an expression, such as `<% succeeded() %>`";
const VARIABLES: &str = "a list of mappings with one key each, such as `- name: value`, without duplicates";
const VARIABLE: &str = "a mapping with one key, such as `name: value`";
const TEXT: &str = "a text that is not empty";

/// The allowed values by place. A place is the steps to it, of which `*` matches any.
const ALLOWED: &[(&[&str], &str)] = &[
    (&["name"], TEXT),
    (&["version"], "1.0"),
    (&["description"], TEXT),
    (&["tags"], "a list of texts, without duplicates"),
    (&["tags", "*"], TEXT),
    (&["input"], "a list of names, or of mappings with one name and its default, without duplicates"),
    (&["input", "*"], "a name, or a mapping with one name and its default, such as `name: value`"),
    (&["vars"], VARIABLES),
    (&["vars", "*"], VARIABLE),
    (&["output"], VARIABLES),
    (&["output", "*"], VARIABLE),
    (&["timeout"], SECONDS),
    (&["tasks"], "a mapping of names to tasks, with one at least"),
    (&["tasks", "*"], "a mapping, such as `action: core.noop`"),
    (&["tasks", "*", "delay"], SECONDS),
    (&["tasks", "*", "timeout"], SECONDS),
    (
        &["tasks", "*", "join"],
        "`all`, or a whole number that is not negative: of how many branches it waits for",
    ),
    (&["tasks", "*", "with"], "a text such as `x in <% ctx().list %>`, or a mapping with `items`"),
    (
        &["tasks", "*", "with", "items"],
        "a text such as `<% ctx().list %>` or `x in <% ctx().list %>`, with an expression that gives the list",
    ),
    (&["tasks", "*", "with", "concurrency"], NUMBER),
    (&["tasks", "*", "action"], "a text: an action such as `core.noop`, or an expression"),
    (&["tasks", "*", "input"], "a mapping of parameters that is not empty, or an expression that gives one"),
    (&["tasks", "*", "retry"], "a mapping with `count`, and perhaps `delay` and `when`"),
    (&["tasks", "*", "retry", "when"], "a text that holds an expression, such as `<% failed() %>`"),
    (&["tasks", "*", "retry", "count"], NUMBER),
    (&["tasks", "*", "retry", "delay"], SECONDS),
    (
        &["tasks", "*", "next"],
        "a list of mappings with `when`, `publish` and `do`, as far as they are needed",
    ),
    (&["tasks", "*", "next", "*"], "a mapping with `when`, `publish` and `do`, as far as they are needed"),
    (&["tasks", "*", "next", "*", "when"], CONDITION),
    (
        &["tasks", "*", "next", "*", "publish"],
        "a list of mappings with one key each, such as `- path: <% result().path %>`, without duplicates, or a \
         text such as `path=<% result().path %>`",
    ),
    (
        &["tasks", "*", "next", "*", "do"],
        "the name of a task, names with commas between them, or a list of names, without duplicates",
    ),
];

/// The allowed keys by place.
const KEYS: &[(&[&str], &str)] = &[
    (&[], "name, version, description, tags, input, vars, tasks, output, timeout"),
    (&["tasks", "*"], "action, input, with, join, delay, timeout, retry, next"),
    (&["tasks", "*", "with"], "items, concurrency"),
    (&["tasks", "*", "retry"], "count, delay, when"),
    (&["tasks", "*", "next", "*"], "when, publish, do"),
];

/// The message for a violation of the schema: the problem, and what is allowed.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    let path = steps(error.instance_path().as_str());
    let subject = subject(&path);
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = at(KEYS, &path).unwrap_or_default();
            let mut names: Vec<_> =
                unexpected.iter().take(MOST_KEYS).map(|name| format!("`{}`", shortened(name))).collect();
            if unexpected.len() > MOST_KEYS {
                names.push(format!("{} more", unexpected.len() - MOST_KEYS));
            }
            let verb = if unexpected.len() == 1 { "is not a key" } else { "are not keys" };
            format!("{} {verb} of {subject}; it may have {known}", names.join(", "))
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let mut inner: Vec<&str> = path.iter().map(String::as_str).collect();
            inner.push(name);
            let allowed = allowed(&inner);
            format!("{subject} has no `{name}`; add it: {allowed}")
        }
        _ => {
            let (place, verdict) = wrong(error);
            let inner = steps(&place);
            let allowed = allowed(&path);
            if inner.len() > path.len() {
                let item = inner.get(path.len()).map_or_else(String::new, |step| numbered(step));
                format!("{item} of {subject} {verdict}; {subject} must be {allowed}")
            } else {
                format!("{subject} {verdict}; it must be {allowed}")
            }
        }
    }
}

/// The remedy for unknown keys: those that are likely meant.
pub(super) fn meant(error: &ValidationError<'_>) -> Option<String> {
    let ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() else { return None };
    let known = at(KEYS, &steps(error.instance_path().as_str()))?;
    let near = unexpected.iter().take(MOST_KEYS).filter_map(|name| nearest(name, known.split(", ")));
    let names: Vec<_> = near.map(|near| format!("`{near}`")).collect();
    (!names.is_empty()).then(|| format!("Did you mean {}?", names.join(", ")))
}

/// The place and the problem. If the schema allows several forms, those of the only form that can have been meant.
fn wrong(error: &ValidationError<'_>) -> (String, String) {
    let place = error.instance_path().as_str();
    if let ValidationErrorKind::OneOfNotValid { context } = error.kind() {
        let is_other_type = |found: &ValidationError<'_>| {
            found.instance_path().as_str() == place
                && matches!(found.kind(), ValidationErrorKind::Type { .. })
        };
        let mut meant =
            context.iter().filter(|form| !form.iter().any(is_other_type)).filter_map(|form| form.first());
        if let (Some(only), None) = (meant.next(), meant.next()) {
            return wrong(only);
        }
    }
    (place.to_owned(), verdict(error))
}

/// The problem, without its place.
fn verdict(error: &ValidationError<'_>) -> String {
    let value: &Value = error.instance();
    match (error.kind(), value) {
        (ValidationErrorKind::UniqueItems, _) => "holds something twice".to_owned(),
        (ValidationErrorKind::MaxProperties { .. }, Value::Object(object)) => {
            format!("has {} keys", object.len())
        }
        (_, Value::Null) => "holds nothing".to_owned(),
        (_, Value::String(text)) if text.is_empty() => "is an empty text".to_owned(),
        (_, Value::Array(items)) if items.is_empty() => "is an empty list".to_owned(),
        (_, Value::Object(object)) if object.is_empty() => "is an empty mapping".to_owned(),
        _ => format!("is {}", shortened(&value.to_string())),
    }
}

fn allowed(path: &[impl AsRef<str>]) -> &'static str {
    at(ALLOWED, path).unwrap_or("something else")
}

/// The text for a place.
fn at(table: &[(&[&str], &'static str)], path: &[impl AsRef<str>]) -> Option<&'static str> {
    let is_there = |steps: &[&str]| {
        steps.len() == path.len()
            && steps.iter().zip(path).all(|(step, is)| *step == "*" || *step == is.as_ref())
    };
    table.iter().find(|(steps, _)| is_there(steps)).map(|(_, words)| *words)
}

/// The name of a place in messages.
fn subject(path: &[String]) -> String {
    match path {
        [] => "the workflow".to_owned(),
        [tasks, name] if tasks == "tasks" => format!("the task `{}`", shortened(name)),
        [.., list, step] if step.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{} of `{}`", numbered(step), shortened(list))
        }
        [.., key] => format!("`{}`", shortened(key)),
    }
}

/// Turns the index `1` into `item 2`.
fn numbered(step: &str) -> String {
    match step.parse::<usize>() {
        Ok(index) => format!("item {}", index.saturating_add(1)),
        Err(_) => format!("`{}`", shortened(step)),
    }
}

/// The steps of a JSON pointer.
fn steps(pointer: &str) -> Vec<String> {
    petrel_model::pointer::steps(pointer).collect()
}

/// The beginning of a text, for a quotation.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Kind, inspect};
    use super::*;

    /// Places and messages of findings about a workflow.
    fn found(definition: &Value) -> Vec<(String, String)> {
        let findings = inspect(definition, &[]).into_iter().filter(|finding| finding.kind == Kind::Syntax);
        findings.map(|finding| (finding.spec_path.unwrap_or_default(), finding.message)).collect()
    }

    fn assert_found(definition: &Value, place: &str, says: &[&str]) {
        let found = found(definition);
        let [(path, message)] = found.as_slice() else { panic!("{definition}: {found:?}") };
        assert_eq!(path, place, "{definition}: {message}");
        for says in says {
            assert!(message.contains(says), "{says:?} is not in {message:?}");
        }
    }

    #[test]
    fn keys_that_are_likely_meant_are_the_remedy() {
        let task =
            json!({"acton": "core.noop", "inputs": {"x": 1}, "colour": 1, "next": [{"whn": "<% 1 %>"}]});
        let findings = inspect(&json!({"version": 1.0, "outptu": [{"a": 1}], "tasks": {"t": task}}), &[]);
        let mut hints: Vec<_> = findings.into_iter().filter_map(|found| found.hint).collect();
        hints.sort();
        let expected = ["Did you mean `action`, `input`?", "Did you mean `output`?", "Did you mean `when`?"];
        assert_eq!(hints, expected);
    }

    #[test]
    fn what_is_wrong_with_a_task_names_the_key_what_is_there_and_what_may_be() {
        for (key, value, place, says) in [
            ("delay", json!(-1), ".delay", &["`delay` is -1; it must be a whole number of seconds"][..]),
            ("delay", json!(1.5), ".delay", &["`delay` is 1.5; it must be"]),
            ("timeout", json!([]), ".timeout", &["`timeout` is an empty list; it must be", "seconds"]),
            ("join", json!("any"), ".join", &["`join` is \"any\"; it must be `all`, or a whole number"]),
            ("join", json!(-1), ".join", &["`join` is -1; it must be `all`"]),
            ("with", json!(5), ".with", &["`with` is 5; it must be", "x in <% ctx().list %>"]),
            ("with", json!("x of y"), ".with.items", &["`items` is \"x of y\"; it must be", "in <%"]),
            ("with", json!({"items": "<% [1] %>", "concurrency": -1}), ".with.concurrency", &["is -1"]),
            (
                "with",
                json!({"item": "<% [1] %>", "items": "<% [1] %>"}),
                ".with",
                &["`item` is not a key of `with`; it may have items, concurrency"],
            ),
            ("with", json!({}), ".with", &["`with` has no `items`; add it: a text such as"]),
            ("action", json!(["core.noop"]), ".action", &["`action` is [\"core.noop\"]; it must be a text"]),
            ("input", json!([{"a": 1}]), ".input", &["`input` is [{\"a\":1}]; it must be a mapping"]),
            ("input", json!({}), ".input", &["`input` is an empty mapping; it must be"]),
            ("retry", json!(3), ".retry", &["`retry` is 3; it must be a mapping with `count`"]),
            ("retry", json!({"delay": 1}), ".retry", &["`retry` has no `count`; add it: a whole number"]),
            ("retry", json!({"count": -2}), ".retry.count", &["`count` is -2; it must be a whole number"]),
            (
                "retry",
                json!({"count": 1, "when": true}),
                ".retry.when",
                &["`when` is true", "<% failed() %>"],
            ),
            ("next", json!({"do": "t"}), ".next", &["`next` is {\"do\":\"t\"}; it must be a list"]),
            ("next", json!(["t"]), ".next[0]", &["item 1 of `next` is \"t\"; it must be a mapping"]),
            (
                "next",
                json!([{"goto": "t", "if": 1}]),
                ".next[0]",
                &["`goto`, `if` are not keys of item 1 of `next`; it may have when, publish, do"],
            ),
            (
                "actions",
                json!("core.noop"),
                "",
                &["`actions` is not a key of the task `t`; it may have action, input"],
            ),
        ] {
            let mut task = json!({"action": "core.noop"});
            task[key] = value;
            assert_found(&json!({"version": 1.0, "tasks": {"t": task}}), &format!("tasks.t{place}"), says);
        }
    }

    #[test]
    fn what_is_wrong_with_a_transition_names_the_item() {
        for (key, value, says) in [
            ("when", json!(true), &["`when` is true; it must be a text that holds an expression"][..]),
            ("publish", json!(5), &["`publish` is 5; it must be a list of mappings with one key each"]),
            ("publish", json!({"a": 1, "b": 2}), &["`publish` is {\"a\":1,\"b\":2}; it must be a list"]),
            ("publish", json!([{"a": 1}, "b"]), &["item 2 of `publish` is \"b\"; `publish` must be a list"]),
            (
                "publish",
                json!([{"a": 1, "b": 2}]),
                &["item 1 of `publish` has 2 keys", "`path=<% result().path %>`"],
            ),
            ("publish", json!([{"a": 1}, {}]), &["item 2 of `publish` is an empty mapping"]),
            ("publish", json!([{"a": 1}, {"a": 1}]), &["`publish` holds something twice"]),
            ("publish", json!([]), &["`publish` is an empty list"]),
            ("publish", json!(""), &["`publish` is an empty text"]),
            ("do", json!(5), &["`do` is 5; it must be the name of a task"]),
            ("do", json!(["noop", 5]), &["item 2 of `do` is 5; `do` must be the name of a task"]),
            ("do", json!({"t": "u"}), &["`do` is {\"t\":\"u\"}; it must be"]),
        ] {
            let task = json!({"action": "core.noop", "next": [{"do": "noop"}, {(key): value}]});
            let place = format!("tasks.t.next[1].{key}");
            assert_found(&json!({"version": 1.0, "tasks": {"t": task}}), &place, says);
        }
    }

    #[test]
    fn what_is_wrong_with_a_workflow_names_the_key() {
        for (key, value, place, says) in [
            ("version", json!(2), "version", &["`version` is 2; it must be 1.0"][..]),
            ("input", json!({"a": 1}), "input", &["`input` is {\"a\":1}; it must be a list of names"]),
            ("input", json!(["a", 5]), "input[1]", &["item 2 of `input` is 5; it must be a name"]),
            ("input", json!([{"a": 1, "b": 2}]), "input[0]", &["item 1 of `input` has 2 keys"]),
            ("vars", json!({"a": 1}), "vars", &["`vars` is {\"a\":1}; it must be a list of mappings"]),
            (
                "vars",
                json!(["a"]),
                "vars[0]",
                &["item 1 of `vars` is \"a\"; it must be a mapping with one key"],
            ),
            ("output", json!("a"), "output", &["`output` is \"a\"; it must be a list of mappings"]),
            ("output", json!([{"a": 1}, {"a": 1}]), "output", &["`output` holds something twice"]),
            ("timeout", json!(null), "timeout", &["`timeout` holds nothing; it must be"]),
            (
                "tasks",
                json!(null),
                "tasks",
                &["`tasks` holds nothing; it must be a mapping of names to tasks"],
            ),
            ("tasks", json!({}), "tasks", &["`tasks` is an empty mapping"]),
            ("tasks", json!({"t": null}), "tasks.t", &["the task `t` holds nothing; it must be a mapping"]),
            ("task", json!({}), "", &["`task` is not a key of the workflow; it may have name, version"]),
        ] {
            let mut definition = json!({"version": 1.0, "tasks": {"t": {"action": "core.noop"}}});
            definition[key] = value;
            assert_found(&definition, place, says);
        }
        assert_found(
            &json!({"version": 1.0}),
            "",
            &["the workflow has no `tasks`; add it: a mapping of names"],
        );
    }

    #[test]
    fn a_message_has_an_end() {
        let long = "x".repeat(10_000);
        let keys: serde_json::Map<String, Value> =
            (0..500).map(|n| (format!("{long}{n}"), json!(1))).collect();
        let found = found(&json!({"tasks": {"t": keys}, "vars": [long]}));
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|(_, message)| message.len() < 2_000), "{found:?}");
        assert!(found.iter().any(|(_, message)| message.contains("490 more are not keys of the task `t`")));
    }
}
