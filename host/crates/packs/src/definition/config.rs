//! The schema of a pack's configuration, from `config.schema.yaml`, and files with configurations.

use petrel_model::Object;
use petrel_model::parameters::Parameters;
use serde_json::Value;

use crate::definition::parsed;
use crate::fields::Problems;
use crate::problem::Problem;
use crate::schema;

/// Parses a schema: the schema of each value by its name, in the dialect of parameters.
///
/// # Errors
/// All problems.
pub fn read_config_schema(file: &str, text: &str) -> Result<Parameters, Vec<Problem>> {
    mapping(file, text, "a configuration schema", schema::check_parameters)
}

/// Parses a file with the configuration of a pack. It is not checked against the schema.
///
/// # Errors
/// If it is not a mapping.
pub fn read_config(file: &str, text: &str) -> Result<Object, Vec<Problem>> {
    mapping(file, text, "a configuration", |_, _| ())
}

fn mapping(
    file: &str,
    text: &str,
    what: &str,
    check: impl FnOnce(&petrel_yaml::Node, &mut Problems),
) -> Result<Object, Vec<Problem>> {
    let (node, mut problems) = parsed(file, text)?;
    // An empty file is null, and means an empty mapping.
    if node.is_null() {
        return Ok(Object::new());
    }
    let Value::Object(object) = node.to_json() else {
        problems.add(
            node.position,
            format!("{what} must be a mapping, and this is {}; write `name: value`", node.kind()),
        );
        return Err(problems.told());
    };
    check(&node, &mut problems);
    problems.into_result(Some(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_checked_as_parameters_are() {
        let text =
            "url: {type: string, required: true}\nauth: {type: object, properties: {key: {secret: true}}}\n";
        let schema = read_config_schema("config.schema.yaml", text).unwrap();
        assert_eq!(schema.keys().collect::<Vec<_>>(), ["url", "auth"]);
        assert!(read_config_schema("config.schema.yaml", "---\n").unwrap().is_empty());
        for (text, says) in [
            ("- a\n", "must be a mapping"),
            ("url: {type: string, requird: true}\n", "requird"),
            ("url: {type: text}\n", "`text` is not a type"),
            ("url: {", ""),
        ] {
            let problems = read_config_schema("config.schema.yaml", text).unwrap_err();
            let said = problems[0].to_string();
            assert!(said.starts_with("config.schema.yaml:") && said.contains(says), "{said}");
        }
    }

    #[test]
    fn a_configuration_is_any_mapping() {
        assert_eq!(read_config("a.yaml", "port: 010\n").unwrap()["port"], 8);
        assert!(read_config("a.yaml", "").unwrap().is_empty());
        assert!(read_config("a.yaml", "just text\n").is_err());
    }
}
