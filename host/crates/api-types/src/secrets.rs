//! What becomes of secrets in what is shown. What of a value is secret is said by its schema: `petrel_model::secrets`.

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::action::output_key;
use petrel_model::output::Stream;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::{
    has_secret, marks_places, masked, masked_at, masked_result, masked_whole, whole_schema,
};
use petrel_model::{Action, Execution, Object};
use serde_json::Value;

/// Whether secrets are shown. They are masked for everybody but the admin who asks for them, as StackStorm does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As they are.
    Shown,
    /// As `********`.
    Masked,
}

impl Secrets {
    /// Parameters, or other values with a schema each. What is secret among those of something that is not there any more
    /// is not known, so without `schemas` all of them are.
    pub fn among<'a>(self, given: &'a Object, schemas: Option<&Parameters>) -> Cow<'a, Object> {
        match self {
            Self::Shown => Cow::Borrowed(given),
            Self::Masked => Cow::Owned(masked(given, schemas)),
        }
    }

    /// The parameters of an execution. Beside what `schemas` call secret today, what was secret when it was made is masked, and
    /// what was made from a secret.
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

    /// A result that `runner` gave, with what `action` calls secret in it masked; all of it, once that is not there any
    /// more to say so.
    pub fn within_result(self, result: &Arc<Value>, action: Option<&Action>, runner: &str) -> Arc<Value> {
        if self == Self::Shown {
            return Arc::clone(result);
        }
        let Some(action) = action else { return Arc::new(masked_whole(result)) };
        let schema = &action.output_schema;
        if schema.is_empty() || !has_secret(&whole_schema(schema)) {
            return Arc::clone(result);
        }
        Arc::new(masked_result(result, schema, output_key(runner)))
    }

    /// Whether a line of output is hidden: the result has it as well, where it is secret.
    pub fn hides_output(self, from: Stream, action: Option<&Action>, runner: &str) -> bool {
        if self == Self::Shown {
            return false;
        }
        let Some(action) = action else { return true };
        let is_result = from == Stream::Stdout && output_key(runner) == Some("stdout");
        is_result && !action.output_schema.is_empty() && has_secret(&whole_schema(&action.output_schema))
    }
}
