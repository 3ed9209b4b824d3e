//! What an index did not find: the library knows the names of what is not defined, but not the value of a key, as in
//! `{{ d[k] }}`. It is kept for the error that may come of it, and told there.

use std::cell::RefCell;

use minijinja::Value;
use petrel_model::quoted::quoted;

use crate::display;
use crate::error::shortened;

thread_local! {
    /// The expression and its key, of the last index that found nothing.
    static MISSING: RefCell<Option<(Value, Value)>> = const { RefCell::new(None) };
}

/// Keeps that `expression`, with `key` as its key, has found nothing.
pub(crate) fn note(expression: Value, key: Value) {
    MISSING.with_borrow_mut(|missing| *missing = Some((expression, key)));
}

/// Forgets what was kept: an evaluation begins, or something was put in its place.
pub(crate) fn forget() {
    MISSING.with_borrow_mut(|missing| *missing = None);
}

/// What is not defined, by the `detail` of the library's error.
pub(crate) fn name(detail: &str) -> String {
    if !detail.is_empty() {
        // "`a.b` is undefined", with a line behind it where that is another one.
        return quoted(detail.split_once(" is undefined").map_or(detail, |(name, _)| name)).into_owned();
    }
    let missing = MISSING.with_borrow_mut(Option::take);
    let described = missing.and_then(|(expression, key)| {
        let key = display::repr(&key).ok()?;
        Some(format!("`{}` (the key is {})", shortened(expression.as_str()?), shortened(&key)))
    });
    described.unwrap_or_else(|| "something in it".to_owned())
}
