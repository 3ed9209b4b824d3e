//! How the host is. `GET /healthz`: 200 while it lives and is not stopping. `GET /readyz`: 200 while events
//! are accepted, else 503 with the reasons; that executions are held is none. `GET /metrics`: figures for Prometheus. `GET /api/v1/status`: how
//! much waits and runs. `GET` and `PUT /api/v1/log`: what is logged.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use petrel_api_types::HostStatus;
use petrel_api_types::host::{LogLevel, Readiness};
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::JsonBody;
use crate::said::Nothing;
use crate::{Api, ApiError, auth, views};

/// The routes; [`status`] and the log are below `/api/v1`.
pub(crate) fn router(api: &Api) -> Router<Api> {
    let mut figures = get(figures);
    if !api.access.open_metrics {
        figures = figures.layer(from_fn_with_state(api.clone(), auth::require));
    }
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", figures)
}

async fn healthz(State(api): State<Api>) -> (StatusCode, &'static str) {
    if api.engine.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn readyz(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let readiness = Readiness::from(api.engine.not_ready().await);
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

/// Executions that wait for a runner, and executions that run in this process. One that is about to
/// start counts as both for a moment. Executions that are held since a restore; and what cannot be read of what is
/// kept by name (packs, rules, users and so on).
pub(crate) async fn status(State(api): State<Api>, _: Nothing) -> Response {
    let reads = api.engine.reads();
    let unreadable = reads.unreadable();
    let status = HostStatus {
        version: env!("CARGO_PKG_VERSION").into(),
        waiting: reads.waiting(),
        running: api.engine.executions().running(),
        held: reads.held(),
        unreadable: unreadable.iter().map(|lost| views::unreadable(lost).of_kind(lost.kind)).collect(),
    };
    Json(status).into_response()
}

async fn figures(State(api): State<Api>) -> Result<([(HeaderName, HeaderValue); 1], String), ApiError> {
    api.engine.measure_now().await?;
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], (api.figures)()))
}

pub(crate) async fn log_level(State(api): State<Api>, _: Nothing) -> Json<LogLevel> {
    Json(LogLevel { level: api.log.level() })
}

/// A level to set.
#[derive(Debug, Deserialize)]
pub(crate) struct NewLevel {
    level: String,
}

pub(crate) async fn set_log_level(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    JsonBody(NewLevel { level }): JsonBody<NewLevel>,
) -> Result<(Extension<About>, Json<LogLevel>), ApiError> {
    api.log.set_level(&level).map_err(|why| {
        ApiError::invalid(
            format!("`{level}` is no level: {why}"),
            "write error, warn, info, debug or trace, or levels by part, as in warn,petrel_engine=debug",
        )
    })?;
    tracing::warn!(level, user, "the level of the log was changed");
    let level = api.log.level();
    Ok((Extension(About(level.clone())), Json(LogLevel { level })))
}
