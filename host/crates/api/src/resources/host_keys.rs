//! `/hostkeys`: shows, pins and forgets the keys by which other hosts are recognized. The admin changes them: whoever may,
//! decides whom passwords are sent to. StackStorm has none.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::{Body, JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// What only the admin may do.
const CHANGING: &str = "pin the keys of hosts, or forget them";

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::HOST_KEYS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.host_keys(), |key| wire::HostKey::of(key))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(host): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    Ok(Json(wire::HostKey::of(content.host_key(&host)?)).into_response())
}

/// The body of a request to pin a key.
#[derive(Debug, Deserialize)]
pub(crate) struct NewKey {
    /// The host, with its port if it is not 22.
    host: String,
    /// The public key, as `KIND BASE64`.
    key: String,
}

impl Body for NewKey {}

pub(crate) async fn pin(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(NewKey { host, key }): JsonBody<NewKey>,
) -> Result<Response, ApiError> {
    api.engine.access().refuse_others_than_admin(&user, CHANGING)?;
    let pinned = api.engine.catalog().pin_host_key(&host, &key, &user).await?;
    let about = Extension(About(pinned.host.clone()));
    Ok((StatusCode::CREATED, about, Json(wire::HostKey::of(&pinned))).into_response())
}

pub(crate) async fn forget(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    Segment(host): Segment,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    api.engine.access().refuse_others_than_admin(&user, CHANGING)?;
    api.engine.catalog().forget_host_key(&host, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
