//! Warnings about rules that can be stored and are likely mistakes: here about parameters that the action does not take or
//! lacks. [`shell`] has those about outside text that reaches a shell, [`criteria`] and [`triggers`] those about these,
//! [`templates`] those about words in templates, [`keys`] those about keys of the datastore, [`fields`] and [`firing`] those
//! about fields of the event, and [`host_made`] knows which values of events are no outside text.

mod criteria;
mod fields;
mod firing;
mod host_made;
mod keys;
mod quoting;
mod shell;
mod templates;
mod triggers;

use petrel_model::Rule;
use petrel_model::nearest::nearest;
use petrel_model::parameters::{Parameters, Schema};
use petrel_model::quoted::quoted;
use serde_json::Value;

pub use fields::field_warnings;
pub use firing::firing_warnings;
pub use keys::{key_warnings, pack_key_warnings};

/// The action that a rule runs.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The name of its runner.
    pub runner_type: &'a str,
    /// Its parameters, including those of its runner if they are known.
    pub declared: &'a Parameters,
    /// Whether its runner is known, so that it takes no other parameters.
    pub is_whole: bool,
}

/// Warnings for the author of `rule`, one sentence each. Without a target, nothing is known about its action.
pub fn warnings(rule: &Rule, target: Option<Target<'_>>) -> Vec<String> {
    let mut found = shell::unquoted(rule, target);
    if let Some(target) = target.filter(|target| target.is_whole) {
        found.extend(misfits(rule, target.declared));
    }
    found.extend(criteria::without_sense(rule));
    found.extend(templates::meaningless(rule, target));
    found.extend(triggers::strange(rule));
    found
}

/// Parameters that the action does not take, and required ones that the rule does not give.
fn misfits(rule: &Rule, parameters: &Parameters) -> Vec<String> {
    let (given, action) = (&rule.action.parameters, &rule.action.reference);
    let unknown = given.keys().filter(|name| !parameters.contains_key(*name)).map(|name| {
        let known: Vec<_> = parameters.keys().map(String::as_str).collect();
        let near = nearest(name, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("did you mean {near}? "));
        format!(
            "rule {}: the action {action} takes no parameter {}, so every match will fail; {near}it takes {}",
            rule.reference,
            quoted(name),
            known.join(", ")
        )
    });
    let is_missing = |name: &str, schema: &Value| {
        let schema = Schema::of(schema);
        schema.is_required() && schema.default().is_none_or(Value::is_null) && !given.contains_key(name)
    };
    let missing = parameters.iter().filter(|(name, schema)| is_missing(name, schema)).map(|(name, _)| {
        format!(
            "rule {}: the action {action} needs the parameter {name}, so every match will fail; give it in the rule",
            rule.reference
        )
    });
    unknown.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_action_does_not_take_or_lacks_is_warned_about() {
        let parameters = json!({
            "cmd": {"type": "string", "required": true},
            "timeout": {"type": "integer", "default": 60, "required": true},
            "env": {"type": "object"},
        });
        for (given, says) in [
            (json!({"cmd": "date"}), vec![]),
            (json!({"cmd": "date", "env": {}, "timeout": 1}), vec![]),
            (
                json!({"cmd": "date", "timout": 1}),
                vec!["takes no parameter timout", "did you mean timeout? it takes cmd, timeout, env"],
            ),
            (json!({"env": {}}), vec!["needs the parameter cmd"]),
            (json!({"comand": "date"}), vec!["takes no parameter comand", "needs the parameter cmd"]),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.local", "parameters": given},
            });
            let declared = parameters.as_object().unwrap();
            let target = Target { runner_type: "noop", declared, is_whole: true };
            let said = warnings(&serde_json::from_value(rule).unwrap(), Some(target)).join("\n");
            assert_eq!(said.is_empty(), says.is_empty(), "{given}: {said}");
            assert!(says.iter().all(|says| said.contains(says)), "{given}: {said}");
        }
    }
}
