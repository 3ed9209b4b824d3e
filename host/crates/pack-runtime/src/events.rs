//! Events of components, as they cross the boundary: their limits, and their form on the host's side.
//!
//! `sensor_runner` takes those that a sensor returns, `host_functions::emit` those that a component emits.

use std::time::Duration;

use petrel_model::Timestamp;
use petrel_runners::sensors::Emitted;
use serde_json::Value;

use crate::bindings::petrel::trigger::types::Event;

/// Events that one call may return or emit.
pub(crate) const MOST_EVENTS: usize = 10_000;
/// Payloads that one call may return, or one emit, in bytes.
pub(crate) const LARGEST_EVENTS: usize = 4 << 20;
/// Parameters of the trigger of one event, in bytes.
const LARGEST_PARAMETERS: usize = 64 << 10;
/// Longest name of a trigger type, key or tag of a trace, in bytes.
const LONGEST_TEXT: usize = 1 << 10;

/// Whether the trigger type belongs to `pack`: it is a name without a pack, or one with this pack.
pub(crate) fn is_of(pack: &str, trigger: &str) -> bool {
    trigger.split_once('.').is_none_or(|(of, _name)| of == pack)
}

/// The event on the host's side, or the reason why there is none.
pub(crate) fn of_wire(event: Event) -> Result<Emitted, String> {
    let texts = [
        ("trigger type", Some(&event.trigger)),
        ("key", event.dedup_key.as_ref()),
        ("tag of a trace", event.trace_tag.as_ref()),
    ];
    for (what, text) in texts {
        let length = text.map_or(0, String::len);
        if length > LONGEST_TEXT {
            return Err(format!(
                "the {what} of an event has {length} bytes, more than the limit of {LONGEST_TEXT}"
            ));
        }
    }
    let payload = serde_json::from_str(&event.payload)
        .map_err(|error| format!("the payload of an event of {} is not JSON: {error}", event.trigger))?;
    let parameters = event.parameters.map(|text| parameters(&event.trigger, &text)).transpose()?;
    Ok(Emitted {
        trigger: event.trigger,
        payload,
        parameters,
        dedup_key: event.dedup_key,
        occurred_at: event.occurred_at_ms.map(|ms| Timestamp::default().plus(Duration::from_millis(ms))),
        trace_tag: event.trace_tag,
        depth: 0,
        emitted_by: None,
    })
}

/// The parameters of the trigger of an event.
fn parameters(trigger: &str, text: &str) -> Result<Value, String> {
    if text.len() > LARGEST_PARAMETERS {
        return Err(format!(
            "the parameters of an event of {trigger} have {} bytes, more than the limit of {LARGEST_PARAMETERS}",
            text.len()
        ));
    }
    serde_json::from_str(text)
        .map_err(|error| format!("the parameters of an event of {trigger} are not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(trigger: &str, payload: &str) -> Event {
        Event {
            trigger: trigger.to_owned(),
            payload: payload.to_owned(),
            parameters: None,
            dedup_key: None,
            occurred_at_ms: Some(1500),
            trace_tag: None,
        }
    }

    #[test]
    fn a_trigger_type_is_of_its_own_pack_or_of_another() {
        for (trigger, expected) in
            [("entry", true), ("feed.entry", true), ("feeds.entry", false), ("core.st2.webhook", false)]
        {
            assert_eq!(is_of("feed", trigger), expected, "{trigger}");
        }
    }

    #[test]
    fn an_event_is_taken_or_says_why_not() {
        let taken = of_wire(event("entry", "{\"a\": 1}")).unwrap();
        assert_eq!(taken.payload["a"], 1);
        assert_eq!(taken.occurred_at, Some(Timestamp::from_micros(1_500_000)));
        let long = "x".repeat(LONGEST_TEXT + 1);
        let keyed = Event { dedup_key: Some(long.clone()), ..event("entry", "1") };
        let of_parameters = |text: String| Event { parameters: Some(text), ..event("entry", "1") };
        assert_eq!(of_wire(of_parameters("{\"q\": 1}".into())).unwrap().parameters.unwrap()["q"], 1);
        for (event, says) in [
            (event("entry", "{"), "of entry is not JSON"),
            (of_parameters("{".into()), "the parameters of an event of entry are not JSON"),
            (
                of_parameters("x".repeat(LARGEST_PARAMETERS + 1)),
                "have 65537 bytes, more than the limit of 65536",
            ),
            (event(&long, "1"), "the trigger type of an event has 1025 bytes, more than the limit of 1024"),
            (keyed, "the key of an event has 1025 bytes"),
        ] {
            let told = of_wire(event).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
    }
}
