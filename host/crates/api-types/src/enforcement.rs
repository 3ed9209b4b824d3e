//! Enforcements: the records that a rule matched an event, or could not be evaluated on it.

use std::borrow::Cow;

use petrel_model::rule::EnforcementStatus;
use petrel_model::{EnforcementId, ExecutionId, RuleId, Timestamp, TriggerInstanceId, rule};
use serde::{Deserialize, Serialize};

/// An enforcement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enforcement<'a> {
    /// The id of the enforcement.
    pub id: EnforcementId,
    /// The id of the event.
    pub trigger_instance_id: TriggerInstanceId,
    /// The outcome.
    pub status: EnforcementStatus,
    /// The rule.
    pub rule: EnforcedRule<'a>,
    /// The id of the requested execution, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// The reason why nothing was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Cow<'a, str>>,
    /// Remarks about the enforcement, although the rule matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
    /// The id of the event as which this one came in again, if it was replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_as: Option<TriggerInstanceId>,
    /// The time of the verdict.
    pub enforced_at: Timestamp,
}

/// A rule by its reference and its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnforcedRule<'a> {
    /// The reference of the rule at that time.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The id of the rule.
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
            replayed_as: enforcement.replayed_as,
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
        stored["replayed_as"] = json!(ID);
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
                "replayed_as": ID,
                "enforced_at": "2026-11-20T12:00:00.000000Z",
            }),
        );
    }
}
