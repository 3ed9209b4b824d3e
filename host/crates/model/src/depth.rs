//! The depth of nested values. Stored values are read back by a parser with a limit of its own, and from inside other
//! values; so the host accepts nothing deeper than [`LIMIT`].

use serde_json::Value;

/// Largest accepted nesting of lists and objects.
pub const LIMIT: usize = 100;

/// Whether `value` is nested deeper than [`LIMIT`].
pub fn is_too_deep(value: &Value) -> bool {
    is_deeper(value, LIMIT)
}

/// Whether `value` is nested deeper than `limit`.
pub fn is_deeper(value: &Value, limit: usize) -> bool {
    exceeds(value, limit)
}

fn exceeds(value: &Value, room: usize) -> bool {
    match value {
        Value::Array(items) => room == 0 || items.iter().any(|item| exceeds(item, room - 1)),
        Value::Object(object) => room == 0 || object.values().any(|item| exceeds(item, room - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_in_lists_and_objects() {
        let nested = |depth: usize| {
            (0..depth).fold(Value::Null, |inner, n| match n % 2 {
                0 => Value::Array(vec![inner]),
                _ => Value::Object([("a".to_owned(), inner)].into_iter().collect()),
            })
        };
        assert!(!is_too_deep(&nested(0)) && !is_too_deep(&nested(LIMIT)));
        assert!(is_too_deep(&nested(LIMIT + 1)));
    }
}
