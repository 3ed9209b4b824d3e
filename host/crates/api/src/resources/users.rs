//! `/user`: the caller. `/users`: creates, shows and deletes users, and sets passwords. There are no roles yet: every
//! user may create users and change itself; the rest is for callers who may act on behalf of others.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_access::Credential;
use petrel_api_types as wire;
use petrel_api_types::Me;
use petrel_api_types::account::{Authentication, Rights, Rotation};
use petrel_model::Timestamp;
use serde::Deserialize;

use crate::extensions::{About, SignedIn, User};
use crate::extract::{Body, JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// The caller, in the form of StackStorm's `whoami`.
pub(crate) async fn me(
    State(api): State<Api>,
    Extension(signed_in): Extension<SignedIn>,
    _: Nothing,
) -> Response {
    let SignedIn { identity, location } = signed_in;
    let (method, token_expire) = match identity.credential {
        // The admin's token does not expire, but StackStorm's clients expect a time here, so it is the last one that
        // can be written.
        Credential::AdminToken => ("authentication token", Some(Timestamp::LAST)),
        Credential::Token(_, expires_at) => ("authentication token", Some(expires_at)),
        Credential::ApiKey(_) => ("API key", None),
    };
    let me = Me {
        username: identity.user.as_str().into(),
        authentication: Authentication { method: method.into(), location: location.into(), token_expire },
        rbac: Rights {
            enabled: false,
            roles: Cow::default(),
            is_admin: api.engine.access().is_admin(&identity.user),
        },
    };
    Json(me).into_response()
}

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    asked.of(&lists::USERS)?.answer(&api, api.engine.access().accounts().users(), wire::User::from)
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    Ok(Json(wire::User::from(api.engine.access().accounts().user(&name)?)).into_response())
}

/// The body of a request to create a user.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    name: String,
    password: String,
}

impl Body for NewUser {}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    _: Nothing,
    JsonBody(new): JsonBody<NewUser>,
) -> Result<Response, ApiError> {
    let user = api.engine.access().create_user(&caller, &new.name, &new.password).await?;
    let about = Extension(About(user.name.clone()));
    Ok((StatusCode::CREATED, about, Json(wire::User::from(&user))).into_response())
}

/// The body of a request to set a password.
#[derive(Deserialize)]
pub(crate) struct NewPassword {
    password: String,
}

impl Body for NewPassword {}

pub(crate) async fn set_password(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(new): JsonBody<NewPassword>,
) -> Result<Response, ApiError> {
    let user = api.engine.access().set_password(&caller, &name, &new.password).await?;
    end_admin_token_of(&api, &name).await?;
    Ok(Json(wire::User::from(&user)).into_response())
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    api.engine.access().delete_user(&caller, &name).await?;
    end_admin_token_of(&api, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the token in the host's own file. Copies of the old one are refused from then on.
pub(crate) async fn rotate_admin_token(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    _: Nothing,
) -> Result<Response, ApiError> {
    api.engine.access().refuse_others_than_admin(&caller, "replace the admin's token")?;
    replace_admin_token(&api).await?;
    Ok((Extension(About(caller)), Json(Rotation { rotated: true })).into_response())
}

/// Replaces the admin's token along with the admin's other tokens, since a change of the password signs a user out
/// everywhere.
async fn end_admin_token_of(api: &Api, user: &str) -> Result<(), ApiError> {
    if api.engine.access().is_admin(user) { replace_admin_token(api).await } else { Ok(()) }
}

async fn replace_admin_token(api: &Api) -> Result<(), ApiError> {
    let access = Arc::clone(&api.access);
    let replaced = tokio::task::spawn_blocking(move || access.admin_token.replace()).await;
    replaced.map_err(|panic| panic.to_string()).flatten().map_err(|reason| {
        let message = format!("the admin's token cannot be replaced: {reason}");
        let hint =
            "the old token is still valid; make the data directory writable, then run `petrel token rotate`";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, hint)
    })
}
