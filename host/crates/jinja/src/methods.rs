//! Python's methods of texts, lists, mappings and numbers, which Python's Jinja offers.
//!
//! Methods that the library implements as Python does are left to it. The others are here: [`strings`],
//! [`mod@format`] for `str.format`, [`printf`] for `%`, [`collections`] for lists and mappings, [`numbers`].

mod collections;
mod format;
mod numbers;
mod printf;
mod strings;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, State, Value};

use crate::filters::defined;

pub(crate) use printf::percent;

use crate::work::{self, Exceeded};

/// Charges for the work of any method: a few passes over its text or list, and a copy of it.
fn charge(value: &Value, method: &str, args: &[Value]) -> Result<(), Exceeded> {
    let text: usize = std::iter::once(value).chain(args).filter_map(Value::as_str).map(str::len).sum();
    work::charge((text as u64).saturating_mul(8))?;
    work::make(text)?;
    let is_text = value.as_str().is_some();
    if !is_text || matches!(method, "startswith" | "endswith") {
        // An argument may become a key, or be a list of texts to search for.
        args.iter().filter(|arg| arg.as_str().is_none()).try_for_each(crate::weight::weigh)?;
    }
    if let ("strip" | "lstrip" | "rstrip", Some(text), Some(chars)) =
        (method, value.as_str(), args.first().and_then(Value::as_str))
    {
        work::trim(text, chars)?;
    }
    work::visit(if is_text { 0 } else { value.len().unwrap_or(0) })
}

/// Calls `value.method(args)`.
pub(crate) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    // Jinja's sandbox, in which StackStorm renders, refuses such names as well.
    if method.starts_with("__") {
        return Err(Error::new(ErrorKind::InvalidOperation, format!("access to {method} is unsafe")));
    }
    for arg in args {
        defined(arg.clone())?;
    }
    charge(value, method, args)?;
    let own = match value.kind() {
        ValueKind::String => strings::call(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Map => collections::call_on_mapping(value, method, args)?,
        ValueKind::Seq => collections::call_on_list(value, method, args)?,
        ValueKind::Number | ValueKind::Bool => numbers::call(value, method, args)?,
        _ => None,
    };
    match own {
        Some(result) => Ok(result),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, method, args),
    }
}
