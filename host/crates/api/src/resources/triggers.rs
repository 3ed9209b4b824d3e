//! `/triggertypes`: the kinds of events that packs declare. `/triggers`: those that rules listen to, with
//! their parameters.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use petrel_model::Ref;
use serde::Deserialize;
use serde_json::Value;

use crate::extract::{Params, Secrets, Segment};
use crate::page::PageQuery;
use crate::{Api, ApiError, views};

pub(crate) async fn list(
    State(api): State<Api>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let page = page.parse()?;
    page.answer(&api, api.engine.content().trigger_types(), |kind| views::trigger_type(kind))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(reference): Segment,
) -> Result<Json<Value>, ApiError> {
    let parsed: Ref = reference.parse().map_err(|error: petrel_model::reference::InvalidRef| {
        ApiError::invalid(error.to_string(), "`petrel trigger list` shows what there is")
    })?;
    Ok(Json(views::trigger_type(api.engine.content().trigger_type(&parsed)?)))
}

/// Triggers of one kind.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    #[serde(rename = "type")]
    kind: Option<String>,
    pack: Option<String>,
}

pub(crate) async fn list_triggers(
    State(api): State<Api>,
    secrets: Secrets,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let (page, content) = (page.parse()?, api.engine.content());
    let found = content.triggers().filter(|(reference, trigger)| {
        filter.kind.as_ref().is_none_or(|kind| trigger.kind.as_str() == kind)
            && filter.pack.as_ref().is_none_or(|pack| reference.pack() == pack)
    });
    page.answer(&api, found, |(reference, trigger)| views::trigger(reference, trigger, &content, secrets))
}

pub(crate) async fn one_trigger(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(reference): Segment,
) -> Result<Json<Value>, ApiError> {
    let content = api.engine.content();
    let found = content.triggers().find(|(known, _)| known.as_str() == reference);
    let shown = |(reference, trigger)| Json(views::trigger(reference, trigger, &content, secrets));
    found.map(shown).ok_or_else(|| {
        let known = content.triggers().map(|(known, _)| known.as_str());
        petrel_engine::Error::not_found("trigger", reference.as_str(), known).into()
    })
}
