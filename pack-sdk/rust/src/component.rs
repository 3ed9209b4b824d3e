//! Connects the WIT world with the rest of the SDK. Compiled into components only.
//!
//! Public only for the macros of `export`, whose expansion in the author's crate refers to these items.

use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::services::Host;
use crate::{Action, Context, Error, ErrorKind, Event, Level, Services};

pub(crate) mod http;
pub mod sensors;

pub use bindings::exports::petrel::pack::action::{Context as WireContext, Guest as ActionGuest};
pub use bindings::petrel::types::types::Error as WireError;
pub use describing::exports::petrel::pack::description::Guest as DescriptionGuest;

use bindings::petrel::config::config as wire_config;
use bindings::petrel::trigger::emit as wire_emit;
use bindings::petrel::trigger::types::Event as WireEvent;

use bindings::petrel::log::log;
use bindings::petrel::types::types::ErrorKind as WireErrorKind;

/// Bindings generated from `wit/`.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/action-world",
        pub_export_macro: true,
        generate_all,
    });
}

/// Bindings of the export `description`, which components with actions and with sensors have.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod describing {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/description-world",
        pub_export_macro: true,
        with: { "petrel:types/types@0.1.0": crate::component::bindings::petrel::types::types },
    });
}

/// Runs the action that `context` names.
pub fn run(actions: &[Action], context: WireContext, parameters: &str) -> Result<String, WireError> {
    let found = actions.iter().find(|action| action.name() == context.action);
    let Some(action) = found else {
        let names: Vec<_> = actions.iter().map(Action::name).collect();
        let unknown = Error::not_found(format!("this component has no action {}", context.action))
            .code("action.unknown")
            .hint(format!("it has {}; build the pack again", names.join(", ")));
        return Err(unknown.into());
    };
    let result = action.run(&context.into(), parameters).map_err(WireError::from);
    // A component has no `main` whose end would flush text without a line end.
    std::io::stdout().flush().unwrap_or_default();
    result
}

impl From<WireContext> for Context {
    fn from(wire: WireContext) -> Self {
        let deadline = UNIX_EPOCH.checked_add(Duration::from_millis(wire.deadline_ms));
        Self {
            execution_id: wire.execution_id,
            pack: wire.pack,
            action: wire.action,
            user: wire.user,
            attempt: wire.attempt,
            deadline: deadline.unwrap_or(UNIX_EPOCH),
            services: services(),
        }
    }
}

/// The services of the host, as imports.
fn services() -> Services {
    Services { host: Rc::new(Imports) }
}

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
            dedup_key: event.dedup_key,
            occurred_at_ms: event.occurred_at.and_then(milliseconds),
            trace_tag: event.trace_tag,
        }
    }
}

struct Imports;

impl Host for Imports {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>) {
        let level = match level {
            Level::Trace => log::Level::Trace,
            Level::Debug => log::Level::Debug,
            Level::Info => log::Level::Info,
            Level::Warn => log::Level::Warn,
            Level::Error => log::Level::Error,
        };
        log::write(level, message, fields.map(Value::to_string).as_deref());
    }

    fn progress(&self, fraction: f32, note: Option<&str>) {
        log::progress(fraction, note);
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
