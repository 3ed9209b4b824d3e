//! `/ruleenforcements`: what came of a rule that matched.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use petrel_model::EnforcementId;
use serde_json::Value;

use crate::extract::Segment;
use crate::{Api, ApiError, views};

pub(crate) async fn one(State(api): State<Api>, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    let hint = "`petrel trigger get ID` shows the enforcements of an event";
    let parsed: EnforcementId = id
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    let found = api.engine.store().enforcement(parsed).await?.ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("enforcement `{id}` does not exist"), hint)
    })?;
    Ok(Json(views::enforcement(&found)))
}
