//! `/workflows/inspect`: what is wrong with a workflow, without running it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use petrel_engine::workflows::{LARGEST_WORKFLOW, Registered, inspect as inspected, language};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::extract::{Raw, text};
use crate::{Api, ApiError};

/// How many are inspected at once: it takes a processor, and memory.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Takes the text of a workflow or a chain; gives a list of what is wrong with it, beside the actions that are registered,
/// empty when nothing is.
pub(crate) async fn inspect(State(api): State<Api>, Raw(bytes): Raw) -> Result<Json<Value>, ApiError> {
    if bytes.len() as u64 > LARGEST_WORKFLOW {
        let message =
            format!("a workflow of {} bytes is too large; {LARGEST_WORKFLOW} is the limit", bytes.len());
        let hint = "split it into workflows that call each other";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint));
    }
    let source = text(&bytes)?.to_owned();
    let _turn = TURNS.acquire().await;
    // A large one takes a while, and others are to have their turn.
    let found = tokio::task::spawn_blocking(move || {
        let inspected = inspected(language(&source), &source);
        // What is registered is held for the comparison alone.
        let inspected = inspected.beside(&Registered(&api.engine.content()));
        inspected.found().to_errors()
    });
    Ok(Json(found.await?))
}
