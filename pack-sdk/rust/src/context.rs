//! The context of a call of an action: its identity, its deadline, and the services of the host.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::{Called, Error, Services};

/// The context of a call of an action. It has all [`Services`] of the host.
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
    /// The id of the execution that asked for this one: a workflow, or an action that called it.
    pub parent_id: Option<String>,
    /// The trace that the execution belongs to: 32 hexadecimal digits.
    pub trace_id: String,
    pub(crate) services: Services,
}

impl Context {
    /// The time until the host ends the call. Zero once the deadline has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// Runs the action with the reference `action`, which the operator has granted, and waits for its end. `parameters` is an
    /// object, whose texts are no templates. The action is canceled if this one ends before it.
    ///
    /// # Errors
    ///
    /// If it is not granted, does not begin, or does not succeed: then with the code `action.failed`, and details with
    /// `execution_id`, `status` and `result`.
    pub fn call(&self, action: &str, parameters: &impl Serialize) -> Result<Called, Error> {
        let parameters = serde_json::to_value(parameters)?;
        #[cfg(target_family = "wasm")]
        return crate::component::asked::call(action, &parameters);
        #[cfg(not(target_family = "wasm"))]
        self.host.call(action, &parameters)
    }
}

impl Deref for Context {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
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
