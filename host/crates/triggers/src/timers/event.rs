//! The event of a timer. Its payload is StackStorm's `{executed_at, schedule}`, and `scheduled_at` besides: a timer may
//! fire late.

use petrel_model::Timestamp;
use serde_json::json;

use crate::incoming::Event;

/// The event of a timer that was due at `due_at` and fires at `now`.
pub(super) fn of(due_at: Timestamp, now: Timestamp) -> Event {
    let (executed, due) = (now.as_python_prints(), due_at.as_python_prints());
    json!({"executed_at": executed, "schedule": null, "scheduled_at": due}).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_writes_them() {
        let due = Timestamp::from_micros(1_763_640_000_000_000);
        let event = of(due, Timestamp::from_micros(1_763_640_000_000_120));
        assert_eq!(
            event.payload().text(),
            r#"{"executed_at":"2025-11-20 12:00:00.000120+00:00","schedule":null,"scheduled_at":"2025-11-20 12:00:00+00:00"}"#
        );
    }
}
