//! Enforcements: one time that a rule matched an event, or could not be evaluated.

use std::borrow::Cow;

use petrel_model::rule::EnforcementStatus;
use petrel_model::{EnforcementId, ExecutionId, RuleId, Timestamp, TriggerInstanceId, rule};
use serde::{Deserialize, Serialize};

/// An enforcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement<'a> {
    /// Its id.
    pub id: EnforcementId,
    /// The event.
    pub trigger_instance_id: TriggerInstanceId,
    /// What came of it.
    pub status: EnforcementStatus,
    /// The rule.
    pub rule: EnforcedRule<'a>,
    /// What was requested, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// Why nothing ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Cow<'a, str>>,
    /// What is to be known of it although the rule matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
    /// When.
    pub enforced_at: Timestamp,
}

/// A rule by its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcedRule<'a> {
    /// The reference that it had then.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The id.
    pub id: RuleId,
}

impl<'a> From<&'a rule::Enforcement> for Enforcement<'a> {
    fn from(enforcement: &'a rule::Enforcement) -> Self {
        Self {
            id: enforcement.id,
            trigger_instance_id: enforcement.trigger_instance_id,
            status: enforcement.status,
            rule: EnforcedRule {
                reference: Cow::Borrowed(enforcement.rule.as_str()),
                id: enforcement.rule_id,
            },
            execution_id: enforcement.execution_id,
            failure_reason: enforcement.failure_reason.as_deref().map(Cow::Borrowed),
            note: enforcement.note.as_deref().map(Cow::Borrowed),
            enforced_at: enforcement.enforced_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    const ID: &str = "65a000000000000000000001";

    #[test]
    fn an_enforcement_says_which_rule_and_what_came_of_it() {
        let mut stored = json!({
            "id": ID, "trigger_instance_id": ID, "rule_id": ID, "rule": "mine.r", "execution_id": ID,
            "enforced_at": "2026-11-20T12:00:00Z", "status": "succeeded",
        });
        let succeeded: rule::Enforcement = noun(stored.clone());
        assert_shown_as::<Enforcement<'static>>(
            &Enforcement::from(&succeeded),
            &json!({
                "id": ID,
                "trigger_instance_id": ID,
                "status": "succeeded",
                "rule": {"ref": "mine.r", "id": ID},
                "execution_id": ID,
                "enforced_at": "2026-11-20T12:00:00.000000Z",
            }),
        );
        stored["execution_id"] = json!(null);
        stored["note"] = json!("no key");
        stored["failure_reason"] = json!("no room");
        stored["status"] = json!("failed");
        let failed: rule::Enforcement = noun(stored);
        assert_shown_as::<Enforcement<'static>>(
            &Enforcement::from(&failed),
            &json!({
                "id": ID,
                "trigger_instance_id": ID,
                "status": "failed",
                "rule": {"ref": "mine.r", "id": ID},
                "failure_reason": "no room",
                "note": "no key",
                "enforced_at": "2026-11-20T12:00:00.000000Z",
            }),
        );
    }
}
