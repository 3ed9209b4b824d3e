//! Errors in the wire format: `{"faultstring", "code", "hint"}`, the first as in StackStorm.
//!
//! Faults of the host are logged here, once, and not shown.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use petrel_api_types::Refusal;
use petrel_engine::Error;
use petrel_engine::reads::ReadError;

use crate::extensions::Reason;

/// An answer that reports an error and its remedy.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    hint: String,
    conflict_id: Option<String>,
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error with a status, a stable code, a message that names the object, and a remedy.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            hint: hint.into(),
            conflict_id: None,
            retry_after: None,
        }
    }

    /// The same, with the time after which the client may try again.
    #[must_use]
    pub(crate) fn again_after(self, wait: std::time::Duration) -> Self {
        // One second more than the whole seconds left: a client that retries a moment too early is refused again.
        Self { retry_after: Some(wait.as_secs() + 1), ..self }
    }

    /// A request that is malformed or not allowed as it stands (400).
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message, hint)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Invalid { .. } | Error::Sealed(_) => StatusCode::BAD_REQUEST,
            Error::Conflict { .. } | Error::Unaccepted { .. } => StatusCode::CONFLICT,
            Error::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden { .. } => StatusCode::FORBIDDEN,
            Error::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Error::Busy(_) | Error::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Error::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            Error::Unreadable(_) | Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let (code, hint) = (error.code(), error.hint().to_owned());
        let message = match &error {
            Error::Internal(cause) => {
                // The cause may quote data, and is for the log only.
                tracing::error!(%cause, "request failed");
                "Internal Server Error".to_owned()
            }
            Error::Unreadable(what) => {
                tracing::error!(object = what, "a request reached an unreadable row");
                error.to_string()
            }
            other => other.to_string(),
        };
        let retry_after = match &error {
            // One second more than the whole seconds left: a client that retries a moment too early is refused again.
            Error::TooOften(wait) => Some(wait.as_secs() + 1),
            Error::Busy(_) | Error::Stopping => Some(1),
            _ => None,
        };
        let conflict_id = match error {
            Error::Conflict { id, .. } => id,
            _ => None,
        };
        Self { status, code, message, hint, conflict_id, retry_after }
    }
}

/// A task or thread did not run to its end, because it panicked or was cancelled.
impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Error::Internal(error.to_string()).into()
    }
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        Error::from(error).into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let conflict_id = self.conflict_id.map(Into::into);
        let body = Refusal { conflict_id, ..Refusal::new(&self.message, self.code, &self.hint) };
        let mut response = (self.status, Json(body)).into_response();
        response.extensions_mut().insert(Reason(self.code));
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // Names the encodings that are accepted (RFC 9110, 15.5.16).
            response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The hint about paths of the API. A test compares it with the routes.
const PLACES: &str = "the API is at /api/v1: actions, apikeys, configs, executions, hostkeys, inquiries, keys, maintenance, packs, policies, \
                      ruleenforcements, rules, sensortypes, status, timers, traces, triggerinstances, triggertypes, users, webhooks; \
                      tokens are at /auth/v1/tokens";

/// 404 for an unknown path. The message names the original path, of which routers take prefixes off.
pub(crate) async fn unknown_path(OriginalUri(uri): OriginalUri) -> ApiError {
    if let Some(missing) = missing(uri.path()) {
        return missing;
    }
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is nothing at {}", uri.path()), PLACES)
}

/// The answer for a path where StackStorm has a feature that this host lacks so far.
fn missing(path: &str) -> Option<ApiError> {
    let what = not_yet(path)?;
    // The remedy is in the message as well, since StackStorm's client shows nothing else.
    let message = format!("{path} is not available: this host has no {what} yet");
    let hint = "no setting and no pack adds this feature; do without it for now";
    Some(ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message, hint))
}

/// The feature that StackStorm has at a path and this host lacks.
fn not_yet(path: &str) -> Option<&'static str> {
    let mut parts = below_prefix(path);
    let (resource, below, further) = (parts.next()?, parts.next(), parts.next());
    let found = NOT_YET.iter().find(|(known, under, _)| {
        *known == resource && (under.is_none() || *under == below || *under == further)
    });
    found.map(|(_, _, what)| *what)
}

/// The parts of a path of the API below its prefix, which may be missing.
fn below_prefix(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip_while(|part| ["", "api", "v1"].contains(part))
}

/// Paths of StackStorm's API that are not implemented yet: the resource, the part one or two levels below it if that
/// matters, and the name of the feature for people.
const NOT_YET: [(&str, Option<&str>, &str); 13] = [
    ("actionalias", None, "action aliases"),
    ("aliasexecution", None, "action aliases"),
    ("rbac", None, "roles"),
    ("service_registry", None, "registry of services"),
    ("ruletypes", None, "types of rules"),
    ("stream", None, "stream of events"),
    ("packs", Some("index"), "index of packs"),
    ("packs", Some("uninstall"), "removal of packs by an execution (`petrel pack remove` removes one)"),
    ("packs", Some("views"), "files of packs to show"),
    ("actions", Some("views"), "such view of actions"),
    ("actions", Some("clone"), "copies of actions"),
    ("rules", Some("views"), "views of rules"),
    ("executions", Some("views"), "views of executions"),
];

/// 405 for a path that allows other methods.
pub(crate) async fn unknown_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path = uri.path();
    if let Some(missing) = missing(path) {
        return missing;
    }
    let resource = below_prefix(path).next();
    let of_pack = FROM_PACKS.iter().find(|(name, _)| resource == Some(*name));
    // The remedy is in the message as well, since StackStorm's client shows nothing else.
    let (message, hint) = match of_pack {
        Some((resource, folder)) => (
            format!(
                "{method} is not allowed on {path}: {resource} come with the files of their pack; make, change or \
                 remove the file in its folder {folder}, and register the pack again"
            ),
            "`petrel pack register PACK` reads them again".to_owned(),
        ),
        None => {
            (format!("{method} is not allowed on {path}"), "see the header Allow of this answer".to_owned())
        }
    };
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message, hint)
}

/// Resources that exist only through the registration of a pack, with the folder of their files.
const FROM_PACKS: [(&str, &str); 2] = [("actions", "actions"), ("sensortypes", "sensors")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_about_paths_names_all_lists_and_the_status() {
        let routes =
            include_str!("resources.rs").lines().filter_map(|line| line.trim().strip_prefix(".route(\"/"));
        let is_told = |route: &&str| route.contains("::list)") || route.starts_with("status\"");
        let mut names: Vec<_> =
            routes.filter(is_told).filter_map(|route| route.split(['/', '"']).next()).collect();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() > 10, "{names:?}");
        assert!(PLACES.contains(&format!(": {}; tokens", names.join(", "))), "{PLACES}: {names:?}");
    }

    #[test]
    fn what_stackstorm_has_and_this_host_has_not_yet_is_named() {
        for (path, what) in [
            ("/v1/actionalias", Some("action aliases")),
            ("/api/v1/actionalias/5f0000000000000000000000", Some("action aliases")),
            ("/api/v1/packs/index/search", Some("index of packs")),
            ("/api/v1/packs/mine/other", None),
            ("/api/v1/nosuch", None),
            ("/api/v1", None),
            ("/sensortypes", None),
            ("/actionalias", Some("action aliases")),
            ("/stream/v1/stream", Some("stream of events")),
        ] {
            assert_eq!(not_yet(path), what, "{path}");
        }
    }
}
