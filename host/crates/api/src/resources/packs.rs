//! `/packs`: what is registered, and registering a directory.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::{Api, ApiError, views};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::PACKS)?;
    asked.answer(&api, api.engine.content().packs(), |pack| views::pack(pack))
}

pub(crate) async fn one(State(api): State<Api>, Segment(name): Segment) -> Result<Json<Value>, ApiError> {
    Ok(Json(views::pack(api.engine.content().pack(&name)?)))
}

/// Forgets a pack. StackStorm has an action for that.
pub(crate) async fn remove(State(api): State<Api>, Segment(name): Segment) -> Result<StatusCode, ApiError> {
    api.engine.remove_pack(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The directory of a pack, on the machine of the host.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    path: PathBuf,
}

pub(crate) async fn register(
    State(api): State<Api>,
    JsonBody(Registration { path }): JsonBody<Registration>,
) -> Result<Json<Value>, ApiError> {
    let report = api.engine.register_pack(&path, false).await?;
    Ok(Json(json!({
        "pack": views::pack(&report.pack),
        "actions": report.actions,
        "triggers": report.trigger_types,
        "rules": report.rules,
        "notes": report.notes,
    })))
}
