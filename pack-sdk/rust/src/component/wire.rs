//! The forms that errors and events have on their way to the host and back, and the imports that few components use.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use super::bindings::petrel::config::config as wire_config;
use super::bindings::petrel::trigger::emit as wire_emit;
use super::bindings::petrel::trigger::types::Event as WireEvent;
use super::bindings::petrel::types::types::{Error as WireError, ErrorKind as WireErrorKind};
use crate::{Error, ErrorKind, Event};

/// The configuration of the pack, as JSON.
pub(crate) fn config() -> String {
    wire_config::all()
}

/// Emits an event.
pub(crate) fn emit(event: &Event) -> Result<String, Error> {
    wire_emit::emit(&event.clone().into()).map_err(Error::from)
}

impl From<Event> for WireEvent {
    fn from(event: Event) -> Self {
        let milliseconds = |time: std::time::SystemTime| {
            u64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).ok()
        };
        Self {
            trigger: event.trigger,
            payload: event.payload.to_string(),
            parameters: event.parameters.map(|parameters| parameters.to_string()),
            dedup_key: event.dedup_key,
            occurred_at_ms: event.occurred_at.and_then(milliseconds),
            trace_tag: event.trace_tag,
        }
    }
}

impl From<Error> for WireError {
    fn from(error: Error) -> Self {
        Self {
            kind: error.kind.into(),
            message: error.message,
            hint: error.hint,
            code: error.code,
            details: error.details.map(|details| details.to_string()),
        }
    }
}

impl From<ErrorKind> for WireErrorKind {
    fn from(kind: ErrorKind) -> Self {
        let milliseconds =
            |after: Option<Duration>| after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        match kind {
            ErrorKind::InvalidInput => Self::InvalidInput,
            ErrorKind::Misconfigured => Self::Misconfigured,
            ErrorKind::Denied => Self::Denied,
            ErrorKind::Unauthenticated => Self::Unauthenticated,
            ErrorKind::NotFound => Self::NotFound,
            ErrorKind::Conflict => Self::Conflict,
            ErrorKind::Transient(after) => Self::Transient(milliseconds(after)),
            ErrorKind::RateLimited(after) => Self::RateLimited(milliseconds(after)),
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Canceled => Self::Canceled,
            ErrorKind::Permanent => Self::Permanent,
            ErrorKind::Other(word) => Self::Other(word),
        }
    }
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        let details = wire.details.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        Self {
            kind: wire.kind.into(),
            message: wire.message,
            hint: wire.hint,
            code: wire.code,
            details: details.map(Box::new),
        }
    }
}

impl From<WireErrorKind> for ErrorKind {
    fn from(kind: WireErrorKind) -> Self {
        let duration = |after: Option<u64>| after.map(Duration::from_millis);
        match kind {
            WireErrorKind::InvalidInput => Self::InvalidInput,
            WireErrorKind::Misconfigured => Self::Misconfigured,
            WireErrorKind::Denied => Self::Denied,
            WireErrorKind::Unauthenticated => Self::Unauthenticated,
            WireErrorKind::NotFound => Self::NotFound,
            WireErrorKind::Conflict => Self::Conflict,
            WireErrorKind::Transient(after) => Self::Transient(duration(after)),
            WireErrorKind::RateLimited(after) => Self::RateLimited(duration(after)),
            WireErrorKind::Timeout => Self::Timeout,
            WireErrorKind::Canceled => Self::Canceled,
            WireErrorKind::Permanent => Self::Permanent,
            WireErrorKind::Other(word) => Self::Other(word),
        }
    }
}
