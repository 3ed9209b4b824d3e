//! Texts where Orquesta takes a whole number. It looks at the type when it gets there, so `delay: 1s`, `count:
//! four` and even `delay: "5"` fail then. A text with an expression may give a number.

use petrel_model::quoted::quoted;
use serde_json::{Map, Value};

use super::finding::{Finding, Kind, Place};

/// Units of time that people write behind a number, in seconds.
const UNITS: [(&str, u64); 12] = [
    ("s", 1),
    ("sec", 1),
    ("second", 1),
    ("seconds", 1),
    ("m", 60),
    ("min", 60),
    ("minute", 60),
    ("minutes", 60),
    ("h", 3_600),
    ("hour", 3_600),
    ("hours", 3_600),
    ("d", 86_400),
];

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Times,
}

/// Adds findings about the numbers of the workflow itself.
pub(super) fn of_workflow(definition: &Value, findings: &mut Vec<Finding>) {
    let place = Place::root("timeout");
    check("timeout", definition.get("timeout"), Unit::Seconds, &place, findings);
}

/// Adds findings about the numbers of a task.
pub(super) fn of_task(task: &Map<String, Value>, place: &Place, findings: &mut Vec<Finding>) {
    for key in ["delay", "timeout"] {
        check(key, task.get(key), Unit::Seconds, &place.property(key), findings);
    }
    for (group, key, unit) in [
        ("with", "concurrency", Unit::Times),
        ("retry", "count", Unit::Times),
        ("retry", "delay", Unit::Seconds),
    ] {
        let value = task.get(group).and_then(|group| group.get(key));
        check(key, value, unit, &place.property(group).property(key), findings);
    }
}

fn check(key: &str, value: Option<&Value>, unit: Unit, place: &Place, findings: &mut Vec<Finding>) {
    let Some(text) = value.and_then(Value::as_str).filter(|text| !text.is_empty()) else { return };
    if ["<%", "{{", "{%"].iter().any(|mark| text.contains(mark)) {
        return;
    }
    let number = if unit == Unit::Seconds { "a whole number of seconds" } else { "a whole number" };
    let remedy = match meant(text, unit) {
        // A plain number is a text because of its quotes.
        Some(number) if text.trim().parse::<u64>() == Ok(number) => {
            format!("take the quotes away: {key}: {number}")
        }
        Some(number) => format!("write {key}: {number}"),
        None => "write it in digits".to_owned(),
    };
    let message = format!(
        "`{}` is a text and `{key}` is {number}, or an expression that gives one, so the workflow fails here; {remedy}",
        quoted(text)
    );
    findings.push(Finding::new(Kind::Semantic, place, message));
}

/// The number that a text means, such as 120 for `2m`.
fn meant(text: &str, unit: Unit) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, behind) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let behind = behind.trim();
    match unit {
        _ if behind.is_empty() => Some(number),
        Unit::Seconds => {
            let (_, seconds) = UNITS.iter().find(|(name, _)| *name == behind)?;
            number.checked_mul(*seconds)
        }
        Unit::Times => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::slips;
    #[test]
    fn a_text_in_the_place_of_a_number_is_told_with_what_it_means() {
        for (key, value, place, says) in [
            ("delay", json!("1s"), ".delay", "write delay: 1"),
            ("delay", json!("5"), ".delay", "take the quotes away: delay: 5"),
            ("delay", json!("2 minutes"), ".delay", "write delay: 120"),
            ("timeout", json!("soon"), ".timeout", "`timeout` is a whole number of seconds"),
            (
                "retry",
                json!({"count": "four"}),
                ".retry.count",
                "`four` is a text and `count` is a whole number",
            ),
            ("retry", json!({"count": 3, "delay": "1h"}), ".retry.delay", "write delay: 3600"),
            (
                "with",
                json!({"items": "<% [1] %>", "concurrency": "2s"}),
                ".with.concurrency",
                "write it in digits",
            ),
        ] {
            let mut task = json!({"action": "core.noop"});
            task[key] = value;
            let found = slips(&json!({"version": 1.0, "tasks": {"t": task}}));
            assert_eq!(found.len(), 1, "{task}: {found:?}");
            assert_eq!(found[0].spec_path.as_deref(), Some(&*format!("tasks.t{place}")), "{task}");
            // The task is the first, so every run fails there.
            assert!(!found[0].is_note() && found[0].message.contains(says), "{task}: {found:?}");
        }
        let whole = json!({"version": 1.0, "timeout": "1d", "tasks": {"t": {"action": "core.noop"}}});
        assert!(slips(&whole)[0].message.contains("write timeout: 86400"), "{:?}", slips(&whole));
    }

    #[test]
    fn numbers_and_expressions_are_left_in_peace() {
        for task in [
            json!({"delay": 1, "timeout": 0, "retry": {"count": 3, "delay": 1}}),
            json!({"delay": "<% ctx(x) %>", "timeout": "{{ ctx('x') }}", "retry": {"count": "<% 1 + 2 %>"}}),
            json!({"with": {"items": "<% [1] %>", "concurrency": "<% 2 %>"}, "action": "core.noop"}),
        ] {
            let found = slips(&json!({"version": 1.0, "timeout": 5, "tasks": {"t": task}}));
            assert!(found.is_empty(), "{task}: {found:?}");
        }
    }
}
