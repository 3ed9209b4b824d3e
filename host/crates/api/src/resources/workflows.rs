//! `/workflows/inspect`: reports the mistakes of a workflow without running it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_catalog::workflows::Invalid;
use petrel_engine::workflows::LARGEST_WORKFLOW;

use crate::extract::{Raw, text};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// Takes the text of a workflow or a chain and lists its mistakes, with respect to the registered actions. The list
/// is empty if there are none.
pub(crate) async fn inspect(
    State(api): State<Api>,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    if bytes.len() as u64 > LARGEST_WORKFLOW {
        let message =
            format!("a workflow of {} bytes is too large; {LARGEST_WORKFLOW} is the limit", bytes.len());
        let hint = "split it into workflows that call each other";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint));
    }
    let source = text(&bytes)?.to_owned();
    let _turn = api.inspections.turn().await;
    let Invalid(found) = api.engine.catalog().inspect_workflow(source).await?;
    Ok(Json(found.iter().map(views::finding).collect::<Vec<_>>()).into_response())
}
