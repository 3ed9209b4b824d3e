//! What an action knows of the call it is in, and how it tells people what it is doing.

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

/// The call that an action is in.
#[derive(Clone)]
pub struct Context {
    /// The id of the execution: 24 hexadecimal digits. It stays the same when a lost run is started again, so
    /// it serves as an idempotency key.
    pub execution_id: String,
    /// The pack's name.
    pub pack: String,
    /// The action's name within the pack.
    pub action: String,
    /// On whose behalf.
    pub user: String,
    /// 0 for the first start.
    pub attempt: u32,
    /// When the host will end the call.
    pub deadline: SystemTime,
    pub(crate) host: Rc<dyn Host>,
}

/// How much a message matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step, for the author.
    Trace,
    /// Details, for the author.
    Debug,
    /// What is going on.
    Info,
    /// Something to look at.
    Warn,
    /// Something went wrong.
    Error,
}

/// What the host offers: in a component the imports, in a test a double.
pub(crate) trait Host {
    fn write(&self, level: Level, message: &str, fields: Option<&Value>);
    fn progress(&self, fraction: f32, note: Option<&str>);
}

impl Context {
    /// Writes a message into the execution's output.
    pub fn log(&self, level: Level, message: impl AsRef<str>) {
        self.host.write(level, message.as_ref(), None);
    }

    /// As [`Context::log`], with a JSON object of fields.
    pub fn log_with(&self, level: Level, message: impl AsRef<str>, fields: &Value) {
        self.host.write(level, message.as_ref(), Some(fields));
    }

    /// A message at level info.
    pub fn info(&self, message: impl AsRef<str>) {
        self.log(Level::Info, message);
    }

    /// A message at level warn.
    pub fn warn(&self, message: impl AsRef<str>) {
        self.log(Level::Warn, message);
    }

    /// Says how far the action has come, from 0.0 to 1.0.
    pub fn progress(&self, fraction: f32, note: Option<&str>) {
        self.host.progress(fraction, note);
    }

    /// How long the host will let the call go on. Zero when it is about to end it.
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
