//! `/apikeys`: made, looked at, changed, deleted, with StackStorm's shapes. The key itself is in the answer
//! that made it, and nowhere else.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_engine::accounts::api_keys::KeyChange;
use petrel_model::Object;
use serde::Deserialize;
use serde_json::Value;

use crate::auth::User;
use crate::extract::{JsonBody, Secrets, Segment};
use crate::page::{Asked, lists};
use crate::trail::About;
use crate::{Api, ApiError, views};

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::API_KEYS)?;
    asked.answer(&api, api.engine.accounts().api_keys(), |key| views::api_key(key, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    secrets: Secrets,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(views::api_key(api.engine.accounts().api_key(&id)?, secrets)))
}

/// A key to make, or what is to change of one.
#[derive(Debug, Deserialize)]
pub(crate) struct Given {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    metadata: Option<Object>,
    #[serde(default)]
    enabled: Option<bool>,
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    JsonBody(given): JsonBody<Given>,
) -> Result<Response, ApiError> {
    let user = given.user.filter(|user| !user.is_empty()).unwrap_or_else(|| caller.clone());
    let enabled = given.enabled.unwrap_or(true);
    let minted =
        api.engine.create_api_key(&caller, &user, given.metadata.unwrap_or_default(), enabled).await?;
    let mut view = views::api_key(&minted.noun, Secrets::Masked);
    if let Some(view) = view.as_object_mut() {
        view.remove("key_hash");
        view.insert("key".into(), minted.secret.into());
    }
    Ok((StatusCode::CREATED, Extension(About(user)), Json(view)).into_response())
}

pub(crate) async fn change(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(id): Segment,
    JsonBody(given): JsonBody<Given>,
) -> Result<Json<Value>, ApiError> {
    let change = KeyChange {
        user: given.user.filter(|user| !user.is_empty()),
        metadata: given.metadata,
        enabled: given.enabled,
    };
    Ok(Json(views::api_key(&api.engine.change_api_key(&caller, &id, change).await?, Secrets::Masked)))
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    api.engine.delete_api_key(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
