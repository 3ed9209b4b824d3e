//! `/user`: who the request comes from. `/users`: made, looked at, deleted, and their passwords. There are
//! no roles yet: whoever has signed in may do all of it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_engine::accounts::Credential;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::SignedIn;
use crate::extract::{JsonBody, Params, Segment};
use crate::page::PageQuery;
use crate::{Api, ApiError, views};

/// As StackStorm's `whoami` has it.
pub(crate) async fn me(Extension(signed_in): Extension<SignedIn>) -> Json<Value> {
    let SignedIn { identity, location } = signed_in;
    let authentication = match identity.credential {
        Credential::AdminToken => json!({"method": "authentication token", "location": location}),
        Credential::Token(_, expires_at) => {
            json!({"method": "authentication token", "location": location, "token_expire": expires_at})
        }
        Credential::ApiKey(_) => json!({"method": "API key", "location": location}),
    };
    Json(json!({
        "username": identity.user,
        "authentication": authentication,
        "rbac": {"enabled": false, "roles": [], "is_admin": true},
    }))
}

pub(crate) async fn list(
    State(api): State<Api>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    Ok(page.parse()?.answer(api.engine.accounts().users(), views::user))
}

pub(crate) async fn one(State(api): State<Api>, Segment(name): Segment) -> Result<Json<Value>, ApiError> {
    Ok(Json(views::user(api.engine.accounts().user(&name)?)))
}

/// A user to make.
#[derive(Deserialize)]
pub(crate) struct NewUser {
    name: String,
    password: String,
}

pub(crate) async fn create(
    State(api): State<Api>,
    JsonBody(new): JsonBody<NewUser>,
) -> Result<Response, ApiError> {
    let user = api.engine.create_user(&new.name, &new.password).await?;
    Ok((StatusCode::CREATED, Json(views::user(&user))).into_response())
}

/// A password to set.
#[derive(Deserialize)]
pub(crate) struct NewPassword {
    password: String,
}

pub(crate) async fn set_password(
    State(api): State<Api>,
    Segment(name): Segment,
    JsonBody(new): JsonBody<NewPassword>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(views::user(&api.engine.set_password(&name, &new.password).await?)))
}

pub(crate) async fn delete(State(api): State<Api>, Segment(name): Segment) -> Result<StatusCode, ApiError> {
    api.engine.delete_user(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
