//! The sensors of a pack that is registered again: those that are gone, that stay, and that were switched.

use std::collections::BTreeSet;

use petrel_model::{Ref, Sensor};

use crate::content::Content;

/// The sensors that the pack had and has no more.
pub(super) fn gone_sensors(content: &Content, pack: &str, sensors: &[Sensor]) -> Vec<Ref> {
    let known = content.sensors().map(|sensor| &sensor.reference);
    let is_there = |reference: &Ref| sensors.iter().any(|sensor| sensor.reference == *reference);
    known.filter(|one| one.pack() == pack && !is_there(one)).cloned().collect()
}

/// Keeps of what is gone the sensors whose files cannot be read any more, with their trigger types, as StackStorm does: a
/// slip in a file must not make the host forget how far a sensor has come, or that it was switched off. Notes the others.
pub(super) fn keep_unread(
    content: &Content,
    left_out: &BTreeSet<String>,
    (gone, gone_kinds): (&mut Vec<Ref>, &mut Vec<Ref>),
    notes: &mut Vec<String>,
) {
    let mut kept = BTreeSet::new();
    gone.retain(|reference| {
        let known = content.sensor(reference.as_str()).ok();
        let Some(known) = known.filter(|known| left_out.contains(&known.metadata_file)) else { return true };
        notes.push(format!("sensor `{reference}` stays as it was until its file can be read; correct that"));
        kept.extend(known.trigger_types.iter().cloned());
        false
    });
    gone_kinds.retain(|kind| !kept.contains(kind));
    notes.extend(gone.iter().map(|sensor| format!("sensor `{sensor}` is gone: its pack brings it no more")));
}

/// A sensor of a pack, switched as an operator has switched it before.
pub(super) fn as_switched(content: &Content, sensor: Sensor) -> Sensor {
    let known = content.sensor(sensor.reference.as_str()).ok();
    Sensor { switched: known.and_then(|known| known.switched), ..sensor }
}
