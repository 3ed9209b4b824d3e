//! What the runners of processes read from a call: its parameters, its environment.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_model::Object;
use serde_json::Value;

use crate::{Call, Outcome};

/// The parameters of a call, read as runners need them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given<'a>(pub(crate) &'a Object);

impl<'a> Given<'a> {
    /// A text that is not empty.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether it is true.
    pub(crate) fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// How long it may take: the parameter `timeout`, in seconds, else `default`.
    ///
    /// # Errors
    /// What to end with for zero and less. In StackStorm nothing comes of such a run either: a process is ended at the
    /// first look (`process.wait(timeout=0)` in its `util/green/shell.py`), a request fails.
    pub(crate) fn timeout(self, default: f64) -> Result<Duration, Outcome> {
        let seconds = self.0.get("timeout").and_then(Value::as_f64).unwrap_or(default);
        if seconds > 0.0 {
            return Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        }
        let message = format!("an action needs some time, and its timeout is {seconds}");
        Err(Outcome::failed("parameters.timeout", message, "give a number of seconds above 0"))
    }

    /// The parameter `env`.
    pub(crate) fn variables(self) -> impl Iterator<Item = (&'a String, String)> {
        let variables = self.0.get("env").and_then(Value::as_object).into_iter().flatten();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        variables.map(move |(name, value)| (name, text(value)))
    }
}

/// The environment of a process: the host's part of it, what StackStorm says to every action, and the
/// parameter `env`, which may replace any of it.
pub(crate) fn environment(
    call: &Call,
    inherited: &[(String, String)],
    api_url: &str,
) -> BTreeMap<String, String> {
    let mut environment: BTreeMap<String, String> = inherited.iter().cloned().collect();
    let execution = call.execution_id.to_string();
    for (name, value) in [
        ("ST2_ACTION_PACK_NAME", call.action.reference.pack()),
        ("ST2_ACTION_EXECUTION_ID", &execution),
        ("ST2_ACTION_API_URL", api_url),
        ("ST2_ACTION_DEBUG", if Given(&call.parameters).flag("debug") { "True" } else { "False" }),
    ] {
        environment.insert(name.into(), value.to_owned());
    }
    for (name, value) in Given(&call.parameters).variables() {
        environment.insert(name.clone(), value);
    }
    environment
}
