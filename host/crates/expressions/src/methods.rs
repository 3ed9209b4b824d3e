//! Python's methods of texts, lists, mappings and numbers, which are part of Jinja there.
//!
//! Those that the library has are left to it; the rest is here.

use minijinja::{Error, State, Value};

/// Calls `value.method(args)`.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(undefined) = args.iter().find(|arg| arg.is_undefined()) {
        // The error of the library knows the name of what is not defined.
        undefined.get_attr(method)?;
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args)
}
