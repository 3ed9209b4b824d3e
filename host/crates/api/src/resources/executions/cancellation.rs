//! `POST /executions/cancel`: cancels many executions in steps, or tells which would be. StackStorm has nothing like it.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use petrel_api_types as wire;
use petrel_engine::reads::ExecutionFilter;
use petrel_model::id::InvalidId;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::reference::InvalidRef;
use petrel_model::{Ref, Status};
use serde::Deserialize;

use crate::extensions::User;
use crate::extract::{Body, JsonBody, time};
use crate::resources::mistaken::no_execution_id;
use crate::said::Nothing;
use crate::{Api, ApiError, listing};

/// The body of a request to cancel many executions. All given conditions must hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    user: Option<String>,
    /// The time before which they were requested.
    #[serde(default)]
    timestamp_lt: Option<String>,
    /// Whether those inside workflows are canceled too.
    #[serde(default)]
    inside_workflows: bool,
    /// Whether nothing is canceled, and only told what would be.
    #[serde(default)]
    dry_run: bool,
    /// The place at which the step before ended.
    #[serde(default)]
    before: Option<String>,
}

impl Body for Wanted {}

/// Cancels the next of the wanted executions.
pub(crate) async fn cancel(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let filter = wanted.filter()?;
    let before = wanted.before.as_deref().map(str::parse).transpose();
    let before = before.map_err(|error: InvalidId| no_execution_id(&error))?;
    let step = api.engine.executions().cancel_many(&filter, before, wanted.dry_run, &user).await?;
    let canceled = step.canceled.iter().map(|(id, action, status)| wire::cancellation::CanceledOne {
        id: *id,
        action: action.as_str().into(),
        status: *status,
    });
    let failed = step.failed.iter().map(|(id, error)| wire::cancellation::NotCanceled {
        id: *id,
        faultstring: error.to_string().into(),
        hint: error.hint().into(),
    });
    let step = wire::CanceledMany { canceled: canceled.collect(), failed: failed.collect(), next: step.next };
    listing::one(&step, None)
}

impl Wanted {
    /// The filter of these conditions, of which there must be one.
    fn filter(&self) -> Result<ExecutionFilter, ApiError> {
        let before = self.timestamp_lt.as_deref().map(|text| time("timestamp_lt", text)).transpose()?;
        let filter = ExecutionFilter {
            status: self.status.as_deref().map(status).transpose()?,
            action: self.action.as_deref().map(|text| reference("action", text)).transpose()?,
            rule: self.rule.as_deref().map(|text| reference("rule", text)).transpose()?,
            user: self.user.clone(),
            before,
            ..ExecutionFilter::default()
        };
        if filter == ExecutionFilter::default() {
            return Err(ApiError::invalid(
                "no condition is given, so all executions would be canceled",
                "give status, action, rule, user or timestamp_lt; `petrel execution cancel --older 0s` means all",
            ));
        }
        let parent = (!self.inside_workflows).then_some(None);
        Ok(ExecutionFilter { parent, ..filter })
    }
}

/// A status that can be canceled.
fn status(text: &str) -> Result<Status, ApiError> {
    let known = Status::ALL.into_iter().filter(|status| status.is_cancelable()).map(Status::as_str);
    match text.parse::<Status>() {
        Ok(status) if status.is_cancelable() => Ok(status),
        Ok(status) => {
            let message = format!("an execution that is {status} cannot be canceled");
            Err(ApiError::invalid(message, one_of(known)))
        }
        Err(_unknown) => {
            let near = nearest(text, known.clone()).map(|near| format!("did you mean {near}? "));
            let message = format!("`{}` is no status of an execution", quoted(text));
            Err(ApiError::invalid(message, near.unwrap_or_default() + &one_of(known)))
        }
    }
}

fn one_of<'a>(known: impl Iterator<Item = &'a str>) -> String {
    format!("write one of {}", known.collect::<Vec<_>>().join(", "))
}

fn reference(name: &str, text: &str) -> Result<Ref, ApiError> {
    text.parse().map_err(|error: InvalidRef| {
        ApiError::invalid(format!("`{name}`: {error}"), format!("write {name} as pack.name"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(body: &str) -> Result<ExecutionFilter, String> {
        let wanted: Wanted = serde_json::from_str(body).unwrap();
        wanted.filter().map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn conditions_make_a_filter_or_are_told_what_is_wrong() {
        let made = filter(r#"{"status": "running", "action": "core.local", "dry_run": true}"#).unwrap();
        assert_eq!((made.status, made.parent), (Some(Status::Running), Some(None)));
        assert_eq!(filter(r#"{"user": "ada", "inside_workflows": true}"#).unwrap().parent, None);
        for (body, says) in [
            ("{}", "no condition is given"),
            (r#"{"inside_workflows": true, "dry_run": true}"#, "no condition is given"),
            (r#"{"status": "succeeded"}"#, "that is succeeded cannot be canceled"),
            (r#"{"status": "runing"}"#, "did you mean running?"),
            (r#"{"action": "nopack"}"#, "write action as pack.name"),
            (r#"{"timestamp_lt": "soon"}"#, "is not a time"),
        ] {
            let told = filter(body).unwrap_err();
            assert!(told.contains(says), "{body}: {told}");
        }
    }
}
