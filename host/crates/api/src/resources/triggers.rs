//! `/triggertypes`: the kinds of events that packs declare. `/triggers`: those that rules listen to, with
//! their parameters.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use petrel_model::Ref;
use serde_json::Value;

use crate::extract::{Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TRIGGER_TYPES)?;
    asked.answer(&api, api.engine.content().trigger_types(), |kind| views::trigger_type(kind))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Json<Value>, ApiError> {
    let parsed: Ref = reference.parse().map_err(|error: petrel_model::reference::InvalidRef| {
        ApiError::invalid(error.to_string(), "`petrel trigger list` shows what there is")
    })?;
    Ok(Json(views::trigger_type(api.engine.content().trigger_type(&parsed)?)))
}

pub(crate) async fn list_triggers(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let (asked, content) = (asked.of(&lists::TRIGGERS)?, api.engine.content());
    asked.answer(&api, content.triggers(), |(reference, trigger)| {
        views::trigger(reference, trigger, &content, secrets)
    })
}

pub(crate) async fn one_trigger(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Json<Value>, ApiError> {
    let content = api.engine.content();
    let found = content.triggers().find(|(known, _)| known.as_str() == reference);
    let shown = |(reference, trigger)| Json(views::trigger(reference, trigger, &content, secrets));
    found.map(shown).ok_or_else(|| {
        let known = content.triggers().map(|(known, _)| known.as_str());
        petrel_engine::Error::not_found("trigger", reference.as_str(), known).into()
    })
}
