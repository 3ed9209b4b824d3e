//! The members of a trace as a tree: each below the one that led to it, with its status and its time.

use std::collections::{BTreeMap, BTreeSet};

use petrel_api_types::Trace;
use petrel_api_types::trace::Member;

use crate::print::{plain, to_the_second};

/// A tree, line by line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    /// The lines, indented.
    pub(super) lines: Vec<String>,
    /// The number of members that are too deep.
    pub(super) left_out: usize,
}

/// A member, with its kind for people.
struct Node<'t> {
    kind: &'static str,
    key: String,
    member: &'t Member<'t>,
}

/// The tree of a trace, down to a depth, with statuses in the form of `shown`.
pub(super) fn drawn(trace: &Trace<'_>, depth: usize, shown: impl Fn(&str) -> String) -> Drawn {
    let nodes = nodes(trace);
    let known: BTreeSet<_> = nodes.iter().map(|node| node.key.as_str()).collect();
    let mut below: BTreeMap<Option<String>, Vec<&Node<'_>>> = BTreeMap::new();
    for node in &nodes {
        // What led to it may be gone.
        let above = above(node.member).filter(|above| known.contains(above.as_str()));
        below.entry(above).or_default().push(node);
    }
    for children in below.values_mut() {
        children.sort_by_key(|node| node.member.updated_at);
    }
    let mut drawn = Drawn::default();
    let top = below.remove(&None).unwrap_or_default();
    let mut open: Vec<_> = top.into_iter().rev().map(|node| (0, node)).collect();
    while let Some((level, node)) = open.pop() {
        if level < depth {
            drawn.lines.push(format!("{}{}", "  ".repeat(level), line(node, &shown)));
        } else {
            drawn.left_out += 1;
        }
        // Each is taken once, so that no answer makes this go round in circles.
        let children = below.remove(&Some(node.key.clone())).unwrap_or_default();
        open.extend(children.into_iter().rev().map(|child| (level + 1, child)));
    }
    drawn
}

fn nodes<'t>(trace: &'t Trace<'t>) -> Vec<Node<'t>> {
    let events = trace.trigger_instances.iter().map(|member| {
        let key = format!("trigger_instance {}", member.object_id);
        Node { kind: "event", key, member }
    });
    let rules = trace.rules.iter().map(|member| {
        let key = format!("rule {}:{}", member.object_id, member.caused_by.id);
        Node { kind: "rule", key, member }
    });
    let executions = trace.action_executions.iter().map(|member| {
        let key = format!("action_execution {}", member.object_id);
        Node { kind: "execution", key, member }
    });
    events.chain(rules).chain(executions).collect()
}

/// The key of the member that led to this one, if it names one.
fn above(member: &Member<'_>) -> Option<String> {
    let cause = &member.caused_by;
    (!cause.kind.is_empty()).then(|| format!("{} {}", cause.kind, cause.id))
}

/// `KIND REF (task TASK)  STATUS  TIME  SECONDS  ID`, as far as these are known.
fn line(node: &Node<'_>, shown: impl Fn(&str) -> String) -> String {
    let Node { kind, member, .. } = node;
    let task = member.task.as_ref().map_or_else(String::new, |task| format!(" (task {})", plain(task)));
    let seconds = member.ended_at.map_or_else(String::new, |ended_at| {
        format!("  {:.3} s", ended_at.since(member.updated_at).as_secs_f64())
    });
    let id = member.enforcement.map_or_else(|| member.object_id.to_string(), |id| id.to_string());
    format!(
        "{kind} {}{task}  {}  {}{seconds}  {id}",
        plain(&member.reference),
        shown(&plain(&member.status)),
        to_the_second(member.updated_at)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(n: u32) -> String {
        format!("65a0000000000000000000{n:02}")
    }

    fn member(n: u32, reference: &str, cause: &Value, more: &Value) -> Value {
        let mut member = json!({
            "object_id": id(n), "ref": reference, "updated_at": format!("2026-11-20T12:00:{n:02}Z"),
            "caused_by": cause, "status": "succeeded",
        });
        member.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        member
    }

    /// A webhook, a rule on it, a workflow of two tasks, and an event of the end of the first task.
    fn trace() -> Trace<'static> {
        let none = json!({});
        let of = |kind: &str, cause: String| json!({"type": kind, "id": cause});
        let ended = json!({"ended_at": "2026-11-20T12:00:05.5Z"});
        let task = |name: &str| json!({"task": name});
        serde_json::from_value(json!({
            "id": format!("00000000{}", id(1)), "trace_tag": "", "start_timestamp": "2026-11-20T12:00:00Z",
            "trigger_instances": [
                member(6, "core.a", &of("action_execution", id(4)), &none),
                member(1, "core.st2.webhook", &none, &none),
            ],
            "rules": [member(2, "p.r", &of("trigger_instance", id(1)), &json!({"enforcement": id(9)}))],
            "action_executions": [
                member(3, "p.flow", &of("rule", format!("{}:{}", id(2), id(1))), &ended),
                member(5, "p.b", &of("action_execution", id(3)), &task("second")),
                member(4, "p.a", &of("action_execution", id(3)), &task("first")),
                member(7, "p.c", &of("action_execution", id(77)), &none),
            ],
        }))
        .unwrap()
    }

    #[test]
    fn each_member_stands_below_the_one_that_led_to_it() {
        let at = |n: u32| format!("2026-11-20T12:00:{n:02}Z");
        let expected = [
            format!("event core.st2.webhook  succeeded  {}  {}", at(1), id(1)),
            format!("  rule p.r  succeeded  {}  {}", at(2), id(9)),
            format!("    execution p.flow  succeeded  {}  2.500 s  {}", at(3), id(3)),
            format!("      execution p.a (task first)  succeeded  {}  {}", at(4), id(4)),
            format!("        event core.a  succeeded  {}  {}", at(6), id(6)),
            format!("      execution p.b (task second)  succeeded  {}  {}", at(5), id(5)),
            format!("execution p.c  succeeded  {}  {}", at(7), id(7)),
        ];
        assert_eq!(drawn(&trace(), 50, str::to_owned), Drawn { lines: expected.into(), left_out: 0 });
    }

    #[test]
    fn what_is_too_deep_is_counted() {
        let drawn = drawn(&trace(), 3, str::to_owned);
        assert_eq!((drawn.lines.len(), drawn.left_out), (4, 3));
    }

    #[test]
    fn an_answer_in_a_circle_has_an_end() {
        let mut trace = trace();
        trace.trigger_instances[1].caused_by = trace.trigger_instances[0].caused_by.clone();
        assert_eq!(drawn(&trace, 50, str::to_owned).lines.len(), 1);
    }
}
