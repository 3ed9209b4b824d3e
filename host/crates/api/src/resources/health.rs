//! The health of the host. `GET /healthz`: 200 while the host lives and is not stopping. `GET /readyz`: 200 while
//! events are accepted, and otherwise 503 with the reasons; held executions are no such reason. `GET /metrics`:
//! figures for Prometheus. `GET /api/v1/status`: the numbers of waiting and running executions. `GET` and, for the admin
//! only, `PUT /api/v1/log`: the level of the log.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use petrel_api_types::HostStatus;
use petrel_api_types::host::{LogLevel, Readiness};
use petrel_model::quoted::quoted;
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::{Body, JsonBody};
use crate::said::Nothing;
use crate::{Api, ApiError, auth, views};

/// The routes outside of `/api/v1`. [`status`] and the log stand below it.
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

/// Counts executions that wait for a runner, that run in this process, and that are held since a restore. An
/// execution that is about to start counts as both waiting and running for a moment. Lists unreadable documents:
/// packs, rules, users and so on. Warns of packs whose files have gone, and of settings of webhooks.
pub(crate) async fn status(State(api): State<Api>, _: Nothing) -> Response {
    let mut notes = api.engine.catalog().notes_on_files().await;
    notes.extend(api.guards.notes(&api.engine));
    let reads = api.engine.reads();
    notes.extend(reads.refuses_secrets().map(|why| format!("nothing secret can be stored: {why}")));
    let unreadable = reads.unreadable();
    let status = HostStatus {
        version: env!("CARGO_PKG_VERSION").into(),
        waiting: reads.waiting(),
        running: api.engine.executions().running(),
        held: reads.held(),
        unreadable: unreadable.iter().map(|lost| views::unreadable(lost).of_kind(lost.kind.name())).collect(),
        notes: notes.into_iter().map(Cow::Owned).collect(),
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

/// The body of a request to change the level.
#[derive(Debug, Deserialize)]
pub(crate) struct NewLevel {
    level: String,
}

impl Body for NewLevel {}

pub(crate) async fn set_log_level(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(NewLevel { level }): JsonBody<NewLevel>,
) -> Result<(Extension<About>, Json<LogLevel>), ApiError> {
    // A level of one module more can cost everybody, and `off` hides what somebody does.
    api.engine.access().refuse_others_than_admin(&user, "change the level of the log")?;
    api.log.set_level(&level).map_err(|why| {
        ApiError::invalid(
            format!("`{}` is not a log level: {why}", quoted(&level)),
            "write error, warn, info, debug or trace, or levels by module, as in warn,petrel=debug",
        )
    })?;
    tracing::warn!(level, user, "log level changed");
    let level = api.log.level();
    Ok((Extension(About(level.clone())), Json(LogLevel { level })))
}
