//! The standing of rules: why a rule has not fired lately.

use std::borrow::Cow;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Enforcement;

/// The standing of a rule, from a bounded look back over the events of its trigger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleStanding<'a> {
    /// The reference of the rule.
    pub rule: Cow<'a, str>,
    /// Why it does or does not fire, in one line.
    pub verdict: Cow<'a, str>,
    /// Everything that keeps it from firing whatever comes in, each with its remedy.
    #[serde(default)]
    pub obstacles: Vec<Cow<'a, str>>,
    /// The reference of its trigger.
    pub trigger: Cow<'a, str>,
    /// The number of events of the trigger's type that were looked through, newest first.
    #[serde(default)]
    pub looked_at: usize,
    /// The time of the oldest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The number of events of the trigger among them.
    #[serde(default)]
    pub events: usize,
    /// The number of these that match the rule as it is now.
    #[serde(default)]
    pub matched: usize,
    /// The number of these on which the rule was not evaluated, as they are too large or take too long.
    #[serde(default)]
    pub not_evaluated: usize,
    /// The time of the newest event of the trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event_at: Option<Timestamp>,
    /// The criteria at which evaluation ended, the most frequent first.
    #[serde(default)]
    pub failed: Vec<FailedCriterion<'a>>,
    /// The last enforcement of the rule among these events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_enforcement: Option<Enforcement<'a>>,
    /// What came of that, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_of_it: Option<Cow<'a, str>>,
}

/// A criterion that did not hold, or could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedCriterion<'a> {
    /// The key of the criterion in the rule, a JSONPath. Empty if the payload was.
    pub path: Cow<'a, str>,
    /// Its operator.
    pub operator: Cow<'a, str>,
    /// The number of events on which it was the first without success.
    pub count: usize,
    /// The comparison on the newest of these events.
    pub text: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_standing_goes_from_the_verdict_to_the_last_enforcement() {
        const ID: &str = "65a000000000000000000001";
        const AT: &str = "2026-11-20T12:00:00.000000Z";
        let expected = json!({
            "rule": "mine.r",
            "verdict": "does not fire",
            "obstacles": ["it is disabled"],
            "trigger": "core.x",
            "looked_at": 9,
            "since": AT,
            "events": 3,
            "matched": 1,
            "not_evaluated": 1,
            "last_event_at": AT,
            "failed": [{"path": "trigger.n", "operator": "gt", "count": 1, "text": "t"}],
            "last_enforcement": {
                "id": ID, "trigger_instance_id": ID, "status": "succeeded", "rule": {"ref": "mine.r", "id": ID},
                "execution_id": ID, "enforced_at": AT,
            },
            "came_of_it": "execution 1 succeeded",
        });
        let shown: RuleStanding<'_> = serde_json::from_str(&expected.to_string()).unwrap();
        assert_shown_as::<RuleStanding<'static>>(&shown, &expected);
    }
}
