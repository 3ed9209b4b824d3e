//! The key of an event for a rule that correlates events: only those with the same key belong together.

use std::sync::Arc;

use petrel_expressions::{Scope, Template, is_template};
use petrel_model::Rule;
use petrel_model::quoted::quoted;
use petrel_model::secrets::Marks;
use serde_json::Value;

use crate::occurrence::Occurrence;
use crate::reads::Reads;

/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 256;

/// How the events of a rule belong together.
#[derive(Debug)]
pub struct Grouping {
    by: By,
    /// The place of the event among those of the rule: 0 is that of its own trigger.
    pub part: usize,
    /// The digest of what the rule says of its events. What is held for another one counts no more.
    pub made_for: String,
}

/// The key of an event.
#[derive(Debug)]
enum By {
    /// The same for all events.
    Text(String),
    Template(Box<Template>),
    /// A template that cannot be read.
    Broken(String),
}

impl Grouping {
    /// The grouping of events of `rule` by this template.
    pub(crate) fn new(rule: &Rule, by: Option<&str>, part: usize) -> Self {
        let by = by.unwrap_or_default();
        let by = if is_template(by) {
            Template::compile(by).map_or_else(
                |error| By::Broken(error.to_string()),
                |template| By::Template(Box::new(template)),
            )
        } else {
            By::Text(by.to_owned())
        };
        Self { by, part, made_for: digest(rule) }
    }

    /// The key of an event. It sees the payload, and nothing of the datastore. No secret is a key: `secrets` is the schema
    /// that marks them.
    ///
    /// # Errors
    /// The reason, in words, why there is none.
    pub fn key(&self, occurrence: &Occurrence, secrets: Option<&Value>) -> Result<String, String> {
        let of_key = |reason: &str| format!("the key `by` of its correlation cannot be made: {reason}");
        let template = match &self.by {
            By::Text(text) => return Ok(text.clone()),
            By::Broken(reason) => return Err(of_key(reason)),
            By::Template(template) => template,
        };
        if let Some(schema) = secrets {
            let mut reads = Reads::default();
            reads.add_template(template.source());
            if reads.has_secret(&Marks::of(schema)) {
                return Err(of_key("it reads a secret of the event; choose another part of it"));
            }
        }
        let scope = Scope::new().with("trigger", Arc::clone(occurrence.payload()));
        let key = template.render(&scope).map_err(|error| of_key(&error.to_string()))?;
        if key.len() > LONGEST_KEY {
            let (length, begin) = (key.len(), quoted(&key));
            return Err(of_key(&format!(
                "`{begin}` has {length} bytes, and may have {LONGEST_KEY}; choose a shorter part of the event"
            )));
        }
        Ok(key)
    }

    /// The template of the key, if it is one.
    pub(crate) fn template(&self) -> Option<&Template> {
        match &self.by {
            By::Template(template) => Some(template),
            By::Text(_) | By::Broken(_) => None,
        }
    }

    /// Adds the parts of a payload that the key reads.
    pub(crate) fn add_reads(&self, reads: &mut Reads) {
        if let Some(template) = self.template() {
            reads.add_template(template.source());
        }
    }
}

/// The digest of what a rule says of its events (FNV-1a). It need only differ where an author changes something.
fn digest(rule: &Rule) -> String {
    let said = serde_json::to_vec(&(&rule.kind, &rule.trigger, &rule.criteria)).unwrap_or_default();
    let digest = said.iter().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{digest:016x}")
}

#[cfg(test)]
mod tests {
    use petrel_model::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{CompiledRule, Decision, RuleIndex, enforce};

    fn rule(by: &Value) -> Rule {
        serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": "p.r", "enabled": true,
            "type": {"ref": "correlation", "parameters": {
                "kind": "all_within", "within": "5m", "by": by,
                "events": [
                    {"trigger": {"type": "p.other"}, "by": "{{ trigger.name }}"},
                    {"trigger": {"type": "p.t"}, "criteria": {"trigger.is": {"type": "equals", "pattern": "b"}}},
                ],
            }},
            "trigger": {"type": "p.t"},
            "criteria": {"trigger.is": {"type": "equals", "pattern": "a"}},
            "action": {"ref": "core.noop"},
        }))
        .unwrap()
    }

    #[test]
    fn each_event_of_a_rule_is_found_by_its_own_trigger_and_criteria() {
        let compiled = Arc::new(CompiledRule::new(Arc::new(rule(&json!("{{ trigger.host }}")))));
        let mut index = RuleIndex::new();
        index.insert(Arc::clone(&compiled));
        let found = |index: &RuleIndex, trigger: &str, payload: Value| {
            let occurrence = Occurrence::new(Arc::new(payload), Timestamp::from_micros(1), Arc::default());
            let found = enforce(index, &trigger.parse().unwrap(), &occurrence);
            let parts = found.iter().map(|one| (one.rule.grouping().unwrap().part, one.decision.clone()));
            parts.collect::<Vec<_>>()
        };
        let of = |key: &str| Decision::Correlated(key.into());
        assert_eq!(found(&index, "p.t", json!({"is": "a", "host": "h"})), [(0, of("h"))]);
        assert_eq!(found(&index, "p.t", json!({"is": "b", "host": 7})), [(2, of("7"))]);
        assert_eq!(found(&index, "p.t", json!({"is": "c"})), []);
        assert_eq!(found(&index, "p.other", json!({"name": "n"})), [(1, of("n"))]);
        let failed = found(&index, "p.t", json!({"is": "a"}));
        assert!(matches!(&failed[..], [(0, Decision::Unverifiable(why))] if why.contains("trigger.host")));
        let long = found(&index, "p.t", json!({"is": "a", "host": "x".repeat(257)}));
        assert!(matches!(&long[..], [(0, Decision::Unverifiable(why))] if why.contains("may have 256")));
        index.remove(compiled.rule().id);
        assert!(
            !index.has_trigger(&"p.t".parse().unwrap()) && !index.has_trigger(&"p.other".parse().unwrap())
        );
    }

    #[test]
    fn a_secret_is_no_key() {
        let compiled = CompiledRule::new(Arc::new(rule(&json!("{{ trigger.pin }}"))));
        let schema = json!({"properties": {"pin": {"secret": true}}});
        let occurrence =
            Occurrence::new(Arc::new(json!({"pin": "1"})), Timestamp::from_micros(1), Arc::default());
        let key = |secrets| compiled.grouping().unwrap().key(&occurrence, secrets);
        assert_eq!(key(None), Ok("1".to_owned()));
        let told = key(Some(&schema)).unwrap_err();
        assert!(told.contains("reads a secret"), "{told}");
    }

    #[test]
    fn another_version_of_a_rule_has_another_digest() {
        let made_for = |rule: Rule| CompiledRule::new(Arc::new(rule)).grouping().unwrap().made_for.clone();
        let first = made_for(rule(&json!("a")));
        assert_eq!(made_for(rule(&json!("a"))), first);
        assert_ne!(made_for(rule(&json!("b"))), first);
        let action = serde_json::from_value(json!({"ref": "p.other"})).unwrap();
        assert_eq!(made_for(Rule { action, ..rule(&json!("a")) }), first, "the action is another matter");
    }
}
