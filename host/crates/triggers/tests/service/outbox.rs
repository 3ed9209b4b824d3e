//! Internal events: each end of an execution makes one if a rule listens, and each is taken once and in order, whatever
//! restarts or refuses in between. Nothing runs here, so the tests end executions themselves.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use petrel_executions::Queue;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Execution, InternalEvent, StatusEvent};
use petrel_persistence::{Change, StoreExt as _};
use petrel_triggers::{Emission, Options};
use serde_json::{Value, json};

use crate::{House, refused, rule};

/// A rule for the ends of executions.
pub(crate) fn after(name: &str, lines: &str) -> String {
    format!(
        "name: {name}\npack: house\nenabled: true\ntrigger: {{type: core.st2.generic.actiontrigger}}\n{lines}\
         action: {{ref: house.act, parameters: {{value: \"{{{{ trigger.status }}}}\"}}}}\n"
    )
}

/// The way of an execution that succeeds.
pub(crate) const SUCCEEDS: [StatusEvent; 2] = [StatusEvent::Started, StatusEvent::Succeeded];

/// Ends an execution, as its executor does.
pub(crate) async fn end(queue: &Queue, mut execution: Execution, moves: &[StatusEvent], result: Value) {
    for event in moves {
        execution.apply(*event, queue.core().now()).unwrap();
    }
    assert!(execution.status.is_final());
    execution.result = Some(Arc::new(result));
    queue.commit(Vec::new(), vec![Change::UpdateExecution(execution)]).await.unwrap();
}

impl House {
    /// Starts to take what is in the outbox.
    pub(crate) async fn start_outbox(&self) {
        self.core.spawn("outbox", self.triggers.clone().run_outbox());
        self.settle().await;
    }

    /// Lets the outbox be taken up.
    pub(crate) async fn settle(&self) {
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }

    /// Ends a new execution with success.
    async fn act(&self, result: Value) {
        let accepted = self.post("sample", json!({})).await.unwrap();
        end(&self.queue, self.execution(&accepted).await, &SUCCEEDS, result).await;
    }

    /// The payloads of the events of actions, oldest first.
    async fn reports(&self) -> Vec<Value> {
        let mut events = self.events().await;
        events.reverse();
        let reports = events.iter().filter(|event| event.trigger_type.name() == "st2.generic.actiontrigger");
        reports.map(|event| event.payload.parse().unwrap()).collect()
    }

    /// An event of an action with this status, not yet stored.
    fn report(&self, status: &str) -> InternalEvent {
        let Value::Object(payload) = json!({"status": status}) else { panic!("not an object") };
        InternalEvent {
            id: self.core.mint(self.core.now()),
            kind: "core.st2.generic.actiontrigger".parse().unwrap(),
            payload,
            occurred_at: self.core.now(),
            trace: None,
            trace_tag: None,
            caused_by: None,
            depth: 1,
            shares: None,
        }
    }

    /// How much is in the outbox.
    pub(crate) async fn in_outbox(&self) -> usize {
        self.store.all::<InternalEvent>().await.unwrap().len()
    }
}

#[tokio::test]
async fn each_end_of_an_execution_makes_an_event() {
    let house = House::new().await;
    house.start_outbox().await;
    let with_secret = rule("r", "sample", "act", "")
        .replace("{ref: house.act}", "{ref: house.act, parameters: {number: 7, password: s3cret}}");
    house.rule(&with_secret).await;
    house.rule(&after("after", "")).await;
    for (moves, status) in [
        (&SUCCEEDS[..], "succeeded"),
        (&[StatusEvent::Started, StatusEvent::Failed], "failed"),
        (&[StatusEvent::Started, StatusEvent::TimedOut], "timeout"),
        (&[StatusEvent::Started, StatusEvent::Abandoned], "abandoned"),
        (&[StatusEvent::CancelRequested], "canceled"),
    ] {
        let accepted = house.post("sample", json!({})).await.unwrap();
        let execution = house.execution(&accepted).await;
        let (id, trace) = (execution.id, execution.trace_id());
        end(&house.queue, execution, moves, json!({"error": "s3cret is wrong"})).await;
        house.settle().await;
        let report = house.reports().await.pop().unwrap();
        assert_eq!(report["execution_id"], json!(id), "{status}");
        assert_eq!(report["status"], status);
        assert_eq!(report["action_ref"], "house.act");
        assert_eq!(report["runner_ref"], "idle");
        assert_eq!(report["parameters"], json!({"number": 7, "password": "********"}));
        assert_eq!(report["result"], json!({"error": "******** is wrong"}));
        assert_eq!(report["start_timestamp"], "2025-11-20 12:00:00+00:00");
        let led_to = house.executions().await.pop().unwrap();
        assert_eq!(led_to.parameters.get("value"), Some(&json!(status)));
        assert_eq!((led_to.trace_id(), led_to.context.event_depth), (trace, 1));
    }
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (5, 0));
}

#[tokio::test]
async fn nobody_listens_and_nothing_is_made() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.act(json!({})).await;
    house.rule(&after("after", "").replace("enabled: true", "enabled: false")).await;
    house.act(json!({})).await;
    assert_eq!(house.in_outbox().await, 0);
    house.catalog.set_rule_enabled("house.after", true).await.unwrap();
    house.act(json!({})).await;
    assert_eq!(house.in_outbox().await, 1);
}

#[tokio::test]
async fn only_the_ends_that_the_setting_names_make_events() {
    let executions = petrel_executions::Options {
        action_trigger_when: vec![petrel_model::Status::Failed],
        ..petrel_executions::Options::default()
    };
    let house = House::with(Options::default(), executions).await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    house.act(json!({})).await;
    assert_eq!(house.in_outbox().await, 0);
    let accepted = house.post("sample", json!({})).await.unwrap();
    let moves = [StatusEvent::Started, StatusEvent::Failed];
    end(&house.queue, house.execution(&accepted).await, &moves, json!({})).await;
    assert_eq!(house.in_outbox().await, 1);
}

#[tokio::test]
async fn what_is_left_is_taken_once_and_in_order_by_the_next_process() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    for n in 0..40 {
        house.act(json!({"n": n})).await;
    }
    assert_eq!((house.in_outbox().await, house.reports().await.len()), (40, 0));
    let next = house.next_process().await;
    next.start_outbox().await;
    let order: Vec<_> = next.reports().await.iter().map(|report| report["result"]["n"].clone()).collect();
    assert_eq!(order, (0..40).map(|n| json!(n)).collect::<Vec<_>>());
    assert_eq!((next.in_outbox().await, next.executions().await.len()), (0, 80));
    let last = next.next_process().await;
    last.start_outbox().await;
    assert_eq!((last.reports().await.len(), last.executions().await.len()), (40, 80));
}

#[tokio::test]
async fn what_was_left_at_a_restore_waits_with_what_is_held() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    house.act(json!({"n": 1})).await;
    house.clock.turn(Duration::from_secs(1));
    let restored = house.next_process().await;
    restored.store.hold(1);
    restored.start_outbox().await;
    restored.act(json!({"n": 2})).await;
    let taken = async || {
        restored.settle().await;
        let taken: Vec<_> =
            restored.reports().await.iter().map(|report| report["result"]["n"].clone()).collect();
        (taken, restored.in_outbox().await)
    };
    assert_eq!(taken().await, (vec![json!(2)], 1));
    restored.store.hold(0);
    restored.core.commit(Vec::new(), vec![Change::LiftHold]).await.unwrap();
    assert_eq!(taken().await, (vec![json!(2), json!(1)], 0));
}

#[tokio::test]
async fn what_is_refused_is_tried_again_and_what_can_never_be_taken_holds_up_nobody() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    let odd = InternalEvent {
        id: house.core.mint(house.core.now()),
        kind: "core.none".parse().unwrap(),
        payload: petrel_model::Object::new(),
        occurred_at: house.core.now(),
        trace: None,
        trace_tag: None,
        caused_by: None,
        depth: 0,
        shares: None,
    };
    house.core.commit(Vec::new(), vec![Change::put(odd)]).await.unwrap();
    house.act(json!({})).await;
    house.act(json!({})).await;
    house.store.refuse(3);
    house.start_outbox().await;
    for _ in 0..10 {
        house.clock.turn(Duration::from_secs(5));
        house.settle().await;
    }
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (2, 0));
}

/// A house in which one execution of each rule may wait.
async fn where_one_of_each_rule_may_wait() -> House {
    let executions = petrel_executions::Options {
        waiting_limit: 100,
        waiting_share: 1,
        ..petrel_executions::Options::default()
    };
    House::with(Options::default(), executions).await
}

#[tokio::test]
async fn what_waits_does_not_slow_down_what_comes_behind_it() {
    let house = where_one_of_each_rule_may_wait().await;
    house.rule(&after("full", "criteria: {trigger.status: {type: equals, pattern: slow}}\n")).await;
    for status in ["slow", "slow"].into_iter().chain(["other"; 64]) {
        let event = house.report(status);
        house.core.commit(Vec::new(), vec![Change::put(event)]).await.unwrap();
    }
    house.start_outbox().await;
    for _ in 0..6 {
        house.clock.turn(Duration::from_millis(100));
        house.settle().await;
    }
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (65, 1));
}

#[tokio::test]
async fn a_rule_whose_share_is_full_holds_up_nobody_however_much_waits_for_it() {
    let house = where_one_of_each_rule_may_wait().await;
    house.rule(&after("full", "criteria: {trigger.status: {type: equals, pattern: slow}}\n")).await;
    let put = async |status: &str, count: usize| {
        for _ in 0..count {
            let event = house.report(status);
            house.core.commit(Vec::new(), vec![Change::put(event)]).await.unwrap();
        }
    };
    put("slow", 300).await;
    put("other", 40).await;
    house.start_outbox().await;
    house.settle().await;
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (41, 299));
    put("other", 1).await;
    house.settle().await;
    assert_eq!(house.reports().await.len(), 42, "what comes later does not wait either");
    // It is taken one by one as the rule has room again.
    for taken in 0..3 {
        let open = house.executions().await.into_iter().find(|one| !one.status.is_final()).unwrap();
        let failed = [StatusEvent::Started, StatusEvent::Failed];
        let mut ended = open;
        for event in failed {
            ended.apply(event, house.core.now()).unwrap();
        }
        house.core.commit(Vec::new(), vec![Change::UpdateExecution(ended)]).await.unwrap();
        house.clock.turn(Duration::from_secs(5));
        house.settle().await;
        assert_eq!(house.reports().await.len(), 43 + taken);
    }
}

#[tokio::test]
async fn a_trace_has_only_so_many_events_of_events() {
    let house = House::with(
        Options { max_events_per_trace: 5, ..Options::default() },
        petrel_executions::Options::default(),
    )
    .await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    for name in ["one", "two"] {
        house.rule(&after(name, "")).await;
    }
    house.act(json!({})).await;
    for _ in 0..20 {
        house.settle().await;
        let Some(open) = house.executions().await.into_iter().find(|one| !one.status.is_final()) else {
            break;
        };
        end(&house.queue, open, &SUCCEEDS, json!({})).await;
    }
    house.settle().await;
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (5, 0), "the others are dropped");
    let trace = house.executions().await[0].trace_id();
    let sent = Emission {
        trigger: "core.st2.generic.actiontrigger".into(),
        trace: Some(trace),
        depth: 2,
        ..Emission::default()
    };
    let next = house.next_process().await;
    let (code, message) = refused(next.triggers.send(sent).await);
    assert_eq!(code, "invalid");
    assert!(message.contains("5 events") && message.contains("triggers.max_events_per_trace"), "{message}");
}

#[tokio::test]
async fn what_was_stored_is_taken_although_nobody_waited_for_it() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&after("after", "")).await;
    house.store.linger();
    let event = house.report("succeeded");
    {
        let mut commit = pin!(house.core.commit(Vec::new(), vec![Change::put(event)]));
        // The sender of a request goes away, for example.
        let first = std::future::poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await;
        assert!(first.is_pending());
    }
    house.settle().await;
    assert_eq!((house.reports().await.len(), house.in_outbox().await), (1, 0));
}

#[tokio::test]
async fn a_loop_of_rules_ends_and_that_is_told() {
    let house =
        House::with(Options { max_depth: 3, ..Options::default() }, petrel_executions::Options::default())
            .await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    // It sets itself off.
    house.rule(&after("again", "")).await;
    house.act(json!({})).await;
    for round in 0..6 {
        house.settle().await;
        let Some(open) = house.executions().await.into_iter().find(|one| !one.status.is_final()) else {
            assert_eq!(round, 3);
            break;
        };
        end(&house.queue, open, &SUCCEEDS, json!({})).await;
    }
    let depths: Vec<_> = house.executions().await.iter().map(|one| one.context.event_depth).collect();
    assert_eq!((depths, house.in_outbox().await), (vec![0, 1, 2, 3], 0));
    let mut told = Vec::new();
    for event in house.events().await.iter().filter(|event| event.depth > 0) {
        for id in &event.enforcements {
            let enforcement = house.triggers.reads().enforcement(*id).await.unwrap().unwrap();
            assert_eq!(enforcement.status, EnforcementStatus::Succeeded);
            told.push((
                event.depth,
                enforcement.note.is_some_and(|note| note.contains("triggers.max_depth")),
            ));
        }
    }
    assert_eq!(told, [(3, true), (2, false), (1, false)]);
}

#[tokio::test]
async fn what_is_too_large_is_left_out() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&after("after", "")).await;
    house.act(json!({"text": "x".repeat(300 << 10)})).await;
    house.settle().await;
    let report = &house.reports().await[0];
    assert_eq!((&report["result"], &report["left_out"]), (&Value::Null, &json!(["result"])));
}
