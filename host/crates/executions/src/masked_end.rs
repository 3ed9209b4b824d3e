//! The parameters and the result of an execution that has ended, as events of its end repeat them: with secrets masked, and
//! without what is large. Events are stored in clear, so nothing is repeated of an execution that may have copies of secrets
//! of others, and is encrypted for that: nobody knows which of its values these are. [`ends`](super::ends) and [`notifications`](super::notifications) make such events.

use petrel_catalog::content::Content;
use petrel_model::execution::masked;
use petrel_model::secrets::masked_whole;
use petrel_model::{Execution, Object, size};
use serde_json::Value;

/// The greatest size of the parameters, and of the result, that an event repeats, in bytes. Larger ones are left out of it.
pub(super) const LARGEST: usize = 256 << 10;

/// What an event repeats of an execution.
#[derive(Debug)]
pub(super) struct MaskedEnd {
    /// The parameters; null if they are too large.
    pub(super) parameters: Value,
    /// The result; null if it is too large.
    pub(super) result: Value,
    /// The names of what is too large.
    pub(super) left_out: Vec<&'static str>,
}

impl MaskedEnd {
    /// What is repeated of `execution`, by what its action declares secret in `content`.
    pub(super) fn of(content: &Content, execution: &Execution) -> Self {
        let registered = content.registered(&execution.action);
        let (mut left_out, may_have_copies) = (Vec::new(), execution.context.sealed);
        // Asked first, so that nothing large is copied in order to mask it.
        let parameters = if execution.parameters.values().map(size::of_value).sum::<usize>() > LARGEST {
            left_out.push("parameters");
            Value::Null
        } else {
            // Without schemas all values are masked.
            let known = registered.filter(|_| !may_have_copies);
            let schemas = known.map(|registered| &registered.parameters);
            Value::Object(Object::clone(&masked::parameters(execution, schemas)))
        };
        let result = if execution.result.as_ref().is_some_and(|result| size::of_value(result) > LARGEST) {
            left_out.push("result");
            Value::Null
        } else {
            let action = registered.map(|registered| registered.action.as_ref());
            let shown = masked::result(execution, action);
            if may_have_copies { masked_whole(&shown) } else { Value::clone(&shown) }
        };
        Self { parameters, result, left_out }
    }
}
