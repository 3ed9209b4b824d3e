//! `/workflows/inspect`: what is wrong with a workflow, without running it.

use axum::Json;
use petrel_engine::workflows::check_source;
use serde_json::{Value, json};

use crate::ApiError;
use crate::extract::{Raw, text};

/// Takes the text of a workflow; gives a list of what is wrong with it, empty when nothing is.
pub(crate) async fn inspect(Raw(bytes): Raw) -> Result<Json<Value>, ApiError> {
    Ok(Json(match check_source(text(&bytes)?) {
        Ok(_definition) => json!([]),
        Err(invalid) => invalid.to_errors(),
    }))
}
