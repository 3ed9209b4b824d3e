//! `/apikeys`: creates, shows, changes and deletes API keys, in StackStorm's form. Only the answer that creates a key
//! has the key itself.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_access::KeyChange;
use petrel_api_types as wire;
use petrel_model::secrets::MASK;
use petrel_model::{ApiKey, ApiKeyId, Object};
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::{Body, JsonBody, Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::API_KEYS)?;
    let _glance = asked.glance(&api).await?;
    asked.answer(&api, api.engine.access().accounts().api_keys(), |key| wire::ApiKey::of(key, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(id): Segment,
    secrets: Secrets,
    _: Nothing,
) -> Result<Response, ApiError> {
    Ok(Json(wire::ApiKey::of(api.engine.access().accounts().api_key(&id)?, secrets)).into_response())
}

/// The body of a request to create or change a key.
#[derive(Debug, Deserialize)]
pub(crate) struct KeyRequest {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    metadata: Option<Object>,
    #[serde(default)]
    enabled: Option<bool>,
    /// The host assigns the id and the hash. Clients send back a key as it was shown to them, so that a change may
    /// repeat these.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    key_hash: Option<String>,
    #[serde(default)]
    key: Option<String>,
}

impl Body for KeyRequest {
    const WITHOUT_EFFECT: &'static [&'static str] = &["uid", "created_at"];
}

impl KeyRequest {
    /// Refuses fields that the host assigns: a key of another host must not seem to be valid here.
    fn refuse_made(&self) -> Result<(), ApiError> {
        let made = [("key_hash", &self.key_hash), ("key", &self.key), ("id", &self.id)];
        let given = made.iter().find(|(_, value)| value.as_ref().is_some_and(|text| !text.is_empty()));
        let Some((name, _)) = given else { return Ok(()) };
        let message = format!(
            "`{name}` of an API key cannot be given: keys of another host cannot be imported yet, and nothing was made"
        );
        Err(ApiError::invalid(message, "create a key without it, and give that key to its users"))
    }

    /// Refuses an id or a hash that differs from those of `key`.
    fn refuse_another(&self, key: &ApiKey) -> Result<(), ApiError> {
        let is_other_id = self.id.as_ref().is_some_and(|id| id.parse::<ApiKeyId>().ok() != Some(key.id));
        let is_same = |hash: &String| hash.is_empty() || hash == MASK || *hash == key.digest;
        let is_other_hash = self.key_hash.as_ref().is_some_and(|hash| !is_same(hash));
        let name = match (is_other_id, is_other_hash, self.key.is_some()) {
            (true, ..) => "id",
            (_, true, _) => "key_hash",
            (.., true) => "key",
            _ => return Ok(()),
        };
        let message = format!("`{name}` of the API key `{}` cannot be changed", key.id);
        Err(ApiError::invalid(message, "leave it out; create a new key and delete this one"))
    }
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    _: Nothing,
    JsonBody(given): JsonBody<KeyRequest>,
) -> Result<Response, ApiError> {
    given.refuse_made()?;
    let user = given.user.filter(|user| !user.is_empty()).unwrap_or_else(|| caller.clone());
    let enabled = given.enabled.unwrap_or(true);
    let issued = api
        .engine
        .access()
        .create_api_key(&caller, &user, given.metadata.unwrap_or_default(), enabled)
        .await?;
    let view = wire::MadeApiKey::of(&issued.record, &issued.secret);
    Ok((StatusCode::CREATED, Extension(About(user)), Json(view)).into_response())
}

pub(crate) async fn change(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(id): Segment,
    _: Nothing,
    JsonBody(given): JsonBody<KeyRequest>,
) -> Result<Response, ApiError> {
    given.refuse_another(api.engine.access().accounts().api_key(&id)?)?;
    let change = KeyChange {
        user: given.user.filter(|user| !user.is_empty()),
        metadata: given.metadata,
        enabled: given.enabled,
    };
    let key = api.engine.access().change_api_key(&caller, &id, change).await?;
    Ok(Json(wire::ApiKey::of(&key, Secrets::Masked)).into_response())
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    api.engine.access().delete_api_key(&caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
