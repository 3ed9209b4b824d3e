//! Maintenance windows.

use std::borrow::Cow;

use petrel_model::{MaintenanceMode, Timestamp, maintenance};
use serde::{Deserialize, Serialize};

use crate::action::Tag;

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceWindow<'a> {
    /// The name again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// The description, in one line.
    #[serde(default)]
    pub description: Cow<'a, str>,
    /// `planned`, `lasts` or `ended`.
    #[serde(default)]
    pub state: Cow<'a, str>,
    /// `hold`: executions start at its end; `drop`: nothing is run.
    pub mode: MaintenanceMode,
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// The packs whose rules it is for.
    #[serde(default)]
    pub packs: Vec<Cow<'a, str>>,
    /// The rules that it is for.
    #[serde(default)]
    pub rules: Vec<Cow<'a, str>>,
    /// The tags of rules that it is for.
    #[serde(default)]
    pub tags: Vec<Tag<'a>>,
    /// The user who made it.
    #[serde(default)]
    pub made_by: Cow<'a, str>,
}

impl<'a> MaintenanceWindow<'a> {
    /// The view of `window` at `now`.
    pub fn of(window: &'a maintenance::MaintenanceWindow, now: Timestamp) -> Self {
        let state = if now < window.from {
            "planned"
        } else if window.lasts(now) {
            "lasts"
        } else {
            "ended"
        };
        Self {
            id: Cow::Borrowed(&window.name),
            name: Cow::Borrowed(&window.name),
            description: Cow::Borrowed(&window.description),
            state: Cow::Borrowed(state),
            mode: window.mode,
            from: window.from,
            until: window.until,
            packs: window.packs.iter().map(|pack| Cow::Borrowed(pack.as_str())).collect(),
            rules: window.rules.iter().map(|rule| Cow::Borrowed(rule.as_str())).collect(),
            tags: window.tags.iter().map(Tag::from).collect(),
            made_by: Cow::Borrowed(&window.made_by),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_window_says_whether_it_lasts() {
        let stored: maintenance::MaintenanceWindow = noun(json!({
            "name": "w", "description": "d", "packs": ["web"], "rules": ["web.r"],
            "tags": [{"name": "team", "value": "a"}], "from": "2026-11-20T12:00:00Z",
            "until": "2026-11-20T13:00:00Z", "mode": "drop", "made_by": "ada",
        }));
        for (now, state) in [("11:00:00", "planned"), ("12:00:00", "lasts"), ("13:00:00", "ended")] {
            let now: Timestamp = format!("2026-11-20T{now}Z").parse().unwrap();
            assert_shown_as::<MaintenanceWindow<'static>>(
                &MaintenanceWindow::of(&stored, now),
                &json!({
                    "id": "w",
                    "name": "w",
                    "description": "d",
                    "state": state,
                    "mode": "drop",
                    "from": "2026-11-20T12:00:00.000000Z",
                    "until": "2026-11-20T13:00:00.000000Z",
                    "packs": ["web"],
                    "rules": ["web.r"],
                    "tags": [{"name": "team", "value": "a"}],
                    "made_by": "ada",
                }),
            );
        }
    }
}
