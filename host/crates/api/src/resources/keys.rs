//! `/keys`: the keys of the datastore that all users share.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::Key;
use petrel_api_types::key::SCOPE;
use petrel_engine::Error;
use petrel_model::quoted::quoted;
use serde::Deserialize;
use serde_json::Value;

use crate::extract::{Body, JsonBody, Segment, flag};
use crate::page::{Asked, lists};
use crate::said::Said;
use crate::{Api, ApiError};

/// The parameters that say where a key is looked up, and how.
const PLACE: [&str; 3] = ["scope", "user", "decrypt"];

/// Refuses a request for something that would be promised and not kept: keys are texts that all share, in clear,
/// without expiry.
fn refuse(what: &str, is_asked_for: bool) -> Result<(), ApiError> {
    if !is_asked_for {
        return Ok(());
    }
    let hint = "leave it out; keys are shared by all, not encrypted and kept until they are deleted";
    Err(ApiError::invalid(format!("keys with `{what}` are not supported yet"), hint))
}

/// Refuses a value that is to be encrypted. The remedy must not be to store it in clear.
fn refuse_secret(what: &str, is_asked_for: bool) -> Result<(), ApiError> {
    if !is_asked_for {
        return Ok(());
    }
    let message =
        format!("keys with `{what}` are not supported yet: keys are encrypted from a later release on");
    let hint = "nothing was stored; keep it in the configuration of its pack, declared with `secret: true` in config.schema.yaml";
    Err(ApiError::invalid(message, hint))
}

/// Refuses every scope but the shared one. `all` includes no other scope, so it is allowed.
fn refuse_place(scope: Option<&str>, user: Option<&str>) -> Result<(), ApiError> {
    let scope = scope.unwrap_or_default();
    if !["", "all", "system", SCOPE].contains(&scope) {
        return refuse(&format!("scope: {scope}"), true);
    }
    refuse("user", user.is_some_and(|user| !user.is_empty()))
}

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::KEYS)?;
    refuse_place(asked.other("scope"), asked.other("user"))?;
    // No key is encrypted, so the flag has no effect; but its value must be a valid one.
    asked.other("decrypt").filter(|text| !text.is_empty()).map_or(Ok(false), |text| flag("decrypt", text))?;
    let prefix = asked.other("prefix").unwrap_or_default();
    let datastore = api.engine.keys().all();
    let keys = || datastore.system.iter().filter(|(name, _)| name.starts_with(prefix));
    let shown = keys().skip(asked.page.offset).take(asked.page.limit);
    let bytes: usize = shown.map(|(name, value)| name.len() + value.len()).sum();
    let _turn = api.turns.take_for(&asked.user, bytes).await?;
    asked.answer(&api, keys(), |(name, value)| Key::new(name, value))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    said: Said,
) -> Result<Response, ApiError> {
    let said = said.only(&PLACE)?;
    refuse_place(said.text("scope"), said.text("user"))?;
    // As in the list: no effect, but a valid value.
    said.flag("decrypt")?;
    let datastore = api.engine.keys().all();
    match datastore.system.get(&name) {
        Some(value) => Ok(Json(Key::new(&name, value)).into_response()),
        None => Err(Error::not_found("key", name, datastore.system.keys().map(String::as_str)).into()),
    }
}

/// The body of a request to set a key.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    #[serde(default)]
    name: Option<String>,
    value: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    secret: Option<bool>,
    #[serde(default)]
    encrypted: Option<bool>,
    /// The lifetime in seconds.
    #[serde(default)]
    ttl: Option<Value>,
    #[serde(default)]
    expire_timestamp: Option<Value>,
}

impl Body for New {
    const WITHOUT_EFFECT: &'static [&'static str] = &["id", "uid", "description"];
    const IGNORES_OTHERS: bool = true;
}

pub(crate) async fn set(
    State(api): State<Api>,
    Segment(name): Segment,
    said: Said,
    JsonBody(new): JsonBody<New>,
) -> Result<Response, ApiError> {
    let said = said.only(&["scope", "user", "ttl"])?;
    let places = [(said.text("scope"), said.text("user")), (new.scope.as_deref(), new.user.as_deref())];
    for (scope, user) in places {
        refuse_place(scope, user)?;
        // A key can be looked up in all scopes, but it is set in one.
        refuse("scope: all", scope == Some("all"))?;
    }
    refuse("ttl", said.text("ttl").is_some())?;
    refuse("expire_timestamp", new.expire_timestamp.is_some_and(|at| !at.is_null()))?;
    refuse_secret("secret", new.secret == Some(true))?;
    refuse_secret("encrypted", new.encrypted == Some(true))?;
    refuse("ttl", new.ttl.is_some_and(|ttl| !ttl.is_null()))?;
    if let Some(other) = new.name.filter(|other| !other.is_empty() && *other != name) {
        let (name, other) = (quoted(&name), quoted(&other));
        let message = format!("the key is `{name}` in the path and `{other}` in the body");
        return Err(ApiError::invalid(message, "write the same name in both, or leave it out of the body"));
    }
    api.engine.keys().set(&name, &new.value).await?;
    Ok(Json(Key::new(&name, &new.value)).into_response())
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Segment(name): Segment,
    said: Said,
) -> Result<StatusCode, ApiError> {
    let said = said.only(&["scope", "user"])?;
    refuse_place(said.text("scope"), said.text("user"))?;
    api.engine.keys().delete(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
