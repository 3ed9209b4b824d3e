//! Why rules did or did not match an event.

use std::borrow::Cow;
use std::net::IpAddr;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::TriggerInstance;

/// An event, and what each of its rules makes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Why<'a> {
    /// The event.
    pub trigger_instance: TriggerInstance<'a>,
    /// The rules that listen to its trigger.
    pub rules: Vec<Explanation<'a>>,
    /// Requests to webhooks that were refused since then.
    #[serde(default)]
    pub refused: Vec<RefusedWebhook<'a>>,
}

/// What one rule makes of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation<'a> {
    /// The rule.
    pub rule: Cow<'a, str>,
    /// Whether it matches.
    pub matched: bool,
    /// Why, in one line, by the rule and the datastore as they are now.
    pub verdict: Cow<'a, str>,
    /// What came of it then, in one line.
    #[serde(default)]
    pub came_of_it: Cow<'a, str>,
    /// Why it failed to come to anything, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Cow<'a, str>>,
    /// Every criterion in order, also behind the first that does not hold.
    #[serde(default)]
    pub criteria: Vec<CriterionExplanation<'a>>,
}

/// What one criterion makes of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CriterionExplanation<'a> {
    /// Its key in the rule.
    pub path: Cow<'a, str>,
    /// Its operator.
    pub operator: Cow<'a, str>,
    /// What it compared with.
    pub pattern: Cow<'a, Value>,
    /// What was found in the payload.
    pub value: Cow<'a, Value>,
    /// Whether it holds.
    pub holds: bool,
    /// The same in one line, with what to write instead where it looks like a slip.
    pub text: Cow<'a, str>,
}

/// A request to a webhook that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedWebhook<'a> {
    /// When.
    pub at: Timestamp,
    /// The path.
    pub path: Cow<'a, str>,
    /// With which status of HTTP.
    pub status: u16,
    /// Where it came from.
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
