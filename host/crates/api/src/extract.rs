//! Reads bodies, paths and queries, with errors in our form.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::User;
use crate::{Api, ApiError, BODY_LIMIT};

/// The bytes of a body, up to [`BODY_LIMIT`].
pub(crate) struct Raw(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| unreadable(&rejection))
    }
}

fn unreadable(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is larger than {} MiB", BODY_LIMIT >> 20),
            "send less, or a reference to where the data is",
        );
    }
    ApiError::invalid(format!("the body cannot be read: {rejection}"), "send it again")
}

/// A JSON body. An empty one is an empty object, as StackStorm has it.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Raw(bytes) = Raw::from_request(request, state).await?;
        let value = json(&bytes)?;
        serde_json::from_value(value).map(Self).map_err(|error| {
            ApiError::invalid(format!("the body does not fit: {error}"), "see the documentation of this call")
        })
    }
}

/// The one variable part of a path.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(rejection) => Err(ApiError::invalid(
                format!("the path cannot be read: {}", rejection.body_text()),
                "write it in UTF-8, with special characters escaped",
            )),
        }
    }
}

/// The two variable parts of a path.
pub(crate) struct Pair(pub(crate) String, pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Pair {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path((one, other))) => Ok(Self(one, other)),
            Err(rejection) => Err(ApiError::invalid(
                format!("the path cannot be read: {}", rejection.body_text()),
                "write it in UTF-8, with special characters escaped",
            )),
        }
    }
}

/// The query of a request.
pub(crate) struct Params<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(ApiError::invalid(
                format!("the query cannot be read: {}", rejection.body_text()),
                "correct what stands behind the question mark",
            )),
        }
    }
}

/// A part of a query, parsed; nothing when it is not there or empty.
pub(crate) fn parsed<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>, ApiError>
where
    T::Err: std::fmt::Display,
{
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| {
        text.parse().map_err(|error: T::Err| ApiError::invalid(error.to_string(), "correct the query"))
    })
    .transpose()
}

/// What becomes of secrets in an answer: they are shown to the admin who asks with `show_secrets=true`, and masked for
/// everybody else, as StackStorm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrets {
    /// As they are.
    Shown,
    /// As `********`.
    Masked,
}

impl FromRequestParts<Api> for Secrets {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let is_true = |text: &str| ["true", "1", "yes", "y"].contains(&text.to_ascii_lowercase().as_str());
        let query = parts.uri.query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let is_asked_for = pairs.any(|(name, value)| name == "show_secrets" && is_true(&value));
        let is_admin = || parts.extensions.get::<User>().is_some_and(|User(user)| api.engine.is_admin(user));
        Ok(if is_asked_for && is_admin() { Self::Shown } else { Self::Masked })
    }
}

/// The JSON value in `bytes`; nothing at all is an empty object.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        ApiError::invalid(
            format!("the body is not JSON: {error}"),
            "send a JSON object, with the header Content-Type: application/json",
        )
    })
}
