//! `/auth/v1/tokens`: issues a token for a name and a password, validates a token, revokes a token. The same routes
//! stand at `/auth/tokens`, `/v1/tokens` and `/tokens`, where StackStorm's clients look for them.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, post};
use axum::{Extension, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use petrel_access::{Credential, SignIn};
use petrel_api_types::Token;
use petrel_api_types::account::Validity;
use petrel_engine::Error;
use serde::Deserialize;

use crate::auth;
use crate::extensions::{About, Peer, SignedIn, User};
use crate::extract::{Body, JsonBody};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// The time that a request may take in all.
const PATIENCE: Duration = Duration::from_secs(30);

/// The routes. Only the one that revokes a token requires a token.
pub(crate) fn router(api: &Api) -> Router<Api> {
    let sign_out = delete(sign_out).layer(from_fn_with_state(api.clone(), auth::require));
    ["/auth/v1", "/auth", "/v1", ""]
        .into_iter()
        .fold(Router::new(), |router, prefix| {
            router
                .route(&format!("{prefix}/tokens"), post(create).merge(sign_out.clone()))
                .route(&format!("{prefix}/tokens/validate"), post(validate))
        })
        .layer(from_fn(in_time))
}

async fn in_time(request: Request, next: Next) -> Result<Response, ApiError> {
    tokio::time::timeout(PATIENCE, next.run(request)).await.map_err(|_elapsed| {
        ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request took too long", "send it again")
    })
}

/// The body of a request to sign in.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// The lifetime of the token, in seconds.
    #[serde(default)]
    ttl: Option<u64>,
    /// Another user to act as, for callers who may.
    #[serde(default)]
    user: Option<String>,
}

impl Body for Wanted {
    const WITHOUT_EFFECT: &'static [&'static str] = &["id", "token", "expiry", "metadata"];
    const IGNORES_OTHERS: bool = true;
}

async fn create(
    State(api): State<Api>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    _: Nothing,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let (name, password) =
        basic(&headers).ok_or_else(|| Error::Unauthorized("Invalid or missing credentials".into()))?;
    let issued = api
        .engine
        .access()
        .sign_in(SignIn {
            name: name.clone(),
            password,
            address: Some(peer.ip().to_canonical()),
            ttl: wanted.ttl.map(Duration::from_secs),
            on_behalf_of: wanted.user.filter(|user| !user.is_empty()),
        })
        .await?;
    let mut answer = (StatusCode::CREATED, Json(Token::of(&issued.record, &issued.secret))).into_response();
    answer.extensions_mut().insert(User(name));
    answer.extensions_mut().insert(About(issued.record.user.clone()));
    let headers = answer.headers_mut();
    // No cache may keep a token.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(url) = HeaderValue::try_from(&api.access.api_url) {
        headers.insert("x-api-url", url);
    }
    Ok(answer)
}

/// The name and the password of `Authorization: Basic`. `auth.rs` has the reason against the extractors of `axum-extra`.
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    decoded.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
}

/// The body of a request to validate a token.
#[derive(Debug, Deserialize)]
pub(crate) struct Candidate {
    #[serde(default)]
    token: Option<String>,
}

impl Body for Candidate {
    const IGNORES_OTHERS: bool = true;
}

async fn validate(
    State(api): State<Api>,
    _: Nothing,
    JsonBody(Candidate { token }): JsonBody<Candidate>,
) -> Result<Json<Validity>, ApiError> {
    let token = token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| ApiError::invalid("Token is not provided.", "send {\"token\": \"...\"}"))?;
    Ok(Json(Validity { valid: api.engine.access().validate_token(&token).is_some() }))
}

/// Revokes the token of the request.
async fn sign_out(
    State(api): State<Api>,
    Extension(signed_in): Extension<SignedIn>,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    let Credential::Token(id, _) = signed_in.identity.credential else {
        return Err(ApiError::invalid(
            "only a token that was issued for a password can be revoked",
            "an API key is deleted with `petrel apikey delete`; the admin's token is a file of the host",
        ));
    };
    api.engine.access().sign_out(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_are_read_from_basic() {
        let read = |value: &str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
            basic(&headers)
        };
        // ada:a:b
        assert_eq!(read("Basic YWRhOmE6Yg=="), Some(("ada".into(), "a:b".into())));
        assert_eq!(read("basic YWRhOmE6Yg=="), Some(("ada".into(), "a:b".into())));
        for wrong in ["Basic", "Basic !", "Basic YWRh", "Bearer YWRhOmE6Yg==", "Basic /w=="] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(basic(&HeaderMap::new()), None);
    }
}
