//! Connects the WIT world with the rest of the SDK. Compiled into components only.
//!
//! Public only for `export_actions!`, whose expansion in the author's crate refers to these items.

use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::context::Host;
use crate::{Action, Context, Error, ErrorKind, Level};

pub use bindings::exports::petrel::pack::action::{Context as WireContext, Guest as ActionGuest};
pub use bindings::exports::petrel::pack::description::Guest as DescriptionGuest;
pub use bindings::petrel::types::types::Error as WireError;

use bindings::petrel::log::log;
use bindings::petrel::types::types::ErrorKind as WireErrorKind;

/// Bindings generated from `wit/`.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/described-action-world",
        pub_export_macro: true,
        generate_all,
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
            host: Rc::new(Imports),
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
