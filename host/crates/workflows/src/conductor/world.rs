//! The outside world, from the view of a workflow. The conductor is pure, so the caller passes it in with each event.

use std::fmt;
use std::sync::Arc;

use petrel_expressions::workflow::{Keys, Moment};
use serde_json::Value;

/// The state of the outside world at one event.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The time and the seed for random values.
    pub moment: Moment,
    /// The datastore, for `st2kv()`.
    pub keys: Option<Arc<dyn Keys>>,
    /// The records of tasks, for `task()`.
    pub records: Option<Arc<dyn Records>>,
    /// The knowledge of secret parameters, which keeps their values out of messages.
    pub secrets: Option<Arc<dyn Secrets>>,
}

impl World {
    /// Whether a parameter of an action is secret. Without a name: whether any is.
    pub(crate) fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool {
        self.secrets.as_ref().is_some_and(|secrets| secrets.is_secret(action, parameter))
    }
}

/// Knowledge of secret parameters. It only affects messages, never the course of a workflow.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Whether the parameter `parameter` of an action is secret. Without a name: whether any is.
    fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool;
}

/// Stored records of a workflow's tasks.
pub trait Records: fmt::Debug + Send + Sync {
    /// The id of the workflow's execution.
    fn workflow(&self) -> String;

    /// The id of a task's run, by its number in the workflow.
    fn task(&self, number: usize) -> String;

    /// The result of a run, by its number. Null while it has not ended.
    ///
    /// # Errors
    /// The reason why it is not available, for people.
    fn result(&self, number: usize) -> Result<Arc<Value>, String>;
}
