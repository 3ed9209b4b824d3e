//! The sensors of a pack with their trigger types. A problem of one sensor leaves that sensor out, and nothing else, as in
//! StackStorm.

use std::collections::BTreeMap;

use petrel_model::{Sensor, TriggerType};

use super::{Reading, about, later, stem};
use crate::definition::{SensorDefinition, read_sensor};
use crate::problem::{Problem, short};

/// The folder of sensors.
const FOLDER: &str = "sensors";
/// The ending of a module of Python.
const PYTHON: &str = "py";

impl Reading<'_> {
    /// The sensors of the pack, each name once, and the trigger types that only they declare.
    pub(super) fn sensors(&mut self, known: &[(String, TriggerType)]) -> (Vec<Sensor>, Vec<TriggerType>) {
        let mut sensors: BTreeMap<String, Sensor> = BTreeMap::new();
        let mut kinds: Vec<TriggerType> = Vec::new();
        for file in self.files(FOLDER) {
            let text = match self.text(&file) {
                Ok(text) => text,
                Err(problems) => {
                    self.leave_out(&file, &problems);
                    continue;
                }
            };
            self.notes.extend(later::strays(FOLDER, &file, &text));
            match read_sensor(&file, &text, self.pack) {
                Ok(definition) => self.take_sensor(&file, definition, &mut sensors, (known, &mut kinds)),
                Err(problems) => self.leave_out(&file, &problems),
            }
        }
        (sensors.into_values().collect(), kinds)
    }

    /// Takes in a sensor and those of its trigger types that are new.
    fn take_sensor(
        &mut self,
        file: &str,
        SensorDefinition { mut sensor, trigger_types }: SensorDefinition,
        sensors: &mut BTreeMap<String, Sensor>,
        (known, kinds): (&[(String, TriggerType)], &mut Vec<TriggerType>),
    ) {
        let name = sensor.class_name().to_owned();
        if let Some(other) = sensors.get(&name) {
            let message = format!("sensor {} is in {} too; rename one", short(&name), other.metadata_file);
            return self.leave_out(file, &[about(file, message)]);
        }
        let Some(entry_point) = self.entry_point_of(file, &sensor.entry_point) else {
            let message = format!(
                "entry_point is {}, which is outside the pack; move the file into it",
                short(&sensor.entry_point)
            );
            return self.leave_out(file, &[about(file, message)]);
        };
        sensor.entry_point = entry_point;
        let ending = sensor.entry_point.rsplit_once('.').map(|(_, ending)| ending);
        if !matches!(ending, Some(PYTHON | "wasm")) {
            self.notes.push(format!(
                "{file}: sensor {} does not run: entry_point is {}, which is neither a component nor Python; name a file that ends in .wasm \
                 or .py",
                short(&name),
                short(&sensor.entry_point)
            ));
        }
        for kind in trigger_types {
            let mut all = known.iter().map(|(_, kind)| kind).chain(kinds.iter());
            match all.find(|other| other.reference == kind.reference) {
                // Sensors of one pack often declare the same trigger type.
                Some(same) if same.payload_schema == kind.payload_schema => {}
                Some(_) => self.notes.push(format!(
                    "{file}: trigger type {} is declared elsewhere too, with another payload_schema; the first one counts",
                    short(kind.reference.name())
                )),
                None => {
                    let schemas = [
                        ("payload_schema", &kind.payload_schema),
                        ("parameters_schema", &kind.parameters_schema),
                    ];
                    self.types_of(file, &schemas);
                    kinds.push(kind);
                }
            }
        }
        sensors.insert(name, sensor);
    }

    /// The entry point of a sensor, relative to the pack: StackStorm looks for it beside the metadata, and a component
    /// may lie where those of actions do. `None` if it leads out of the pack either way.
    fn entry_point_of(&mut self, file: &str, written: &str) -> Option<String> {
        let ways = [inside(FOLDER, written), inside("", written)];
        let beside = ways.iter().flatten().next()?.clone();
        let mut problem = None;
        for way in ways.into_iter().flatten() {
            match self.file_problem_as(&way, written, "entry_point") {
                None => return Some(way),
                // The place in which a file of nearly this name lies is the one that was meant.
                Some(found) if problem.is_none() || found.ends_with('?') => problem = Some(found),
                Some(_) => {}
            }
        }
        // Its trigger types are of use even so.
        self.notes.extend(problem.map(|problem| format!("{file}: the sensor cannot run: {problem}")));
        Some(beside)
    }

    /// Notes that a sensor is left out.
    fn leave_out(&mut self, file: &str, problems: &[Problem]) {
        let told = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        self.notes.push(format!("sensor `{}` is left out: {told}", stem(file)));
        self.sensors_left_out.insert(file.to_owned());
    }
}

/// The path that `written` means in `folder` of a pack, without `.` and `..`. `None` if it leads out of the pack.
fn inside(folder: &str, written: &str) -> Option<String> {
    if written.starts_with('/') || written.contains('\\') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn an_entry_point_may_go_up_and_not_out() {
        for (folder, written, expected) in [
            ("sensors", "a.wasm", Some("sensors/a.wasm")),
            ("sensors", "./deep//a.wasm", Some("sensors/deep/a.wasm")),
            ("sensors", "../wasm/a.wasm", Some("wasm/a.wasm")),
            ("sensors", "../../pack/a.wasm", None),
            ("sensors", "deep/../../../a.wasm", None),
            ("", "wasm/../a.wasm", Some("a.wasm")),
            ("", "../a.wasm", None),
            ("sensors", "/a.wasm", None),
            ("sensors", "..\\a.wasm", None),
        ] {
            assert_eq!(inside(folder, written).as_deref(), expected, "{folder} {written}");
        }
    }
}
