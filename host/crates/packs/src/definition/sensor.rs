//! The definition of a sensor with its trigger types, from `sensors/*.yaml`.

use petrel_model::{Ref, Sensor, TriggerType, names};
use petrel_yaml::{Content, Node};
use serde_json::{Number, Value};

use super::read;
use crate::fields::{Fields, Problems};
use crate::problem::{Problem, short};

/// A sensor, and the trigger types that its file declares.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorDefinition {
    /// The sensor. Its entry point is as it was written: relative to the folder `sensors`.
    pub sensor: Sensor,
    /// The trigger types.
    pub trigger_types: Vec<TriggerType>,
}

/// Parses the metadata of a sensor of `pack`. As in StackStorm, fields that mean nothing are ignored.
///
/// # Errors
/// All problems.
pub fn read_sensor(file: &str, text: &str, pack: &str) -> Result<SensorDefinition, Vec<Problem>> {
    read(file, text, "a sensor", |fields, problems| {
        let reference = class_reference(fields, pack, problems);
        let entry_point = fields.required_text("entry_point", problems);
        let kinds = fields.list("trigger_types", problems).iter();
        let trigger_types: Vec<_> = kinds.filter_map(|node| trigger_type(node, pack, problems)).collect();
        let sensor = Sensor {
            description: fields.text("description", problems).unwrap_or_default(),
            enabled: fields.flag("enabled", true, problems),
            switched: None,
            poll_interval: poll_interval(fields, problems),
            trigger_types: trigger_types.iter().map(|kind| kind.reference.clone()).collect(),
            metadata_file: file.to_owned(),
            reference: reference?,
            entry_point: entry_point?,
        };
        Some(SensorDefinition { sensor, trigger_types })
    })
}

/// The reference of a sensor: the pack, and its class as the name.
fn class_reference(fields: Fields<'_>, pack: &str, problems: &mut Problems) -> Option<Ref> {
    refuse_other_pack(fields, pack, problems);
    let name = fields.required_text("class_name", problems)?;
    named(fields, "class_name", pack, &name, problems)
}

/// A trigger type in the list of a sensor.
fn trigger_type(node: &Node, pack: &str, problems: &mut Problems) -> Option<TriggerType> {
    let fields = Fields::of(node, "a trigger type", problems)?;
    refuse_other_pack(fields, pack, problems);
    let name = fields.required_text("name", problems);
    let description = fields.text("description", problems).unwrap_or_default();
    let parameters_schema = fields.object("parameters_schema", problems);
    let payload_schema = fields.object("payload_schema", problems);
    let reference = named(fields, "name", pack, &name?, problems)?;
    Some(TriggerType { reference, description, parameters_schema, payload_schema, made_by: None })
}

fn refuse_other_pack(fields: Fields<'_>, pack: &str, problems: &mut Problems) {
    if let Some(written) = fields.text("pack", problems)
        && !pack.is_empty()
        && written != pack
    {
        let (what, written) = (fields.what, short(&written));
        let message = format!(
            "{what} says that its pack is {written}, but it is in the pack {pack}; remove the field pack"
        );
        problems.add(fields.position("pack"), message);
    }
}

fn named(fields: Fields<'_>, field: &str, pack: &str, name: &str, problems: &mut Problems) -> Option<Ref> {
    match names::check_item(fields.what, pack, name) {
        Ok(()) => Some(Ref::new(pack, name)),
        Err(invalid) => {
            problems.add(fields.position(field), format!("{invalid}; {}", invalid.remedy));
            None
        }
    }
}

/// The seconds between two polls.
fn poll_interval(fields: Fields<'_>, problems: &mut Problems) -> Option<Number> {
    let node = fields.get("poll_interval")?;
    let (least, most) = Sensor::POLL_SECONDS;
    if let Content::Scalar { value: Value::Number(number), .. } = &node.content
        && number.as_f64().is_some_and(|seconds| (least..=most).contains(&seconds))
    {
        return Some(number.clone());
    }
    let message = format!(
        "poll_interval of a sensor must be a number of seconds from {least} to {most}; correct the value, or leave \
         it out for {}",
        Sensor::POLL_INTERVAL.as_secs()
    );
    problems.add(node.position, message);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_is_read_with_its_trigger_types() {
        let text = "class_name: Watch\nentry_point: watch.wasm\npoll_interval: 5\nartifact_uri: x\ntrigger_types:\n  \
                    - {name: seen, pack: demo, payload_schema: {type: object}}\n  - {name: lost, description: d}\n";
        let SensorDefinition { sensor, trigger_types } = read_sensor("sensors/w.yaml", text, "demo").unwrap();
        assert_eq!((sensor.reference.as_str(), sensor.class_name()), ("demo.Watch", "Watch"));
        assert_eq!((sensor.entry_point.as_str(), sensor.is_enabled()), ("watch.wasm", true));
        assert_eq!(sensor.poll_interval().as_secs(), 5);
        let kinds: Vec<_> = sensor.trigger_types.iter().map(Ref::as_str).collect();
        assert_eq!(kinds, ["demo.seen", "demo.lost"]);
        assert_eq!(trigger_types.iter().map(|kind| kind.description.as_str()).collect::<Vec<_>>(), ["", "d"]);
    }

    #[test]
    fn each_problem_has_its_place() {
        let text = "entry_point: 1\npack: other\npoll_interval: fast\ntrigger_types: [{}, 3]\n";
        let problems = read_sensor("s.yaml", text, "demo").unwrap_err();
        let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
        for (place, what) in [
            ("s.yaml:1:1", "class_name"),
            ("s.yaml:1:14", "entry_point"),
            ("s.yaml:2:7", "remove the field pack"),
            ("s.yaml:3:16", "number of seconds from 1 to 604800"),
            ("s.yaml:4:17", "needs a field name"),
            ("s.yaml:4:21", "a trigger type must be a mapping"),
        ] {
            assert!(
                told.iter().any(|line| line.starts_with(place) && line.contains(what)),
                "{place}: {told:?}"
            );
        }
    }
}
