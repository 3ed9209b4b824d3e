//! Warnings about criteria, also those of the further events of a correlation and those inside a search: about names that
//! do not exist, and with patterns that nothing can be compared with.

use petrel_expressions::with_scope;
use petrel_model::Rule;
use petrel_model::nearest::nearest;
use petrel_model::quoted::quoted;
use petrel_model::rule::{Criteria, Criterion, Ordered};

use crate::compiled::CompiledCriterion;
use crate::pattern::Pattern;

/// The names that a criterion can begin with: the event and the datastore.
const ROOTS: [&str; 4] = ["trigger", "system", "user", "st2kv"];

/// The name that a criterion inside a search begins with.
const ITEM: [&str; 1] = ["item"];

/// The parts of the event of a webhook, by which the event is easily called.
const PARTS: [&str; 3] = ["body", "headers", "headers_lower"];

/// The criteria of `rule`, each with the event that it is about, in words: nothing for that of the rule's own trigger.
pub(super) fn all(rule: &Rule) -> impl Iterator<Item = (String, &str, &Criterion)> {
    let own = rule.criteria.iter().map(|(key, criterion)| (String::new(), key, criterion));
    let events = rule.correlation().into_iter().flat_map(|correlation| correlation.events.iter().enumerate());
    let further = events.flat_map(|(place, event)| {
        let criteria = event.criteria.iter();
        criteria.map(move |(key, criterion)| (format!(" of events[{place}]"), key, criterion))
    });
    own.chain(further)
}

/// The warnings about the criteria of `rule`.
pub(super) fn without_sense(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    for (of, key, criterion) in all(rule) {
        let path = quoted(key);
        if !has_known_root(key, &ROOTS) {
            found.push(format!("the criterion {path}{of} is about nothing that exists; {}", meant(key)));
        }
        misfits((&path, &of), key, criterion, &mut found);
    }
    found.into_iter().map(|said| format!("rule {}: {said}", rule.reference)).collect()
}

/// Adds the warnings about the pattern of a criterion, and about the criteria inside of it.
fn misfits((path, of): (&str, &str), key: &str, criterion: &Criterion, found: &mut Vec<String>) {
    let compiled = CompiledCriterion::compile(key, criterion);
    let Some(Ok(operator)) = &compiled.operator else { return };
    if let Pattern::Literal(pattern) = &compiled.pattern
        && let Some(misfit) = operator.misfit(pattern)
    {
        found.push(format!("the criterion {path}{of} never holds, and fails for each event: {misfit}"));
    }
    if compiled.search.is_none() {
        return;
    }
    let children: Option<Criteria> =
        criterion.pattern.as_ref().and_then(|pattern| serde_json::from_value(pattern.clone()).ok());
    for (key, child) in children.iter().flat_map(Ordered::iter) {
        let path = format!("{path}.{}", quoted(key));
        if !has_known_root(key, &ITEM) {
            found.push(format!(
                "the criterion {path}{of} is about nothing that exists; begin its key with item. for the item of the list"
            ));
        }
        misfits((&path, of), key, child, found);
    }
}

/// The remedy for a criterion whose key begins with nothing that exists.
fn meant(key: &str) -> String {
    let path = key.trim_start_matches("$.").split('#').next().unwrap_or_default();
    let root = path.split(['.', '[']).next().unwrap_or_default();
    if let Some(behind) = path.strip_prefix("st2kv.").filter(|behind| !behind.is_empty()) {
        return format!("did you mean st2kv.{}?", quoted(&with_scope(behind)));
    }
    if PARTS.contains(&root) {
        return format!("did you mean trigger.{}?", quoted(path));
    }
    match nearest(root, ROOTS).filter(|near| *near != root) {
        Some(near) => format!("did you mean {near}?"),
        None => {
            "begin its key with trigger. for the event, or with st2kv.system. for the datastore".to_owned()
        }
    }
}

/// Whether the key of a criterion begins with one of `roots`, and that of a key of the datastore with its scope.
fn has_known_root(key: &str, roots: &[&str]) -> bool {
    let key = key.trim_start_matches("$.");
    if let Some(path) = key.strip_prefix("st2kv.") {
        return ["system", "user"].iter().any(|scope| path.split(['.', '[', '#']).next() == Some(*scope));
    }
    let mut behind = roots.iter().filter_map(|root| key.strip_prefix(root));
    behind.any(|rest| rest.is_empty() || rest.starts_with(['.', '[', '#']))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::warnings;

    #[test]
    fn a_criterion_on_nothing_that_exists_is_told_with_what_is_meant() {
        for (key, says) in [
            ("trigger.body.x", None),
            ("triger.body.x", Some("did you mean trigger?")),
            ("body.x", Some("did you mean trigger.body.x?")),
            ("headers.Host#2", Some("did you mean trigger.headers.Host?")),
            ("st2kv.limit", Some("did you mean st2kv.system.limit?")),
            ("st2kv.systemd.unit", Some("did you mean st2kv.system.systemd.unit?")),
            (
                "st2kv.",
                Some("begin its key with trigger. for the event, or with st2kv.system. for the datastore"),
            ),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "criteria": {key: {"type": "exists"}}, "action": {"ref": "core.local"},
            });
            let told = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(told.len(), usize::from(says.is_some()), "{key}: {told:?}");
            assert!(says.is_none_or(|says| told[0].ends_with(says)), "{key}: {told:?}");
        }
    }

    #[test]
    fn a_criterion_about_nothing_is_warned_about() {
        for (key, is_fine) in [
            ("trigger.body.name", true),
            ("trigger", true),
            ("trigger['body']", true),
            ("$.trigger.body", true),
            ("system.limit", true),
            ("st2kv.system.limit", true),
            ("st2kv.system.limit#2", true),
            ("st2kv.limit", false),
            ("st2kv.systm.limit", false),
            ("body.name", false),
            ("triger.body", false),
            ("triggers.body", false),
            ("", false),
        ] {
            let rule = json!({
                "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
                "action": {"ref": "core.noop"}, "criteria": {key: {"type": "exists"}},
            });
            let said = warnings(&serde_json::from_value(rule).unwrap(), None);
            assert_eq!(said.is_empty(), is_fine, "{key}: {said:?}");
            let is_near = key.starts_with("trig");
            assert!(is_fine || said[0].contains("did you mean trigger?") == is_near, "{key}: {said:?}");
            let is_key = key.starts_with("st2kv.");
            assert!(
                is_fine || said[0].contains("did you mean st2kv.system.limit?") == is_key,
                "{key}: {said:?}"
            );
        }
    }

    #[test]
    fn a_pattern_that_nothing_is_compared_with_is_warned_about() {
        let of_item = |key: &str, pattern: Value| json!({"type": "search", "condition": "any", "pattern": {key: {"type": "td_lt", "pattern": pattern}}});
        for (criterion, says) in [
            (json!({"type": "timediff_lt", "pattern": 60}), None),
            (json!({"type": "timediff_lt", "pattern": "60.5"}), None),
            (json!({"type": "timediff_lt", "pattern": "{{ st2kv.system.age }}"}), None),
            (
                json!({"type": "timediff_lt", "pattern": "5m"}),
                Some(
                    "the criterion trigger.body.x never holds, and fails for each event: timediff_lt compares with a number of \
                     seconds, and the pattern is \"5m\"; write it as 300",
                ),
            ),
            (json!({"type": "td_gt", "pattern": "2 hours"}), Some("; write it as 7200")),
            (json!({"type": "td_gt", "pattern": "soon"}), Some("; write them as a number, such as 300")),
            (
                json!({"type": "startswith", "pattern": 5}),
                Some("startswith needs a text, and the pattern is of type"),
            ),
            (json!({"type": "startswith", "pattern": "5"}), None),
            (json!({"type": "regex", "pattern": ["a"]}), Some("regex needs a text")),
            (
                json!({"type": "in", "pattern": 5}),
                Some("inside needs a text, a list or an object to look in"),
            ),
            (json!({"type": "in", "pattern": [5]}), None),
            (json!({"type": "equals", "pattern": 5}), None),
            (json!({"type": "icontains", "pattern": null}), None),
            (of_item("item.at", json!(5)), None),
            (of_item("item.at", json!("1d")), Some("the criterion trigger.body.x.item.at never holds")),
            (of_item("at", json!(5)), Some("begin its key with item. for the item of the list")),
        ] {
            let event =
                json!({"trigger": {"type": "core.st2.webhook"}, "criteria": {"trigger.body.x": criterion}});
            let of_type = json!({"kind": "none_within", "within": "5m", "events": [event]});
            for (of, rule) in [
                ("", json!({"criteria": {"trigger.body.x": criterion}})),
                (" of events[0]", json!({"type": {"ref": "correlation", "parameters": of_type}})),
            ] {
                let mut rule = rule;
                rule["id"] = json!("000000000000000000000001");
                rule["ref"] = json!("p.r");
                rule["trigger"] = json!({"type": "core.st2.webhook"});
                rule["action"] = json!({"ref": "core.noop"});
                let told = warnings(&serde_json::from_value(rule).unwrap(), None);
                assert_eq!(told.len(), usize::from(says.is_some()), "{criterion}: {told:?}");
                let is_said = |says: &str| told[0].replacen(of, "", 1).contains(says) && told[0].contains(of);
                assert!(says.is_none_or(is_said), "{criterion}: {told:?}");
            }
        }
    }

    #[test]
    fn criteria_of_further_events_are_looked_at() {
        let event = json!({
            "trigger": {"type": "core.st2.webhook"},
            "criteria": {"body.x": {"type": "eq", "pattern": 1}, "trigger.body.x": {"type": "eq", "pattern": "{{ hos }}"}},
            "by": "{{ host }}",
        });
        let rule = json!({
            "id": "000000000000000000000001", "ref": "p.r", "trigger": {"type": "core.st2.webhook"},
            "type": {"ref": "correlation", "parameters": {
                "kind": "none_within", "within": "5m", "by": "{{ triger.body.host }}", "events": [event],
            }},
            "action": {"ref": "core.noop"},
        });
        let told = warnings(&serde_json::from_value(rule).unwrap(), None);
        let says = [
            "rule p.r: the criterion body.x of events[0] is about nothing that exists; did you mean trigger.body.x?",
            "rule p.r: the criterion trigger.body.x of events[0] cannot be checked: unknown name \"hos\"; known are trigger",
            "rule p.r: by of its correlation cannot be made: unknown name \"triger\"; did you mean \"trigger\"?",
            "rule p.r: events[0].by of its correlation cannot be made: unknown name \"host\"; known are trigger",
        ];
        assert_eq!(told.len(), says.len(), "{told:?}");
        assert!(told.iter().zip(says).all(|(told, says)| told.starts_with(says)), "{told:?}");
    }
}
