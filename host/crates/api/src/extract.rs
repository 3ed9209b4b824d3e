//! Extractors for bodies, paths and values of queries, whose errors have the form of this API. `body.rs` reads
//! bodies, and [`fields`] knows their fields; `page/query.rs` and `said.rs` know the names that a query may have.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
pub(crate) use petrel_api_types::Secrets;
use petrel_catalog::Giver;
use petrel_engine::triggers::SMALL;
use petrel_model::{Timestamp, size};
use serde_json::Value;

use crate::body::{self, Held};
use crate::extensions::User;
use crate::{Api, ApiError};

mod fields;

pub(crate) use fields::Body;
use fields::fitting;

/// The bytes of a body, up to [`BODY_LIMIT`](crate::BODY_LIMIT).
pub(crate) struct Raw(pub(crate) Bytes);

impl FromRequest<Api> for Raw {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let held = held(&request);
        body::read(api, &held, request).await.map(Self)
    }
}

/// A JSON body. As in StackStorm, an empty body is an empty object.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: Body> FromRequest<Api> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let held = held(&request);
        let bytes = body::read(api, &held, request).await?;
        held.grow(api, size::parsed(&bytes))?;
        if bytes.len() <= SMALL {
            return fitting(json(&bytes)?).map(Self);
        }
        // Parsing a large body takes milliseconds, which would hold up other requests on this worker.
        tokio::task::spawn_blocking(move || fitting(json(&bytes)?).map(Self)).await?
    }
}

/// The claim on memory of a request. A route outside the authentication has none, and gets one that lives as long as
/// the body is read.
fn held(request: &Request) -> Held {
    request.extensions().get::<Held>().cloned().unwrap_or_default()
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

/// A boolean in a query. StackStorm's client writes `True`.
pub(crate) fn flag(name: &str, text: &str) -> Result<bool, ApiError> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "t" | "yes" | "y" | "on" => Ok(true),
        "false" | "0" | "f" | "no" | "n" | "off" => Ok(false),
        _ => {
            let message = format!("`{name}` is neither true nor false");
            Err(ApiError::invalid(message, format!("write {name}=true or {name}=false")))
        }
    }
}

/// A time in a query. As in StackStorm, a time without a zone is UTC, and a day means its beginning.
pub(crate) fn time(name: &str, text: &str) -> Result<Timestamp, ApiError> {
    // In a query an unescaped plus stands for a space, so that `+02:00` arrives as ` 02:00`.
    let ways = [text.to_owned(), format!("{text}Z"), format!("{text}T00:00:00Z"), text.replacen(' ', "+", 1)];
    ways.iter().find_map(|way| way.parse().ok()).ok_or_else(|| {
        let shown: String = text.chars().take(64).flat_map(char::escape_debug).collect();
        let message = format!("`{name}`: `{shown}` is not a time");
        ApiError::invalid(message, "write it as 2026-11-20T12:00:00Z; without a zone it is UTC")
    })
}

/// Secrets are shown to the admin who asks with `show_secrets=true`, and are masked for everybody else.
impl FromRequestParts<Api> for Secrets {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let is_asked_for = asks_for_secrets(parts.uri.query().unwrap_or_default())?;
        let is_admin =
            || parts.extensions.get::<User>().is_some_and(|User(user)| api.engine.access().is_admin(user));
        Ok(if is_asked_for && is_admin() { Self::Shown } else { Self::Masked })
    }
}

/// The stored object that a request reads: its id in the path, the user who asks, and how secrets are shown to them.
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) user: String,
    pub(crate) secrets: Secrets,
}

impl FromRequestParts<Api> for Target {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let secrets = Secrets::from_request_parts(parts, api).await?;
        let Segment(id) = Segment::from_request_parts(parts, api).await?;
        let user = parts.extensions.get::<User>().map(|User(user)| user.clone()).unwrap_or_default();
        Ok(Self { id, user, secrets })
    }
}

/// The caller, as one who gives values that may have masked secrets in them, or decides about secrets: the admin sees them.
pub(crate) struct By(pub(crate) Giver);

impl FromRequestParts<Api> for By {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let user = parts.extensions.get::<User>();
        let is_admin = user.is_some_and(|User(user)| api.engine.access().is_admin(user));
        Ok(Self(if is_admin { Giver::SeesSecrets } else { Giver::SeesNone }))
    }
}

/// Whether a query asks for secrets by `show_secrets`.
pub(crate) fn asks_for_secrets(query: &str) -> Result<bool, ApiError> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let asked = pairs.find(|(name, _)| *name == "show_secrets");
    asked.map_or(Ok(false), |(name, value)| flag(&name, &value))
}

/// The JSON value in `bytes`. No bytes are an empty object.
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

/// The text in `bytes`.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, ApiError> {
    std::str::from_utf8(bytes).map_err(|error| {
        ApiError::invalid(format!("the body is not UTF-8 text: {error}"), "send it as YAML or JSON in UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let expected: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        for text in [
            "2026-11-20T12:00:00Z",
            "2026-11-20T12:00:00.000000Z",
            "2026-11-20T12:00:00",
            "2026-11-20 12:00:00",
            "2026-11-20T12:00:00.000",
            "2026-11-20T13:00:00+01:00",
            "2026-11-20T13:00:00 01:00",
        ] {
            assert_eq!(time("timestamp_gt", text).unwrap(), expected, "{text}");
        }
        assert_eq!(time("t", "2026-11-20").unwrap(), "2026-11-20T00:00:00Z".parse().unwrap());
        for text in ["", "yesterday", "2026-13-01", "12:00"] {
            assert!(time("timestamp_gt", text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_true_is_read_as_clients_write_it() {
        for (text, expected) in
            [("True", Some(true)), ("1", Some(true)), ("False", Some(false)), ("maybe", None), ("", None)]
        {
            assert_eq!(flag("enabled", text).ok(), expected, "{text}");
        }
    }
}
