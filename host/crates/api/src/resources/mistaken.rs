//! The errors for ids that nothing of the kind has which was asked for. An id of another kind is told as that: ids look
//! alike, and both an event and its execution are printed.

use axum::http::StatusCode;
use petrel_model::id::InvalidId;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::{EnforcementId, ExecutionId, Id, TriggerInstanceId};

use crate::{Api, ApiError};

/// The error for an id that no execution has.
pub(crate) async fn no_execution(api: &Api, id: ExecutionId) -> ApiError {
    let kinds = Kinds::of(api, id.0).await;
    let hint = if kinds.is_event {
        format!("this is the id of an event: `petrel trigger get {id}` shows it, and what came of it")
    } else if kinds.is_enforcement {
        "this is the id of an enforcement; `petrel execution list` shows the ids of executions".to_owned()
    } else {
        "`petrel execution list` shows the known ones, and `last` is the newest".to_owned()
    };
    missing("execution", &id.to_string(), hint)
}

/// The error for an id that no event has.
pub(crate) async fn no_event(api: &Api, id: TriggerInstanceId) -> ApiError {
    let kinds = Kinds::of(api, id.0).await;
    let hint = if kinds.is_execution {
        format!(
            "this is the id of an execution: `petrel execution get {id}` shows it, and the event that led to it"
        )
    } else if kinds.is_enforcement {
        "this is the id of an enforcement; `petrel trigger instances` shows the ids of events".to_owned()
    } else {
        "`petrel trigger instances` shows the known ones, and `last` is the newest".to_owned()
    };
    missing("trigger instance", &id.to_string(), hint)
}

/// The error for an id that no enforcement has.
pub(crate) async fn no_enforcement(api: &Api, id: EnforcementId) -> ApiError {
    let kinds = Kinds::of(api, id.0).await;
    let hint = if kinds.is_event {
        format!("this is the id of an event: `petrel trigger get {id}` shows its enforcements")
    } else if kinds.is_execution {
        format!(
            "this is the id of an execution: `petrel rule-enforcement list --execution {id}` shows its enforcement"
        )
    } else {
        OF_ENFORCEMENTS.to_owned()
    };
    missing("enforcement", &id.to_string(), hint)
}

/// The hint about ids of enforcements.
const OF_ENFORCEMENTS: &str =
    "`petrel rule-enforcement list` shows what there is, `petrel trigger get ID` those of an event";

/// The error for a text that is no id of an enforcement.
pub(crate) fn no_enforcement_id(error: &InvalidId) -> ApiError {
    ApiError::invalid(error.to_string(), OF_ENFORCEMENTS)
}

/// The error for a text that is no id of an execution.
pub(crate) fn no_execution_id(error: &InvalidId) -> ApiError {
    no_id(error, "execution list", "--action")
}

/// The error for a text that is no id of an event.
pub(crate) fn no_event_id(error: &InvalidId) -> ApiError {
    no_id(error, "trigger instances", "--type")
}

/// The error for a text that is no id: perhaps a misspelt `last`, or a reference, to which `flag` narrows the `list`.
fn no_id(error: &InvalidId, list: &str, flag: &str) -> ApiError {
    let text = &error.0;
    let hint = if nearest(text, ["last"]).is_some() {
        "did you mean `last`, the newest?".to_owned()
    } else if text.contains('.') {
        format!("`petrel {list} {flag} {}` shows the ids of these, and `last` is the newest", quoted(text))
    } else {
        format!("`petrel {list}` shows ids, and `last` is the newest")
    };
    ApiError::invalid(error.to_string(), hint)
}

fn missing(kind: &str, id: &str, hint: String) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("{kind} `{id}` does not exist"), hint)
}

/// The kinds of objects that have an id.
struct Kinds {
    is_execution: bool,
    is_event: bool,
    is_enforcement: bool,
}

impl Kinds {
    /// Looks an id up in each kind. What cannot be read is there.
    async fn of(api: &Api, id: Id) -> Self {
        let (reads, events) = (api.engine.reads(), api.engine.triggers().reads());
        Self {
            is_execution: !matches!(reads.execution(ExecutionId(id)).await, Ok(None)),
            is_event: !matches!(events.trigger_instance(TriggerInstanceId(id)).await, Ok(None)),
            is_enforcement: !matches!(events.enforcement(EnforcementId(id)).await, Ok(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_no_id_is_told_what_was_meant() {
        for (text, hint) in [
            ("lst", "did you mean `last`, the newest?"),
            ("first", "`petrel trigger instances` shows ids, and `last` is the newest"),
            ("core.x", "`petrel trigger instances --type core.x` shows the ids of these, and `last`"),
        ] {
            let told = format!("{:?}", no_event_id(&InvalidId(text.to_owned())));
            assert!(told.contains(hint) && told.contains(&format!("`{text}` is not an id")), "{told}");
        }
    }
}
