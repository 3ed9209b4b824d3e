//! Answers of sensors: what they return, within its limits, and how a bad end is worded.
//!
//! | code | |
//! |---|---|
//! | `limit.events`, `limit.cursor`, `limit.result` | the sensor returned too much |
//! | `limit.time` | it did not return in time |
//! | `canceled` | the host ended it |
//! | `event.invalid`, `component.result` | it returned something that has no meaning |
//! | `sensor.failed`, or the code that the sensor gives | it returned an error |
//! | all others | as those of actions: see [`failure`](crate::failure) |

use std::time::Duration;

use petrel_runners::Outcome;
use petrel_runners::sensors::{Emitted, Polled, Reply, SensorFailure};
use serde_json::Value;

use crate::bindings::exports::petrel::pack::poll_sensor::Polled as WirePolled;
use crate::bindings::exports::petrel::pack::webhook_sensor::Reply as WireReply;
use crate::bindings::petrel::trigger::types::Event;
use crate::bindings::petrel::types::types::Error as GuestError;
use crate::events::{self, LARGEST_EVENTS, MOST_EVENTS};
use crate::failure::{Circumstances, is_transfer_too_large};
use crate::instance::Told;
use crate::limits::{CpuExhausted, HOSTCALL_FUEL, SPAN};

/// Largest cursor, in bytes.
const LARGEST_CURSOR: usize = 64 << 10;
/// Largest body of a sensor's answer to a request, in bytes.
const LARGEST_REPLY: usize = 64 << 10;

/// The code of an error of the sensor itself that has none.
const FAILED: &str = "sensor.failed";

/// A failure that Petrel itself detected.
pub(super) fn failure(code: &str, message: impl Into<String>, hint: impl Into<String>) -> SensorFailure {
    SensorFailure { code: code.to_owned(), message: message.into(), hint: hint.into(), retry_after: None }
}

pub(super) fn canceled() -> SensorFailure {
    failure("canceled", "the sensor was ended by the host", "it is started again with the host")
}

pub(super) fn timed_out(limit: Duration) -> SensorFailure {
    failure(
        "limit.time",
        format!("the sensor did not return within {} s and was ended", limit.as_secs_f64()),
        "do less in one call, and keep the rest for the next one in the cursor",
    )
}

pub(super) fn no_room(waited: Duration) -> SensorFailure {
    failure(
        "limit.shared_memory",
        format!("running components left no memory for the sensor within {} s", waited.as_secs_f64()),
        "it is tried again; raise components.memory_mib if this goes on",
    )
}

/// The failure of a component that answered otherwise than it was asked, which only a defect of the host can cause.
pub(super) fn another_kind() -> SensorFailure {
    failure(
        "component.failed",
        "the component answered for a sensor of another kind",
        "see the log of the host",
    )
}

/// The answer of a call that has returned.
pub(super) fn of(
    returned: wasmtime::Result<Result<Told, GuestError>>,
    ended: &Circumstances<'_>,
    is_lasting: bool,
) -> Result<Told, SensorFailure> {
    match returned {
        Ok(Ok(told)) => Ok(told),
        Ok(Err(error)) => Err(worded(&ended.guest(error))),
        Err(error) if is_lasting && error.is::<CpuExhausted>() => Err(failure(
            "limit.cpu",
            format!(
                "the sensor used more than {} s of CPU time within {} s and was ended",
                ended.limits.cpu.as_secs_f64(),
                SPAN.as_secs()
            ),
            "look for an endless loop, or raise components.max_cpu_seconds",
        )),
        Err(error) if is_transfer_too_large(&error) => Err(too_large(&error, ended)),
        Err(error) => Err(worded(&ended.by(&error))),
    }
}

/// The failure of a call that passed too much to the host: as its answer, or to a host function.
fn too_large(error: &wasmtime::Error, ended: &Circumstances<'_>) -> SensorFailure {
    let told = worded(&ended.by(error));
    if told.code != "limit.result" {
        return told;
    }
    failure(
        "limit.result",
        format!(
            "the sensor returned more than {} MiB at once; {MOST_EVENTS} events with {} MiB of payloads and a cursor of {} \
             KiB are the limits",
            HOSTCALL_FUEL >> 20,
            LARGEST_EVENTS >> 20,
            LARGEST_CURSOR >> 10
        ),
        "return less in one call, and the rest in the next one",
    )
}

/// The failure with the words that an action's outcome has.
fn worded(outcome: &Outcome) -> SensorFailure {
    let text = |name: &str| outcome.result.get(name).and_then(Value::as_str).unwrap_or_default();
    let code = match text("code") {
        "action.error" => FAILED,
        code => code,
    };
    let hint = match (code, text("hint")) {
        ("component.trap", _) => "this is a fault in the component; see also the log of the sensor",
        (FAILED, "") => "see the log of the sensor",
        (_, hint) => hint,
    };
    let retry_after = outcome.result.get("retry_after_ms").and_then(Value::as_u64);
    SensorFailure {
        retry_after: retry_after.map(Duration::from_millis),
        ..failure(code, text("error"), hint)
    }
}

/// What came of a poll, if it is within the limits.
pub(super) fn polled(wire: WirePolled) -> Result<Polled, SensorFailure> {
    let cursor = match wire.cursor {
        None => None,
        Some(text) if text.len() > LARGEST_CURSOR => {
            let message =
                format!("the cursor has {} bytes, more than the limit of {LARGEST_CURSOR}", text.len());
            return Err(failure("limit.cursor", message, "keep in it only where to go on"));
        }
        Some(text) => Some(serde_json::from_str(&text).map_err(|error| {
            let message = format!("the cursor is not JSON: {error}");
            failure("component.result", message, "a sensor returns JSON text; the SDKs see to that")
        })?),
    };
    let next_poll = wire.next_poll_ms.map(Duration::from_millis);
    Ok(Polled { events: taken(wire.events)?, cursor, next_poll })
}

/// The answer to a request, if it is within the limits.
pub(super) fn replied(wire: WireReply) -> Result<Reply, SensorFailure> {
    if wire.body.len() > LARGEST_REPLY {
        let message =
            format!("the answer has {} bytes, more than the limit of {LARGEST_REPLY}", wire.body.len());
        return Err(failure("limit.result", message, "answer with less"));
    }
    if !(200..600).contains(&wire.status) {
        let message = format!("the answer has the status {}", wire.status);
        return Err(failure("component.result", message, "answer with a status of 200 to 599"));
    }
    Ok(Reply { events: taken(wire.events)?, status: wire.status, body: wire.body })
}

fn taken(wire: Vec<Event>) -> Result<Vec<Emitted>, SensorFailure> {
    let bytes: usize = wire.iter().map(|event| event.payload.len()).sum();
    let hint = "return fewer in one call, and keep the rest for the next one in the cursor";
    if wire.len() > MOST_EVENTS {
        let message = format!(
            "the sensor returned {} events at once, more than the limit of {MOST_EVENTS}",
            wire.len()
        );
        return Err(failure("limit.events", message, hint));
    }
    if bytes > LARGEST_EVENTS {
        let message = format!(
            "the payloads of the events have {bytes} bytes together, more than the limit of {LARGEST_EVENTS}"
        );
        return Err(failure("limit.events", message, hint));
    }
    let events: Result<Vec<_>, _> = wire.into_iter().map(events::of_wire).collect();
    events.map_err(|message| failure("event.invalid", message, "correct the event in the sensor"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(payload: &str) -> Event {
        let (dedup_key, occurred_at_ms, trace_tag) = (None, None, None);
        let parameters = None;
        Event {
            trigger: "entry".into(),
            payload: payload.into(),
            parameters,
            dedup_key,
            occurred_at_ms,
            trace_tag,
        }
    }

    #[test]
    fn a_poll_is_taken_or_refused_with_its_limit() {
        let wire = |events, cursor: Option<&str>| WirePolled {
            events,
            cursor: cursor.map(Into::into),
            next_poll_ms: Some(5),
        };
        let taken = polled(wire(vec![event("{\"a\": 1}")], Some("[1]"))).unwrap();
        assert_eq!((taken.cursor, taken.next_poll), (Some(json!([1])), Some(Duration::from_millis(5))));
        assert_eq!(taken.events[0].payload, json!({"a": 1}));
        let large = format!("\"{}\"", "x".repeat(LARGEST_EVENTS / 2));
        let cursor = format!("\"{}\"", "x".repeat(LARGEST_CURSOR));
        for (wire, code, says) in [
            (
                wire(vec![event("1"); MOST_EVENTS + 1], None),
                "limit.events",
                "10001 events at once, more than the limit of 10000",
            ),
            (wire(vec![event(&large); 2], None), "limit.events", "more than the limit of 4194304"),
            (wire(vec![event("{")], None), "event.invalid", "is not JSON"),
            (wire(Vec::new(), Some(&cursor)), "limit.cursor", "more than the limit of 65536"),
            (wire(Vec::new(), Some("{")), "component.result", "the cursor is not JSON"),
        ] {
            let told = polled(wire).unwrap_err();
            assert_eq!(told.code, code, "{told:?}");
            assert!(told.message.contains(says) && !told.hint.is_empty(), "{told:?}");
        }
    }

    #[test]
    fn a_reply_has_a_status_and_a_bound() {
        let wire = |status, size| WireReply { events: Vec::new(), status, body: vec![0; size] };
        assert_eq!(replied(wire(202, 3)).unwrap().body.len(), 3);
        for (wire, code) in [
            (wire(99, 0), "component.result"),
            (wire(600, 0), "component.result"),
            (wire(200, LARGEST_REPLY + 1), "limit.result"),
        ] {
            assert_eq!(replied(wire).unwrap_err().code, code);
        }
    }

    #[test]
    fn an_outcome_of_an_action_is_worded_for_a_sensor() {
        let outcome = |result| Outcome { end: petrel_runners::End::Failed, result };
        let told = worded(&outcome(
            json!({"error": "gone", "code": "action.error", "hint": null, "retry_after_ms": 7}),
        ));
        assert_eq!((told.code.as_str(), told.message.as_str()), (FAILED, "gone"));
        assert_eq!((told.retry_after, told.hint.is_empty()), (Some(Duration::from_millis(7)), false));
        let told = worded(&outcome(json!({"error": "it", "code": "feed.gone", "hint": "look"})));
        assert_eq!((told.code.as_str(), told.hint.as_str()), ("feed.gone", "look"));
    }
}
