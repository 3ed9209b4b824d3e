//! The texts inside a value, with their places.

use serde_json::Value;

use crate::quoted::quoted;

/// Calls `look` with the place and the content of each text in `value`, which is at the place `at`: `at.name` for a field and
/// `at[0]` for an item.
pub fn each(value: &Value, at: &str, look: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => look(at, text),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                each(item, &format!("{at}[{number}]"), look);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                each(field, &format!("{at}.{}", quoted(name)), look);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_text_has_its_place() {
        let value = json!({"a": ["x", {"b": "y", "n": 1}], "c": "z", "none": null});
        let mut found = Vec::new();
        each(&value, "v", &mut |place: &str, text: &str| found.push(format!("{place}={text}")));
        assert_eq!(found, ["v.a[0]=x", "v.a[1].b=y", "v.c=z"]);
    }
}
