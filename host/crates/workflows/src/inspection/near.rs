//! Remedies for findings whose words are Orquesta's, and have none: the names that are likely meant, and how an expression is
//! written. They stand beside the message, so that this stays what Orquesta says.

use std::collections::BTreeSet;

use petrel_expressions::Language;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Unknown};
use crate::definition::shape;

/// Largest number of findings that get a remedy, and of names that each of them is compared with.
const MOST: (usize, usize) = (50, 500);

/// Adds remedies to the findings in `definition`. `known` are the variables that its surroundings provide.
pub(super) fn add(definition: &Value, known: &[&str], findings: &mut [Finding]) {
    let is_open = |finding: &&mut Finding| {
        finding.hint.is_none() && (finding.unknown.is_some() || finding.kind == Kind::Expression)
    };
    let mut open = findings.iter_mut().filter(is_open).take(MOST.0).peekable();
    if open.peek().is_none() {
        return;
    }
    let none = Map::new();
    let tasks = shape::tasks(definition).unwrap_or(&none);
    let variables = variables(definition, tasks, known);
    for finding in open {
        finding.hint = match &finding.unknown {
            Some(Unknown::Task(name)) => {
                let names = tasks.keys().map(String::as_str).chain(shape::RESERVED);
                near(name, names, |near| format!("Did you mean \"{near}\"?"))
            }
            // It is set somewhere, but not on every path.
            Some(Unknown::Variable(name)) if variables.contains(name.as_str()) => None,
            Some(Unknown::Variable(name)) => {
                near(name, variables.iter().copied(), |near| format!("Did you mean ctx('{near}')?"))
            }
            None => filtered(finding),
        };
    }
}

/// The remedy with the name that is near `name`.
fn near<'a>(
    name: &str,
    names: impl Iterator<Item = &'a str>,
    told: impl FnOnce(&str) -> String,
) -> Option<String> {
    nearest(name, names.take(MOST.1)).map(|near| told(&quoted(near)))
}

/// The remedy for a filter of Jinja in YAQL, which has none.
fn filtered(finding: &Finding) -> Option<String> {
    let expression = finding.expression.as_deref()?;
    let is_filter = finding.language == Some(Language::Yaql)
        && finding.kind == Kind::Expression
        && finding.message.contains("illegal character '|'");
    is_filter.then(|| {
        let inside = expression.trim_start_matches("<%").trim_end_matches("%>").trim();
        format!(
            "YAQL has no filters: call a function, as in <% len(ctx(x)) %>, or write it in Jinja: {{{{ {} }}}}",
            quoted(inside)
        )
    })
}

/// The names of all variables that are set anywhere.
fn variables<'a>(
    definition: &'a Value,
    tasks: &'a Map<String, Value>,
    known: &[&'a str],
) -> BTreeSet<&'a str> {
    let mut names: BTreeSet<&str> = known.iter().copied().collect();
    for list in ["input", "vars"].into_iter().filter_map(|part| definition.get(part)?.as_array()) {
        names.extend(list.iter().filter_map(set));
    }
    for transition in tasks.values().flat_map(shape::transitions) {
        let list = transition.get("publish").and_then(Value::as_array);
        names.extend(list.into_iter().flatten().filter_map(set));
    }
    names
}

/// The variable that an item of such a list sets.
fn set(item: &Value) -> Option<&str> {
    item.as_str().or_else(|| item.as_object()?.keys().next().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::inspection::inspect;

    #[test]
    fn findings_of_orquesta_keep_their_words_and_get_a_remedy() {
        let definition = |input: &str, target: &str| {
            json!({"version": 1.0, "input": ["host", {"count": 1}], "tasks": {
                "check": {"action": "core.echo", "input": {"message": input}, "next": [
                    {"publish": [{"answer": 1}], "do": target},
                ]},
                "deploy": {"action": "core.noop"},
            }})
        };
        for (input, target, says) in [
            ("<% ctx(host) %>", "deploy", None),
            (
                "<% ctx(hst) %>",
                "deploy",
                Some("Variable \"hst\" is referenced before assignment. Did you mean ctx('host')?"),
            ),
            ("<% ctx(colour) %>", "deploy", Some("Variable \"colour\" is referenced before assignment.")),
            // It is set, but later.
            ("<% ctx(answer) %>", "deploy", Some("Variable \"answer\" is referenced before assignment.")),
            (
                "<% ctx(host) %>",
                "deplyo",
                Some("The task \"deplyo\" is not defined. Did you mean \"deploy\"?"),
            ),
            ("<% ctx(host) %>", "nop", Some("The task \"nop\" is not defined. Did you mean \"noop\"?")),
            (
                "<% ctx(host) | upper %>",
                "deploy",
                Some(
                    "Lexical error: illegal character '|' at position 10. YAQL has no filters: call a function, as in \
                     <% len(ctx(x)) %>, or write it in Jinja: {{ ctx(host) | upper }}",
                ),
            ),
        ] {
            let found = inspect(&definition(input, target), &[]);
            let told: Vec<_> = found.iter().map(crate::inspection::Finding::told).collect();
            assert_eq!(told, says.into_iter().collect::<Vec<_>>(), "{input} {target}");
            assert!(found.iter().all(|found| !found.message.contains("Did you mean")), "{found:?}");
        }
    }
}
