//! Whether our answer is the recorded one. Integers, floats and booleans differ; a tag, an object whose
//! only key starts with `$`, stands for what JSON cannot say.

use serde_json::Value;

use crate::answer::Answer;

/// Whether `answer` is what was recorded, an error counting as any other.
pub fn agrees(expected: &Value, answer: &Answer) -> bool {
    match answer {
        Answer::Value(actual) => !is_error(expected) && same(expected, actual),
        Answer::Error(_) => is_error(expected) || is_big_integer(expected),
        Answer::Panic(_) => false,
    }
}

/// Whether an error was recorded.
pub fn is_error(expected: &Value) -> bool {
    expected.get("error") == Some(&Value::Bool(true))
}

/// We hold integers of 64 bits, and may answer a larger one with an error.
fn is_big_integer(expected: &Value) -> bool {
    tag(expected).is_some_and(|(name, _)| name == "$bigint")
}

/// Whether two values are the same, tags in the first one considered.
pub fn same(expected: &Value, actual: &Value) -> bool {
    if let Some((name, inside)) = tag(expected) {
        return same_tagged(name, inside, expected, actual);
    }
    match (expected, actual) {
        (Value::Number(expected), Value::Number(actual)) => {
            if expected.is_f64() || actual.is_f64() {
                expected.is_f64() && actual.is_f64() && expected.as_f64() == actual.as_f64()
            } else {
                expected == actual
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(expected, actual)| same(expected, actual))
        }
        (Value::Object(expected), Value::Object(actual)) => {
            expected.len() == actual.len()
                && expected.iter().all(|(key, value)| actual.get(key).is_some_and(|other| same(value, other)))
        }
        _ => expected == actual,
    }
}

fn tag(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object()?;
    let (name, inside) = object.iter().next()?;
    let is_tag = name.starts_with('$') && (object.len() == 1 || name == "$lazy");
    is_tag.then_some((name.as_str(), inside))
}

fn same_tagged(name: &str, inside: &Value, expected: &Value, actual: &Value) -> bool {
    match name {
        "$set" => {
            let (Some(expected), Some(actual)) = (inside.as_array(), actual.as_array()) else { return false };
            let is_in = |list: &[Value], value: &Value| list.iter().any(|other| same(value, other));
            expected.len() == actual.len() && expected.iter().all(|value| is_in(actual, value))
        }
        "$dict" => {
            let (Some(pairs), Some(actual)) = (inside.as_array(), actual.as_object()) else { return false };
            let has = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => {
                    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                    actual.get(&key).is_some_and(|actual| same(value, actual))
                }
                _ => false,
            };
            pairs.len() == actual.len() && pairs.iter().all(has)
        }
        "$bigint" => {
            let wanted = inside.as_str().and_then(|digits| digits.parse().ok());
            wanted.is_some() && actual.as_u64() == wanted
        }
        "$lazy" => expected.get("items").is_some_and(|items| same(items, actual)),
        "$date" | "$datetime" | "$bytes" => inside == actual,
        _ => expected == actual,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_of_numbers_differ_and_tags_are_read() {
        for (expected, actual, expectation) in [
            (json!(2), json!(2.0), false),
            (json!(1), json!(true), false),
            (json!(-0.0), json!(0.0), true),
            (json!({"a": 1, "b": [2]}), json!({"b": [2], "a": 1}), true),
            (json!({"$set": [1, 2]}), json!([2, 1]), true),
            (json!({"$dict": [[1, "a"]]}), json!({"1": "a"}), true),
            (json!({"$lazy": "map", "items": [1]}), json!([1]), true),
        ] {
            assert_eq!(same(&expected, &actual), expectation, "{expected} {actual}");
        }
        assert!(agrees(&json!({"error": true, "kind": "x"}), &Answer::Error("y".into())));
        assert!(!agrees(&json!({"error": true, "kind": "x"}), &Answer::Value(json!(1))));
    }
}
