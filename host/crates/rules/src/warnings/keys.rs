//! Warnings about keys of the datastore that do not exist, or are no numbers where a number is compared. A missing key reads
//! as an empty text, as in StackStorm, so nothing fails: the rule compares with nothing, and the action gets nothing.

use petrel_expressions::words::replaces_absence;
use petrel_expressions::{Datastore, KeyName, KeyScope};
use petrel_model::Ref;
use petrel_model::quoted::quoted;

use crate::compiled::{CompiledCriterion, CompiledRule};
use crate::criteria::Operator;
use crate::parameters::absent::{absent_keys, numbers_of_keys};
use crate::parameters::{Given, Signature};
use crate::pattern::Pattern;
use crate::verdict::{of_cast, zero};

/// Largest number of missing keys of one rule, or of the defaults of one action, that are compared with the existing ones.
const MOST_COMPARED: usize = 10;

/// Warnings about the keys that `rule`, and the defaults of its action, read of `datastore`, one sentence each. Without a
/// signature, nothing is known about the action.
pub fn key_warnings(
    rule: &CompiledRule,
    signature: Option<&Signature>,
    datastore: &Datastore,
) -> Vec<String> {
    let mut found = Vec::new();
    for criterion in rule.criteria() {
        let place = format!("the criterion {}", quoted(&criterion.key));
        let mut keys = Vec::new();
        criterion.keys(&mut keys);
        if keys.is_empty() || expects_absence(criterion) {
            continue;
        }
        let missing: Vec<_> = keys.into_iter().filter(|key| !datastore.contains(key)).collect();
        if missing.is_empty() {
            found.extend(of_cast(&criterion.pattern, datastore).map(|zero| format!("in {place} {zero}")));
        }
        for key in missing {
            found.push(absent(key, &place, datastore, found.len() < MOST_COMPARED));
        }
    }
    let numbers = numbers_of_keys(rule.parameters()).filter(|(_, key, _)| datastore.contains(key));
    found.extend(numbers.take(MOST_COMPARED).filter_map(|(parameter, key, filter)| {
        let zero = zero(key, filter, datastore)?;
        Some(format!("in parameter {} {zero}", quoted(parameter)))
    }));
    let none = Signature::default();
    for one in absent_keys(rule.parameters(), signature.unwrap_or(&none), datastore) {
        let kind = if one.is_default { "the default of parameter" } else { "parameter" };
        let place = format!("{kind} {}", quoted(one.parameter));
        found.push(absent(one.key, &place, datastore, found.len() < MOST_COMPARED));
    }
    let reference = &rule.rule().reference;
    found.into_iter().map(|said| format!("rule {reference}: {said}")).collect()
}

/// Notes on the missing keys that the defaults of an action read, one sentence each.
pub fn default_key_warnings(action: &Ref, signature: &Signature, datastore: &Datastore) -> Vec<String> {
    let given = Given::default();
    let found = absent_keys(&given, signature, datastore).into_iter().enumerate().map(|(number, one)| {
        let place = format!("the default of parameter {}", quoted(one.parameter));
        format!("action {action}: {}", absent(one.key, &place, datastore, number < MOST_COMPARED))
    });
    found.collect()
}

/// Whether a criterion asks if a key exists, or provides for one that does not.
fn expects_absence(criterion: &CompiledCriterion) -> bool {
    let asks = matches!(criterion.operator, Some(Ok(Operator::Exists | Operator::NotExists)));
    let copes = match &criterion.pattern {
        Pattern::Rendered { text, .. } => replaces_absence(text.source()),
        Pattern::Literal(_) | Pattern::Broken(_) => false,
    };
    asks || copes
}

/// The sentence about a missing `key` that `place` reads, with the near key if it is to be compared.
fn absent(key: &KeyName, place: &str, datastore: &Datastore, is_compared: bool) -> String {
    let name = key.to_string();
    let near = is_compared.then(|| datastore.near(key)).flatten();
    let remedy = match (near, key.scope) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, KeyScope::System) => format!("`petrel key set {} VALUE` sets it", quoted(&key.name)),
        (None, KeyScope::User) => format!(
            "users have no keys of their own here: set one that all share, and write st2kv.system.{}",
            quoted(&key.name)
        ),
    };
    format!("{place} gets an empty text, since the datastore has no key {}; {remedy}", quoted(&name))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn keys_that_are_not_there_are_warned_about_with_the_nearest() {
        let keys = [("limit", "5"), ("word", "abc")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let datastore = Datastore { system: keys.into(), ..Datastore::default() };
        let declared = json!({"host": {"default": "{{ st2kv.system.host }}"}});
        let signature = Signature::new(&serde_json::Map::new(), declared.as_object().unwrap());
        let pattern = |pattern: &str| json!({"trigger.n": {"type": "gt", "pattern": pattern}});
        for (criteria, parameters, says) in [
            (pattern("{{ st2kv.system.limit | int }}"), json!({"host": 1}), &[][..]),
            (
                pattern("{{ st2kv.system.limt | int }}"),
                json!({"host": 1}),
                &[
                    "the criterion trigger.n gets an empty text, since the datastore has no key st2kv.system.limt; did you mean \
                   st2kv.system.limit?",
                ],
            ),
            (pattern("{{ st2kv.system.limt | default(5, true) }}"), json!({"host": 1}), &[]),
            (
                pattern("{{ st2kv.system.word | int }}"),
                json!({"host": 1}),
                &[
                    "in the criterion trigger.n `| int` of \"abc\" is 0; {{ st2kv.system.word | from_json_string }} fails",
                ],
            ),
            (
                json!({}),
                json!({"host": ["{{ st2kv.system.word | int }}", "{{ st2kv.system.limit | int }}"]}),
                &["in parameter host `| int` of \"abc\" is 0; "],
            ),
            (json!({"system.gone": {"type": "nexists"}}), json!({"host": 1}), &[]),
            (
                json!({"system.lmit": {"type": "gt", "pattern": 1}}),
                json!({}),
                &["did you mean st2kv.system.limit?", "the default of parameter host gets an empty text"],
            ),
            (
                json!({}),
                json!({"host": ["{{ st2kv.user.limit }}", "{{ st2kv.system.colour }}", "{{ st2kv.user.colour }}"]}),
                &[
                    "parameter host gets an empty text, since the datastore has no key st2kv.system.colour; `petrel key set \
                     colour VALUE` sets it",
                    "users have no keys of their own here: set one that all share, and write st2kv.system.colour",
                    "no key st2kv.user.limit; did you mean st2kv.system.limit?",
                ],
            ),
        ] {
            let rule: Value = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "criteria": criteria, "action": {"ref": "core.local", "parameters": parameters},
            });
            let rule = CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()));
            let mut said = key_warnings(&rule, Some(&signature), &datastore);
            said.sort_by_key(|said| says.iter().position(|says| said.contains(says)));
            assert_eq!(said.len(), says.len(), "{criteria} {parameters}: {said:?}");
            let is_said =
                |(said, says): (&String, &&str)| said.starts_with("rule p.r: ") && said.contains(says);
            assert!(said.iter().zip(says).all(is_said), "{criteria} {parameters}: {said:?}");
        }
    }
}
