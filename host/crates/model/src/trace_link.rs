//! Links of traces: small rows by which members of a trace are found that no other row leads to.
//!
//! Most traces need none. One that begins here has the id of its event or execution; the event has its enforcements, these
//! their executions, and those their children. Links are for what came in with a trace that was there before (the sender's,
//! that of what an internal event reports, that of the original of a rerun), and for tags. They are stored in the commit of
//! their event or execution, and deleted with it.

use serde::{Deserialize, Serialize};

use crate::{Execution, ExecutionId, Id, TraceId, TraceTag, TriggerInstance, TriggerInstanceId};

/// A link. All of it is in its key, so that links of a trace, and of a tag, are neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLink {
    /// `m:TRACE:IDe` for an event of the trace, `m:TRACE:IDx` for an execution; `t:TAG`, a zero byte, `TRACE:ID` for a
    /// member that was given the tag. No tag has a zero byte.
    pub key: String,
}

/// A member of a trace that a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkedTo {
    /// An event.
    Event(TriggerInstanceId),
    /// An execution.
    Execution(ExecutionId),
}

impl TraceLink {
    /// The links of an event: none unless it came in with a trace or a tag.
    pub fn of_event(event: &TriggerInstance) -> Vec<Self> {
        let member = event.trace.map(|trace| Self { key: format!("{}{}e", Self::before(trace), event.id) });
        let tagged = event.trace_tag.as_ref().map(|tag| Self::tagged(tag, event.trace_id(), event.id.0));
        member.into_iter().chain(tagged).collect()
    }

    /// The links of an execution: none of one inside a workflow, or that an enforcement names.
    pub fn of_execution(execution: &Execution) -> Vec<Self> {
        let context = &execution.context;
        // The enforcement names only the first attempt.
        let is_enforced = context.trigger_instance.is_some() && context.policies.retry.is_none();
        if execution.parent.is_some() || is_enforced {
            return Vec::new();
        }
        let id = execution.id;
        let member = context.trace.map(|trace| Self { key: format!("{}{id}x", Self::before(trace)) });
        let tagged = context.trace_tag.as_ref().map(|tag| Self::tagged(tag, execution.trace_id(), id.0));
        member.into_iter().chain(tagged).collect()
    }

    fn tagged(tag: &TraceTag, trace: TraceId, id: Id) -> Self {
        Self { key: format!("{}{trace}:{id}", Self::before_tagged(tag)) }
    }

    /// The beginning of the keys of all links to members of a trace. The link of the oldest comes first.
    pub fn before(trace: TraceId) -> String {
        format!("m:{trace}:")
    }

    /// The beginning of the keys of all links of a tag.
    pub fn before_tagged(tag: &TraceTag) -> String {
        format!("t:{tag}\0")
    }

    /// A text after the keys of all links of a tag to this trace, and before those to the next one.
    pub fn after_tagged(tag: &TraceTag, trace: TraceId) -> String {
        // The byte after the colon.
        format!("{}{trace};", Self::before_tagged(tag))
    }

    /// The member that this link of `trace` leads to; `None` for any other link.
    pub fn member(&self, trace: TraceId) -> Option<LinkedTo> {
        let rest = self.key.strip_prefix(&Self::before(trace))?;
        if let Some(id) = rest.strip_suffix('e') {
            return id.parse().ok().map(LinkedTo::Event);
        }
        rest.strip_suffix('x')?.parse().ok().map(LinkedTo::Execution)
    }

    /// The trace that this link of `tag` leads to, and its member with the tag; `None` for any other link.
    pub fn trace(&self, tag: &TraceTag) -> Option<(TraceId, Id)> {
        let (trace, id) = self.key.strip_prefix(&Self::before_tagged(tag))?.split_once(':')?;
        Some((trace.parse().ok()?, id.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn id(n: u64) -> Id {
        Id::from_parts(1, n)
    }

    fn event(more: &serde_json::Value) -> TriggerInstance {
        let mut whole = json!({
            "id": id(1), "trigger": "a.b", "trigger_type": "a.b", "occurrence_time": "2026-11-20T12:00:00Z",
            "payload": {}, "status": "processed",
        });
        let fields = whole.as_object_mut().unwrap();
        fields.extend(more.as_object().cloned().unwrap());
        // A payload is read from text alone.
        serde_json::from_str(&whole.to_string()).unwrap()
    }

    fn execution(context: &serde_json::Value, parent: &serde_json::Value) -> Execution {
        serde_json::from_value(json!({
            "id": id(2), "version": 1, "action": "a.b", "runner": "noop", "status": "requested",
            "context": context, "parent": parent, "requested_at": "2026-11-20T12:00:00Z",
        }))
        .unwrap()
    }

    #[test]
    fn what_is_found_without_links_has_none() {
        assert!(TraceLink::of_event(&event(&json!({}))).is_empty());
        let of_rule =
            json!({"trace": SENT, "trace_tag": "t", "trigger_instance": {"id": id(1), "name": "a.b"}});
        let parent = json!({"execution": id(1), "task": "t", "number": 0});
        for (context, parent) in [
            (json!({}), json!(null)),
            (of_rule, json!(null)),
            (json!({"trace": SENT, "trace_tag": "t"}), parent),
        ] {
            assert!(TraceLink::of_execution(&execution(&context, &parent)).is_empty());
        }
    }

    #[test]
    fn links_lead_to_members_by_trace_and_by_tag() {
        let (sent, tag): (TraceId, TraceTag) = (SENT.parse().unwrap(), "release: 7".parse().unwrap());
        let both = json!({"trace": SENT, "trace_tag": "release: 7"});
        let links = TraceLink::of_event(&event(&both));
        assert_eq!(links.len(), 2);
        assert_eq!(links[0].member(sent), Some(LinkedTo::Event(id(1).into())));
        assert_eq!((links[1].member(sent), links[1].trace(&tag)), (None, Some((sent, id(1)))));
        let links = TraceLink::of_execution(&execution(&both, &json!(null)));
        assert_eq!(links[0].member(sent), Some(LinkedTo::Execution(id(2).into())));
        assert_eq!((links[0].trace(&tag), links[1].trace(&tag)), (None, Some((sent, id(2)))));
        let begins = TraceLink::of_event(&event(&json!({"trace_tag": "release: 7"})));
        assert_eq!(begins.len(), 1);
        assert_eq!(begins[0].trace(&tag), Some((TraceId::from(id(1)), id(1))));
        assert!(links[1].key.starts_with(&TraceLink::before_tagged(&tag)));
        assert!(links[1].key < TraceLink::after_tagged(&tag, sent));
    }

    #[test]
    fn a_retry_that_a_rule_led_to_has_a_link_of_its_own() {
        let retry = json!({"applied_policy": "a.p", "retry_count": 1, "retried_liveaction_id": id(1)});
        let context = json!({
            "trace": SENT, "trigger_instance": {"id": id(1), "name": "a.b"}, "policies": {"retry": retry},
        });
        assert_eq!(TraceLink::of_execution(&execution(&context, &json!(null))).len(), 1);
    }
}
