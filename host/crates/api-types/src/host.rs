//! The health of the host, and the rows that it cannot read.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// The numbers of executions, the unreadable documents, and warnings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostStatus<'a> {
    /// The version of the host.
    pub version: Cow<'a, str>,
    /// The number of executions that wait for a runner.
    pub waiting: usize,
    /// The number of running executions. One that is about to start counts as waiting and as running for a moment.
    pub running: usize,
    /// The number of executions that are held since a restore.
    #[serde(default)]
    pub held: usize,
    /// Documents (packs, rules, users and so on) that cannot be read.
    #[serde(default)]
    pub unreadable: Vec<Lost<'a>>,
    /// Warnings for the operator, each with its remedy: packs whose files have gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Cow<'a, str>>,
}

/// Whether the host accepts events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether events are accepted.
    pub ready: bool,
    /// The reasons why they are not.
    pub reasons: Vec<String>,
}

impl From<Vec<String>> for Readiness {
    /// The host is ready if there is no reason against it.
    fn from(reasons: Vec<String>) -> Self {
        Self { ready: reasons.is_empty(), reasons }
    }
}

/// The level of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevel {
    /// The level, or levels by part.
    pub level: String,
}

/// The number of held executions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Executions that are held since a restore.
    pub held: usize,
}

/// The outcome of resuming the executions that were held since a restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resumed {
    /// Executions that were held.
    pub held: usize,
    /// Executions that go on, now or when it is their turn.
    pub resumed: usize,
    /// Executions that are abandoned, because they had begun and may not be run twice.
    pub abandoned: usize,
    /// Executions that are canceled, as requested before.
    pub canceled: usize,
}

/// An item of a list that is read from the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Item<'a, T> {
    /// The item was read.
    Found(T),
    /// The item is stored but cannot be read.
    Lost(Lost<'a>),
}

// By hand, because serde's derive for untagged enums drops the reason why an item is invalid, and does not let `T` hold
// a raw value.
impl<'de, T: DeserializeOwned> Deserialize<'de> for Item<'_, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        // First as a placeholder, whose attributes no item has.
        match Lost::deserialize(&value) {
            Ok(lost) => Ok(Self::Lost(lost)),
            Err(_not_lost) => T::deserialize(value).map(Self::Found).map_err(D::Error::custom),
        }
    }
}

/// The placeholder of a row that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost<'a> {
    /// The id or the name of the row.
    pub id: Cow<'a, str>,
    /// The reason, after `cannot be read: `.
    pub error: Cow<'a, str>,
    /// The remedy.
    pub hint: Cow<'a, str>,
    /// The kind of the row: `rule`, `user` and so on. Left out in lists of a single kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Cow<'a, str>>,
}

impl<'a> Lost<'a> {
    /// The placeholder of the row with this id or name, which is unreadable for `reason`.
    pub fn new(id: &'a str, reason: &str, hint: &'a str) -> Self {
        Self {
            id: Cow::Borrowed(id),
            error: Cow::Owned(format!("cannot be read: {reason}")),
            hint: Cow::Borrowed(hint),
            kind: None,
        }
    }

    /// This placeholder, with the kind of the row.
    #[must_use]
    pub fn of_kind(self, kind: &'a str) -> Self {
        Self { kind: Some(Cow::Borrowed(kind)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_host_says_how_it_is_in_a_word() {
        assert_shown_as::<Readiness>(&Readiness::from(Vec::new()), &json!({"ready": true, "reasons": []}));
        assert_shown_as::<Readiness>(
            &Readiness::from(vec!["the disk is full".to_owned()]),
            &json!({"ready": false, "reasons": ["the disk is full"]}),
        );
        assert_shown_as::<LogLevel>(&LogLevel { level: "warn".into() }, &json!({"level": "warn"}));
        assert_shown_as::<Hold>(&Hold { held: 3 }, &json!({"held": 3}));
    }

    #[test]
    fn what_was_let_go_on_is_told_with_what_was_not() {
        assert_shown_as::<Resumed>(
            &Resumed { held: 7, resumed: 4, abandoned: 2, canceled: 1 },
            &json!({"held": 7, "resumed": 4, "abandoned": 2, "canceled": 1}),
        );
        assert_eq!(serde_json::from_str::<Resumed>("{\"held\": 1}").unwrap().abandoned, 0);
    }

    #[test]
    fn an_item_is_found_or_lost_and_nothing_else() {
        let found: Item<'static, Hold> = Item::Found(Hold { held: 3 });
        assert_shown_as::<Item<'static, Hold>>(&found, &json!({"held": 3}));
        let lost: Item<'static, Hold> = Item::Lost(Lost::new("1", "why", "do this"));
        assert_shown_as::<Item<'static, Hold>>(
            &lost,
            &json!({"id": "1", "error": "cannot be read: why", "hint": "do this"}),
        );
        let refused = serde_json::from_str::<Item<'static, Hold>>("{\"held\": \"x\"}").unwrap_err();
        assert!(refused.to_string().contains("invalid type: string \"x\""), "{refused}");
    }

    #[test]
    fn a_host_says_what_waits_and_what_it_cannot_read() {
        let lost = Lost::new("mine.r", "why", "do this").of_kind("rule");
        let status = HostStatus {
            version: "0.1.0".into(),
            waiting: 1,
            running: 2,
            held: 3,
            unreadable: vec![lost],
            notes: vec!["the files of the pack `mine` are not there".into()],
        };
        assert_shown_as::<HostStatus<'static>>(
            &status,
            &json!({
                "version": "0.1.0",
                "waiting": 1,
                "running": 2,
                "held": 3,
                "unreadable": [
                    {"id": "mine.r", "error": "cannot be read: why", "hint": "do this", "kind": "rule"},
                ],
                "notes": ["the files of the pack `mine` are not there"],
            }),
        );
    }
}
