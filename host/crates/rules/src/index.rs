//! Finding the rules worth evaluating, so that an event costs what the rules that can match cost, however
//! many others there are.
//!
//! Rules are kept by trigger. Most rules of a busy trigger start with a criterion such as
//! `trigger.body.name equals "test"`; those are also kept by that path and value. A payload is looked up
//! once for each path in use, and leads straight to the rules that wait for what is there.
//!
//! A criterion serves only if all before it can but hold or not hold: so no failure, which would be noted,
//! is skipped.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_expressions::python::number::PythonNumber;
use petrel_model::{Ref, RuleId};
use serde_json::Value;

use crate::compiled::{CompiledCriterion, CompiledRule};
use crate::criteria::Operator;
use crate::pattern::Pattern;
use crate::verdict::never_fails;

/// Rules by id and, if enabled, by what they wait for.
#[derive(Debug, Default)]
pub struct RuleIndex {
    rules: BTreeMap<RuleId, Arc<CompiledRule>>,
    triggers: BTreeMap<Ref, OneTrigger>,
}

#[derive(Debug, Default)]
struct OneTrigger {
    /// Rules that wait for a value at a path.
    waiting: BTreeMap<Vec<String>, BTreeMap<Key, Bucket>>,
    /// All others.
    rest: Bucket,
}

type Bucket = Vec<Arc<CompiledRule>>;

/// A scalar such that two are the same if Python finds them equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    Integer(i128),
    /// One that no integer of 64 bits equals, by its bits.
    Float(u64),
}

impl Key {
    fn of(value: &Value) -> Option<Self> {
        if let Value::String(text) = value {
            return Some(Self::Text(text.clone()));
        }
        match PythonNumber::of(value)? {
            PythonNumber::Integer(integer) => Some(Self::Integer(integer)),
            PythonNumber::Float(float) if float.fract() == 0.0 && float.abs() < 1e20 => {
                #[expect(clippy::cast_possible_truncation, reason = "whole and below 1e20")]
                let integer = float as i128;
                Some(Self::Integer(integer))
            }
            PythonNumber::Float(float) => Some(Self::Float(float.to_bits())),
        }
    }
}

/// Where a rule is kept.
enum Place {
    Waiting(Vec<String>, Key),
    Rest,
}

impl Place {
    fn of(rule: &CompiledRule) -> Self {
        for criterion in rule.criteria() {
            if let Some((path, key)) = equality(criterion) {
                return Self::Waiting(path, key);
            }
            if !never_fails(criterion) {
                break;
            }
        }
        Self::Rest
    }
}

/// The path and the value of a criterion such as `trigger.body.name equals "test"`.
fn equality(criterion: &CompiledCriterion) -> Option<(Vec<String>, Key)> {
    let (Some(Ok(Operator::Equals)), Pattern::Literal(pattern), Ok(path)) =
        (&criterion.operator, &criterion.pattern, &criterion.path)
    else {
        return None;
    };
    let fields = path.plain_fields()?;
    let ["trigger", fields @ ..] = fields.as_slice() else { return None };
    Some((fields.iter().map(|&name| name.to_owned()).collect(), Key::of(pattern)?))
}

impl RuleIndex {
    /// Without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `rule`, in place of one with the same id.
    pub fn insert(&mut self, rule: Arc<CompiledRule>) {
        self.remove(rule.rule().id);
        if rule.rule().enabled {
            let trigger = self.triggers.entry(rule.trigger().clone()).or_default();
            let bucket = match Place::of(&rule) {
                Place::Waiting(path, key) => trigger.waiting.entry(path).or_default().entry(key).or_default(),
                Place::Rest => &mut trigger.rest,
            };
            bucket.push(Arc::clone(&rule));
        }
        self.rules.insert(rule.rule().id, rule);
    }

    /// Takes the rule with this id out and gives it back, if there is one.
    pub fn remove(&mut self, id: RuleId) -> Option<Arc<CompiledRule>> {
        let rule = self.rules.remove(&id)?;
        if let Some(trigger) = self.triggers.get_mut(rule.trigger()) {
            trigger.remove(&rule);
            if trigger.is_empty() {
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
        for (path, rules) in &trigger.waiting {
            let value = path.iter().try_fold(payload, |value, name| value.get(name));
            let waiting = value.and_then(Key::of).and_then(|key| rules.get(&key));
            candidates.extend(waiting.into_iter().flatten().cloned());
        }
        candidates.sort_by(|left, right| left.rule().reference.cmp(&right.rule().reference));
        candidates
    }
}

impl OneTrigger {
    fn remove(&mut self, rule: &CompiledRule) {
        let others = |kept: &Arc<CompiledRule>| kept.rule().id != rule.rule().id;
        match Place::of(rule) {
            Place::Rest => self.rest.retain(others),
            Place::Waiting(path, key) => {
                let Some(keys) = self.waiting.get_mut(&path) else { return };
                if let Some(bucket) = keys.get_mut(&key) {
                    bucket.retain(others);
                    if bucket.is_empty() {
                        keys.remove(&key);
                    }
                }
                if keys.is_empty() {
                    self.waiting.remove(&path);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.rest.is_empty() && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests;
