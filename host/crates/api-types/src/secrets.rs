//! The masking of secrets in views. Schemas declare which values are secret (`petrel_model::secrets`).

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::action::output_key;
use petrel_model::inquiry;
use petrel_model::output::Stream;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::{
    Texts, has_secret, marks_places, masked, masked_at, masked_result, masked_whole, whole_schema,
};
use petrel_model::{Action, Execution, Object};
use serde_json::Value;

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
        let given = &execution.parameters;
        if self == Self::Shown || given.is_empty() {
            return Arc::clone(given);
        }
        let shown = masked(given, schemas);
        let places = &execution.context.secret_places;
        Arc::new(if places.is_empty() { shown } else { masked_at(&shown, places) })
    }

    /// `action`, if it still says what of the result of `execution` is secret: that which it said when that was made.
    pub fn known_to<'a>(execution: &Execution, action: Option<&'a Action>) -> Option<&'a Action> {
        let marks = &execution.context.result_marks;
        action.filter(|action| marks.is_empty() || marks_places(&whole_schema(&action.output_schema), marks))
    }

    /// The texts of the secret parameters of `execution`, which its result and its output may repeat; none where
    /// secrets are shown, and of most executions.
    pub fn repeatable(self, execution: &Execution) -> Texts {
        let places = &execution.context.secret_places;
        if self == Self::Shown || places.is_empty() {
            return Texts::default();
        }
        Texts::at(&execution.parameters, places)
    }

    /// A `result` of `execution`. Values that `action` declares secret are masked, and secret parameters that it repeats;
    /// the whole result is, if the action is gone.
    pub fn within_result(
        self,
        result: &Arc<Value>,
        execution: &Execution,
        action: Option<&Action>,
    ) -> Arc<Value> {
        if self == Self::Shown {
            return Arc::clone(result);
        }
        let Some(action) = action else { return Arc::new(masked_whole(result)) };
        let schema = &action.output_schema;
        let shown = if schema.is_empty() || !has_secret(&whole_schema(schema)) {
            Arc::clone(result)
        } else {
            Arc::new(masked_result(result, schema, output_key(&execution.runner)))
        };
        // The schema of an answer is in the result itself.
        let answer = (execution.runner == inquiry::NAME).then(|| inquiry::masked_answer(&shown)).flatten();
        let shown = answer.map_or(shown, Arc::new);
        let texts = self.repeatable(execution);
        if texts.is_empty() { shown } else { Arc::new(texts.masked(&shown)) }
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
