//! Content that is not supported yet, aliases: their files are only looked at for misspelt fields, so that
//! they are right when their time comes. Sensors, which may have any field, are looked at in the same way.

use petrel_model::nearest::nearest;
use petrel_yaml::{Content, Node};

use crate::limits::MOST_PROBLEMS;
use crate::problem::{Problem, short};

/// The directories of such content.
pub(super) const FOLDERS: [&str; 1] = ["aliases"];

/// The fields of a sensor, as StackStorm's `bootstrap/sensorsregistrar.py` reads them.
const SENSOR: &[&str] = &[
    "class_name",
    "entry_point",
    "description",
    "enabled",
    "poll_interval",
    "trigger_types",
    "artifact_uri",
    "name",
    "pack",
    "ref",
    "id",
    "uid",
    "metadata_file",
];

/// The fields of a trigger type of a sensor.
const TRIGGER_TYPE: &[&str] =
    &["name", "pack", "description", "payload_schema", "parameters_schema", "tags", "ref", "id", "uid"];

/// The fields of an alias (`ActionAliasAPI` of StackStorm's `models/api/action.py`).
const ALIAS: &[&str] = &[
    "name",
    "pack",
    "description",
    "enabled",
    "action_ref",
    "formats",
    "ack",
    "result",
    "extra",
    "immutable_parameters",
    "ref",
    "id",
    "uid",
    "metadata_file",
];

/// Notes on the fields of a file in `folder` that are nearly one of those that mean something.
pub(super) fn strays(folder: &str, file: &str, text: &str) -> Vec<String> {
    let Ok(node) = petrel_yaml::parse_node(text) else { return Vec::new() };
    let mut found = match folder {
        "sensors" => strays_of(&node, "a sensor", SENSOR, file),
        _ => strays_of(&node, "an alias", ALIAS, file),
    };
    let kinds = node.entries().into_iter().flatten().find(|entry| entry.key == "trigger_types");
    if let Some(Content::List(kinds)) = kinds.map(|entry| &entry.node.content) {
        found.extend(kinds.iter().flat_map(|kind| strays_of(kind, "a trigger type", TRIGGER_TYPE, file)));
    }
    found.truncate(MOST_PROBLEMS);
    found
}

fn strays_of(node: &Node, what: &str, known: &[&str], file: &str) -> Vec<String> {
    let unknown = node.entries().into_iter().flatten().filter(|entry| !known.contains(&entry.key.as_str()));
    let told = unknown.filter_map(|entry| {
        let near = nearest(&entry.key, known.iter().copied())?;
        let message = format!("{what} has no field {}; did you mean {near}?", short(&entry.key));
        Some(Problem { file: file.to_owned(), position: Some(entry.position), message }.to_string())
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_nearly_the_right_name_is_told_and_any_other_is_not() {
        for (folder, text, expected) in [
            (
                "sensors",
                "class_nme: A\nentry_point: a.py\ntrigger_types:\n  - {name: t, paylod_schema: {}}\n",
                &[
                    "f.yaml:1:1: a sensor has no field class_nme; did you mean class_name?",
                    "f.yaml:4:15: a trigger type has no field paylod_schema; did you mean payload_schema?",
                ][..],
            ),
            ("sensors", "class_name: A\ntrigger_types: [{name: t, payload_info: [a]}]\n", &[]),
            (
                "aliases",
                "name: a\naction_rf: core.local\nformat: []\n",
                &[
                    "f.yaml:2:1: an alias has no field action_rf; did you mean action_ref?",
                    "f.yaml:3:1: an alias has no field format; did you mean formats?",
                ],
            ),
            ("aliases", "x", &[]),
            ("aliases", "a: {", &[]),
        ] {
            assert_eq!(strays(folder, "f.yaml", text), expected, "{folder}: {text}");
        }
    }
}
