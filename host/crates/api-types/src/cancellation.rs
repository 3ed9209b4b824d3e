//! The cancellation of many executions.

use std::borrow::Cow;

use petrel_model::{ExecutionId, Status};
use serde::{Deserialize, Serialize};

/// One step of the cancellation of many executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanceledMany<'a> {
    /// The executions that were canceled, or would be, newest first.
    #[serde(default)]
    pub canceled: Vec<CanceledOne<'a>>,
    /// Those that could not be.
    #[serde(default)]
    pub failed: Vec<NotCanceled<'a>>,
    /// The value of `before` for the next step, if there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<ExecutionId>,
}

/// An execution that was canceled, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanceledOne<'a> {
    /// Its id.
    pub id: ExecutionId,
    /// Its action.
    #[serde(default)]
    pub action: Cow<'a, str>,
    /// Its status now.
    pub status: Status,
}

/// An execution that could not be canceled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotCanceled<'a> {
    /// Its id.
    pub id: ExecutionId,
    /// The reason.
    pub faultstring: Cow<'a, str>,
    /// The remedy.
    #[serde(default)]
    pub hint: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_step_names_what_was_canceled_and_where_to_go_on() {
        const ID: &str = "65a000000000000000000001";
        let expected = json!({
            "canceled": [{"id": ID, "action": "core.noop", "status": "canceled"}],
            "failed": [{"id": ID, "faultstring": "the store is unavailable", "hint": "see the log"}],
            "next": ID,
        });
        let shown: CanceledMany<'_> = serde_json::from_str(&expected.to_string()).unwrap();
        assert_shown_as::<CanceledMany<'static>>(&shown, &expected);
    }
}
