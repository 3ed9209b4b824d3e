//! Warnings about shared keys of the datastore that do not exist, or are no numbers where a number is compared. A missing key reads
//! as an empty text, as in StackStorm, so mostly nothing fails: the rule compares with nothing, and the action gets nothing,
//! unless it declares another type than text.

use std::collections::BTreeMap;

use petrel_expressions::words::replaces_absence;
use petrel_expressions::{Datastore, KeyName, KeyScope};
use petrel_model::Ref;
use petrel_model::quoted::{listed, quoted};

use crate::compiled::{CompiledCriterion, CompiledRule};
use crate::criteria::Operator;
use crate::parameters::absent::{AbsentKey, absent_keys, numbers_of_keys};
use crate::parameters::{Given, Signature};
use crate::pattern::Pattern;
use crate::verdict::{of_cast, zero};

/// Largest number of missing keys of one rule, or of one pack, that are compared with the existing ones.
const MOST_COMPARED: usize = 10;

/// Largest number of keys, and of places, that a note on several of them names.
const MOST_NAMED: usize = 5;

/// Warnings about the keys that `rule`, and the defaults of its action, read of `datastore`, one sentence each. Without a
/// signature, nothing is known about the action.
pub fn key_warnings(
    rule: &CompiledRule,
    signature: Option<&Signature>,
    datastore: &Datastore,
) -> Vec<String> {
    // Without the action nobody knows which parameters are secret.
    let is_secret = |name: &str| signature.is_none_or(|known| known.may_be_secret(name));
    let mut found = zeros(rule, is_secret, datastore);
    let none = Signature::default();
    for (key, Reader { place, unfit, .. }) in readers_of(rule, signature.unwrap_or(&none), datastore) {
        let near = (found.len() < MOST_COMPARED).then(|| datastore.near(key)).flatten();
        found.push(absent(key, &place, unfit, &remedy(key, near.as_ref())));
    }
    let reference = &rule.rule().reference;
    found.into_iter().map(|said| format!("rule {reference}: {said}")).collect()
}

/// Notes on the missing keys that `rules` of a pack, and the defaults of its `actions`, read: one for each key that is nearly
/// an existing one, and one for all others, however much reads them.
pub fn pack_key_warnings(
    actions: &[(&Ref, Signature)],
    rules: &[CompiledRule],
    datastore: &Datastore,
) -> Vec<String> {
    let (none, given) = (Signature::default(), Given::default());
    let mut readers: BTreeMap<&KeyName, Vec<Reader>> = BTreeMap::new();
    for (action, signature) in actions {
        for one in absent_keys(&given, signature, datastore).iter().filter(|one| is_shared(one.key)) {
            readers.entry(one.key).or_default().push(Reader::of(one, format!("action {action}")));
        }
    }
    let mut notes = Vec::new();
    for rule in rules {
        let reference = &rule.rule().reference;
        // Nobody knows here which parameters the runners declare as secret.
        let zeros = zeros(rule, |_| true, datastore).into_iter();
        notes.extend(zeros.map(|said| format!("rule {reference}: {said}")));
        for (key, reader) in readers_of(rule, &none, datastore) {
            readers.entry(key).or_default().push(reader);
        }
    }
    let mut others = Missing::default();
    for (number, (key, readers)) in readers.into_iter().enumerate() {
        match (number < MOST_COMPARED).then(|| datastore.near(key)).flatten() {
            Some(near) => notes.push(Missing { keys: vec![key], readers }.told(&remedy(key, Some(&near)))),
            None => others.add(key, readers),
        }
    }
    match others.keys.as_slice() {
        [] => {}
        [only] => notes.push(others.told(&remedy(only, None))),
        _ => notes.push(others.told("`petrel key set NAME VALUE` sets one")),
    }
    notes
}

/// Warnings about criteria and parameters whose keys exist and are made 0. For parameters for which `is_secret` holds what the
/// keys have is not quoted.
fn zeros(rule: &CompiledRule, is_secret: impl Fn(&str) -> bool, datastore: &Datastore) -> Vec<String> {
    let mut found = Vec::new();
    for criterion in rule.criteria() {
        let mut keys = Vec::new();
        criterion.keys(&mut keys);
        let is_read = !keys.is_empty() && !expects_absence(criterion);
        if is_read && keys.iter().all(|key| datastore.contains(key)) {
            let zero = of_cast(&criterion.pattern, datastore);
            found.extend(zero.map(|zero| format!("in the criterion {} {zero}", quoted(&criterion.key))));
        }
    }
    let numbers = numbers_of_keys(rule.parameters()).filter(|(_, key, _)| datastore.contains(key));
    found.extend(numbers.take(MOST_COMPARED).filter_map(|(parameter, key, filter)| {
        let zero = zero(key, filter, datastore, is_secret(parameter))?;
        Some(format!("in parameter {} {zero}", quoted(parameter)))
    }));
    found
}

/// The missing keys that `rule`, and the defaults of its action, read, each with its reader.
fn readers_of<'a>(
    rule: &'a CompiledRule,
    signature: &'a Signature,
    datastore: &Datastore,
) -> Vec<(&'a KeyName, Reader)> {
    let owner = format!("rule {}", rule.rule().reference);
    let mut found = Vec::new();
    for criterion in rule.criteria().iter().filter(|criterion| !expects_absence(criterion)) {
        let mut keys = Vec::new();
        criterion.keys(&mut keys);
        let place = format!("the criterion {}", quoted(&criterion.key));
        for key in keys.into_iter().filter(|key| is_shared(key) && !datastore.contains(key)) {
            found.push((key, Reader { owner: owner.clone(), place: place.clone(), unfit: None }));
        }
    }
    let absent = absent_keys(rule.parameters(), signature, datastore);
    let shared = absent.iter().filter(|one| is_shared(one.key));
    found.extend(shared.map(|one| (one.key, Reader::of(one, owner.clone()))));
    found
}

/// Whether a key is one that all share. Nobody knows here which keys the users will have on whose behalf it runs.
fn is_shared(key: &KeyName) -> bool {
    key.scope == KeyScope::System
}

/// What reads a missing key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reader {
    /// The action or the rule.
    owner: String,
    /// The place in it.
    place: String,
    /// As in [`AbsentKey`].
    unfit: Option<&'static str>,
}

impl Reader {
    fn of(one: &AbsentKey<'_>, owner: String) -> Self {
        let kind = if one.is_default { "the default of parameter" } else { "parameter" };
        Self { owner, place: format!("{kind} {}", quoted(one.parameter)), unfit: one.unfit }
    }
}

/// Missing keys that one note is about, and what reads them.
#[derive(Debug, Default)]
struct Missing<'a> {
    keys: Vec<&'a KeyName>,
    readers: Vec<Reader>,
}

impl<'a> Missing<'a> {
    fn add(&mut self, key: &'a KeyName, readers: Vec<Reader>) {
        self.keys.push(key);
        self.readers.extend(readers);
    }

    fn told(&self, remedy: &str) -> String {
        if let ([key], [Reader { owner, place, unfit }]) = (self.keys.as_slice(), self.readers.as_slice()) {
            return format!("{owner}: {}", absent(key, place, *unfit, remedy));
        }
        let names = self.readers.iter().map(|Reader { owner, place, .. }| format!("{place} of {owner}"));
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.dedup();
        let keys: Vec<_> = self.keys.iter().map(ToString::to_string).collect();
        let verb = if names.len() == 1 { "gets" } else { "get" };
        let fails = if self.readers.iter().any(|reader| reader.unfit.is_some()) {
            ", and a run fails where that is no value of the declared type"
        } else {
            ""
        };
        format!(
            "{} {verb} an empty text, since the datastore has no key {}{fails}; {remedy}",
            listed(names.iter().map(String::as_str), MOST_NAMED),
            listed(keys.iter().map(String::as_str), MOST_NAMED)
        )
    }
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

/// The sentence about a missing `key` that `place` reads; `unfit` is the declared type if an empty text is no value of it.
fn absent(key: &KeyName, place: &str, unfit: Option<&str>, remedy: &str) -> String {
    let name = key.to_string();
    let fails = unfit.map(|kind| format!(", and a run with it fails, as that is no value of type {kind}"));
    let fails = fails.unwrap_or_default();
    format!("{place} gets an empty text, since the datastore has no key {}{fails}; {remedy}", quoted(&name))
}

/// The remedy for a missing `key`, for which `near` may be meant.
fn remedy(key: &KeyName, near: Option<&KeyName>) -> String {
    match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("`petrel key set {} VALUE` sets it", quoted(&key.name)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn rule_with(criteria: &Value, parameters: &Value) -> CompiledRule {
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "criteria": criteria, "action": {"ref": "core.local", "parameters": parameters},
        });
        CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()))
    }

    #[test]
    fn keys_that_are_not_there_are_warned_about_with_the_nearest() {
        let keys = [("limit", "5"), ("word", "abc")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let datastore = Datastore::shared(keys.into());
        let declared = json!({"host": {"default": "{{ st2kv.system.host }}"}, "pin": {"secret": true}});
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
            (
                json!({}),
                json!({"host": 1, "pin": "{{ st2kv.system.word | int }}"}),
                &["in parameter pin `| int` of what the datastore has is 0; "],
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
                ],
            ),
        ] {
            let mut said = key_warnings(&rule_with(&criteria, &parameters), Some(&signature), &datastore);
            said.sort_by_key(|said| says.iter().position(|says| said.contains(says)));
            assert_eq!(said.len(), says.len(), "{criteria} {parameters}: {said:?}");
            let is_said =
                |(said, says): (&String, &&str)| said.starts_with("rule p.r: ") && said.contains(says);
            assert!(said.iter().zip(says).all(is_said), "{criteria} {parameters}: {said:?}");
        }
    }

    #[test]
    fn keys_that_a_pack_reads_in_vain_are_told_by_cause() {
        let datastore = Datastore::shared([("limit".to_owned(), "5".to_owned())].into());
        let read = |key: &str| json!({"type": "string", "default": format!("{{{{ st2kv.{key} }}}}")});
        let number = json!({"type": "integer", "default": "{{ st2kv.system.gone }}"});
        let many: Value = (1..8).map(|n| (format!("n{n}"), read(&format!("system.colour{n}")))).collect();
        for (actions, says) in [
            (&[("p.a", json!({"n": read("system.limit")}))][..], &[][..]),
            (
                &[("p.a", json!({"n": read("system.limt")}))],
                &[
                    "action p.a: the default of parameter n gets an empty text, since the datastore has no key \
                     st2kv.system.limt; did you mean st2kv.system.limit?",
                ],
            ),
            (
                &[("p.a", json!({"n": number}))],
                &[
                    "no key st2kv.system.gone, and a run with it fails, as that is no value of type integer; `petrel key set \
                     gone VALUE` sets it",
                ],
            ),
            (
                &[("p.a", json!({"n": number})), ("p.b", json!({"n": number, "m": read("system.gone")}))],
                &[
                    "the default of parameter m of action p.b, the default of parameter n of action p.a, the default of \
                     parameter n of action p.b get an empty text, since the datastore has no key st2kv.system.gone, and a run \
                     fails where that is no value of the declared type; `petrel key set gone VALUE` sets it",
                ],
            ),
            (
                &[("p.a", many), ("p.b", json!({"n": read("system.limt"), "u": read("user.name")}))],
                &[
                    "action p.b: the default of parameter n gets an empty text",
                    "the default of parameter n5 of action p.a and 2 more get an empty text, since the datastore has no key \
                     st2kv.system.colour1, st2kv.system.colour2, st2kv.system.colour3, st2kv.system.colour4, \
                     st2kv.system.colour5 and 2 more; `petrel key set NAME VALUE` sets one",
                ],
            ),
        ] {
            let none = serde_json::Map::new();
            let references: Vec<Ref> = actions.iter().map(|(action, _)| action.parse().unwrap()).collect();
            let signatures =
                actions.iter().map(|(_, declared)| Signature::new(&none, declared.as_object().unwrap()));
            let actions: Vec<_> = references.iter().zip(signatures).collect();
            let notes = pack_key_warnings(&actions, &[], &datastore);
            assert_eq!(notes.len(), says.len(), "{notes:#?}");
            assert!(notes.iter().zip(says).all(|(note, says)| note.contains(says)), "{notes:#?}");
        }
    }

    #[test]
    fn a_key_that_many_rules_lack_is_told_once() {
        let rules = ["p.a", "p.b"].map(|reference| {
            let rule = json!({
                "id": "000000000000000000000001", "ref": reference, "trigger": {"type": "core.st2.webhook"},
                "criteria": {"trigger.n": {"type": "gt", "pattern": "{{ st2kv.system.word | int }}"}},
                "action": {"ref": "core.local", "parameters": {"cmd": "{{ st2kv.system.channel }}"}},
            });
            CompiledRule::new(Arc::new(serde_json::from_value(rule).unwrap()))
        });
        let datastore = Datastore::shared([("word".to_owned(), "abc".to_owned())].into());
        let notes = pack_key_warnings(&[], &rules, &datastore);
        let begin = [
            "rule p.a: in the criterion trigger.n `| int` of \"abc\" is 0;",
            "rule p.b: in the criterion trigger.n `| int` of \"abc\" is 0;",
            "parameter cmd of rule p.a, parameter cmd of rule p.b get an empty text, since the datastore has no key \
             st2kv.system.channel; `petrel key set channel VALUE` sets it",
        ];
        assert_eq!(notes.len(), begin.len(), "{notes:#?}");
        assert!(notes.iter().zip(begin).all(|(note, begin)| note.starts_with(begin)), "{notes:#?}");
    }
}
