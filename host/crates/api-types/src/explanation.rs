//! Explanations of why rules did or did not match an event.

use std::borrow::Cow;
use std::net::IpAddr;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::TriggerInstance;

/// An event, with an explanation by each of its rules.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why<'a> {
    /// The event.
    pub trigger_instance: TriggerInstance<'a>,
    /// Explanations by the rules that listen to the event's trigger.
    pub rules: Vec<Explanation<'a>>,
    /// Requests to webhooks that were refused after the event.
    #[serde(default)]
    pub refused: Vec<RefusedWebhook<'a>>,
}

/// The explanation of one rule's verdict on an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation<'a> {
    /// The reference of the rule.
    pub rule: Cow<'a, str>,
    /// Whether the rule matches now.
    pub matched: bool,
    /// The reason, in one line, by the present rule and the present datastore.
    pub verdict: Cow<'a, str>,
    /// The consequences at that time, in one line.
    #[serde(default)]
    pub came_of_it: Cow<'a, str>,
    /// The reason why the rule led to no execution, if it matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Cow<'a, str>>,
    /// All criteria in order, also those after the first that does not hold.
    #[serde(default)]
    pub criteria: Vec<CriterionExplanation<'a>>,
}

/// The explanation of one criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriterionExplanation<'a> {
    /// The key of the criterion in the rule, a JSONPath.
    pub path: Cow<'a, str>,
    /// Its operator.
    pub operator: Cow<'a, str>,
    /// The pattern of the rule.
    pub pattern: Cow<'a, Value>,
    /// The value in the payload.
    pub value: Cow<'a, Value>,
    /// Whether it holds.
    pub holds: bool,
    /// The whole in one line, with a correction if it looks like a slip.
    pub text: Cow<'a, str>,
}

/// A refused request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedWebhook<'a> {
    /// The time of the refusal.
    pub at: Timestamp,
    /// The path.
    pub path: Cow<'a, str>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The sender.
    pub address: Option<IpAddr>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn an_explanation_goes_from_the_event_to_what_came_of_it() {
        let expected = json!({
            "trigger_instance": {
                "id": "65a000000000000000000001",
                "trigger": "core.x",
                "trigger_type": "core.x",
                "occurrence_time": "2026-11-20T12:00:00.000000Z",
                "payload": {"n": 1},
                "status": "processed",
            },
            "rules": [{
                "rule": "mine.r",
                "matched": false,
                "verdict": "does not match",
                "came_of_it": "nothing was run",
                "failure_reason": "no room",
                "criteria": [{
                    "path": "trigger.n", "operator": "gt", "pattern": 5, "value": null, "holds": false, "text": "t",
                }],
            }],
            "refused": [{
                "at": "2026-11-20T12:00:00.000000Z", "path": "/api/v1/webhooks/x", "status": 401, "address": null,
            }],
        });
        let shown: Why<'_> = serde_json::from_str(&expected.to_string()).unwrap();
        assert_shown_as::<Why<'static>>(&shown, &expected);
    }
}
