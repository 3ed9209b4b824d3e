//! The inputs that runners of processes read from a call: parameters and environment.

use std::collections::BTreeMap;
use std::time::Duration;

use petrel_model::Object;
use serde_json::Value;

use crate::{Call, Outcome};

/// Typed access to the parameters of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallParameters<'a>(pub(crate) &'a Object);

impl<'a> CallParameters<'a> {
    /// A parameter that is text and not empty.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Whether a parameter is true.
    pub(crate) fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The parameter `timeout`, in seconds. Default: `default`.
    ///
    /// # Errors
    /// The outcome of a call with zero or less. In StackStorm it would end without a result as well: a process at the
    /// first check (`process.wait(timeout=0)` in its `util/green/shell.py`), and a request fails.
    pub(crate) fn timeout(self, default: f64) -> Result<Duration, Outcome> {
        let seconds = self.0.get("timeout").and_then(Value::as_f64).unwrap_or(default);
        if seconds > 0.0 {
            // A number that no duration can hold is a limit that is never reached.
            return Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
        }
        let message = format!("the timeout of an action must be positive, and is {seconds}");
        Err(Outcome::failed("parameters.timeout", message, "give a number of seconds above 0"))
    }

    /// The entries of the parameter `env`.
    pub(crate) fn variables(self) -> impl Iterator<Item = (&'a String, String)> {
        let variables = self.0.get("env").and_then(Value::as_object).into_iter().flatten();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        variables.map(move |(name, value)| (name, text(value)))
    }
}

/// The environment of a process: the host's part, the variables that StackStorm sets for every action, and the
/// parameter `env`, which may replace any of them.
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
        ("ST2_ACTION_DEBUG", if CallParameters(&call.parameters).flag("debug") { "True" } else { "False" }),
    ] {
        environment.insert(name.into(), value.to_owned());
    }
    if let Some(token) = &call.around.token {
        for name in ["ST2_ACTION_AUTH_TOKEN", "ST2_AUTH_TOKEN"] {
            environment.insert(name.into(), token.to_string());
        }
    }
    for (name, value) in CallParameters(&call.parameters).variables() {
        environment.insert(name.clone(), value);
    }
    environment
}
