//! What becomes of secrets in what is shown. What of a value is secret is said by its schema: `petrel_model::secrets`.

use std::borrow::Cow;
use std::sync::Arc;

use petrel_model::action::output_key;
use petrel_model::parameters::Parameters;
use petrel_model::secrets::{has_secret, masked, masked_result, whole_schema};
use petrel_model::{Action, Object};
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

    /// The same of parameters that are shared.
    pub fn among_shared(self, given: &Arc<Object>, schemas: Option<&Parameters>) -> Arc<Object> {
        if self == Self::Shown || given.is_empty() {
            return Arc::clone(given);
        }
        Arc::new(masked(given, schemas))
    }

    /// A result that `runner` gave, with what `action` calls secret in it masked.
    pub fn within_result(self, result: &Arc<Value>, action: Option<&Action>, runner: &str) -> Arc<Value> {
        let schema = action.map(|action| &action.output_schema);
        let calls_secret = |schema: &&Object| !schema.is_empty() && has_secret(&whole_schema(schema));
        match schema.filter(|schema| self == Self::Masked && calls_secret(schema)) {
            Some(schema) => Arc::new(masked_result(result, schema, output_key(runner))),
            None => Arc::clone(result),
        }
    }
}
