//! The event of a timer. Its payload is StackStorm's `{executed_at, schedule}`, and `scheduled_at` besides: a timer may
//! fire late.

use petrel_model::Timestamp;
use serde_json::json;

use crate::incoming::Event;

/// The event of a timer that was due at `due_at` and fires at `now`.
pub(super) fn of(due_at: Timestamp, now: Timestamp) -> Event {
    json!({"executed_at": text(now), "schedule": null, "scheduled_at": text(due_at)}).into()
}

/// A time as Python prints one in UTC, which is what rules of StackStorm see: `2026-11-20 12:00:00+00:00`.
fn text(at: Timestamp) -> String {
    let shown = at.to_string().replace('T', " ");
    let shown = shown.trim_end_matches('Z');
    format!("{}+00:00", shown.strip_suffix(".000000").unwrap_or(shown))
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
