//! `petrel rule why`: the lines that say why a rule has not fired lately.

use petrel_api_types::RuleStanding;

use crate::print::{self, counted, to_the_second};

/// Prints the standing of a rule.
pub(super) fn tell(standing: &RuleStanding<'_>) {
    lines(standing).iter().for_each(|line| print::line(line));
}

fn lines(standing: &RuleStanding<'_>) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", standing.rule, standing.verdict)];
    // The verdict has the first of them.
    lines.extend(standing.obstacles.iter().skip(1).map(|obstacle| format!("  also: {obstacle}")));
    if standing.looked_at > 0 {
        let since =
            standing.since.map_or_else(String::new, |since| format!(" since {}", to_the_second(since)));
        let (events, of) = (counted(standing.events, "event"), counted(standing.looked_at, "event"));
        lines.push(format!(
            "  looked through the last {of} of its trigger type{since}: {events} of its trigger, {} as it is now",
            matching(standing.matched),
        ));
    }
    if let Some(at) = standing.last_event_at {
        lines.push(format!("  last event of its trigger: {}", to_the_second(at)));
    }
    lines.extend(standing.failed.iter().map(|one| format!("  {} times: {}", one.count, one.text)));
    if standing.not_evaluated > 0 {
        let events = counted(standing.not_evaluated, "event");
        lines.push(format!("  not evaluated here, as too large or too long: {events}"));
    }
    if let Some(last) = &standing.last_enforcement {
        lines.push(format!(
            "  last enforcement: {} {} at {}, on event {}",
            last.id,
            last.status.as_str(),
            to_the_second(last.enforced_at),
            last.trigger_instance_id
        ));
        lines.extend(standing.came_of_it.iter().map(|came_of_it| format!("    then: {came_of_it}")));
    }
    lines
}

fn matching(count: usize) -> String {
    match count {
        0 => "none matches it".to_owned(),
        1 => "1 matches it".to_owned(),
        more => format!("{more} match it"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_standing_is_told_from_the_reason_to_the_last_enforcement() {
        const ID: &str = "65a000000000000000000001";
        const AT: &str = "2026-11-20T12:00:00Z";
        let whole = json!({
            "rule": "p.r", "verdict": "does not fire: a", "obstacles": ["a", "b"], "trigger": "p.t",
            "looked_at": 9, "since": AT, "events": 3, "matched": 0, "not_evaluated": 1, "last_event_at": AT,
            "failed": [{"path": "trigger.n", "operator": "gt", "count": 2, "text": "trigger.n gt 5"}],
            "last_enforcement": {
                "id": ID, "trigger_instance_id": ID, "status": "failed", "rule": {"ref": "p.r", "id": ID},
                "enforced_at": AT,
            },
            "came_of_it": "no such action",
        });
        let least = json!({"rule": "p.r", "verdict": "does not fire", "trigger": "p.t"});
        for (answer, expected) in [
            (
                whole,
                &[
                    "p.r: does not fire: a",
                    "  also: b",
                    "  looked through the last 9 events of its trigger type since 2026-11-20T12:00:00Z: 3 events of \
                     its trigger, none matches it as it is now",
                    "  last event of its trigger: 2026-11-20T12:00:00Z",
                    "  2 times: trigger.n gt 5",
                    "  not evaluated here, as too large or too long: 1 event",
                    "  last enforcement: 65a000000000000000000001 failed at 2026-11-20T12:00:00Z, on event \
                     65a000000000000000000001",
                    "    then: no such action",
                ][..],
            ),
            (least, &["p.r: does not fire"]),
        ] {
            assert_eq!(lines(&serde_json::from_value(answer).unwrap()), expected);
        }
    }
}
