//! The masking of secrets in views. Schemas declare which values are secret (`petrel_model::secrets`).

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::action::output_key;
use petrel_model::execution::masked as execution_masked;
use petrel_model::output::Stream;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::{Texts, has_secret, masked, whole_schema};
use petrel_model::{Action, Execution, Object};

/// Whether secrets are shown. As in StackStorm, they are masked for everybody but the admin who asks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Secrets stand in clear.
    Shown,
    /// Secrets stand as `********`.
    Masked,
}

impl Secrets {
    /// Parameters, or other values with a schema for each. Without `schemas`, because their action is gone, all
    /// values are masked: any of them may be a secret.
    pub fn among<'a>(self, given: &'a Object, schemas: Option<&Parameters>) -> Cow<'a, Object> {
        match self {
            Self::Shown => Cow::Borrowed(given),
            Self::Masked => Cow::Owned(masked(given, schemas)),
        }
    }

    /// The parameters of an execution. Besides what `schemas` declare secret now, what was secret when it was created is
    /// masked, and what was made from a secret. They are copied only if something may be masked.
    pub fn of_execution(self, execution: &Execution, schemas: Option<&Parameters>) -> Arc<Object> {
        match self {
            Self::Shown => Arc::clone(&execution.parameters),
            Self::Masked => execution_masked::parameters(execution, schemas),
        }
    }

    /// `action`, if it still says what of the result of `execution` is secret: that which it said when that was made.
    pub fn known_to<'a>(execution: &Execution, action: Option<&'a Action>) -> Option<&'a Action> {
        execution_masked::known_to(execution, action)
    }

    /// The texts of the secret parameters of `execution`, which its result and its output may repeat; none where
    /// secrets are shown, and of most executions.
    pub fn repeatable(self, execution: &Execution) -> Texts {
        if self == Self::Shown { Texts::default() } else { execution_masked::repeatable(execution) }
    }

    /// Whether a line of output is hidden, because the result contains it as a secret.
    pub fn hides_output(self, from: Stream, action: Option<&Action>, runner: &str) -> bool {
        if self == Self::Shown {
            return false;
        }
        let Some(action) = action else { return true };
        let is_result = from == Stream::Stdout && output_key(runner) == Some("stdout");
        is_result && !action.output_schema.is_empty() && has_secret(&whole_schema(&action.output_schema))
    }
}
