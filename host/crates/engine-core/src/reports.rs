//! Reports of what the platform itself does, as internal events that are committed with it.

use petrel_model::{
    ExecutionId, InternalEvent, InternalEventId, Object, Ref, SharedPayload, Timestamp, TraceId, TraceTag,
    event_depth,
};
use petrel_persistence::Change;

use crate::ground::Core;

/// What an internal event reports, see [`Core::report`].
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The payload of the event.
    pub payload: Object,
    /// The trace of what is reported.
    pub trace: Option<TraceId>,
    /// The tag of that trace, if one was given.
    pub trace_tag: Option<TraceTag>,
    /// The execution that is reported.
    pub caused_by: Option<ExecutionId>,
    /// The depth of what is reported, see [`InternalEvent::depth`].
    pub depth: u32,
}

impl Core {
    /// The change that puts an internal event of the trigger type `kind` into the outbox, to be committed with what it
    /// reports. `None` when nobody listens to that trigger type; then `report` is not called. `None` also for an event that
    /// is deeper than [`deepest_event`](Self::deepest_event), which is likely a loop of rules.
    pub fn report(&self, kind: &str, at: Timestamp, report: impl FnOnce() -> Report) -> Option<Change> {
        self.reported(kind, at, report).map(Change::put)
    }

    /// As [`report`](Self::report), of one event for each of `each`: their payloads have these fields besides those of the
    /// report, which are stored once for all of them.
    pub fn report_each(
        &self,
        kind: &str,
        at: Timestamp,
        report: impl FnOnce() -> Report,
        each: impl IntoIterator<Item = Object>,
    ) -> Vec<Change> {
        let shared: InternalEventId = self.mint(at);
        let Some(mut event) = self.reported(kind, at, report) else { return Vec::new() };
        let mut each: Vec<_> = each.into_iter().collect();
        if each.len() < 2 {
            let own = each.pop();
            return own
                .map(|own| {
                    event.payload.extend(own);
                    Change::put(event)
                })
                .into_iter()
                .collect();
        }
        let payload = std::mem::take(&mut event.payload);
        let events: Vec<_> = each
            .into_iter()
            .map(|payload| InternalEvent {
                id: self.mint(at),
                payload,
                shares: Some(shared),
                ..event.clone()
            })
            .collect();
        let last = events.last().map_or(shared, |event| event.id);
        let common = Change::put(SharedPayload { id: shared, last, payload });
        std::iter::once(common).chain(events.into_iter().map(Change::put)).collect()
    }

    fn reported(&self, kind: &str, at: Timestamp, report: impl FnOnce() -> Report) -> Option<InternalEvent> {
        if !self.is_heard(kind) {
            return None;
        }
        let kind: Ref = kind.parse().ok()?;
        let Report { payload, trace, trace_tag, caused_by, depth } = report();
        let deepest = self.deepest_event();
        if event_depth::events(depth) > deepest {
            if let Some(left_out) = self.may_log("events that are too deep") {
                tracing::warn!(
                    kind = %kind,
                    trace = trace.map(tracing::field::display),
                    depth = event_depth::events(depth),
                    deepest,
                    left_out = Some(left_out).filter(|count| *count > 0),
                    hint = "a rule likely sets itself off by its action: let a criterion of it exclude that, or raise triggers.max_depth",
                    "an event is not made: too many events of actions led to it, one after the other"
                );
            }
            return None;
        }
        let (id, occurred_at) = (self.mint(at), at);
        let shares = None;
        Some(InternalEvent { id, kind, payload, occurred_at, trace, trace_tag, caused_by, depth, shares })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_persistence::{MemoryStore, StoreExt as _};
    use serde_json::json;

    use super::*;
    use crate::set_clock::SetClock;

    #[tokio::test]
    async fn an_event_is_reported_only_if_somebody_listens() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        let (heard, unheard) = ("core.st2.generic.actiontrigger", "core.st2.generic.notifytrigger");
        core.listen_to([heard.parse().unwrap()].into());
        assert_eq!([heard, unheard].map(|kind| core.is_heard(kind)), [true, false]);
        assert!(core.report(unheard, core.now(), || panic!("nobody listens")).is_none());
        let change = core.report(heard, core.now(), || Report { depth: 3, ..Report::default() }).unwrap();
        core.commit(Vec::new(), vec![change]).await.unwrap();
        core.outbox_filled().await;
        let stored = core.store().all::<InternalEvent>().await.unwrap();
        assert_eq!((stored[0].kind.as_str(), stored[0].depth), (heard, 3));
        core.limit_depth_of_events(2);
        for (depth, is_made) in [(2, true), (3, false)] {
            let made = core.report(heard, core.now(), || Report { depth, ..Report::default() });
            assert_eq!(made.is_some(), is_made, "{depth}");
        }
    }

    #[test]
    fn what_payloads_have_in_common_is_stored_once() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        let kind = "core.st2.generic.notifytrigger";
        let object = |value: serde_json::Value| value.as_object().cloned().unwrap();
        let made = |each: Vec<Object>| {
            let report = || Report { payload: object(json!({"message": "m"})), ..Report::default() };
            core.report_each(kind, core.now(), report, each)
        };
        let route = |name: &str| object(json!({"route": name}));
        assert!(made(vec![route("a"), route("b")]).is_empty(), "nobody listens");
        core.listen_to([kind.parse().unwrap()].into());
        assert!(made(Vec::new()).is_empty());
        let payloads = |changes: Vec<Change>| -> Vec<serde_json::Value> {
            let stored = changes.into_iter().map(|change| match change {
                Change::Put(petrel_persistence::Document::InternalEvent(event)) => json!(event.payload),
                Change::Put(petrel_persistence::Document::SharedPayload(shared)) => json!([shared.payload]),
                other => panic!("{other:?}"),
            });
            stored.collect()
        };
        assert_eq!(payloads(made(vec![route("a")])), [json!({"message": "m", "route": "a"})]);
        let both = payloads(made(vec![route("a"), route("b")]));
        assert_eq!(both, [json!([{"message": "m"}]), json!({"route": "a"}), json!({"route": "b"})]);
    }
}
