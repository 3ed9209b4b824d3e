//! `POST /ruleenforcements/{id}/replay`: an event on which a rule failed comes in again, for this rule alone. The list of
//! such dead letters is that of failed enforcements.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_model::id::InvalidId;
use petrel_model::{EnforcementId, Object};
use serde::Deserialize;
use serde_json::Value;

use super::mistaken::{no_enforcement, no_enforcement_id};
use super::trigger_instances::{find, whole};
use crate::extract::{Body, JsonBody, Secrets, Segment};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// The body of a request to replay an event.
#[derive(Debug, Deserialize)]
pub(crate) struct Again {
    /// The payload in place of that of the event.
    #[serde(default)]
    payload: Option<Object>,
    /// Whether it is replayed although it was before.
    #[serde(default)]
    again: bool,
}

impl Body for Again {}

/// Replays an event, and answers with the new one.
pub(crate) async fn replay(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(id): Segment,
    _: Nothing,
    JsonBody(Again { payload, again }): JsonBody<Again>,
) -> Result<Response, ApiError> {
    let id: EnforcementId = id.parse().map_err(|error: InvalidId| no_enforcement_id(&error))?;
    if api.engine.triggers().reads().enforcement(id).await?.is_none() {
        return Err(no_enforcement(&api, id).await);
    }
    let accepted = api.engine.triggers().replay(id, payload.map(Value::Object), again).await?;
    let event = find(&api, &accepted.id.to_string()).await?;
    Ok((StatusCode::ACCEPTED, whole(&api, &event, secrets).await?).into_response())
}
