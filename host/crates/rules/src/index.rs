//! Finding the rules worth evaluating, so that an event costs what the rules that can match cost, however
//! many others there are.
//!
//! Rules are kept by trigger. Within it most wait for something at one path, such as `trigger.body.name equals
//! "test"` or `trigger.body.branch startswith "release/"`; [`interest`] reads off a rule's criteria what that is, and
//! [`field`] keeps the rules by their paths, [`crossroads`] those of one path by what they wait for. A payload is
//! walked once, and leads straight to the rules that wait for what is there.

mod crossroads;
mod field;
mod interest;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{Ref, RuleId};
use serde_json::Value;

use crate::compiled::CompiledRule;

use field::Field;
use interest::Wait;

/// Rules by id and, if enabled, by what they wait for.
#[derive(Debug, Default)]
pub struct RuleIndex {
    rules: BTreeMap<RuleId, Arc<CompiledRule>>,
    triggers: BTreeMap<Ref, OneTrigger>,
}

#[derive(Debug, Default)]
struct OneTrigger {
    /// How many rules there are.
    count: usize,
    /// Rules that wait for something in the payload. (One that waits in vain is nowhere.)
    waiting: Field,
    /// Rules that every event may set off.
    rest: Bucket,
}

type Bucket = Vec<Arc<CompiledRule>>;

impl RuleIndex {
    /// Without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `rule`, in place of one with the same id.
    pub fn insert(&mut self, rule: Arc<CompiledRule>) {
        self.remove(rule.rule().id);
        if rule.rule().enabled {
            self.triggers.entry(rule.trigger().clone()).or_default().insert(&rule);
        }
        self.rules.insert(rule.rule().id, rule);
    }

    /// Takes the rule with this id out and gives it back, if there is one.
    pub fn remove(&mut self, id: RuleId) -> Option<Arc<CompiledRule>> {
        let rule = self.rules.remove(&id)?;
        if rule.rule().enabled
            && let Some(trigger) = self.triggers.get_mut(rule.trigger())
        {
            trigger.remove(&rule);
            if trigger.count == 0 {
                self.triggers.remove(rule.trigger());
            }
        }
        Some(rule)
    }

    /// The rule with this id, enabled or not.
    pub fn get(&self, id: RuleId) -> Option<&Arc<CompiledRule>> {
        self.rules.get(&id)
    }

    /// All rules, enabled or not, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompiledRule>> {
        self.rules.values()
    }

    /// The rules that listen to `trigger`, enabled or not, by id. It looks at all rules.
    pub fn of<'a>(&'a self, trigger: &'a Ref) -> impl Iterator<Item = &'a Arc<CompiledRule>> {
        self.iter().filter(move |rule| rule.trigger() == trigger)
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether an enabled rule is about this trigger.
    pub fn has_trigger(&self, trigger: &Ref) -> bool {
        self.triggers.contains_key(trigger)
    }

    /// The enabled rules of `trigger` that may match `payload`, by reference. The others neither match nor
    /// fail.
    pub fn candidates(&self, trigger: &Ref, payload: &Value) -> Vec<Arc<CompiledRule>> {
        let Some(trigger) = self.triggers.get(trigger) else { return Vec::new() };
        let mut candidates = trigger.rest.clone();
        trigger.waiting.follow(Some(payload), &mut candidates);
        candidates.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        candidates
    }
}

impl OneTrigger {
    fn insert(&mut self, rule: &Arc<CompiledRule>) {
        self.count += 1;
        match interest::wait(rule.criteria()) {
            Some(Wait { path, interest }) if !interest.is_empty() => {
                self.waiting.insert(&path, interest, rule);
            }
            Some(_in_vain) => {}
            None => self.rest.push(Arc::clone(rule)),
        }
    }

    fn remove(&mut self, rule: &CompiledRule) {
        self.count -= 1;
        match interest::wait(rule.criteria()) {
            Some(Wait { path, interest }) => self.waiting.remove(&path, interest, rule),
            None => self.rest.retain(|kept| kept.rule().id != rule.rule().id),
        }
    }
}

#[cfg(test)]
mod tests;
