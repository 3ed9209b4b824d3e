//! Rules, which connect a trigger to an action.

use std::borrow::Cow;

use petrel_model::breaker::CircuitBreaker;
use petrel_model::parameters::Parameters;
use petrel_model::rule::{Ordered, RuleKind};
use petrel_model::{ExecutionId, Object, RuleId, Timestamp, rule};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Secrets;
use crate::action::Tag;

/// A rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule<'a> {
    /// The id of the rule.
    pub id: RuleId,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// A disabled rule matches nothing.
    pub enabled: bool,
    /// Whether the rule always applies, or only when no other rule matched.
    #[serde(rename = "type")]
    pub kind: RuleType<'a>,
    /// The trigger that the rule listens to.
    pub trigger: RuleTrigger<'a>,
    /// Conditions on the payload, by JSONPath.
    #[serde(default)]
    pub criteria: Ordered<Criterion<'a>>,
    /// The action to run, with its parameters.
    pub action: ActionCall<'a>,
    /// The circuit breaker of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How its circuit breaker, or that of the settings, stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker: Option<Breaker<'a>>,
    /// The labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag<'a>>,
    /// Attributes of its origin, such as the user who created it.
    #[serde(default, skip_serializing_if = "Object::is_empty")]
    pub context: Cow<'a, Object>,
    /// The name without the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// `rule:pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// Advice for the author who has just written the rule. Each names the rule and the remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
}

/// The standing of a rule's circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker<'a> {
    /// `closed`, `open` while the rule is paused, or `half-open` when it may try again.
    pub state: Cow<'a, str>,
    /// The number of failures that count.
    #[serde(default)]
    pub failures: usize,
    /// The end of the pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The execution that tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<ExecutionId>,
}

/// The type of a rule, which says when it applies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleType<'a> {
    /// `standard`, `backstop` or `correlation`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The parameters of a correlation as they were written; otherwise none.
    pub parameters: Object,
}

/// The trigger of a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleTrigger<'a> {
    /// The reference of the trigger type.
    #[serde(rename = "type")]
    pub kind: Cow<'a, str>,
    /// The parameters, such as the `url` of a webhook.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
    /// The reference of the trigger.
    #[serde(default, rename = "ref")]
    pub reference: Cow<'a, str>,
}

/// A condition on one value of the payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Criterion<'a> {
    /// The operator.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub operator: Option<Cow<'a, str>>,
    /// The pattern; `None` when the rule has none, which differs from null.
    #[serde(default, deserialize_with = "written", skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Cow<'a, Value>>,
    /// The combination of the conditions in a `search`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<Cow<'a, str>>,
}

fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'static, Value>>, D::Error> {
    // An `Option` alone would take null for no pattern.
    Value::deserialize(deserializer).map(|value| Some(Cow::Owned(value)))
}

/// A call of an action by a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActionCall<'a> {
    /// The reference of the action.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The parameters, which may be templates.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
}

/// The schemas that declare secrets of a rule. They are absent for anything that is not registered.
#[derive(Debug, Clone, Copy, Default)]
pub struct RuleSchemas<'s> {
    /// The schemas of the trigger's parameters.
    pub trigger: Option<&'s Parameters>,
    /// The schemas of the action's parameters.
    pub action: Option<&'s Parameters>,
}

impl<'a> Rule<'a> {
    /// The view of `rule`. Values that `schemas` declare secret are masked unless secrets are to be shown.
    pub fn of(rule: &'a rule::Rule, schemas: RuleSchemas<'_>, secrets: Secrets) -> Self {
        let (pack, name) = (rule.reference.pack(), rule.reference.name());
        let criteria =
            rule.criteria.iter().map(|(path, criterion)| (path.to_owned(), Criterion::from(criterion)));
        Self {
            id: rule.id,
            reference: Cow::Borrowed(rule.reference.as_str()),
            description: Cow::Borrowed(&rule.description),
            enabled: rule.enabled,
            kind: RuleType::from(&rule.kind),
            trigger: RuleTrigger {
                kind: Cow::Borrowed(rule.trigger.kind.as_str()),
                parameters: secrets.among(&rule.trigger.parameters, schemas.trigger),
                reference: Cow::Owned(rule.trigger.reference().to_string()),
            },
            criteria: Ordered(criteria.collect()),
            action: ActionCall {
                reference: Cow::Borrowed(rule.action.reference.as_str()),
                parameters: secrets.among(&rule.action.parameters, schemas.action),
            },
            circuit_breaker: rule.circuit_breaker,
            breaker: None,
            tags: rule.tags.iter().map(Tag::from).collect(),
            context: Cow::Borrowed(&rule.context),
            name: Cow::Borrowed(name),
            pack: Cow::Borrowed(pack),
            uid: Cow::Owned(format!("rule:{pack}:{name}")),
            warnings: Vec::new(),
        }
    }
}

impl<'a> From<&'a rule::Criterion> for Criterion<'a> {
    fn from(criterion: &'a rule::Criterion) -> Self {
        Self {
            operator: criterion.operator.as_deref().map(Cow::Borrowed),
            pattern: criterion.pattern.as_ref().map(Cow::Borrowed),
            condition: criterion.condition.as_deref().map(Cow::Borrowed),
        }
    }
}

impl From<&RuleKind> for RuleType<'_> {
    fn from(kind: &RuleKind) -> Self {
        Self { reference: Cow::Borrowed(kind.name()), parameters: kind.parameters() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    const ID: &str = "65a000000000000000000001";

    #[test]
    fn a_rule_shows_what_was_written_with_secrets_masked() {
        let stored: rule::Rule = noun(json!({
            "id": ID, "ref": "mine.r", "description": "d", "enabled": true, "type": "backstop",
            "trigger": {"type": "core.x"},
            "criteria": {
                "trigger.z": {"type": "equals", "pattern": null}, "trigger.a": {"type": "exists"},
                "trigger.s": {"type": "search", "condition": "any", "pattern": {"item.x": {}}},
            },
            "action": {"ref": "core.local", "parameters": {"cmd": "ls", "key": "k"}},
            "tags": [{"name": "n", "value": "v"}], "context": {"user": "ada"},
        }));
        let parameters = noun(json!({"cmd": {}, "key": {"secret": true}}));
        let schemas = RuleSchemas { action: Some(&parameters), trigger: None };
        assert_shown_as::<Rule<'static>>(
            &Rule::of(&stored, schemas, Secrets::Masked),
            &json!({
                "id": ID,
                "ref": "mine.r",
                "description": "d",
                "enabled": true,
                "type": {"ref": "backstop", "parameters": {}},
                "trigger": {"type": "core.x", "parameters": {}, "ref": "core.x"},
                "criteria": {
                    "trigger.z": {"type": "equals", "pattern": null}, "trigger.a": {"type": "exists"},
                    "trigger.s": {"type": "search", "pattern": {"item.x": {}}, "condition": "any"},
                },
                "action": {"ref": "core.local", "parameters": {"cmd": "ls", "key": "********"}},
                "tags": [{"name": "n", "value": "v"}],
                "context": {"user": "ada"},
                "name": "r",
                "pack": "mine",
                "uid": "rule:mine:r",
            }),
        );
        let shown = Rule::of(&stored, RuleSchemas::default(), Secrets::Shown);
        assert_eq!(shown.action.parameters["key"], "k");
        let masked = Rule::of(&stored, RuleSchemas::default(), Secrets::Masked);
        assert_eq!(masked.action.parameters["cmd"], "********");
    }

    #[test]
    fn what_to_think_about_is_told_to_who_wrote_the_rule() {
        let stored: rule::Rule = noun(json!({
            "id": ID, "ref": "mine.r", "trigger": {"type": "core.x"}, "action": {"ref": "core.noop"},
        }));
        let plain = Rule::of(&stored, RuleSchemas::default(), Secrets::Masked);
        let told = Rule { warnings: vec!["mind the gap".into()], ..plain };
        assert_shown_as::<Rule<'static>>(
            &told,
            &json!({
                "id": ID,
                "ref": "mine.r",
                "description": "",
                "enabled": false,
                "type": {"ref": "standard", "parameters": {}},
                "trigger": {"type": "core.x", "parameters": {}, "ref": "core.x"},
                "criteria": {},
                "action": {"ref": "core.noop", "parameters": {}},
                "name": "r",
                "pack": "mine",
                "uid": "rule:mine:r",
                "warnings": ["mind the gap"],
            }),
        );
    }
}
