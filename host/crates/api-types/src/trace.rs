//! Traces: all that came of one event or request, as StackStorm shows it, with the status and the end of each member.

use std::borrow::Cow;

use petrel_model::{EnforcementId, Id, Timestamp, TraceId};
use serde::{Deserialize, Serialize};

/// A trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace<'a> {
    /// The tag that it was given, or else one that says how it began.
    #[serde(default)]
    pub trace_tag: Cow<'a, str>,
    /// The events.
    #[serde(default)]
    pub trigger_instances: Vec<Member<'a>>,
    /// The rules that matched them, or could not be evaluated.
    #[serde(default)]
    pub rules: Vec<Member<'a>>,
    /// The executions.
    #[serde(default)]
    pub action_executions: Vec<Member<'a>>,
    /// The time of the event or request that it began with.
    pub start_timestamp: Timestamp,
    /// Its id.
    pub id: TraceId,
    /// `trace:` and the id.
    #[serde(default)]
    pub uid: Cow<'a, str>,
    /// Whether it has more members than are here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cut: bool,
    /// The number of members that cannot be read.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unreadable: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A member of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member<'a> {
    /// The id of the event, of the rule or of the execution.
    pub object_id: Id,
    /// The trigger, the rule or the action.
    #[serde(rename = "ref")]
    pub reference: Cow<'a, str>,
    /// The time at which it came in.
    pub updated_at: Timestamp,
    /// The member that led to it.
    #[serde(default)]
    pub caused_by: Cause<'a>,
    /// Its status, beyond StackStorm, as all that follows.
    #[serde(default)]
    pub status: Cow<'a, str>,
    /// The time of its end, for an execution that has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// The task of its workflow that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<Cow<'a, str>>,
    /// The enforcement of the rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcement: Option<EnforcementId>,
}

/// The member that led to another one; empty for what the trace began with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cause<'a> {
    /// `trigger_instance`, `rule` or `action_execution`.
    #[serde(rename = "type", default, skip_serializing_if = "str::is_empty")]
    pub kind: Cow<'a, str>,
    /// Its id; that of a rule is followed by a colon and the id of the event.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub id: Cow<'a, str>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_trace_is_shown_as_in_stackstorm() {
        const ID: &str = "65a000000000000000000001";
        let at: Timestamp = noun(json!("2026-11-20T12:00:00.000000Z"));
        let of = |kind: &'static str, id: &'static str| Cause { kind: kind.into(), id: id.into() };
        let member = |caused_by: Cause<'static>| Member {
            object_id: noun(json!(ID)),
            reference: "a.b".into(),
            updated_at: at,
            caused_by,
            status: "succeeded".into(),
            ended_at: None,
            task: None,
            enforcement: None,
        };
        let ended = Member { ended_at: Some(at), task: Some("t".into()), ..member(of("rule", "1:2")) };
        let trace = Trace {
            trace_tag: "release".into(),
            trigger_instances: vec![member(Cause::default())],
            rules: vec![Member { enforcement: Some(noun(json!(ID))), ..member(of("trigger_instance", "1")) }],
            action_executions: vec![ended],
            start_timestamp: at,
            id: noun(json!(format!("00000000{ID}"))),
            uid: "trace:1".into(),
            is_cut: false,
            unreadable: 0,
        };
        let shown = |cause: serde_json::Value| json!({"object_id": ID, "ref": "a.b", "updated_at": at, "caused_by": cause, "status": "succeeded"});
        let with = |mut shown: serde_json::Value, more: serde_json::Value| {
            shown.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
            shown
        };
        let rule = with(shown(json!({"type": "trigger_instance", "id": "1"})), json!({"enforcement": ID}));
        let run = with(shown(json!({"type": "rule", "id": "1:2"})), json!({"ended_at": at, "task": "t"}));
        assert_shown_as::<Trace<'static>>(
            &trace,
            &json!({
                "trace_tag": "release",
                "trigger_instances": [shown(json!({}))],
                "rules": [rule],
                "action_executions": [run],
                "start_timestamp": at,
                "id": format!("00000000{ID}"),
                "uid": "trace:1",
            }),
        );
        let cut = Trace { is_cut: true, unreadable: 1, ..trace };
        let text = serde_json::to_string(&cut).unwrap();
        assert!(text.contains(r#""is_cut":true,"unreadable":1"#), "{text}");
    }
}
