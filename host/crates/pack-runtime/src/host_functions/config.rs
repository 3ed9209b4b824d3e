//! `petrel:config`: the configuration of the pack whose component runs.

use serde_json::{Map, Value};

use crate::bindings::petrel::config::config::Host;
use crate::linker::CallState;

impl Host for CallState {
    fn all(&mut self) -> wasmtime::Result<String> {
        Ok(serde_json::to_string(&*self.caller.config)?)
    }

    fn get(&mut self, path: String) -> wasmtime::Result<Option<String>> {
        Ok(found(&self.caller.config, &path).map(Value::to_string))
    }
}

/// The value at `path`, whose parts are names, or numbers of the elements of a list.
fn found<'a>(config: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut parts = path.split('.');
    let first = config.get(parts.next()?)?;
    parts.try_fold(first, |value, part| match value {
        Value::Object(fields) => fields.get(part),
        Value::Array(elements) => elements.get(part.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_a_value_or_to_none() {
        let Value::Object(config) = json!({"a": {"b": [1, {"c": null}]}, "d": "x"}) else { panic!() };
        for (path, expected) in [
            ("a.b.0", Some(json!(1))),
            ("a.b.1.c", Some(json!(null))),
            ("d", Some(json!("x"))),
            ("a.b.2", None),
            ("a.b.x", None),
            ("d.e", None),
            ("", None),
            ("a.", None),
        ] {
            assert_eq!(found(&config, path), expected.as_ref(), "{path}");
        }
    }
}
