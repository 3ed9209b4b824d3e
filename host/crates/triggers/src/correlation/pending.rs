//! An event that counts for a correlation, before it is known what comes of that.

use std::sync::Arc;

use petrel_model::correlation::HeldEvent;
use petrel_model::secrets::masked_payload;
use petrel_model::{CorrelationState, TriggerInstance, hexadecimal};
use petrel_rules::CompiledRule;
use petrel_rules::correlation::LARGEST_HELD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// An event that meets the criteria of a correlation.
#[derive(Debug)]
pub(crate) struct Pending {
    /// The rule, or the further event of it that this one is.
    pub(crate) rule: Arc<CompiledRule>,
    /// Its key among the states of all rules.
    pub(crate) key: String,
    /// Its key in the rule.
    pub(crate) group: String,
    /// The event, as it is held.
    pub(crate) event: HeldEvent,
}

impl Pending {
    /// The event `instance` with the key `group` for a rule. `secrets` is the schema that marks secrets of the payload.
    pub(crate) fn of(
        rule: Arc<CompiledRule>,
        group: String,
        instance: &TriggerInstance,
        secrets: Option<&Value>,
    ) -> Self {
        // A rule may read what it holds for long, and show it to who sees no secrets.
        let payload = (instance.payload.text().len() <= LARGEST_HELD).then(|| match secrets {
            Some(schema) => masked_payload(&instance.payload, schema),
            None => instance.payload.clone(),
        });
        let event = HeldEvent {
            part: rule.grouping().map_or(0, |grouping| grouping.part),
            id: instance.id,
            trigger: instance.trigger.clone(),
            at: instance.occurrence_time,
            payload,
            trace: instance.trace_id(),
            trace_tag: instance.trace_tag.clone(),
            depth: instance.depth,
        };
        let key = format!("{}:{}", rule.rule().id, hexadecimal(&Sha256::digest(group.as_bytes())));
        Self { rule, key, group, event }
    }

    /// The state that begins with it.
    pub(crate) fn new_state(&self) -> CorrelationState {
        let at = self.event.at;
        CorrelationState {
            key: self.key.clone(),
            rule_id: self.rule.rule().id,
            made_for: self.made_for().to_owned(),
            group: self.group.clone(),
            first_at: at,
            last_at: at,
            due_at: at,
            count: 0,
            events: Vec::new(),
            rows: Vec::new(),
            held_bytes: 0,
        }
    }

    /// The version of the rule.
    pub(crate) fn made_for(&self) -> &str {
        self.rule.grouping().map_or("", |grouping| &grouping.made_for)
    }
}
