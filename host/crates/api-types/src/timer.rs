//! Timers: the triggers that the host itself fires when they are due.

use std::borrow::Cow;

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Trigger;

/// A timer that rules listen to: the trigger, as StackStorm shows it, and when it is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timer<'a> {
    /// The trigger.
    #[serde(flatten)]
    pub trigger: Trigger<'a>,
    /// The description of the trigger type.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// The time at which it is due next; null if it is never due again, or all its rules are disabled.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// The time for which it fired last, if it has.
    #[serde(default)]
    pub last_due_at: Option<Timestamp>,
    /// The references of the rules that listen to it, enabled or not.
    #[serde(default)]
    pub rules: Vec<Cow<'a, str>>,
}

#[cfg(test)]
mod tests {
    use petrel_model::trigger;
    use serde_json::json;

    use super::*;
    use crate::Secrets;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_timer_shows_its_trigger_and_when_it_is_due() {
        let stored: trigger::Trigger = noun(json!({"type": "core.st2.CronTimer", "parameters": {"hour": 2}}));
        let reference = "core.st2.CronTimer.0a".parse().unwrap();
        assert_shown_as::<Timer<'static>>(
            &Timer {
                trigger: Trigger::of(&reference, &stored, None, Secrets::Shown),
                description: "d".into(),
                due_at: Some("2026-11-21T02:00:00Z".parse().unwrap()),
                last_due_at: None,
                rules: vec!["mine.r".into()],
            },
            &json!({
                "type": "core.st2.CronTimer",
                "parameters": {"hour": 2},
                "id": "core.st2.CronTimer.0a",
                "uid": "trigger:core:st2.CronTimer.0a",
                "ref": "core.st2.CronTimer.0a",
                "pack": "core",
                "name": "st2.CronTimer.0a",
                "description": "d",
                "due_at": "2026-11-21T02:00:00.000000Z",
                "last_due_at": null,
                "rules": ["mine.r"],
            }),
        );
    }
}
