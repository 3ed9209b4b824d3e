//! `petrel trigger why`: the lines that explain why rules did or did not match an event.

use petrel_api_types::Why;
use petrel_api_types::explanation::{Explanation, RefusedWebhook};

use crate::print;

/// Prints the explanation.
pub(super) fn explain(why: &Why<'_>) {
    lines(why).iter().for_each(|line| print::line(line));
}

/// The explanation: a line for each rule, and below it a line for each criterion and one for the outcome then.
fn lines(why: &Why<'_>) -> Vec<String> {
    let event = &why.trigger_instance;
    let mut lines = vec![format!("{} of {}", event.id, print::to_the_second(event.occurrence_time))];
    lines.push(if why.rules.is_empty() {
        "no rule listens to this trigger now".to_owned()
    } else {
        "with the present rules and datastore; its consequences stand after `then`".to_owned()
    });
    if let Some(RefusedWebhook { at, path, status, address }) = why.refused.last() {
        let count = why.refused.len();
        let address = address.map_or_else(String::new, |address| address.to_string());
        lines.push(format!(
            "refused since then: {count}; the last one, to {path} from {address}, with {status} at {at}"
        ));
    }
    lines.extend(why.rules.iter().flat_map(told));
    lines
}

/// The lines about one rule. The criterion that the verdict is about has the reason, so the verdict need not repeat it.
fn told(rule: &Explanation<'_>) -> Vec<String> {
    let verdict: &str = &rule.verdict;
    let failing = rule.criteria.iter().find(|criterion| !criterion.holds);
    let reason = failing.map(|criterion| &*criterion.text).filter(|reason| !reason.is_empty());
    let short = reason.and_then(|reason| verdict.strip_suffix(reason)?.strip_suffix(": "));
    let mut lines = vec![format!("{}: {}", rule.rule, short.unwrap_or(verdict))];
    lines.extend(rule.criteria.iter().map(|criterion| format!("  {}", criterion.text)));
    if !rule.came_of_it.is_empty() {
        lines.push(format!("  then: {}", rule.came_of_it));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use petrel_api_types::explanation::CriterionExplanation;
    use serde_json::json;

    use super::*;

    fn criterion(holds: bool, text: &'static str) -> CriterionExplanation<'static> {
        CriterionExplanation {
            path: "trigger.a".into(),
            operator: "exists".into(),
            pattern: Cow::default(),
            value: Cow::default(),
            holds,
            text: text.into(),
        }
    }

    #[test]
    fn a_reason_is_told_once_and_then_what_came_of_it() {
        let (holds, fails) = ("trigger.a exists holds", "trigger.b gt 5 does not hold: the value is 3");
        for (verdict, criteria, came_of_it, lines) in [
            (
                "does not match: trigger.b gt 5 does not hold: the value is 3",
                vec![criterion(true, holds), criterion(false, fails), criterion(true, holds)],
                "nothing was run",
                &[
                    "p.r: does not match",
                    "  trigger.a exists holds",
                    "  trigger.b gt 5 does not hold: the value is 3",
                    "  trigger.a exists holds",
                    "  then: nothing was run",
                ][..],
            ),
            (
                "matches: every criterion holds",
                vec![criterion(true, holds)],
                "execution 1 succeeded",
                &[
                    "p.r: matches: every criterion holds",
                    "  trigger.a exists holds",
                    "  then: execution 1 succeeded",
                ],
            ),
            (
                "does not match: it is disabled",
                vec![criterion(false, fails)],
                "",
                &["p.r: does not match: it is disabled", "  trigger.b gt 5 does not hold: the value is 3"],
            ),
        ] {
            let rule = Explanation {
                rule: "p.r".into(),
                matched: false,
                verdict: verdict.into(),
                came_of_it: came_of_it.into(),
                failure_reason: None,
                criteria,
            };
            assert_eq!(told(&rule), lines, "{verdict}");
        }
    }

    #[test]
    fn an_explanation_begins_with_the_event_and_what_was_refused_since() {
        let event = json!({
            "id": "65a000000000000000000001", "trigger": "core.x", "trigger_type": "core.x",
            "occurrence_time": "2026-11-20T12:00:00.123456Z", "payload": {}, "status": "processed",
        });
        let rule =
            json!({"rule": "p.r", "matched": false, "verdict": "does not match", "came_of_it": "nothing"});
        let refused = json!({
            "at": "2026-11-20T12:00:01Z", "path": "/api/v1/webhooks/x", "status": 401, "address": "127.0.0.1",
        });
        for (answer, expected) in [
            (
                json!({"trigger_instance": event, "rules": [rule], "refused": [refused]}),
                &[
                    "65a000000000000000000001 of 2026-11-20T12:00:00Z",
                    "with the present rules and datastore; its consequences stand after `then`",
                    "refused since then: 1; the last one, to /api/v1/webhooks/x from 127.0.0.1, with 401 at \
                     2026-11-20T12:00:01.000000Z",
                    "p.r: does not match",
                    "  then: nothing",
                ][..],
            ),
            (
                json!({"trigger_instance": event, "rules": []}),
                &["65a000000000000000000001 of 2026-11-20T12:00:00Z", "no rule listens to this trigger now"],
            ),
        ] {
            assert_eq!(lines(&serde_json::from_value(answer).unwrap()), expected);
        }
    }
}
