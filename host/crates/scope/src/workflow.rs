//! What the expressions of a workflow see: its variables under `ctx()`, the task whose end is being looked
//! at, the item at hand, the states of other tasks, the datastore, and the moment.
//!
//! All of it comes in as data. How a value with expressions in it is evaluated is `petrel-expressions`.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::{KeyScope, Variables};

/// The units of work that asking for a key or a task takes, as each may be a look into the store.
pub const READING: u64 = 20_000;

/// What is said of `item()` where there is none.
pub const NO_ITEM: &str = "There is no item here; item() is for the input of a task that has `with`";

/// What is said of a key that is not there, `key` being what was asked for. One that all share is named without its
/// scope, as in StackStorm.
pub fn missing_key(key: &str) -> String {
    let shared = key.strip_prefix("system.");
    let name = shared.unwrap_or(key);
    let said = format!("The key \"{name}\" does not exist in the StackStorm datastore.");
    if shared.is_some() {
        return said;
    }
    format!("{said} It was looked for among those of the user; one that all share is \"system.{key}\".")
}

/// What an expression sees.
#[derive(Debug, Clone, Default)]
pub struct WorkflowScope {
    /// What `ctx()` gives.
    pub variables: Variables,
    /// The task that `result()`, `succeeded()`, `failed()` and `completed()` speak of.
    pub task: Option<CurrentTask>,
    /// What `item()` gives.
    pub item: Option<Arc<Value>>,
    /// What `task_status()` and `task()` ask; nothing is known without it.
    pub tasks: Option<Arc<dyn Tasks>>,
    /// What `st2kv()` asks; every key is missing without it.
    pub keys: Option<Arc<dyn Keys>>,
    /// The configuration of the workflow's pack, which Jinja has as `config_context`.
    pub config: Option<Arc<Value>>,
    /// What `now()` and `random()` go by.
    pub moment: Moment,
    /// Whether text that came out of an expression is looked at for expressions again, as the original does.
    /// Without it such text is data.
    pub reevaluates: bool,
}

/// The task at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentTask {
    /// Its name.
    pub id: Arc<str>,
    /// The route it is on.
    pub route: u32,
    /// What it gave; null while it has not ended.
    pub result: Arc<Value>,
}

/// The states of a workflow's tasks.
pub trait Tasks: fmt::Debug + Send + Sync {
    /// The status of a task on a route, or on those that the route split off from.
    fn status(&self, id: &str, route: u32) -> Option<&str>;

    /// What `task()` gives: ids, status, result and times of the latest execution of a task.
    ///
    /// # Errors
    /// Why it cannot be told, for people.
    fn describe(&self, id: &str, route: u32) -> Result<Option<Arc<Value>>, String>;
}

/// The datastore.
pub trait Keys: fmt::Debug + Send + Sync {
    /// The text under a key, decrypted when `decrypt` says so.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String>;
}

/// When an expression is evaluated, and its chance. The same moment gives the same answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since 1970 in UTC.
    pub micros: i64,
    /// Where random numbers begin.
    pub seed: u64,
}
