//! Rules (run an action when a trigger fires and criteria hold) and enforcements (single matches of a rule).

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::breaker::CircuitBreaker;
use crate::{
    Correlation, EnforcementId, ExecutionId, Object, Ref, RuleId, Timestamp, Trigger, TriggerInstanceId,
};

/// A rule, which connects a trigger to an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Its id, which does not change with the rule.
    pub id: RuleId,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// One line on its purpose.
    #[serde(default)]
    pub description: String,
    /// Whether it is evaluated.
    #[serde(default)]
    pub enabled: bool,
    /// Whether it applies always, only if no other rule matched, or looks at several events.
    #[serde(default, rename = "type")]
    pub kind: RuleKind,
    /// The trigger that it listens to.
    pub trigger: Trigger,
    /// The criteria, all of which must hold. Keys are JSONPath, such as `trigger.body.name`.
    #[serde(default)]
    pub criteria: Criteria,
    /// The action to run.
    pub action: ActionCall,
    /// The circuit breaker, which pauses the rule while its action fails again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Labels, which are kept and shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<crate::action::Tag>,
    /// Metadata, such as its author.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub context: Object,
}

impl Rule {
    /// What it correlates, if it does.
    pub fn correlation(&self) -> Option<&Correlation> {
        self.kind.correlation()
    }

    /// The triggers that it listens to, its own first.
    pub fn triggers(&self) -> impl Iterator<Item = &Trigger> {
        let further = self.correlation().into_iter().flat_map(|correlation| &correlation.events);
        std::iter::once(&self.trigger).chain(further.map(|event| &event.trigger))
    }
}

/// Criteria by JSONPath, in the order in which they are evaluated. Evaluation stops at the first that does not hold.
pub type Criteria = Ordered<Criterion>;

/// A map that keeps the order of its entries. (`serde_json::Map` does as well, but contains `Value`s only.)
#[derive(Debug, Clone, PartialEq)]
pub struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }
}

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }

            // An empty `criteria:` in YAML is null and means none.
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Ordered(Vec::new()))
            }
        }
        deserializer.deserialize_any(Visitor(std::marker::PhantomData))
    }
}

/// A condition on one value of the payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion {
    /// The operator, such as `equals`, in any case. A criterion without an operator never holds.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// The value to compare with. A text may contain Jinja. `None` if no pattern was written, which differs from null.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Value>,
    /// The combination of conditions in a `search`: `any`, `all`, `all2any` or `any2any`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
}

fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    // `serde` alone would read a null that was written like a pattern that was not.
    Value::deserialize(deserializer).map(Some)
}

/// The action of a rule, with parameters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionCall {
    /// The action.
    #[serde(rename = "ref")]
    pub reference: Ref,
    /// Its parameters. Texts may contain Jinja.
    #[serde(default)]
    pub parameters: Object,
}

/// The kind of a rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RuleKind {
    /// Applies whenever its criteria hold.
    #[default]
    Standard,
    /// Applies only if no other rule of the same trigger matched.
    Backstop,
    /// Looks at several events.
    Correlation(Box<Correlation>),
}

impl RuleKind {
    /// Its name, as StackStorm writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Backstop => "backstop",
            Self::Correlation(_) => "correlation",
        }
    }

    /// What it correlates, if it does.
    pub fn correlation(&self) -> Option<&Correlation> {
        match self {
            Self::Correlation(correlation) => Some(correlation),
            Self::Standard | Self::Backstop => None,
        }
    }

    /// Its parameters.
    pub fn parameters(&self) -> Object {
        match self {
            Self::Standard | Self::Backstop => Object::new(),
            Self::Correlation(correlation) => correlation.parameters().clone(),
        }
    }
}

/// Serialized as in StackStorm: `{ref: standard, parameters: {}}`. A bare word is accepted as well.
impl Serialize for RuleKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = Object::new();
        map.insert("ref".into(), self.name().into());
        map.insert("parameters".into(), Value::Object(self.parameters()));
        map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RuleKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let name = value.get("ref").unwrap_or(&value);
        match name.as_str() {
            None if name.is_null() => Ok(Self::Standard),
            Some("standard" | "") => Ok(Self::Standard),
            Some("backstop") => Ok(Self::Backstop),
            Some("correlation") => {
                let parameters = value.get("parameters").unwrap_or(&Value::Null);
                let read = Correlation::read(parameters).map_err(serde::de::Error::custom)?;
                Ok(Self::Correlation(Box::new(read)))
            }
            _ => Err(serde::de::Error::custom(format!(
                "unknown rule type {name}; write standard or backstop, or correlation with parameters"
            ))),
        }
    }
}

/// The result of an enforcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnforcementStatus {
    /// An execution was requested.
    Succeeded,
    /// Nothing was run, for the reason in [`Enforcement::failure_reason`].
    Failed,
}

impl EnforcementStatus {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Succeeded, Self::Failed];

    /// The status in StackStorm's words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A match of a rule with an instance of its trigger, or a failed attempt to evaluate it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enforcement {
    /// Its id.
    pub id: EnforcementId,
    /// The event.
    pub trigger_instance_id: TriggerInstanceId,
    /// The id of the rule.
    pub rule_id: RuleId,
    /// The rule's reference at that time.
    pub rule: Ref,
    /// The requested execution, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// The reason why nothing was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
    /// Remarks, although the rule matched: the missing keys of the datastore that its criteria and parameters read, and those
    /// that are no number where one was compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The event as which its own came in again, if it failed and that led to another enforcement of the rule. Of several the
    /// last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_as: Option<TriggerInstanceId>,
    /// The time of the enforcement.
    pub enforced_at: Timestamp,
    /// Its result.
    pub status: EnforcementStatus,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn criteria_keep_their_order_and_tell_null_from_nothing() {
        let criteria: Criteria = serde_json::from_str(
            r#"{"trigger.z": {"type": "equals", "pattern": null}, "trigger.a": {"type": "exists"}}"#,
        )
        .unwrap();
        let read: Vec<_> =
            criteria.iter().map(|(path, criterion)| (path, criterion.pattern.clone())).collect();
        assert_eq!(read, [("trigger.z", Some(Value::Null)), ("trigger.a", None)]);
        assert!(serde_json::from_value::<Criteria>(Value::Null).unwrap().is_empty());
    }

    #[test]
    fn a_rule_type_is_read_in_both_spellings() {
        for (text, kind) in [
            (json!({"ref": "backstop", "parameters": {}}), RuleKind::Backstop),
            (json!("standard"), RuleKind::Standard),
            (json!(null), RuleKind::Standard),
        ] {
            assert_eq!(serde_json::from_value::<RuleKind>(text).unwrap(), kind);
        }
        let error = serde_json::from_value::<RuleKind>(json!("sometimes")).unwrap_err();
        assert!(error.to_string().contains("write standard or backstop"));
    }
}
