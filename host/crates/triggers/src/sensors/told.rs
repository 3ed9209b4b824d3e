//! The triggers that a sensor is told of: those of its own types that enabled rules listen to. Rules with equal parameters
//! share one.

use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_model::Sensor;
use petrel_model::size::of_value;
use petrel_runners::sensors::{SensorFailure, SensorTrigger};

use super::failure::failure;

/// The greatest number of triggers that a sensor is told of.
const MOST_TRIGGERS: usize = 1_000;
/// The bytes of their parameters together.
const LARGEST_TRIGGERS: usize = 1 << 20;

/// The triggers of a sensor, and one more than it may have if there are too many.
pub(super) fn triggers_of(content: &Content, sensor: &Sensor) -> Arc<[SensorTrigger]> {
    let triggers = content.triggers_of(sensor).take(MOST_TRIGGERS + 1);
    triggers
        .map(|(reference, trigger)| SensorTrigger {
            reference: reference.clone(),
            trigger: Arc::clone(trigger),
        })
        .collect()
}

/// Refuses more triggers than a sensor can be told of: it would have events for some of them only.
pub(super) fn refuse_many(triggers: &[SensorTrigger]) -> Result<(), SensorFailure> {
    const HINT: &str = "have rules share parameters, with criteria for the rest, or disable some of them";
    if triggers.len() > MOST_TRIGGERS {
        let message = format!(
            "enabled rules give its trigger types more than {MOST_TRIGGERS} different parameters, which is the limit"
        );
        return Err(failure("limit.triggers", message, HINT));
    }
    let values = triggers.iter().flat_map(|told| told.trigger.parameters.iter());
    let bytes: usize = values.map(|(name, value)| name.len() + of_value(value)).sum();
    if bytes > LARGEST_TRIGGERS {
        let message = format!(
            "the parameters that enabled rules give its trigger types have {bytes} bytes together, and {LARGEST_TRIGGERS} \
             is the limit"
        );
        return Err(failure("limit.triggers", message, HINT));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use petrel_model::Trigger;
    use serde_json::json;

    use super::*;

    fn told(count: usize, bytes: usize) -> Vec<SensorTrigger> {
        let one = |number: usize| {
            let parameters = json!({"n": number, "text": "x".repeat(bytes)});
            let parameters = parameters.as_object().cloned().unwrap_or_default();
            let trigger = Trigger { kind: "p.t".parse().unwrap(), parameters };
            SensorTrigger { reference: trigger.reference(), trigger: Arc::new(trigger) }
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn more_than_a_sensor_can_be_told_is_refused_with_the_limit() {
        for (triggers, says) in [
            (told(MOST_TRIGGERS, 0), None),
            (told(1, 1_000_000), None),
            (told(MOST_TRIGGERS + 1, 0), Some("more than 1000 different parameters")),
            (told(2, 600_000), Some("1048576 is the limit")),
        ] {
            let refused = refuse_many(&triggers).err();
            assert_eq!(refused.is_some(), says.is_some(), "{refused:?}");
            let Some(refused) = refused else { continue };
            assert_eq!(refused.code, "limit.triggers");
            assert!(says.is_some_and(|says| refused.message.contains(says)), "{refused:?}");
        }
    }
}
