//! Content that is not supported yet, aliases: their files are only looked at for unknown fields, so that
//! they are right when their time comes. Sensors, which may have any field, are looked at in the same way.

use petrel_yaml::{Content, Node};

use crate::limits::MOST_PROBLEMS;
use crate::problem::{Problem, short};
use crate::suggestion::suggestion;

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

/// Fields of other words, and the field that is meant by each.
const MEANT: &[(&str, &str)] = &[
    ("triggers", "trigger_types"),
    ("interval", "poll_interval"),
    ("payload", "payload_schema"),
    ("payload_info", "payload_schema"),
    ("schema", "payload_schema"),
    ("parameters", "parameters_schema"),
    ("action", "action_ref"),
];

/// Notes on the fields of a file in `folder` that mean nothing there, as StackStorm ignores them.
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
    let told = unknown.take(MOST_PROBLEMS).map(|entry| {
        let meant = MEANT.iter().find(|(other, meant)| *other == entry.key && known.contains(meant));
        let remedy = match meant {
            Some((_, meant)) => format!("did you mean {meant}?"),
            None => suggestion(&entry.key, known),
        };
        let message = format!("{what} has no field {}, so it is ignored; {remedy}", short(&entry.key));
        Problem { file: file.to_owned(), position: Some(entry.position), message }.to_string()
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_means_nothing_is_told() {
        for (folder, text, expected) in [
            (
                "sensors",
                "class_nme: A\nentry_point: a.py\ntrigger_types:\n  - {name: t, paylod_schema: {}}\n",
                &[
                    "f.yaml:1:1: a sensor has no field class_nme, so it is ignored; did you mean class_name?",
                    "f.yaml:4:15: a trigger type has no field paylod_schema, so it is ignored; did you mean payload_schema?",
                ][..],
            ),
            (
                "sensors",
                "class_name: A\ntriggers: [{name: t}]\ntrigger_types: [{name: t, payload_info: [a]}]\n",
                &[
                    "f.yaml:2:1: a sensor has no field triggers, so it is ignored; did you mean trigger_types?",
                    "f.yaml:3:27: a trigger type has no field payload_info, so it is ignored; did you mean payload_schema?",
                ],
            ),
            (
                "sensors",
                "class_name: A\ntrigger_types: [{name: t, colour: 1}]\n",
                &[
                    "f.yaml:2:27: a trigger type has no field colour, so it is ignored; known are name, pack, description, \
                   payload_schema, parameters_schema, tags, ref, id, uid",
                ],
            ),
            ("sensors", "class_name: A\ntrigger_types: [{name: t, payload_schema: {}}]\n", &[]),
            (
                "aliases",
                "name: a\naction_rf: core.local\nformat: []\n",
                &[
                    "f.yaml:2:1: an alias has no field action_rf, so it is ignored; did you mean action_ref?",
                    "f.yaml:3:1: an alias has no field format, so it is ignored; did you mean formats?",
                ],
            ),
            ("aliases", "x", &[]),
            ("aliases", "a: {", &[]),
        ] {
            assert_eq!(strays(folder, "f.yaml", text), expected, "{folder}: {text}");
        }
    }
}
