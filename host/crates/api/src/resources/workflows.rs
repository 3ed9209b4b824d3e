//! `/workflows/inspect`: what is wrong with a workflow, without running it.

use axum::Json;
use axum::http::StatusCode;
use petrel_engine::workflows::{LARGEST_WORKFLOW, check_source};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::ApiError;
use crate::extract::{Raw, text};

/// How many are inspected at once: it takes a processor, and memory.
static TURNS: Semaphore = Semaphore::const_new(2);

/// Takes the text of a workflow; gives a list of what is wrong with it, empty when nothing is.
pub(crate) async fn inspect(Raw(bytes): Raw) -> Result<Json<Value>, ApiError> {
    if bytes.len() as u64 > LARGEST_WORKFLOW {
        let message =
            format!("a workflow of {} bytes is too large; {LARGEST_WORKFLOW} is the limit", bytes.len());
        let hint = "split it into workflows that call each other";
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint));
    }
    let source = text(&bytes)?.to_owned();
    let _turn = TURNS.acquire().await;
    // A large one takes a while, and others are to have their turn.
    let checked = tokio::task::spawn_blocking(move || match check_source(&source) {
        Ok(_definition) => json!([]),
        Err(invalid) => invalid.to_errors(),
    });
    Ok(Json(checked.await?))
}
