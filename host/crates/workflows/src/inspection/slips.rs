//! Mistakes that Orquesta ignores, or only notices when tasks have run: unknown functions and filters, expressions
//! without an end, words in a text that are not parameters, conditions without an expression.
//!
//! What Orquesta drops, or treats as plain text that may have been meant, is a note: so is an expression without an end. So
//! are calls of `task` and `st2kv` that give nothing ([`calls`]), since they are found by their text. Functions that nobody
//! has, variables without `ctx`, texts in the place of numbers ([`numbers`]) and calls of `item` that give nothing
//! ([`items`]) fail where a run comes to them: they are errors where every run does ([`certain`](super::certain)), and else
//! notes.

use petrel_expressions::statement::{self, SlipKind};
use serde_json::{Map, Value};

use super::certain::Certain;
use super::finding::{Finding, Kind, Place};
use super::{calls, items, numbers, syntax, values};
use crate::definition::inline::{self, Dropped};
use crate::definition::shape;

/// The remedy for a value that is not a number, list or expression.
const IN_QUOTES: &str = "put the value in quotes";

/// Likely mistakes in a definition. Sorted by kind and place, without duplicates.
pub fn slips(definition: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !syntax::overlong(definition).is_empty() {
        // Each finding in a task repeats the task's name, so very long names would multiply.
        return findings;
    }
    // What fails where a run comes to it.
    let mut failing = Vec::new();
    values::each(definition, &mut |value, place| add(value, place, &mut findings, &mut failing));
    numbers::of_workflow(definition, &mut failing);
    items::of_workflow(definition, &mut failing);
    findings.extend(calls::wrong(definition));
    for (name, task) in shape::tasks(definition).into_iter().flatten() {
        if let Some(task) = task.as_object() {
            let place = Place::task(name);
            numbers::of_task(task, &place, &mut failing);
            items::of_task(definition, task, &place, &mut failing);
            of_task(task, &place, &mut findings);
        }
    }
    findings.extend(Certain::of(definition).settled(failing));
    findings.sort();
    findings.dedup();
    findings
}

fn of_task(task: &Map<String, Value>, place: &Place, findings: &mut Vec<Finding>) {
    if let Some(action) = task.get("action").and_then(Value::as_str) {
        of_action(action, &place.property("action"), findings);
    }
    let list = task.get("next").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (number, transition) in list.iter().enumerate() {
        let Some(transition) = transition.as_object() else { continue };
        let place = place.transition(number);
        if let Some(text) = transition.get("publish").and_then(Value::as_str) {
            add_dropped(text, &place.property("publish"), findings);
        }
        if let Some(text) = transition.get("when").and_then(Value::as_str) {
            of_condition(text, &place.property("when"), findings);
        }
    }
}

/// Checks the parameters after the name of an action.
fn of_action(text: &str, place: &Place, findings: &mut Vec<Finding>) {
    let Some((_, behind)) = text.split_once(' ') else { return };
    if inline::action(text).is_some() {
        return add_dropped(behind, place, findings);
    }
    let holds_expression = ["<%", "{{", "{%"].iter().any(|mark| text.contains(mark));
    if !holds_expression && behind.contains('=') {
        let message = format!(
            "`{}` contains no parameter, so the whole text is taken for the name of an action; {IN_QUOTES}",
            shortened(behind.trim())
        );
        findings.push(Finding::new(Kind::Semantic, place, message));
    }
}

/// Reports the parts of an inline text that are not parameters.
fn add_dropped(text: &str, place: &Place, findings: &mut Vec<Finding>) {
    if let Some(read) = inline::escaped(text) {
        let message = format!(
            "the value ends in `{}`, since a quote cannot be escaped here; put quotes of the other kind around the value, \
             or write it as a mapping",
            shortened(read)
        );
        findings.push(Finding::new(Kind::Semantic, place, message).noted());
        return;
    }
    for Dropped { text, read } in inline::dropped(text) {
        let text = shortened(text);
        let message = match read {
            Some(read) => {
                format!(
                    "of `{text}` only `{}` is read, and the rest is dropped; {IN_QUOTES}",
                    shortened(read)
                )
            }
            None => format!(
                "`{text}` is dropped, since a value is a number, true, false, null, a list, an expression, or in \
                 quotes; {IN_QUOTES}"
            ),
        };
        findings.push(Finding::new(Kind::Semantic, place, message).noted());
    }
}

/// Reports a condition without an expression: it is plain text, and always holds.
fn of_condition(text: &str, place: &Place, findings: &mut Vec<Finding>) {
    if !text.is_empty() && !["<%", "{{", "{%"].iter().any(|mark| text.contains(mark)) {
        // The suggestion completes half an expression instead of wrapping it in a second one.
        let inside = shortened(text.trim().trim_end_matches("%>").trim_end_matches("}}").trim_end());
        let message = format!(
            "`{}` is not an expression, so it always holds; write it as `<% {inside} %>`",
            shortened(text)
        );
        findings.push(Finding::new(Kind::Expression, place, message).noted());
    }
}

/// Adds the slips in a value: to `failing` those that fail where a run comes to them.
fn add(value: &Value, place: &Place, findings: &mut Vec<Finding>, failing: &mut Vec<Finding>) {
    for slip in statement::slips(value) {
        let mut finding = Finding::new(Kind::Expression, place, slip.message);
        finding.language = Some(slip.language);
        finding.expression = Some(slip.expression);
        match slip.kind {
            SlipKind::Unknown | SlipKind::Bare => failing.push(finding),
            SlipKind::Unclosed | SlipKind::Broken => findings.push(finding.noted()),
        }
    }
}

/// The beginning of a text, for a quotation.
fn shortened(text: &str) -> String {
    /// The greatest number of characters.
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Places, severities and messages of findings in a task.
    fn found(task: &Value) -> Vec<(String, bool, String)> {
        let findings = slips(&json!({"version": 1.0, "tasks": {"t": task}}));
        let told = |finding: Finding| {
            (finding.spec_path.clone().unwrap_or_default(), finding.is_note(), finding.message)
        };
        findings.into_iter().map(told).collect()
    }

    /// Each task has one finding, at the place and with a part of its message; whether it is a note.
    fn assert_found<const N: usize>(cases: [(Value, &str, bool, &str); N]) {
        for (task, place, is_note, said) in cases {
            let found = found(&task);
            let [(path, note, message)] = found.as_slice() else { panic!("{task}: {found:?}") };
            assert_eq!((path.as_str(), *note), (&*format!("tasks.t.{place}"), is_note), "{task}");
            assert!(message.contains(said), "{task}: {message}");
        }
    }

    #[test]
    fn what_hardly_means_what_it_says_in_a_transition_is_found_with_its_place() {
        let next = |transition: Value| json!({"action": "core.noop", "next": [{"do": "noop"}, transition]});
        assert_found([
            (next(json!({"when": "<% succeded() %>"})), "next[1].when", false, "did you mean \"succeeded\"?"),
            (next(json!({"when": "{{ succeded() }}"})), "next[1].when", false, "did you mean \"succeeded\"?"),
            (
                next(json!({"when": "succeeded()"})),
                "next[1].when",
                true,
                "always holds; write it as `<% succeeded() %>`",
            ),
            (
                next(json!({"when": "succeeded() %>"})),
                "next[1].when",
                true,
                "always holds; write it as `<% succeeded() %>`",
            ),
            (next(json!({"when": "<% succeeded()"})), "next[1].when", true, "end it with `%>`"),
            (next(json!({"publish": "path=ok"})), "next[1].publish", true, "`path=ok` is dropped"),
            (
                next(json!({"publish": "a=<% wher(1) %>"})),
                "next[1].publish",
                true,
                "unknown function \"wher\"",
            ),
            (
                next(json!({"publish": [{"a": 1}, {"b": "{{ x"}]})),
                "next[1].publish[1]",
                true,
                "end it with `}}`",
            ),
        ]);
    }

    #[test]
    fn what_hardly_means_what_it_says_in_a_task_is_found_with_its_place() {
        assert_found([
            (json!({"action": "a.b window=24h c=1"}), "action", true, "of `window=24h` only `24` is read"),
            (json!({"action": "a.b cmd=date c=1"}), "action", true, "`cmd=date` is dropped"),
            (
                json!({"action": "a.b cmd=date"}),
                "action",
                false,
                "taken for the name of an action; put the value in quotes",
            ),
            (json!({"action": "a.b", "input": {"x": {"y": ["<% ctx(x)"]}}}), "input.x", true, "has no end"),
            (json!({"action": "a.b", "input": {"x": "<% wher(1) %>"}}), "input.x", false, "\"wher\""),
            (
                json!({"action": "a.b", "input": {"x": "<% ctx(y) or wher(1) %>"}}),
                "input.x",
                true,
                "\"wher\"",
            ),
            (
                json!({"action": "a.b", "input": {"x": "<% ctx(\nx) %>"}}),
                "input.x",
                true,
                "write it on one line",
            ),
            (json!({"action": "a.b", "with": {"items": "<% rang(3) %>"}}), "with.items", false, "\"range\""),
            (
                json!({"action": "a.b", "retry": {"count": 1, "when": "<% faild() %>"}}),
                "retry.when",
                false,
                "\"failed\"",
            ),
        ]);
    }

    #[test]
    fn escaped_quotes_are_notes_and_variables_without_ctx_fail_where_every_run_comes_to_them() {
        let publish = json!({"action": "core.noop", "next": [{"publish": r"a='it\'s' b=1"}]});
        let escaped = json!({"action": r#"core.local cmd="say \"hi\"""#});
        let later = json!({"action": "core.noop", "next": [{"publish": "a={{ host }}"}]});
        for (task, place, note, said) in [
            (later, "next[0].publish", true, "a variable is read by `ctx('host')`"),
            (
                escaped,
                "action",
                true,
                r#"the value ends in `cmd="say \"`, since a quote cannot be escaped here"#,
            ),
            (publish, "next[0].publish", true, "put quotes of the other kind around"),
            (json!({"action": "a.b c={{ host }}"}), "action", false, "a variable is read by `ctx('host')`"),
        ] {
            let found = found(&task);
            let [(path, is_note, message)] = found.as_slice() else { panic!("{task}: {found:?}") };
            assert_eq!((path.as_str(), *is_note), (&*format!("tasks.t.{place}"), note), "{task}");
            assert!(message.contains(said), "{task}: {message}");
        }
    }

    #[test]
    fn what_means_what_it_says_is_left_in_peace() {
        for task in [
            json!({"action": "core.local cmd=\"echo a=b {\" x=[1, 2]", "next": [{"when": "<% failed() %>", "do": "noop"}]}),
            json!({"action": "core.local", "input": {"cmd": "a=b; echo ${x%y} {\"a\": {\"b\": 1}}"}}),
            json!({"action": "core.local", "input": "<% ctx().all %>", "next": [{"publish": "a=1 b=<% result() %>"}]}),
            json!({"with": "i in <% ctx(xs) %>", "action": "core.echo message=<% item(i) %>"}),
        ] {
            let found = found(&task);
            assert!(found.is_empty(), "{task}: {found:?}");
        }
    }
}
