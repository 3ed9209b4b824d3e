//! What a workflow may ask of the world when an event happens. The conductor is pure, so all of it is handed in.

use std::fmt;
use std::sync::Arc;

use petrel_expressions::workflow::{Keys, Moment};
use serde_json::Value;

/// What the world is like when an event happens.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// When, and by what chance.
    pub moment: Moment,
    /// What `st2kv()` asks.
    pub keys: Option<Arc<dyn Keys>>,
    /// What `task()` asks.
    pub records: Option<Arc<dyn Records>>,
    /// What keeps secrets of actions out of messages.
    pub secrets: Option<Arc<dyn Secrets>>,
}

impl World {
    /// Whether a parameter of an action is secret; without a name, whether any is.
    pub(crate) fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool {
        self.secrets.as_ref().is_some_and(|secrets| secrets.is_secret(action, parameter))
    }
}

/// Which parameters of actions are secret. Messages alone depend on it, never what happens.
pub trait Secrets: fmt::Debug + Send + Sync {
    /// Whether the parameter of this name of an action is secret; without a name, whether any is.
    fn is_secret(&self, action: &str, parameter: Option<&str>) -> bool;
}

/// What is stored of a workflow's tasks beside its state.
pub trait Records: fmt::Debug + Send + Sync {
    /// The identity of the workflow's execution.
    fn workflow(&self) -> String;

    /// The identity of a task's run, by its number in the workflow.
    fn task(&self, number: usize) -> String;

    /// What a task gave, by its number; null while it has not ended.
    ///
    /// # Errors
    /// Why it cannot be told, for people.
    fn result(&self, number: usize) -> Result<Arc<Value>, String>;
}
