//! `/workflows/inspect`: what is wrong with a workflow, without running it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_catalog::workflows::Invalid;
use petrel_engine::workflows::LARGEST_WORKFLOW;
use tokio::sync::Semaphore;

use crate::extract::{Raw, text};
use crate::{Api, ApiError, views};

/// How many are inspected at once: it takes memory, and one of the few threads for what takes long.
static TURNS: Semaphore = Semaphore::const_new(1);

/// Takes the text of a workflow or a chain; gives a list of what is wrong with it, beside the actions that are registered,
/// empty when nothing is.
pub(crate) async fn inspect(State(api): State<Api>, Raw(bytes): Raw) -> Result<Response, ApiError> {
    if bytes.len() as u64 > LARGEST_WORKFLOW {
        let message =
            format!("a workflow of {} bytes is too large; {LARGEST_WORKFLOW} is the limit", bytes.len());
        let hint = "split it into workflows that call each other";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint));
    }
    let source = text(&bytes)?.to_owned();
    let _turn = TURNS.acquire().await;
    let Invalid(found) = api.engine.catalog().inspect_workflow(source).await?;
    Ok(Json(found.iter().map(views::finding).collect::<Vec<_>>()).into_response())
}
