//! The deletion of old executions, events and enforcements.

use petrel_model::Id;
use serde::{Deserialize, Serialize};

/// One step of a purge, in numbers of what was deleted, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Purged {
    /// Executions, with their output.
    #[serde(default)]
    pub executions: usize,
    /// Events, as StackStorm calls them.
    #[serde(default)]
    pub trigger_instances: usize,
    /// Enforcements, also those of the events.
    #[serde(default)]
    pub enforcements: usize,
    /// Whether nothing was deleted.
    #[serde(default)]
    pub dry_run: bool,
    /// The value of `after` for the next step, if there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_step_counts_what_goes_and_says_where_to_go_on() {
        let expected = json!({
            "executions": 2, "trigger_instances": 0, "enforcements": 0, "dry_run": true,
            "next": "65a000000000000000000001",
        });
        let shown: Purged = serde_json::from_str(&expected.to_string()).unwrap();
        assert_shown_as::<Purged>(&shown, &expected);
    }
}
