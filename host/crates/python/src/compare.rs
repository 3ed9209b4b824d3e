//! Equality and order of values in Python.

use std::cmp::Ordering;

use serde_json::Value;

use super::number::PythonNumber;
use super::type_name;
use crate::work;

/// Two values that Python cannot order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a value of type {left} cannot be ordered against one of type {right}; compare like with like")]
pub struct Unordered {
    left: &'static str,
    right: &'static str,
}

/// Whether `left == right` in Python: `1`, `1.0` and `true` are equal, `"1"` equals none of them, and the order of
/// keys does not matter. The work is charged; at a limit the result is meaningless, and the next charge fails.
pub fn equals(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::String(left), Value::String(right)) => {
            let _charged = work::compare(left.len().min(right.len()));
            left == right
        }
        (Value::Array(left), Value::Array(right)) => {
            let _charged = work::visit(left.len().min(right.len()));
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equals(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let _charged = work::visit(4 * left.len().min(right.len()));
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| equals(value, other)))
        }
        _ => match (PythonNumber::of(left), PythonNumber::of(right)) {
            (Some(left), Some(right)) => left.compare(right) == Some(Ordering::Equal),
            _ => false,
        },
    }
}

/// The order of two values in Python; `None` when neither precedes the other, because one is NaN.
///
/// # Errors
/// [`Unordered`] unless both are numbers, both are strings, or both are lists of such.
pub fn order(left: &Value, right: &Value) -> Result<Option<Ordering>, Unordered> {
    match (left, right) {
        (Value::String(left), Value::String(right)) => {
            let _charged = work::compare(left.len().min(right.len()));
            Ok(Some(left.cmp(right)))
        }
        (Value::Array(left), Value::Array(right)) => {
            match left.iter().zip(right).find(|(left, right)| !equals(left, right)) {
                Some((left, right)) => order(left, right),
                None => Ok(Some(left.len().cmp(&right.len()))),
            }
        }
        _ => match (PythonNumber::of(left), PythonNumber::of(right)) {
            (Some(left), Some(right)) => Ok(left.compare(right)),
            _ => Err(Unordered { left: type_name(left), right: type_name(right) }),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equality_knows_no_types_of_numbers() {
        for (left, right, expected) in [
            (json!(1), json!(1.0), true),
            (json!(1), json!(true), true),
            (json!(1), json!("1"), false),
            (json!(null), json!(0), false),
            (json!([1, {"a": 0}]), json!([1.0, {"a": false}]), true),
            (json!({"a": 1, "b": 2}), json!({"b": 2, "a": 1}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), false),
        ] {
            assert_eq!(equals(&left, &right), expected, "{left} {right}");
        }
    }

    #[test]
    fn order_is_by_kind() {
        assert_eq!(order(&json!([1, 2]), &json!([1, 3])), Ok(Some(Ordering::Less)));
        assert_eq!(order(&json!("10"), &json!("9")), Ok(Some(Ordering::Less)));
        assert_eq!(order(&json!(true), &json!(2)), Ok(Some(Ordering::Less)));
        for (left, right) in [(json!("2"), json!(1)), (json!(null), json!(1)), (json!({}), json!({}))] {
            assert!(order(&left, &right).is_err(), "{left} {right}");
        }
    }
}
