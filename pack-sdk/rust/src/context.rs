//! The context of a call: its identity, its deadline, and messages to the host.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

/// The context of a call of an action.
#[derive(Clone)]
pub struct Context {
    /// The id of the execution: 24 hexadecimal digits. It stays the same if a lost run is started again, so it can
    /// serve as an idempotency key.
    pub execution_id: String,
    /// The pack's name.
    pub pack: String,
    /// The action's name within the pack.
    pub action: String,
    /// The user on whose behalf the action runs.
    pub user: String,
    /// 0 for the first start, and one more for each lost run.
    pub attempt: u32,
    /// The time at which the host ends the call.
    pub deadline: SystemTime,
    pub(crate) host: Rc<dyn Host>,
}

/// The level of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Single steps, for the author.
    Trace,
    /// Details, for the author.
    Debug,
    /// The normal course of events.
    Info,
    /// Something that deserves attention.
    Warn,
    /// A failure.
    Error,
}

/// The functions of the host: imports in a component, a double in a test.
pub(crate) trait Host {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>);
    fn progress(&self, fraction: f32, note: Option<&str>);
}

impl Context {
    /// Writes a message to the execution's output.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.host.write(level, message.as_ref(), None);
    }

    /// As [`Context::log`], with a JSON object of fields.
    pub fn log_with(&self, level: Level, message: impl AsRef<str>, fields: &Value) {
        self.host.write(level, message.as_ref(), Some(fields));
    }

    /// Writes a message at level info.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message);
    }

    /// Writes a message at level warn.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// Reports the progress of the action, from 0.0 to 1.0.
    pub fn progress(&self, fraction: f32, note: Option<&str>) {
        self.host.progress(fraction, note);
    }

    /// The time until the host ends the call. Zero once the deadline has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("execution_id", &self.execution_id)
            .field("pack", &self.pack)
            .field("action", &self.action)
            .field("user", &self.user)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
