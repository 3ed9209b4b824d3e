//! Connects the WIT world with the rest of the SDK. Compiled into components only.
//!
//! Public only for the macros of `export`, whose expansion in the author's crate refers to these items.

use std::io::Write as _;
use std::rc::Rc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

use crate::services::Host;
use crate::{Action, Context, Error, Level, Services};

pub(crate) mod asked;
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod bindings;
pub(crate) mod http;
pub mod sensors;
pub(crate) mod wire;

pub use bindings::exports::petrel::pack::action::{Context as WireContext, Guest as ActionGuest};
pub use bindings::petrel::types::types::Error as WireError;
pub use describing::exports::petrel::pack::description::Guest as DescriptionGuest;

use bindings::petrel::log::log;

/// Bindings of the export `description`, which components with actions and with sensors have.
#[expect(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod describing {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "petrel:pack/description-world",
        pub_export_macro: true,
        with: { "petrel:types/types@1.0.0": crate::component::bindings::petrel::types::types },
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
            parent_id: wire.parent_id,
            trace_id: wire.trace_id,
            services: services(),
        }
    }
}

/// The services of the host, as imports.
fn services() -> Services {
    Services { host: Rc::new(Imports) }
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
