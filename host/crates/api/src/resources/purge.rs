//! `POST /purge`: deletes old executions, events and enforcements in steps, or counts them, for the admin only. StackStorm
//! has programs of its own for that (`st2-purge-executions` and so on).

use axum::extract::State;
use axum::{Extension, Json};
use petrel_api_types::purge::Purged;
use petrel_engine::executions::Purge;
use petrel_engine::triggers::Which;
use petrel_model::id::InvalidId;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::reference::InvalidRef;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{ExecutionId, Id, Ref, Status, Timestamp, TriggerInstanceId};
use serde::Deserialize;

use crate::extensions::User;
use crate::extract::{Body, JsonBody, time};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// The kinds of things that can be purged.
const KINDS: [&str; 4] = ["executions", "events", "enforcements", "dead-letters"];

/// The body of a request to purge. All given conditions must hold.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// What is deleted, one of [`KINDS`].
    what: String,
    /// The time before which executions ended, or events came in.
    timestamp_lt: String,
    /// The status of executions, or of enforcements.
    #[serde(default)]
    status: Option<String>,
    /// The action of executions.
    #[serde(default)]
    action: Option<String>,
    /// Whether nothing is deleted, and only counted.
    #[serde(default)]
    dry_run: bool,
    /// The place at which the step before ended.
    #[serde(default)]
    after: Option<String>,
}

impl Body for Wanted {}

/// What a request asks for.
#[derive(Debug)]
enum Asked {
    Executions(Purge),
    Events(Which, Timestamp),
}

/// Purges the next of what is wanted.
pub(crate) async fn purge(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Json<Purged>, ApiError> {
    api.engine.access().refuse_others_than_admin(&user, "purge anything")?;
    let asked = wanted.asked()?;
    let after = wanted.after.as_deref().map(str::parse::<Id>).transpose().map_err(|error: InvalidId| {
        ApiError::invalid(format!("`after`: {error}"), "give the `next` of the answer before")
    })?;
    let dry_run = wanted.dry_run;
    let purged = match asked {
        Asked::Executions(purge) => {
            let step = api.engine.executions().purge(&purge, after.map(ExecutionId), dry_run).await?;
            let next = step.next.map(|id| id.0);
            Purged { executions: step.executions, dry_run, next, ..Purged::default() }
        }
        Asked::Events(which, before) => {
            let after = after.map(TriggerInstanceId);
            let step = api.engine.triggers().purge(which, before, after, dry_run).await?;
            let (trigger_instances, enforcements) = (step.events, step.enforcements);
            let next = step.next.map(|id| id.0);
            Purged { trigger_instances, enforcements, dry_run, next, ..Purged::default() }
        }
    };
    let Purged { executions, trigger_instances, enforcements, .. } = purged;
    if !dry_run && executions + trigger_instances + enforcements > 0 {
        let what = wanted.what;
        tracing::warn!(user, what, executions, trigger_instances, enforcements, "old rows were purged");
    }
    Ok(Json(purged))
}

impl Wanted {
    fn asked(&self) -> Result<Asked, ApiError> {
        let before = time("timestamp_lt", &self.timestamp_lt)?;
        let which = match self.what.as_str() {
            "executions" => {
                let status = self.status.as_deref().map(final_status).transpose()?;
                let action = self.action.as_deref().map(reference).transpose()?;
                return Ok(Asked::Executions(Purge { before, status, action }));
            }
            "events" => Which::Events,
            "enforcements" => Which::Enforcements(self.status.as_deref().map(verdict).transpose()?),
            "dead-letters" => Which::DeadLetters,
            other => {
                let near = nearest(other, KINDS).map(|near| format!("did you mean {near}? "));
                let message = format!("`{}` cannot be purged", quoted(other));
                return Err(ApiError::invalid(message, near.unwrap_or_default() + &one_of(&KINDS)));
            }
        };
        let has_status = self.status.is_some() && !matches!(which, Which::Enforcements(_));
        let given = [("status", has_status), ("action", self.action.is_some())];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            None => Ok(Asked::Events(which, before)),
            Some((name, _)) => Err(ApiError::invalid(
                format!("{} have no {name} by which they could be purged", self.what),
                format!("leave out {name}, or purge executions"),
            )),
        }
    }
}

/// The final status with this name: nothing that is unfinished is purged.
fn final_status(text: &str) -> Result<Status, ApiError> {
    let known: Vec<_> =
        Status::ALL.into_iter().filter(|status| status.is_final()).map(Status::as_str).collect();
    match text.parse::<Status>() {
        Ok(status) if status.is_final() => Ok(status),
        Ok(status) => Err(ApiError::invalid(
            format!("an execution that is {status} is unfinished, and is not purged"),
            one_of(&known),
        )),
        Err(_unknown) => {
            let near = nearest(text, known.iter().copied()).map(|near| format!("did you mean {near}? "));
            let message = format!("`{}` is no status of an execution", quoted(text));
            Err(ApiError::invalid(message, near.unwrap_or_default() + &one_of(&known)))
        }
    }
}

/// The status of enforcements with this name.
fn verdict(text: &str) -> Result<EnforcementStatus, ApiError> {
    let known = EnforcementStatus::ALL.map(EnforcementStatus::as_str);
    EnforcementStatus::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(|| {
        ApiError::invalid(format!("`{}` is no status of an enforcement", quoted(text)), one_of(&known))
    })
}

fn reference(text: &str) -> Result<Ref, ApiError> {
    text.parse().map_err(|error: InvalidRef| {
        ApiError::invalid(format!("`action`: {error}"), "write action as pack.name")
    })
}

fn one_of(known: &[&str]) -> String {
    format!("write one of {}", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Result<Asked, String> {
        let body = format!(r#"{{"timestamp_lt": "2026-11-20T12:00:00Z", {body}}}"#);
        let wanted: Wanted = serde_json::from_str(&body).unwrap();
        wanted.asked().map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn what_is_purged_is_understood_or_told_what_is_wrong() {
        let made = asked(r#""what": "executions", "status": "failed", "action": "core.local""#).unwrap();
        assert!(matches!(made, Asked::Executions(Purge { status: Some(Status::Failed), .. })), "{made:?}");
        for (body, which) in [
            (r#""what": "events""#, Which::Events),
            (r#""what": "enforcements""#, Which::Enforcements(None)),
            (
                r#""what": "enforcements", "status": "failed""#,
                Which::Enforcements(Some(EnforcementStatus::Failed)),
            ),
            (r#""what": "dead-letters""#, Which::DeadLetters),
        ] {
            let made = asked(body).unwrap();
            assert!(matches!(made, Asked::Events(made, _) if made == which), "{body}: {made:?}");
        }
        for (body, says) in [
            (r#""what": "execution""#, "did you mean executions?"),
            (r#""what": "executions", "status": "running""#, "is unfinished"),
            (r#""what": "executions", "status": "faild""#, "did you mean failed?"),
            (r#""what": "executions", "action": "local""#, "write action as pack.name"),
            (r#""what": "enforcements", "status": "running""#, "write one of succeeded, failed"),
            (r#""what": "events", "status": "failed""#, "events have no status"),
            (r#""what": "dead-letters", "action": "core.local""#, "dead-letters have no action"),
        ] {
            let told = asked(body).unwrap_err();
            assert!(told.contains(says), "{body}: {told}");
        }
    }
}
