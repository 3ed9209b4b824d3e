//! `/triggertypes`: the kinds of events that packs declare. `/triggers`: the triggers that rules listen to, with
//! their parameters.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::TriggerType;

use crate::extract::{Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TRIGGER_TYPES)?;
    let _glance = asked.glance(&api).await?;
    asked.answer(&api, api.engine.catalog().content().trigger_types(), |registered| {
        TriggerType::from(registered.kind.as_ref())
    })
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let registered = content.trigger_type(&content.trigger_reference(&reference)?)?;
    Ok(Json(TriggerType::from(registered.kind.as_ref())).into_response())
}

pub(crate) async fn list_triggers(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TRIGGERS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.triggers(), |(reference, trigger)| {
        views::trigger(reference, trigger, &content, secrets)
    })
}

pub(crate) async fn one_trigger(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let found = content.triggers().find(|(known, _)| known.as_str() == reference);
    let (reference, trigger) = found.ok_or_else(|| {
        let known = content.triggers().map(|(known, _)| known.as_str());
        petrel_engine::Error::not_found("trigger", reference.as_str(), known)
    })?;
    Ok(Json(views::trigger(reference, trigger, &content, secrets)).into_response())
}
