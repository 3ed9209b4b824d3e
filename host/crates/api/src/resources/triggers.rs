//! `/triggertypes`: the kinds of events that packs declare.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use petrel_model::Ref;
use serde_json::Value;

use crate::extract::{Params, Segment};
use crate::page::PageQuery;
use crate::{Api, ApiError, views};

pub(crate) async fn list(
    State(api): State<Api>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let page = page.parse()?;
    Ok(page.answer(api.engine.content().trigger_types().map(|kind| views::trigger_type(kind))))
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
