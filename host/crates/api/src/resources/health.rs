//! `GET /healthz`: 200 while events are accepted. `GET /api/v1/status`: how much waits and runs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::Api;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/healthz", get(healthz))
}

async fn healthz(State(api): State<Api>) -> (StatusCode, &'static str) {
    if api.engine.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// Executions that wait for a runner, and executions that run in this process. One that is about to
/// start counts as both for a moment.
pub(crate) async fn status(State(api): State<Api>) -> Json<Value> {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "waiting": api.engine.store().waiting(),
        "running": api.engine.running(),
    }))
}
