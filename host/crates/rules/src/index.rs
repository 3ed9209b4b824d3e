//! An index of rules, so that the cost of an event depends on the rules that can match it, and not on how many others
//! there are.
//!
//! Rules are grouped by trigger. Most of a trigger's rules require something at one path, such as `trigger.body.name
//! equals "test"` or `trigger.body.branch startswith "release/"`. [`interest`] derives that from a rule's criteria,
//! [`field`] stores the rules by path, and [`value_index`] those of one path by the required value. One walk over a
//! payload leads to the rules that can match it.

mod field;
mod interest;
mod value_index;

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{Ref, RuleId};
use serde_json::Value;

use crate::compiled::CompiledRule;

use field::Field;
use interest::Wait;

/// Rules by id, and enabled rules by what they require. A clone shares unchanged triggers.
#[derive(Debug, Clone, Default)]
pub struct RuleIndex {
    rules: BTreeMap<RuleId, Arc<CompiledRule>>,
    triggers: BTreeMap<Ref, Arc<TriggerRules>>,
}

#[derive(Debug, Clone, Default)]
struct TriggerRules {
    /// The number of enabled rules.
    count: usize,
    /// Rules that require something in the payload. A rule that requires the impossible is not stored.
    waiting: Field,
    /// Rules that any event may match.
    rest: Bucket,
}

type Bucket = Vec<Arc<CompiledRule>>;

impl RuleIndex {
    /// Creates an empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `rule`, or replaces the one with the same id.
    pub fn insert(&mut self, rule: Arc<CompiledRule>) {
        // The version before may listen to another trigger, or wait for another value.
        self.remove(rule.rule().id);
        if rule.rule().enabled {
            for part in std::iter::once(&rule).chain(rule.parts()) {
                Arc::make_mut(self.triggers.entry(part.trigger().clone()).or_default()).insert(part);
            }
        }
        self.rules.insert(rule.rule().id, rule);
    }

    /// Removes and returns the rule with this id.
    pub fn remove(&mut self, id: RuleId) -> Option<Arc<CompiledRule>> {
        let rule = self.rules.remove(&id)?;
        if rule.rule().enabled {
            std::iter::once(&rule).chain(rule.parts()).for_each(|part| self.unlist(part));
        }
        Some(rule)
    }

    fn unlist(&mut self, rule: &CompiledRule) {
        let Some(trigger) = self.triggers.get_mut(rule.trigger()) else { return };
        let trigger = Arc::make_mut(trigger);
        trigger.remove(rule);
        if trigger.count == 0 {
            self.triggers.remove(rule.trigger());
        }
    }

    /// The rule with this id, enabled or not.
    pub fn get(&self, id: RuleId) -> Option<&Arc<CompiledRule>> {
        self.rules.get(&id)
    }

    /// All rules, enabled or not, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompiledRule>> {
        self.rules.values()
    }

    /// The rules of `trigger`, enabled or not, by id; of a correlation each event that is of it. Looks at all rules, so it
    /// is not for the path of an event.
    pub fn of<'a>(&'a self, trigger: &'a Ref) -> impl Iterator<Item = &'a Arc<CompiledRule>> {
        let all = self.iter().flat_map(|rule| std::iter::once(rule).chain(rule.parts()));
        all.filter(move |rule| rule.trigger() == trigger)
    }

    /// The number of rules.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether `trigger` has an enabled rule.
    pub fn has_trigger(&self, trigger: &Ref) -> bool {
        self.triggers.contains_key(trigger)
    }

    /// The enabled rules of `trigger` that may match `payload`, by reference. All others surely neither match nor fail.
    pub fn candidates(&self, trigger: &Ref, payload: &Value) -> Vec<Arc<CompiledRule>> {
        let Some(trigger) = self.triggers.get(trigger) else { return Vec::new() };
        let mut candidates = trigger.rest.clone();
        trigger.waiting.follow(Some(payload), &mut candidates);
        // The walk finds them in any order; people expect enforcements in the order of references, and the events of a
        // correlation in its own.
        let part = |rule: &CompiledRule| rule.grouping().map(|grouping| grouping.part);
        candidates.sort_by(|left, right| {
            let by_reference = left.rule().reference.cmp(&right.rule().reference);
            by_reference.then_with(|| part(left).cmp(&part(right)))
        });
        candidates
    }
}

impl TriggerRules {
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
