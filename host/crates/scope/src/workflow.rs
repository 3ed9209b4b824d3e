//! The scope of a workflow's expressions: its variables under `ctx()`, the current task, the current item, the states
//! of other tasks, the datastore and the moment.
//!
//! All of it comes in as data. `petrel-expressions` evaluates values that contain expressions.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::datastore::misspelt_scope;
use crate::{KeyScope, Variables};

/// The units of work of asking for a key or a task, since each may be a read of the store.
pub const READING: u64 = 20_000;

/// The error of `item()` outside of items.
pub const NO_ITEM: &str = "There is no item here; item() is for the input of a task that has `with`";

/// The error for a key that does not exist; `key` is the name with its scope. As in StackStorm, a shared key is named
/// without its scope.
pub fn missing_key(key: &str) -> String {
    let shared = key.strip_prefix("system.");
    let name = shared.unwrap_or(key);
    let said = format!("The key \"{name}\" does not exist in the StackStorm datastore.");
    if shared.is_some() {
        return said;
    }
    let meant = shared_key(key);
    format!("{said} It was looked for among those of the user; one that all share is \"{meant}\".")
}

/// The name of the shared key that is likely meant by `key`, which does not begin with `system.`: `system.limit` for
/// `limit`, `user.limit` and `systm.limit`.
pub fn shared_key(key: &str) -> String {
    let key = key.strip_prefix("user.").unwrap_or(key);
    match key.split_once('.') {
        Some((scope, name)) if misspelt_scope(scope, &["system"]).is_some() => format!("system.{name}"),
        _ => format!("system.{key}"),
    }
}

/// The scope of an expression.
#[derive(Debug, Clone, Default)]
pub struct WorkflowScope {
    /// The variables of `ctx()`.
    pub variables: Variables,
    /// The task of `result()`, `succeeded()`, `failed()` and `completed()`.
    pub task: Option<CurrentTask>,
    /// The item of `item()`.
    pub item: Option<Arc<Value>>,
    /// The tasks of `task_status()` and `task()`. Without them no task is known.
    pub tasks: Option<Arc<dyn Tasks>>,
    /// The keys of `st2kv()`. Without them every key is missing.
    pub keys: Option<Arc<dyn Keys>>,
    /// The configuration of the workflow's pack, which is `config_context` in Jinja.
    pub config: Option<Arc<Value>>,
    /// The moment of `now()` and `random()`.
    pub moment: Moment,
    /// Whether text from an expression is searched for expressions again, as in the original. Otherwise such text is
    /// data.
    pub reevaluates: bool,
}

/// The current task.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentTask {
    /// The name of the task.
    pub id: Arc<str>,
    /// The number of its route.
    pub route: u32,
    /// Its result; null while it has not ended.
    pub result: Arc<Value>,
}

/// The states of a workflow's tasks.
pub trait Tasks: fmt::Debug + Send + Sync {
    /// The status of a task on a route, or on the routes from which that one split off.
    fn status(&self, id: &str, route: u32) -> Option<&str>;

    /// The value of `task()`: ids, status, result and times of the latest execution of a task.
    ///
    /// # Errors
    /// The reason why it is not known, for people.
    fn describe(&self, id: &str, route: u32) -> Result<Option<Arc<Value>>, String>;
}

/// The keys of the datastore.
pub trait Keys: fmt::Debug + Send + Sync {
    /// The text of a key, decrypted if `decrypt` says so.
    ///
    /// # Errors
    /// The reason why it cannot be read, for people.
    fn get(&self, scope: KeyScope, name: &str, decrypt: bool) -> Result<Option<String>, String>;

    /// The text of the key whose encrypted value is `sealed`; `None` if it is not that of a key.
    ///
    /// # Errors
    /// The reason why it cannot be opened, for people.
    fn open(&self, sealed: &str) -> Result<Option<String>, String>;
}

/// The time and the seed of an evaluation. The same moment gives the same results.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since 1970 in UTC.
    pub micros: i64,
    /// The seed of random numbers.
    pub seed: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_user_has_a_shared_one() {
        for key in ["limit", "user.limit", "systm.limit", "System.limit"] {
            assert_eq!(shared_key(key), "system.limit", "{key}");
        }
        for (key, shared) in [("a.b", "system.a.b"), ("systemd.unit", "system.systemd.unit")] {
            assert_eq!(shared_key(key), shared, "{key}");
        }
        assert!(missing_key("systm.limit").ends_with("one that all share is \"system.limit\"."));
    }
}
