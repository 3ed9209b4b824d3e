//! Traces: all that came of an event is found by the rows that lead from one to the next, by its tag and by the trace of its
//! sender, and is gone with them. Only what no other row leads to has a link.

use std::time::Duration;

use petrel_model::{Id, TraceId, TraceLink, TraceTag};
use petrel_persistence::{Change, StoreExt as _};
use petrel_triggers::{Accepted, Cause, Event, MemberKind, Trace};
use serde_json::{Value, json};

use crate::outbox::{SUCCEEDS, after, end};
use crate::{House, rule};

const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

impl House {
    /// The trace of an event or execution, with up to so many members.
    async fn trace(&self, id: Id, most: usize) -> Trace {
        let begun = self.triggers.traces().of(id).await.unwrap().unwrap();
        self.triggers.traces().whole(begun, most).await.unwrap()
    }

    async fn links(&self) -> usize {
        self.store.all::<TraceLink>().await.unwrap().len()
    }

    /// Sends an event with a trace and a tag.
    async fn post_in(&self, trace: Option<&str>, tag: Option<&str>) -> Accepted {
        let event = Event::from(json!({"body": {}})).in_trace(trace.map(|trace| trace.parse().unwrap()));
        let event = event.tagged(tag.map(|tag| tag.parse().unwrap()));
        self.triggers.accept_webhook("sample", event).await.unwrap()
    }

    /// Ends the execution of an event, and lets what is reported of it be taken in.
    async fn succeed(&self, accepted: &Accepted) {
        end(&self.queue, self.execution(accepted).await, &SUCCEEDS, Value::Null).await;
        self.settle().await;
    }
}

fn kinds(trace: &Trace) -> Vec<&'static str> {
    let kind = |kind: &MemberKind| match kind {
        MemberKind::Event(_) => "event",
        MemberKind::Rule(..) => "rule",
        MemberKind::Execution(_) => "execution",
    };
    trace.members.iter().map(|member| kind(&member.kind)).collect()
}

#[tokio::test]
async fn the_story_of_an_event_goes_on_with_what_its_execution_sets_off() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    for tag in [None, Some("release")] {
        let before = house.links().await;
        let accepted = house.post_in(None, tag).await;
        assert_eq!(house.links().await - before, usize::from(tag.is_some()));
        house.succeed(&accepted).await;
        // The event of the end has a link to itself, and one by its tag.
        let of_internal = 1 + usize::from(tag.is_some());
        assert_eq!(house.links().await - before, usize::from(tag.is_some()) + of_internal);
        let execution = accepted.executions[0];
        let last = house.executions().await.pop().unwrap();
        for id in [accepted.id.0, execution.0, last.id.0] {
            let trace = house.trace(id, 100).await;
            assert_eq!(kinds(&trace), ["event", "rule", "execution", "event", "rule", "execution"]);
            assert_eq!((trace.begun.id, trace.is_cut, trace.unreadable), (accepted.id.0, false, 0));
            assert_eq!(trace.begun.trace, TraceId::from(accepted.id.0));
            let expected = tag.map_or_else(|| format!("trigger_instance-{}", accepted.id), str::to_owned);
            assert_eq!(trace.begun.shown_tag(), expected);
            assert_eq!(trace.members[0].cause, None);
            assert_eq!(trace.members[1].cause, Some(Cause::Event(accepted.id)));
            assert_eq!(trace.members[3].cause, Some(Cause::Execution(execution)));
            assert_eq!((trace.members[2].status, trace.members[5].status), ("succeeded", "requested"));
        }
        let handed_on = last.context.trace_tag.map(|tag| tag.to_string());
        assert_eq!(handed_on.as_deref(), tag);
    }
    let found = house.triggers.traces().tagged("release").await.unwrap();
    assert_eq!(found.len(), 1, "several members with a tag are one trace");
    assert_eq!(found[0].shown_tag(), "release");
    assert!(house.triggers.traces().tagged("releas").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_trace_of_a_sender_is_found_by_its_id_and_ends_where_it_is_cut() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let sent: TraceId = SENT.parse().unwrap();
    assert_eq!(house.triggers.traces().begun(sent).await.unwrap(), None);
    let first = house.post_in(Some(SENT), Some("a tag")).await;
    let second = house.post_in(Some(SENT), None).await;
    let begun = house.triggers.traces().begun(sent).await.unwrap().unwrap();
    assert_eq!(begun.id, first.id.0);
    let trace = house.trace(second.executions[0].0, 100).await;
    assert_eq!((trace.begun.clone(), trace.members.len()), (begun.clone(), 6));
    for (most, is_cut) in [(6, false), (5, true), (0, true)] {
        let trace = house.triggers.traces().whole(begun.clone(), most).await.unwrap();
        assert_eq!((trace.members.len(), trace.is_cut), (most, is_cut));
    }
    let tagged = house.triggers.traces().tagged("a tag").await.unwrap();
    assert_eq!(tagged.iter().map(|begun| begun.trace).collect::<Vec<_>>(), [sent]);
}

#[tokio::test]
async fn of_many_traces_with_a_tag_the_newest_are_found() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let old = house.post_in(None, Some("daily")).await;
    let tag: TraceTag = "daily".parse().unwrap();
    // In the order of the links they come before all others.
    let link = |n: u64| {
        let (before, trace) = (TraceLink::before_tagged(&tag), TraceId::from(Id::from_parts(1, n)));
        Change::put(TraceLink { key: format!("{before}{trace}:{}", old.id) })
    };
    house.core.commit(Vec::new(), (0..2_000).map(link).collect()).await.unwrap();
    house.clock.turn(Duration::from_secs(1));
    let new = house.post_in(None, Some("daily")).await;
    let found = house.triggers.traces().tagged("daily").await.unwrap();
    assert_eq!(found.first().map(|begun| begun.id), Some(new.id.0));
    assert_eq!(found.last().map(|begun| begun.id), Some(old.id.0));
}

#[tokio::test]
async fn the_list_has_each_trace_once_in_pages_from_either_end() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    let mut expected = Vec::new();
    for trace in [None, Some(SENT), None, Some(SENT), None] {
        let accepted = house.post_in(trace, None).await;
        house.succeed(&accepted).await;
        house.clock.turn(Duration::from_secs(1));
        expected.push(accepted.id.0);
    }
    // The second event of the sender's trace.
    expected.remove(3);
    for is_rising in [true, false] {
        let (mut found, mut at) = (Vec::new(), None);
        loop {
            let page = house.triggers.traces().page(at, is_rising, 3).await.unwrap();
            assert!(page.items.len() <= 3 && page.unreadable.is_empty());
            found.extend(page.items.into_iter().map(|begun| begun.id));
            at = page.next;
            if at.is_none() {
                break;
            }
        }
        if !is_rising {
            found.reverse();
        }
        assert_eq!(found, expected, "{is_rising}");
    }
    let of_rule = house.triggers.traces().of_rule(&"house.r".parse().unwrap()).await.unwrap();
    let of_rule: Vec<_> = of_rule.into_iter().rev().map(|begun| begun.id).collect();
    assert_eq!(of_rule, expected);
}

#[tokio::test]
async fn links_go_with_the_rows_that_they_lead_to() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let accepted = house.post_in(Some(SENT), Some("release")).await;
    assert_eq!(house.links().await, 2);
    house.clock.turn(Duration::from_secs(10));
    house.triggers.delete_old(None, house.core.now(), 10).await.unwrap();
    assert_eq!(house.links().await, 0);
    assert!(house.triggers.traces().tagged("release").await.unwrap().is_empty());
    // What is kept for longer is still shown, by its own id.
    let trace = house.trace(accepted.executions[0].0, 10).await;
    assert_eq!(kinds(&trace), ["execution"]);
    assert_eq!(trace.begun.trace.to_string(), SENT);
}
