//! Errors as clients see them: `{"faultstring", "code", "hint"}`, the first as StackStorm has it.
//!
//! What is our fault is logged here, once, and not shown.

use axum::Json;
use axum::extract::OriginalUri;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use petrel_api_types::Refusal;
use petrel_engine::Error;
use petrel_engine::reads::ReadError;

use crate::extensions::Reason;

/// An answer that says what is wrong, and what to do about it.
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

    /// A request that is not right as it stands (400).
    pub fn invalid(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", message, hint)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::NotFound { .. } => StatusCode::NOT_FOUND,
            Error::Invalid { .. } => StatusCode::BAD_REQUEST,
            Error::Conflict { .. } => StatusCode::CONFLICT,
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
                tracing::error!(%cause, "a request failed");
                "Internal Server Error".to_owned()
            }
            Error::Unreadable(what) => {
                tracing::error!(what, "a request asked for it");
                error.to_string()
            }
            other => other.to_string(),
        };
        let retry_after = match &error {
            // Rounded up: a moment too early would be too early.
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

/// What was done apart has not come to its end.
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
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// No such path. It is the one that was asked for, whatever a router has taken off it.
pub(crate) async fn unknown_path(OriginalUri(uri): OriginalUri) -> ApiError {
    if let Some(missing) = missing(uri.path()) {
        return missing;
    }
    ApiError::new(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is nothing at {}", uri.path()),
        "the API is at /api/v1: actions, executions, rules, triggertypes, triggerinstances, webhooks, packs, users, apikeys; tokens are at /auth/v1/tokens",
    )
}

/// The answer where StackStorm has something and this host has nothing yet.
fn missing(path: &str) -> Option<ApiError> {
    let what = not_yet(path)?;
    // StackStorm's client shows nothing but the message.
    let message = format!("this host has no {what} yet, which StackStorm has at {path}");
    let hint = "do without for now: no setting and no pack brings it";
    Some(ApiError::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", message, hint))
}

/// What StackStorm has at a path, where this host has nothing yet.
fn not_yet(path: &str) -> Option<&'static str> {
    let mut parts = path.split('/').skip_while(|part| *part != "v1").skip(1);
    let (resource, below, further) = (parts.next()?, parts.next(), parts.next());
    let found = NOT_YET.iter().find(|(known, under, _)| {
        *known == resource && (under.is_none() || *under == below || *under == further)
    });
    found.map(|(_, _, what)| *what)
}

/// Paths of StackStorm's API that are not there yet: the resource, what stands one or two parts below it if that matters,
/// and what it is, for people.
const NOT_YET: [(&str, Option<&str>, &str); 20] = [
    ("policies", None, "policies"),
    ("policytypes", None, "policies"),
    ("traces", None, "traces"),
    ("inquiries", None, "inquiries"),
    ("sensortypes", None, "sensors"),
    ("timers", None, "timers"),
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
    ("triggerinstances", Some("re_emit"), "events that are sent again"),
];

/// A path that knows other methods.
pub(crate) async fn unknown_method(method: Method, OriginalUri(uri): OriginalUri) -> ApiError {
    let path = uri.path();
    if let Some(missing) = missing(path) {
        return missing;
    }
    let resource = path.split('/').skip_while(|part| *part != "v1").nth(1);
    let of_pack = FROM_PACKS.iter().find(|(name, _)| resource == Some(*name));
    // StackStorm's client shows nothing but the message.
    let (message, hint) = match of_pack {
        Some((resource, folder)) => (
            format!(
                "{method} makes no sense at {path}: {resource} come with the files of their pack; make, change or \
                 remove the file in its folder {folder}, and register the pack again"
            ),
            "`petrel pack register PACK` reads them again".to_owned(),
        ),
        None => {
            (format!("{method} makes no sense at {path}"), "see the header Allow of this answer".to_owned())
        }
    };
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message, hint)
}

/// What is made by registering a pack and by nothing else, and the folder of its files.
const FROM_PACKS: [(&str, &str); 2] = [("actions", "actions"), ("triggertypes", "triggers")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stackstorm_has_and_this_host_has_not_yet_is_named() {
        for (path, what) in [
            ("/api/v1/policies", Some("policies")),
            ("/v1/policies/epack.p", Some("policies")),
            ("/api/v1/traces/5f0000000000000000000000", Some("traces")),
            ("/api/v1/packs/index/search", Some("index of packs")),
            ("/api/v1/triggerinstances/5f0000000000000000000000/re_emit", Some("events that are sent again")),
            ("/api/v1/packs/mine/other", None),
            ("/api/v1/nosuch", None),
            ("/api/v1", None),
            ("/policies", None),
        ] {
            assert_eq!(not_yet(path), what, "{path}");
        }
    }
}
