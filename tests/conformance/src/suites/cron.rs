//! `cron`: the next five times at which a timer is due.

use petrel_model::Timestamp;
use petrel_rules::timers::{CRON, DATE, INTERVAL, Timer, UTC};
use serde_json::{Value, json};

use super::case::object;
use crate::answer::Answer;
use crate::compare::is_error;

/// How many times are recorded.
const TIMES: usize = 5;

pub(super) fn answer(case: &Value) -> Answer {
    let reference = match case.get("timer").and_then(Value::as_str) {
        Some("interval") => INTERVAL,
        Some("date") => DATE,
        _ => CRON,
    };
    let timer = match Timer::new(reference, &object(case, "parameters"), &UTC) {
        Ok(timer) => timer,
        Err(error) => return Answer::Error(error.to_string()),
    };
    let Some(start) = case.get("start").and_then(instant) else {
        return Answer::Error("the case has no start".into());
    };
    let just_after = |due: &Timestamp| Timestamp::from_micros(due.as_micros() + 1);
    let first = timer.next(start, start);
    let times = std::iter::successors(first, |due| timer.next(start, just_after(due))).take(TIMES);
    let times: Vec<_> = times.map(|due| due.to_string()).collect();
    Answer::Value(if reference == DATE && times.is_empty() {
        json!({"scheduled": false})
    } else {
        json!(times)
    })
}

/// Whether the same instants were recorded, whatever their offsets.
pub(super) fn agrees(expected: &Value, answer: &Answer) -> bool {
    match (answer, expected.as_array()) {
        (Answer::Error(_), _) => is_error(expected),
        (Answer::Value(times), Some(expected)) => {
            let ours = times.as_array().into_iter().flatten().map(instant);
            ours.eq(expected.iter().map(instant))
        }
        (Answer::Value(other), None) => other == expected,
        (Answer::Panic(_), _) => false,
    }
}

/// The instant in a text.
fn instant(text: &Value) -> Option<Timestamp> {
    text.as_str()?.parse().ok()
}
