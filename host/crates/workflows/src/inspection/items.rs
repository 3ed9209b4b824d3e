//! Calls of `item` that fail: where there is no item, with a key that the items of the task do not have, and with any key
//! where items have no names and are no mappings. Orquesta finds out when it evaluates them. They are found by their text,
//! so that one which may be a part of a literal is a note.

use petrel_expressions::statement::{Reference, item_keys};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place};

/// Adds findings in the values of the workflow itself, which has no items.
pub(super) fn of_workflow(definition: &Value, findings: &mut Vec<Finding>) {
    for property in ["input", "vars", "output"] {
        outside(definition.get(property), &Place::root(property), findings);
    }
}

/// Adds findings in the values of a task: its action and input see an item if it has some.
pub(super) fn of_task(
    definition: &Value,
    task: &Map<String, Value>,
    place: &Place,
    findings: &mut Vec<Finding>,
) {
    for property in ["delay", "timeout", "with", "retry", "next"] {
        outside(task.get(property), &place.property(property), findings);
    }
    let with = task.get("with").filter(|with| !with.is_null());
    let items = with.map(|with| with.get("items").unwrap_or(with));
    let items = items.map(|items| items.as_str().unwrap_or_default());
    let names = items.map(names);
    for property in ["action", "input"] {
        let (value, place) = (task.get(property), place.property(property));
        match &names {
            Some(names) if names.is_empty() && items.is_some_and(|items| are_plain(items, definition)) => {
                unnamed(value, items.unwrap_or_default(), &place, findings);
            }
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

/// Whether the list of `items` is written out, here or as the default of a variable, and none of its items is a mapping.
fn are_plain(items: &str, definition: &Value) -> bool {
    let inside = items.trim().trim_matches(['<', '%', '>', '{', '}']).trim();
    let is_list = inside.starts_with('[') && !inside.contains('{') && !inside.contains('(');
    if is_list || inside.starts_with("range(") {
        return true;
    }
    let reads = |name: &str| {
        [
            format!("ctx({name})"),
            format!("ctx('{name}')"),
            format!("ctx(\"{name}\")"),
            format!("ctx().{name}"),
        ]
        .iter()
        .any(|read| read == inside)
    };
    let settings =
        ["input", "vars"].into_iter().filter_map(|part| definition.get(part)?.as_array()).flatten();
    let mut given = settings.filter_map(Value::as_object).flatten().filter(|(name, _)| reads(name));
    given.any(|(_, value)| value.as_array().is_some_and(|list| !list.iter().any(Value::is_object)))
}

/// Notes keys of items that have no names and are no mappings. Whoever calls the workflow may give other items.
fn unnamed(value: Option<&Value>, items: &str, place: &Place, findings: &mut Vec<Finding>) {
    let reads = value.map(item_keys).unwrap_or_default();
    for read in reads.into_iter().filter(|read| !read.name.is_empty()) {
        let key = quoted(&read.name);
        let message = format!(
            "the items of this task have no names and are no mappings, so `item({key})` fails; write `with: {key} in {}`",
            quoted(items.trim())
        );
        findings.push(found(read, place, message).noted());
    }
}

fn outside(value: Option<&Value>, place: &Place, findings: &mut Vec<Finding>) {
    for read in value.map(item_keys).unwrap_or_default() {
        let message = "there is no item here, so the expression fails; `item` is for the action and the input of a task \
                       that has `with`";
        let is_certain = is_call(&read.expression);
        let finding = found(read, place, message.to_owned());
        findings.push(if is_certain { finding } else { finding.noted() });
    }
}

/// Whether a call of `item` stands before all texts of an expression, and so is none of these.
fn is_call(expression: &str) -> bool {
    expression.split(['\'', '"']).next().is_some_and(|before| before.contains("item("))
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
        findings.push(found(read, place, message));
    }
}

fn found(read: Reference, place: &Place, message: String) -> Finding {
    let mut finding = Finding::new(Kind::Expression, place, message);
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
    fn a_key_of_items_without_names_that_are_known_is_told() {
        for (with, hosts, is_told) in [
            ("<% ctx(hosts) %>", json!(["a", "b"]), true),
            ("{{ ctx().hosts }}", json!(["a", "b"]), true),
            ("<% [1, 2] %>", json!([]), true),
            ("host in <% ctx(hosts) %>", json!(["a", "b"]), false),
            ("<% ctx(hosts) %>", json!([{"host": "a"}]), false),
            ("<% ctx(hosts) %>", json!(null), false),
            ("<% ctx(others) %>", json!(["a", "b"]), false),
        ] {
            let task = json!({"with": with, "action": "core.echo", "input": {"message": "<% item(host) %>"}});
            let found = slips(&json!({"version": 1.0, "vars": [{"hosts": hosts}], "tasks": {"t": task}}));
            assert_eq!(found.len(), usize::from(is_told), "{with} {hosts}: {found:?}");
            let says = format!("`item(host)` fails; write `with: host in {with}`");
            assert!(found.iter().all(|found| found.is_note() && found.message.ends_with(&says)), "{found:?}");
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

    #[test]
    fn an_item_in_a_text_refuses_no_workflow() {
        for (text, is_note) in
            [("<% concat('no item() on ', ctx(host)) %>", true), ("<% item('a') %>", false)]
        {
            let task = json!({"action": "core.noop", "input": {"x": text}});
            let found = slips(&json!({"version": 1.0, "tasks": {"t": task}}));
            assert!(found.len() == 1 && found[0].is_note() == is_note, "{text}: {found:?}");
        }
    }
}
