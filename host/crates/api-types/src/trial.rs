//! Trials of rules: what a rule would do on an event, with nothing run.

use std::borrow::Cow;

use petrel_model::Object;
use serde::{Deserialize, Serialize};

use crate::explanation::CriterionExplanation;

/// What a rule would do on an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial<'a> {
    /// The reference of the rule.
    pub rule: Cow<'a, str>,
    /// Whether it matches.
    pub matched: bool,
    /// The reason, in one line.
    pub verdict: Cow<'a, str>,
    /// All criteria in order, also those after the first that does not hold.
    #[serde(default)]
    pub criteria: Vec<CriterionExplanation<'a>>,
    /// The reference of its action.
    pub action: Cow<'a, str>,
    /// The rendered parameters, if the rule matches and they can be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Cow<'a, Object>>,
    /// The reason why nothing would be run although the rule matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<Cow<'a, str>>,
    /// Remarks, each with its remedy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_trial_goes_from_the_criteria_to_what_would_run() {
        let expected = json!({
            "rule": "mine.r",
            "matched": true,
            "verdict": "matches",
            "criteria": [{
                "path": "trigger.n", "operator": "gt", "pattern": 5, "value": 6, "holds": true, "text": "t",
            }],
            "action": "core.noop",
            "parameters": {"a": 1},
            "failure_reason": "no such action",
            "notes": ["it is disabled"],
        });
        let shown: Trial<'_> = serde_json::from_str(&expected.to_string()).unwrap();
        assert_shown_as::<Trial<'static>>(&shown, &expected);
    }
}
