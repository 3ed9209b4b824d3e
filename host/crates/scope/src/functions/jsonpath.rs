//! The function `jsonpath_query`.

use petrel_python::work;
use serde_json::Value;

use crate::JsonPath;
use crate::json_path::Found;
use crate::parts::charge_copy;

/// All values at `query` in `value`; null if there are none.
///
/// # Errors
/// When `query` is not a JSONPath, or cannot be followed in the value.
pub fn query(value: &Value, query: &str) -> Result<Value, String> {
    // Each character may be a word, and each word a step.
    work::read(query.len()).and_then(|()| work::make_list(query.len())).map_err(|limit| limit.to_string())?;
    let path = JsonPath::parse(query).map_err(|error| error.to_string())?;
    let found = path.all(value).map_err(|error| error.to_string())?;
    // StackStorm gives null, and no empty list, where nothing is found.
    if found.is_empty() {
        return Ok(Value::Null);
    }
    let part = |found| match found {
        Found::Part(value) => Value::clone(value),
        Found::Character(char) => Value::String(char.to_string()),
    };
    // Matches of `..` lie within each other, so the copies may be far larger than the value.
    for one in &found {
        if let Found::Part(value) = one {
            charge_copy(value).map_err(|limit| limit.to_string())?;
        }
    }
    Ok(found.into_iter().map(part).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_matches_are_found_in_order() {
        let value =
            json!({"p": [{"n": "a", "t": [1, 2]}, {"n": "b", "t": []}], "d": {"k": 1, "m": {"n": "c"}}});
        for (path, expected) in [
            ("p[*].n", json!(["a", "b"])),
            ("$..n", json!(["a", "b", "c"])),
            ("p[*].t[*]", json!([1, 2])),
            ("p.[0].t[-1]", json!([2])),
            ("p[0:1].n", json!(["a"])),
            ("d.*", json!([1, {"n": "c"}])),
            ("p[5]", json!(null)),
            ("nope", json!(null)),
            ("$", json!([value])),
        ] {
            assert_eq!(query(&value, path), Ok(expected), "{path}");
        }
        assert!(query(&value, "p[").is_err() && query(&value, "d.k[0]").is_err());
        let list: Vec<_> = (0..200).collect();
        assert!(
            query(&json!([[[list.clone(), list.clone()], list.clone()], list]), "$..*..*..*..*..*..*")
                .is_ok()
        );
    }
}
