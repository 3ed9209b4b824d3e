//! Maintenance windows: times in which what certain rules ask for waits, or is left out.

use serde::{Deserialize, Serialize};

use crate::action::Tag;
use crate::{Ref, Rule, Timestamp};

/// A maintenance window. It begins and ends by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaintenanceWindow {
    /// Its name.
    pub name: String,
    /// One line on its purpose.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The packs whose rules it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packs: Vec<String>,
    /// The rules that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Ref>,
    /// The tags of rules that it is for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is no longer in it.
    pub until: Timestamp,
    /// What becomes of what rules ask for in it.
    pub mode: MaintenanceMode,
    /// The user who made it.
    #[serde(default)]
    pub made_by: String,
}

/// What becomes of what rules ask for in a maintenance window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MaintenanceMode {
    /// Executions are requested, and start at its end.
    Hold,
    /// Nothing is run, and the enforcement says so.
    Drop,
}

impl MaintenanceWindow {
    /// Whether it lasts at `now`.
    pub fn lasts(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it is for `rule`.
    pub fn is_for(&self, rule: &Rule) -> bool {
        self.rules.contains(&rule.reference)
            || self.packs.iter().any(|pack| pack == rule.reference.pack())
            || self.tags.iter().any(|tag| rule.tags.contains(tag))
    }
}

impl MaintenanceMode {
    /// The mode in one word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Drop => "drop",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_window_is_for_its_rules_while_it_lasts() {
        let rule: Rule = serde_json::from_value(json!({
            "id": "000000000000000000000001", "ref": "web.deploy", "trigger": {"type": "core.st2.webhook"},
            "action": {"ref": "core.noop"}, "tags": [{"name": "team", "value": "a"}],
        }))
        .unwrap();
        for (of, is_for) in [
            (json!({"packs": ["web"]}), true),
            (json!({"packs": ["we", "db"]}), false),
            (json!({"rules": ["web.deploy"]}), true),
            (json!({"rules": ["web.other"]}), false),
            (json!({"tags": [{"name": "team", "value": "a"}]}), true),
            (json!({"tags": [{"name": "team", "value": "b"}]}), false),
            (json!({"packs": ["db"], "tags": [{"name": "team", "value": "a"}]}), true),
            (json!({}), false),
        ] {
            let mut window = json!({
                "name": "w", "from": "2026-11-20T12:00:00Z", "until": "2026-11-20T13:00:00Z", "mode": "hold",
            });
            for (name, value) in of.as_object().into_iter().flatten() {
                window[name] = value.clone();
            }
            let window: MaintenanceWindow = serde_json::from_value(window).unwrap();
            assert_eq!(window.is_for(&rule), is_for, "{of}");
            for (at, lasts) in
                [("11:59:59", false), ("12:00:00", true), ("12:59:59", true), ("13:00:00", false)]
            {
                let now: Timestamp = format!("2026-11-20T{at}Z").parse().unwrap();
                assert_eq!(window.lasts(now), lasts, "{at}");
            }
        }
    }
}
