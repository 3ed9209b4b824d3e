//! Events that somebody sends by hand: `POST /triggerinstances` of any trigger, and
//! `POST /triggerinstances/{id}/re_emit` a stored one once more. `POST /webhooks/st2` (`webhooks/generic.rs`) is
//! StackStorm's call for the former.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::trigger::ReEmitted;
use petrel_engine::triggers::Emission;
use petrel_model::Object;
use serde::Deserialize;

use super::{find, shown};
use crate::extract::{Body, JsonBody, Secrets, Target};
use crate::said::Nothing;
use crate::traceparent::Named;
use crate::{Api, ApiError, listing, traceparent};

/// The body of a request to send an event.
#[derive(Debug, Deserialize)]
pub(crate) struct NewEvent {
    trigger: String,
    #[serde(default)]
    parameters: Option<Object>,
    #[serde(default)]
    payload: Option<Object>,
}

impl Body for NewEvent {}

/// Sends an event. Beyond the original, which only has the webhook for that.
pub(crate) async fn create(
    State(api): State<Api>,
    secrets: Secrets,
    Named(trace): Named,
    headers: HeaderMap,
    _: Nothing,
    JsonBody(new): JsonBody<NewEvent>,
) -> Result<Response, ApiError> {
    let emission = Emission {
        trigger: new.trigger,
        parameters: new.parameters.unwrap_or_default(),
        payload: new.payload.unwrap_or_default(),
        trace,
        trace_tag: traceparent::tag_of(&headers)?,
        ..Emission::default()
    };
    let accepted = api.engine.triggers().send(emission).await?;
    let event = find(&api, &accepted.id.to_string()).await?;
    let mut held = None;
    listing::hold(&api, &mut held, 2 * event.payload.text().len())?;
    Ok((StatusCode::CREATED, listing::one(&shown(&api, &event, secrets), held)?).into_response())
}

/// Sends a stored event once more.
pub(crate) async fn again(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    _: Nothing,
) -> Result<Response, ApiError> {
    let glance = api.glances.take(&user).await?;
    let event = find(&api, &id).await?;
    // Rules may be evaluated for long, behind the workers.
    drop(glance);
    let mut held = None;
    listing::hold(&api, &mut held, 2 * event.payload.text().len())?;
    let accepted = api.engine.triggers().re_emit(&event).await?;
    // With the mark of what it repeats.
    let sent = find(&api, &accepted.id.to_string()).await?;
    let shown = shown(&api, &sent, secrets);
    // The text is StackStorm's, which its client repeats.
    let message = format!("Trigger instance {} succesfully re-sent.", event.id);
    let answer = ReEmitted { message: message.into(), payload: shown.payload, trigger_instance: accepted.id };
    Ok(Json(answer).into_response())
}
