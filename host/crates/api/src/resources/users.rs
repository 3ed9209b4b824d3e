//! `/user`: who the request comes from. `/users`: made, looked at, deleted, and their passwords. There are
//! no roles yet: whoever has signed in may make users, and change themselves; the rest is for those who may act as others.

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
use crate::extract::{JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// As StackStorm's `whoami` has it.
pub(crate) async fn me(State(api): State<Api>, Extension(signed_in): Extension<SignedIn>) -> Response {
    let SignedIn { identity, location } = signed_in;
    let (method, token_expire) = match identity.credential {
        // It does not expire, and clients of StackStorm read a time here: the last one that can be written down.
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

/// A user to make.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    name: String,
    password: String,
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    JsonBody(new): JsonBody<NewUser>,
) -> Result<Response, ApiError> {
    let user = api.engine.access().create_user(&caller, &new.name, &new.password).await?;
    let about = Extension(About(user.name.clone()));
    Ok((StatusCode::CREATED, about, Json(wire::User::from(&user))).into_response())
}

/// A password to set.
#[derive(Deserialize)]
pub(crate) struct NewPassword {
    password: String,
}

pub(crate) async fn set_password(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
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
) -> Result<StatusCode, ApiError> {
    api.engine.access().delete_user(&caller, &name).await?;
    end_admin_token_of(&api, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the token in the host's own file: copies of the old one are worth nothing from then on.
pub(crate) async fn rotate_admin_token(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
) -> Result<Response, ApiError> {
    api.engine.access().refuse_others_than_admin(&caller, "replace the admin's token")?;
    replace_admin_token(&api).await?;
    Ok((Extension(About(caller)), Json(Rotation { rotated: true })).into_response())
}

/// Who is signed out everywhere is so with copies of the host's own file too.
async fn end_admin_token_of(api: &Api, user: &str) -> Result<(), ApiError> {
    if api.engine.access().is_admin(user) { replace_admin_token(api).await } else { Ok(()) }
}

async fn replace_admin_token(api: &Api) -> Result<(), ApiError> {
    let access = Arc::clone(&api.access);
    let replaced = tokio::task::spawn_blocking(move || access.admin_token.replace()).await;
    replaced.map_err(|panic| panic.to_string()).flatten().map_err(|reason| {
        let message = format!("the admin's token cannot be replaced: {reason}");
        let hint = "the old one is still good; see to the data directory, then `petrel token rotate`";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message, hint)
    })
}
