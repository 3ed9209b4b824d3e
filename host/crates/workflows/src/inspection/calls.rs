//! Calls that name a task which the workflow does not have, or a key of the datastore in a way that gives nothing. Orquesta
//! finds out when it evaluates them.

use petrel_expressions::statement::{Called, LiteralCall, literal_calls};
use petrel_expressions::workflow::shared_key;
use petrel_expressions::{Datastore, KeyName, KeyScope, Language};
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place};
use super::values;
use crate::definition::shape;

/// The scope of keys that all share, in a key's name.
const SYSTEM: &str = "system.";

/// Largest number of names of tasks that are compared with an unknown one, and of unknown ones that are compared.
const MOST_COMPARED: usize = 100;

/// Notes on the calls in `definition` that fail when they are evaluated, or give nothing. They are found by their text,
/// which may as well be a part of a literal, so that no workflow is refused for one.
pub(super) fn wrong(definition: &Value) -> Vec<Finding> {
    let none = Map::new();
    let tasks = shape::tasks(definition).unwrap_or(&none);
    let mut findings = Vec::new();
    values::each(definition, &mut |value, place| {
        let calls = literal_calls(value);
        // In a text with blocks a word may be a name that the text itself sets.
        let has_names = !calls.is_empty() && value.to_string().contains("{%");
        let is_known = |call: &LiteralCall| call.is_quoted || call.language == Language::Yaql || !has_names;
        for call in calls.into_iter().filter(is_known) {
            let is_compared = findings.len() < MOST_COMPARED;
            if let Some(message) = mistake(&call, tasks, is_compared) {
                findings.push(found(call, place, message).noted());
            }
        }
    });
    findings
}

/// Notes on the keys that `definition` reads by name and that `datastore` does not have, unless the call gives a default.
pub fn absent_keys(definition: &Value, datastore: &Datastore) -> Vec<Finding> {
    let mut findings = Vec::new();
    values::each(definition, &mut |value, place| {
        let calls = literal_calls(value).into_iter();
        for call in calls.filter(|call| call.called == Called::Key && call.is_quoted && !call.has_default) {
            // A key of a user is told without the datastore.
            let Some(name) = call.argument.strip_prefix(SYSTEM) else { continue };
            let key = KeyName { scope: KeyScope::System, name: name.to_owned() };
            if datastore.contains(&key) {
                continue;
            }
            let is_compared = findings.len() < MOST_COMPARED;
            let shown = quoted(name);
            let remedy = match is_compared.then(|| datastore.near(&key)).flatten() {
                Some(near) => format!("did you mean `st2kv('{SYSTEM}{}')`?", near.name),
                // Whoever reads a key only now and then may know that it need not be there.
                None if call.is_conditional => continue,
                None => format!("`petrel key set {shown} VALUE` sets it"),
            };
            let outcome = if call.is_conditional { "" } else { ", and without it the expression fails" };
            let message = format!("the datastore has no key {SYSTEM}{shown} now{outcome}; {remedy}");
            findings.push(found(call, place, message).noted());
        }
    });
    findings
}

/// The mistake of a call, if it is one.
fn mistake(call: &LiteralCall, tasks: &Map<String, Value>, is_compared: bool) -> Option<String> {
    let argument = call.argument.as_str();
    let shown = quoted(argument);
    let fails = if call.is_conditional { "fails where it comes to that" } else { "fails" };
    match call.called {
        Called::Task | Called::TaskStatus => {
            // A word is a name of Jinja, and reported as that.
            let is_name = !call.is_quoted && call.language == Language::Jinja;
            if is_name || argument.is_empty() || tasks.contains_key(argument) {
                return None;
            }
            let outcome = if call.called == Called::Task {
                format!("the expression {fails}")
            } else {
                "its status is always \"null\"".to_owned()
            };
            let names = tasks.keys().map(String::as_str).take(MOST_COMPARED);
            let remedy = match is_compared.then(|| nearest(argument, names)).flatten() {
                Some(near) => format!("did you mean \"{}\"?", quoted(near)),
                None => "name a task of this workflow".to_owned(),
            };
            Some(format!("there is no task \"{shown}\", so {outcome}; {remedy}"))
        }
        Called::KeyPath => {
            let meant = if is_scoped(argument) { argument.to_owned() } else { shared_key(argument) };
            Some(format!(
                "`st2kv` is a function in a workflow, so `st2kv.{shown}` {fails}; write `st2kv('{}')`",
                quoted(&meant)
            ))
        }
        Called::Key if !call.is_quoted && (call.language == Language::Jinja || argument.contains('.')) => {
            Some(format!("a key is a text, so the expression {fails}; write `st2kv('{shown}')`"))
        }
        Called::Key if is_scoped(argument) || call.has_default => None,
        Called::Key => Some(format!(
            "`{shown}` is a key of the user who runs the workflow, as it names no scope; one that all share is \
             `st2kv('{}')`",
            quoted(&shared_key(argument))
        )),
    }
}

/// Whether a key names its scope.
fn is_scoped(key: &str) -> bool {
    [SYSTEM, "user."].iter().any(|scope| key.starts_with(scope))
}

fn found(call: LiteralCall, place: &Place, message: String) -> Finding {
    let mut finding = Finding::new(Kind::Expression, place, message);
    finding.language = Some(call.language);
    finding.expression = Some(call.expression);
    finding
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(text: &str) -> Value {
        json!({"version": 1.0, "tasks": {
            "first": {"action": "core.noop", "next": [{"do": "second", "publish": [{"x": text}]}]},
            "second": {"action": "core.noop"},
        }})
    }

    #[test]
    fn a_task_that_is_not_there_and_a_key_in_the_wrong_form_are_told() {
        for (text, says) in [
            ("<% task('first').result %>", None),
            ("<% task(first).result %>{{ task_status(task_id='second') }}", None),
            (
                "<% task('frist').result %>",
                Some("there is no task \"frist\", so the expression fails; did you mean \"first\"?"),
            ),
            ("{{ task('aa').result }}", Some("name a task of this workflow")),
            ("<% task_status(aa) %>", Some("its status is always \"null\"")),
            ("<% st2kv('system.x') %>", None),
            ("<% st2kv(system.x) %>", Some("write `st2kv('system.x')`")),
            ("{{ st2kv(system.x) }}", Some("write `st2kv('system.x')`")),
            ("{{ st2kv.system.x }}", Some("`st2kv` is a function in a workflow")),
            ("<% st2kv('x') %>", Some("one that all share is `st2kv('system.x')`")),
            ("{{ st2kv.limit }}", Some("so `st2kv.limit` fails; write `st2kv('system.limit')`")),
            (
                "{{ 1 if ctx().y else st2kv.systm.x }}",
                Some("fails where it comes to that; write `st2kv('system.x')`"),
            ),
            ("<% st2kv('systm.x') %>", Some("one that all share is `st2kv('system.x')`")),
            (
                "<% coalesce(ctx().y, task('frist')) %>",
                Some("the expression fails where it comes to that; did you"),
            ),
            ("<% st2kv(user.x) %>", Some("write `st2kv('user.x')`")),
            ("<% st2kv('user.x') %>", None),
            ("{{ st2kv('x', default='y') }}", None),
        ] {
            let found = wrong(&definition(text));
            assert_eq!(found.len(), usize::from(says.is_some()), "{text}: {found:?}");
            let is_said =
                |found: &Finding| found.is_note() && found.message.contains(says.unwrap_or_default());
            assert!(found.iter().all(is_said), "{text}: {found:?}");
            let place = found.first().and_then(|found| found.spec_path.clone());
            assert_eq!(place.as_deref(), says.map(|_| "tasks.first.next[0].publish[0]"), "{text}");
        }
    }

    #[test]
    fn a_key_that_is_not_there_is_noted_with_the_nearest() {
        let datastore = Datastore::shared([("limit".to_owned(), "5".to_owned())].into());
        for (text, says) in [
            ("<% st2kv('system.limit') %>", None),
            ("<% st2kv('system.limt') %>", Some("did you mean `st2kv('system.limit')`?")),
            ("{{ st2kv('system.colour') }}", Some("`petrel key set colour VALUE` sets it")),
            ("{{ st2kv('system.limt', default='5') }}", None),
            // Such a key need not be there, and may be misspelt all the same.
            ("{{ ctx().x or st2kv('system.colour') }}", None),
            (
                "{{ st2kv('system.limt') if ctx().x else 1 }}",
                Some("now; did you mean `st2kv('system.limit')`?"),
            ),
        ] {
            let found = absent_keys(&definition(text), &datastore);
            assert_eq!(found.len(), usize::from(says.is_some()), "{text}: {found:?}");
            let is_said =
                |found: &Finding| found.is_note() && found.message.ends_with(says.unwrap_or_default());
            assert!(found.iter().all(is_said), "{text}: {found:?}");
        }
    }
}
