//! Notes on calls of `item` that fail: where there is no item, and with a key that the items of the task do not have.
//! Orquesta finds out when it evaluates them.

use petrel_expressions::statement::{Reference, item_keys};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place};

/// Adds notes on the values of the workflow itself, which has no items.
pub(super) fn of_workflow(definition: &Value, findings: &mut Vec<Finding>) {
    for property in ["input", "vars", "output"] {
        outside(definition.get(property), &Place::root(property), findings);
    }
}

/// Adds notes on the values of a task: its action and input see an item if it has some.
pub(super) fn of_task(task: &Map<String, Value>, place: &Place, findings: &mut Vec<Finding>) {
    for property in ["delay", "timeout", "with", "retry", "next"] {
        outside(task.get(property), &place.property(property), findings);
    }
    let with = task.get("with").filter(|with| !with.is_null());
    let items = with.map(|with| with.get("items").unwrap_or(with));
    let names = items.map(|items| names(items.as_str().unwrap_or_default()));
    for property in ["action", "input"] {
        let (value, place) = (task.get(property), place.property(property));
        match &names {
            Some(names) => inside(value, names, &place, findings),
            None => outside(value, &place, findings),
        }
    }
}

/// The names that a text such as `x, y in <% ctx().list %>` gives to the parts of each item.
fn names(items: &str) -> Vec<&str> {
    match items.split_once(" in ") {
        Some((names, _)) if !names.contains("<%") && !names.contains("{{") => {
            names.split(',').map(str::trim).collect()
        }
        _ => Vec::new(),
    }
}

fn outside(value: Option<&Value>, place: &Place, findings: &mut Vec<Finding>) {
    for read in value.map(item_keys).unwrap_or_default() {
        let message = "there is no item here, so the expression fails; `item` is for the action and the input of a task \
                       that has `with`";
        findings.push(note(read, place, message.to_owned()));
    }
}

fn inside(value: Option<&Value>, names: &[&str], place: &Place, findings: &mut Vec<Finding>) {
    for read in value.map(item_keys).unwrap_or_default() {
        let key = read.name.as_str();
        if key.is_empty() || names.contains(&key) || ["null", "none", "None"].contains(&key) {
            continue;
        }
        let near = nearest(key, names.iter().copied());
        let shown = quoted(key);
        let message = match (near, names) {
            (Some(near), _) => {
                format!("the items of this task have no `{shown}`; did you mean `item({near})`?")
            }
            // A single name is the only key. With several, an item that is an object keeps its own.
            (None, [name]) => {
                format!("the items of this task have no `{shown}`; they have `item({name})` only")
            }
            (None, _) => continue,
        };
        findings.push(note(read, place, message));
    }
}

fn note(read: Reference, place: &Place, message: String) -> Finding {
    let mut finding = Finding::new(Kind::Expression, place, message).noted();
    finding.language = Some(read.language);
    finding.expression = Some(read.expression);
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::slips;

    use super::*;

    /// Places and messages of the notes on a task.
    fn told(task: &Value) -> Vec<(String, String)> {
        let findings = slips(&json!({"version": 1.0, "tasks": {"t": task}})).into_iter();
        findings.map(|found| (found.spec_path.unwrap_or_default(), found.message)).collect()
    }

    #[test]
    fn a_key_that_the_items_do_not_have_is_told_with_the_nearest() {
        for (with, key, says) in [
            ("host in <% ctx(hosts) %>", "host", None),
            ("host in <% ctx(hosts) %>", "hst", Some("did you mean `item(host)`?")),
            ("host in <% ctx(hosts) %>", "colour", Some("they have `item(host)` only")),
            ("host, port in <% ctx(pairs) %>", "prt", Some("did you mean `item(port)`?")),
            ("host, port in <% ctx(pairs) %>", "colour", None),
            ("<% ctx(objects) %>", "colour", None),
        ] {
            for with in [json!(with), json!({"items": with})] {
                let task = json!({"with": with, "action": "core.echo", "input": {"message": format!("<% item({key}) %>")}});
                let told = told(&task);
                assert_eq!(told.len(), usize::from(says.is_some()), "{task}: {told:?}");
                let is_as_said = |(place, message): &(String, String), says: &str| {
                    place == "tasks.t.input" && message.contains(says)
                };
                assert!(says.is_none_or(|says| is_as_said(&told[0], says)), "{task}: {told:?}");
            }
        }
    }

    #[test]
    fn an_item_where_there_is_none_is_told() {
        for (task, place) in [
            (json!({"action": "core.echo message=<% item() %>"}), "action"),
            (json!({"action": "core.noop", "input": {"x": ["{{ item('a') }}"]}}), "input"),
            (
                json!({"with": "x in <% [1] %>", "action": "a.b", "next": [{"publish": [{"y": "<% item(x) %>"}]}]}),
                "next",
            ),
            (json!({"with": {"items": "<% [item()] %>"}, "action": "a.b"}), "with"),
        ] {
            let told = told(&task);
            let [(path, message)] = told.as_slice() else { panic!("{task}: {told:?}") };
            assert_eq!(path, &format!("tasks.t.{place}"), "{task}");
            assert!(message.starts_with("there is no item here"), "{task}: {message}");
        }
    }
}
