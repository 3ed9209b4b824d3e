//! The last failed lookup by a key. The library's errors name undefined names, but not the value of a key as in `{{
//! d[k] }}`, so it is kept here for the error that may follow.

use std::cell::RefCell;

use minijinja::Value;
use petrel_model::quoted::quoted;

use crate::display;
use crate::error::shortened;

thread_local! {
    /// The expression and the key of the last lookup that found nothing.
    static MISSING: RefCell<Option<(Value, Value)>> = const { RefCell::new(None) };
}

/// Notes that `expression` has nothing under `key`.
pub(crate) fn note(expression: Value, key: Value) {
    MISSING.with_borrow_mut(|missing| *missing = Some((expression, key)));
}

/// Forgets the lookup, because an evaluation begins or a default has taken its place.
pub(crate) fn forget() {
    MISSING.with_borrow_mut(|missing| *missing = None);
}

/// The name of the undefined value in the `detail` of the library's error.
pub(crate) fn name(detail: &str) -> String {
    if !detail.is_empty() {
        // The library writes "`a.b` is undefined", and adds a line if that is another one.
        return quoted(detail.split_once(" is undefined").map_or(detail, |(name, _)| name)).into_owned();
    }
    let missing = MISSING.with_borrow_mut(Option::take);
    let described = missing.and_then(|(expression, key)| {
        let key = display::repr(&key).ok()?;
        Some(format!("`{}` (the key is {})", shortened(expression.as_str()?), shortened(&key)))
    });
    described.unwrap_or_else(|| "something in it".to_owned())
}
