//! Policies of actions, and their types.

use std::borrow::Cow;

use petrel_model::policy::kinds;
use petrel_model::{Object, PolicyId, policy};
use serde::{Deserialize, Serialize};

/// A policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy<'a> {
    /// The id of the policy.
    pub id: PolicyId,
    /// `pack.name`.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// `policy:pack:name`.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The name without the pack.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The name of the pack.
    #[serde(default)]
    pub pack: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// A disabled policy has no effect.
    pub enabled: bool,
    /// The reference of the action.
    pub resource_ref: Cow<'a, str>,
    /// The type, `action.concurrency` for example.
    pub policy_type: Cow<'a, str>,
    /// The parameters.
    #[serde(default)]
    pub parameters: Cow<'a, Object>,
    /// The file in its pack; empty for one that was made by hand.
    #[serde(default)]
    pub metadata_file: Cow<'a, str>,
    /// Advice for the author who has just written the policy. Each names the policy and the remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Cow<'a, str>>,
}

impl<'a> From<&'a policy::Policy> for Policy<'a> {
    fn from(policy: &'a policy::Policy) -> Self {
        let (pack, name) = (policy.reference.pack(), policy.reference.name());
        Self {
            id: policy.id,
            reference: Cow::Borrowed(policy.reference.as_str()),
            uid: Cow::Owned(format!("policy:{pack}:{name}")),
            name: Cow::Borrowed(name),
            pack: Cow::Borrowed(pack),
            description: Cow::Borrowed(&policy.description),
            enabled: policy.enabled,
            resource_ref: Cow::Borrowed(policy.resource.as_str()),
            policy_type: Cow::Borrowed(&policy.kind),
            parameters: Cow::Borrowed(&policy.parameters),
            metadata_file: Cow::Borrowed(&policy.metadata_file),
            warnings: Vec::new(),
        }
    }
}

/// A type of policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PolicyType<'a> {
    /// Its reference.
    pub id: Cow<'a, str>,
    /// `action.concurrency` for example.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// `policy_type:action:concurrency` for example.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// The name without the type of the resource.
    #[serde(default)]
    pub name: Cow<'a, str>,
    /// The type of what such policies are for: `action`.
    #[serde(default)]
    pub resource_type: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// Always true.
    #[serde(default)]
    pub enabled: bool,
    /// The part of the host that implements it. StackStorm has the name of a Python module here.
    #[serde(default)]
    pub module: Cow<'a, str>,
    /// The schemas of the parameters, by name.
    #[serde(default)]
    pub parameters: Object,
}

impl From<&kinds::PolicyType> for PolicyType<'static> {
    fn from(kind: &kinds::PolicyType) -> Self {
        let resource = kind.reference.split('.').next().unwrap_or_default();
        Self {
            id: Cow::Borrowed(kind.reference),
            reference: Cow::Borrowed(kind.reference),
            uid: Cow::Owned(format!("policy_type:{resource}:{}", kind.name())),
            name: Cow::Borrowed(kind.name()),
            resource_type: Cow::Borrowed(resource),
            description: Cow::Borrowed(kind.description),
            enabled: true,
            module: Cow::Owned(format!("petrel.policies.{}", kind.name())),
            parameters: kind.parameters(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_policy_is_shown_as_stackstorm_shows_it() {
        let stored: policy::Policy = noun(json!({
            "id": "65a000000000000000000001", "ref": "mine.greet.concurrency", "description": "d",
            "resource_ref": "mine.greet", "policy_type": "action.concurrency", "parameters": {"threshold": 2},
            "metadata_file": "policies/p.yaml", "is_switched": true,
        }));
        assert_shown_as::<Policy<'static>>(
            &Policy::from(&stored),
            &json!({
                "id": "65a000000000000000000001",
                "ref": "mine.greet.concurrency",
                "uid": "policy:mine:greet.concurrency",
                "name": "greet.concurrency",
                "pack": "mine",
                "description": "d",
                "enabled": true,
                "resource_ref": "mine.greet",
                "policy_type": "action.concurrency",
                "parameters": {"threshold": 2},
                "metadata_file": "policies/p.yaml",
            }),
        );
    }

    #[test]
    fn a_type_of_policies_is_shown_as_stackstorm_shows_it() {
        let kind = kinds::TYPES.iter().find(|kind| kind.reference == "action.concurrency.attr").unwrap();
        assert_shown_as::<PolicyType<'static>>(
            &PolicyType::from(kind),
            &json!({
                "id": "action.concurrency.attr",
                "ref": "action.concurrency.attr",
                "uid": "policy_type:action:concurrency.attr",
                "name": "concurrency.attr",
                "resource_type": "action",
                "description": "Limits the concurrent executions for the action by attribute(s).",
                "enabled": true,
                "module": "petrel.policies.concurrency.attr",
                "parameters": kind.parameters(),
            }),
        );
    }
}
