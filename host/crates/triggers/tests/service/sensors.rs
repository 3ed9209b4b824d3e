//! Sensors on a clock that the test turns: they are polled when they are due, no event is lost or taken twice, and none
//! of them keeps the others from their turn. The clock begins at 12:00:00.

mod apart;
mod told;

use std::sync::Arc;
use std::time::Duration;

use petrel_model::{ExecutionId, InternalEvent, SensorState, TraceId, TraceTag};
use petrel_persistence::StoreExt as _;
use petrel_runners::sensors::{
    Emitted, EmittedBy, Emitter as _, NotEmitted, Received, SensorKind, SensorRunner,
};
use petrel_triggers::{Health, Options, SensorRunners, ShownSensor};
use serde_json::json;

use crate::source::{Source, Step, seen};
use crate::{House, refused};

/// A bit more than the interval of the sensors: they are polled up to a twentieth later.
const INTERVAL: u64 = 10_500;

fn runners(source: &Arc<Source>) -> SensorRunners {
    [Arc::clone(source) as Arc<dyn SensorRunner>].into()
}

fn at_most(waiting_limit: usize) -> petrel_executions::Options {
    petrel_executions::Options { waiting_limit, waiting_share: 100, ..Default::default() }
}

impl House {
    /// A house with a pack that has so many sensors, `S0` and so on, which run.
    async fn with_sensors(source: &Arc<Source>, count: usize) -> Self {
        Self::with_busy_sensors(source, count, at_most(100_000)).await
    }

    async fn with_busy_sensors(
        source: &Arc<Source>,
        count: usize,
        executions: petrel_executions::Options,
    ) -> Self {
        let house = Self::watching(Options::default(), executions, runners(source)).await;
        house.feed(count, "true").await;
        house.start_sensors().await;
        house
    }

    /// Registers the pack `feed` with sensors.
    async fn feed(&self, count: usize, enabled: &str) {
        let files: Vec<_> = (0..count)
            .map(|number| {
                let text = format!(
                    "class_name: S{number}\nentry_point: s.wasm\npoll_interval: 10\nenabled: {enabled}\ntrigger_types:\n  - \
                     {{name: seen, payload_schema: {{type: object, properties: {{n: {{type: integer, required: true}}}}}}}}\n"
                );
                (format!("sensors/s{number}.yaml"), text)
            })
            .chain([("sensors/s.wasm".to_owned(), String::new())])
            .collect();
        self.write_pack("feed", &files);
        self.register("feed").await;
    }

    /// Starts the sensors, and lets them begin.
    async fn start_sensors(&self) {
        self.core.spawn("sensors", self.triggers.clone().run_sensors());
        self.rest_sensors().await;
    }

    /// Turns the clock, and lets what is due by then happen.
    async fn turn_sensors(&self, milliseconds: u64) {
        self.clock.turn(Duration::from_millis(milliseconds));
        self.rest_sensors().await;
    }

    /// Lets all tasks go on until they wait for the clock, or for ever.
    async fn rest_sensors(&self) {
        for _ in 0..5_000 {
            tokio::task::yield_now().await;
        }
    }

    fn sensor(&self) -> ShownSensor {
        self.triggers.sensor("feed.S0").unwrap()
    }

    /// The numbers of all events of sensors, oldest first.
    async fn seen(&self) -> Vec<u64> {
        let mut events = self.events().await;
        events.reverse();
        let events = events.iter().filter(|event| event.trigger_type.as_str() == "feed.seen");
        events.map(|event| event.payload.parse().unwrap()["n"].as_u64().unwrap()).collect()
    }

    async fn stored_states(&self) -> Vec<SensorState> {
        self.store.all().await.unwrap()
    }

    /// Makes a rule for the events of sensors.
    async fn rule_on_seen(&self) {
        self.rule(
            "name: r\npack: house\nenabled: true\ntrigger: {type: feed.seen}\naction: {ref: house.act}\n",
        )
        .await;
    }
}

#[tokio::test]
async fn a_sensor_is_polled_at_its_interval_and_its_cursor_goes_with_its_events() {
    let source = Source::new(SensorKind::Poll);
    source.add(0..2);
    let house = House::with_sensors(&source, 1).await;
    assert_eq!(house.seen().await, [0, 1]);
    house.turn_sensors(9_999).await;
    assert_eq!(source.asked(), [("S0".to_owned(), None)]);
    source.add(2..3);
    house.turn_sensors(501).await;
    assert_eq!(source.asked(), [("S0".to_owned(), Some(json!(2)))]);
    assert_eq!(house.seen().await, [0, 1, 2]);
    let shown = house.sensor();
    assert_eq!((shown.health, shown.kind, shown.state.events), (Health::Ok, Some("poll"), 3));
    let before = house.stored_states().await;
    assert_eq!((before[0].cursor.as_deref(), before[0].polls), (Some(&json!(3)), 2));
    // What brings nothing new is not stored.
    house.turn_sensors(INTERVAL).await;
    assert_eq!((house.sensor().state.polls, house.stored_states().await), (3, before));
    let lines = house.triggers.sensor_lines("feed.S0").unwrap();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["asked"; 3]);
}

#[tokio::test]
async fn the_next_process_goes_on_where_this_one_was() {
    let source = Source::new(SensorKind::Poll);
    source.add(0..5);
    let house = House::with_sensors(&source, 1).await;
    source.add(5..8);
    source.asked();
    let next = house.next_process().await;
    next.start_sensors().await;
    assert!(source.asked().is_empty(), "it is not due yet");
    next.turn_sensors(INTERVAL).await;
    assert_eq!(source.asked(), [("S0".to_owned(), Some(json!(5)))]);
    assert_eq!(next.seen().await, (0..8).collect::<Vec<_>>());
    assert_eq!(next.sensor().state.events, 8);
}

#[tokio::test]
async fn events_that_cannot_be_stored_are_held_and_the_sensor_is_not_polled_again() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    source.add(0..3);
    house.store.refuse(2);
    house.turn_sensors(INTERVAL).await;
    assert_eq!((house.seen().await.len(), house.sensor().health), (0, Health::Held));
    assert!(house.sensor().held.unwrap().contains("disk is full"));
    source.asked();
    house.turn_sensors(100).await;
    house.turn_sensors(200).await;
    assert_eq!((house.seen().await, house.sensor().health), (vec![0, 1, 2], Health::Ok));
    assert!(source.asked().is_empty());
}

#[tokio::test]
async fn while_too_much_waits_events_are_held() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_busy_sensors(&source, 1, at_most(1)).await;
    house.rule_on_seen().await;
    source.add(0..1);
    house.turn_sensors(INTERVAL).await;
    source.add(1..2);
    house.turn_sensors(INTERVAL).await;
    assert_eq!((house.seen().await, house.sensor().health), (vec![0], Health::Held));
    assert!(house.sensor().held.unwrap().contains("engine.waiting_limit"));
    house.fail_first().await;
    house.turn_sensors(5_000).await;
    assert_eq!((house.seen().await, house.sensor().health), (vec![0, 1], Health::Ok));
}

#[tokio::test]
async fn sensors_whose_events_are_held_keep_no_other_from_its_turn() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_busy_sensors(&source, 12, at_most(1)).await;
    house.rule_on_seen().await;
    source.add(0..1);
    source.asked();
    house.turn_sensors(INTERVAL).await;
    // The first one has filled the queue, and the others wait; eight turns at once are the limit.
    let held = house.triggers.all_sensors().iter().filter(|shown| shown.health == Health::Held).count();
    assert_eq!((source.asked().len(), house.seen().await.len() + held), (12, 12));
    assert!(held > 8, "{held}");
    assert!(source.most_at_once() <= 8, "{}", source.most_at_once());
}

#[tokio::test]
async fn of_very_many_events_the_cursor_is_stored_with_the_last_ones() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    source.add(0..1_200);
    house.turn_sensors(INTERVAL).await;
    assert_eq!(house.seen().await, (0..1_200).collect::<Vec<_>>());
    assert_eq!(house.stored_states().await[0].cursor.as_deref(), Some(&json!(1_200)));
    assert_eq!(house.sensor().state.events, 1_200);
    let too_many = (0..10_001).map(|n| seen(json!({"n": n}))).collect();
    source.next([Step::Bring(too_many)]);
    house.turn_sensors(INTERVAL).await;
    let error = house.sensor().state.last_error.unwrap();
    assert!(error.code == "limit.events" && error.message.contains("10000 is the limit"), "{error:?}");
    assert_eq!(house.sensor().state.events, 1_200);
}

#[tokio::test]
async fn of_events_that_are_stored_in_part_all_come_again_and_none_is_lost() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    source.add(0..1_200);
    house.clock.turn(Duration::from_millis(INTERVAL));
    while house.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    house.store.refuse(usize::MAX);
    house.rest_sensors().await;
    assert_eq!(house.seen().await.len(), 500);
    assert_eq!(house.stored_states().await[0].cursor.as_deref(), Some(&json!(0)));
    house.store.refuse(0);
    let next = house.next_process().await;
    next.start_sensors().await;
    next.turn_sensors(INTERVAL).await;
    assert_eq!(next.seen().await.len(), 500 + 1_200);
    assert_eq!(next.stored_states().await[0].cursor.as_deref(), Some(&json!(1_200)));
}

#[tokio::test]
async fn a_sensor_that_fails_is_tried_again_without_end() {
    let source = Source::new(SensorKind::Poll);
    source.next(vec![Step::Fail; 11]);
    let house = House::with_sensors(&source, 1).await;
    for (failures, seconds) in (1..).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 300]) {
        let shown = house.sensor();
        assert_eq!((shown.health, shown.state.failures), (Health::Failing, failures));
        assert_eq!(house.stored_states().await[0].failures, failures);
        source.asked();
        house.turn_sensors(seconds * 1_000 - 1).await;
        assert!(source.asked().is_empty(), "{seconds}");
        house.turn_sensors(1).await;
        assert_eq!(source.asked().len(), 1, "{seconds}");
    }
    source.add(0..1);
    house.turn_sensors(300_000).await;
    let shown = house.sensor();
    assert_eq!((shown.health, shown.state.failures, house.seen().await), (Health::Ok, 0, vec![0]));
    assert_eq!(shown.state.last_error.unwrap().message, "no answer");
}

#[tokio::test]
async fn a_poll_that_never_ends_is_ended_and_holds_up_no_other() {
    let source = Source::new(SensorKind::Poll);
    source.next([Step::Hang]);
    let house = House::with_sensors(&source, 2).await;
    source.add(0..1);
    house.turn_sensors(INTERVAL).await;
    assert_eq!(house.seen().await, [0], "the other one");
    assert!(house.sensor().is_running);
    house.turn_sensors(51_000).await;
    house.turn_sensors(1_000).await;
    let error = house.sensor().state.last_error.unwrap();
    assert!(error.code == "timeout" && error.hint.contains("sensors.poll_timeout"), "{error:?}");
    house.turn_sensors(1_000).await;
    assert_eq!((house.sensor().health, house.sensor().state.events), (Health::Ok, 1));
}

#[tokio::test]
async fn an_event_that_does_not_fit_is_counted_and_the_others_are_taken() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    let foreign = |trigger: &str| Emitted { trigger: trigger.into(), ..seen(json!({"n": 9})) };
    let twice = Emitted { dedup_key: Some("k".into()), ..seen(json!({"n": 3})) };
    source.next([Step::Bring(vec![
        seen(json!({"n": 1})),
        seen(json!({"n": "x"})),
        seen(json!(1)),
        foreign("core.st2.webhook"),
        foreign("sen"),
        twice.clone(),
        twice,
        Emitted { trigger: "feed.seen".into(), ..seen(json!({"n": 2})) },
    ])]);
    house.turn_sensors(INTERVAL).await;
    assert_eq!(house.seen().await, [1, 3, 2]);
    let state = house.sensor().state;
    assert_eq!((state.events, state.refused, state.failures), (3, 4, 0));
    assert!(state.last_error.is_some());
}

#[tokio::test]
async fn a_sensor_whose_events_are_all_refused_says_so() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    let (wrong, right) = (seen(json!({"n": "x"})), seen(json!({"n": 1})));
    let keyed = Emitted { dedup_key: Some("k".into()), ..right.clone() };
    for (brought, health, refused) in [
        (vec![wrong.clone(), wrong.clone()], Health::Refusing, 2),
        // Nothing new says nothing about what comes next.
        (vec![], Health::Refusing, 2),
        (vec![wrong.clone(), right], Health::Ok, 3),
        (vec![wrong.clone()], Health::Refusing, 4),
        (vec![keyed.clone()], Health::Ok, 4),
        (vec![wrong.clone()], Health::Refusing, 5),
        // It is known, and so it fits.
        (vec![keyed], Health::Ok, 5),
        (vec![wrong], Health::Refusing, 6),
    ] {
        source.next([Step::Bring(brought)]);
        house.turn_sensors(INTERVAL).await;
        let shown = house.sensor();
        assert_eq!((shown.health, shown.state.refused), (health, refused));
        let error = shown.state.last_error.unwrap();
        assert!(error.code == "event.refused" && error.hint.contains("payload_schema"), "{error:?}");
    }
    assert!(house.stored_states().await[0].refusing);
    house.triggers.restart_sensor("feed.S0").await.unwrap();
    house.rest_sensors().await;
    assert_eq!(house.sensor().health, Health::Ok);
}

#[tokio::test]
async fn an_event_is_emitted_by_its_own_pack_alone() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    let by = "feed.S0".parse().unwrap();
    let id = house.triggers.emit("feed", &by, seen(json!({"n": 4}))).await.unwrap();
    assert_eq!(house.events().await[0].id, id);
    let foreign = Emitted { trigger: "feed.seen".into(), ..seen(json!({"n": 4})) };
    for (pack, event, is_denied) in [
        ("house", foreign, true),
        ("house", seen(json!({"n": 4})), false),
        ("feed", seen(json!({"m": 4})), false),
    ] {
        let why = house.triggers.emit(pack, &by, event).await.unwrap_err();
        assert_eq!(matches!(why, NotEmitted::Denied(_)), is_denied, "{why}");
        assert!(is_denied || matches!(why, NotEmitted::Invalid(_)), "{why}");
    }
    assert_eq!((house.seen().await, house.sensor().state.events), (vec![4], 1));
}

#[tokio::test]
async fn what_an_action_emits_belongs_to_the_trace_of_its_execution_unless_it_names_one() {
    const OTHER: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let house = House::with_sensors(&Source::new(SensorKind::Poll), 1).await;
    let by = "feed.acts".parse().unwrap();
    let execution: ExecutionId = house.core.mint(house.core.now());
    let own = TraceId::from(execution.0);
    let emitted_by = EmittedBy { execution, trace: own, trace_tag: "release".parse().ok() };
    for (named, trace, tag) in [
        (None, own, Some("release")),
        (Some("other"), own, Some("other")),
        (Some(OTHER), OTHER.parse().unwrap(), None),
    ] {
        let event = Emitted { trace_tag: named.map(str::to_owned), depth: 1, ..seen(json!({"n": 4})) };
        let event = Emitted { emitted_by: Some(emitted_by.clone()), ..event };
        house.triggers.emit("feed", &by, event).await.unwrap();
        let stored = house.events().await.remove(0);
        assert_eq!((stored.trace_id(), stored.caused_by), (trace, Some(execution)), "{named:?}");
        assert_eq!(stored.trace_tag.as_ref().map(TraceTag::as_str), tag, "{named:?}");
    }
}

#[tokio::test]
async fn what_actions_emit_counts_among_the_events_of_their_trace() {
    let options = Options { max_events_per_trace: 2, ..Options::default() };
    let source = Source::new(SensorKind::Poll);
    let house = House::watching(options, at_most(100_000), runners(&source)).await;
    house.feed(1, "true").await;
    let by = "feed.acts".parse().unwrap();
    let execution: ExecutionId = house.core.mint(house.core.now());
    let emitted_by = EmittedBy { execution, trace: TraceId::from(execution.0), trace_tag: None };
    // What no event of an action has led to is no loop.
    for (depth, is_refused) in [(2, false), (2, false), (2, true), (1, false), (3, true)] {
        let event = Emitted { depth, emitted_by: Some(emitted_by.clone()), ..seen(json!({"n": depth})) };
        let emitted = house.triggers.emit("feed", &by, event).await;
        assert_eq!(emitted.is_err(), is_refused, "{depth}: {emitted:?}");
        let told = emitted.err().map(|why| why.to_string()).unwrap_or_default();
        assert_eq!(told.contains("triggers.max_events_per_trace"), is_refused, "{told}");
    }
}

#[tokio::test]
async fn operators_switch_sensors_and_have_them_begin_anew() {
    let source = Source::new(SensorKind::Poll);
    source.add(0..2);
    let house = House::with_sensors(&source, 1).await;
    house.catalog.set_sensor_enabled("feed.S0", false).await.unwrap();
    house.rest_sensors().await;
    source.asked();
    house.turn_sensors(60_000).await;
    assert!(source.asked().is_empty());
    assert_eq!(house.sensor().health, Health::Disabled);
    assert_eq!(refused(house.triggers.poll_sensor("feed.S0")).0, "conflict");
    // It stays so when the pack is registered again.
    house.feed(1, "true").await;
    house.turn_sensors(60_000).await;
    assert!(source.asked().is_empty());
    house.catalog.set_sensor_enabled("feed.S0", true).await.unwrap();
    house.rest_sensors().await;
    assert_eq!(source.asked(), [("S0".to_owned(), Some(json!(2)))]);
    house.triggers.poll_sensor("feed.S0").unwrap();
    house.rest_sensors().await;
    assert_eq!(source.asked(), [("S0".to_owned(), Some(json!(2)))]);
    house.triggers.reset_sensor("feed.S0").await.unwrap();
    house.rest_sensors().await;
    assert_eq!(source.asked(), [("S0".to_owned(), None)]);
    assert_eq!(house.seen().await, [0, 1, 0, 1]);
    let (code, message) = refused(house.triggers.poll_sensor("feed.S1"));
    assert!(code == "not_found" && message.contains("feed.S1"), "{message}");
}

#[tokio::test]
async fn a_restart_ends_a_poll_and_what_it_would_have_brought() {
    let source = Source::new(SensorKind::Poll);
    source.next([Step::Hang]);
    let house = House::with_sensors(&source, 1).await;
    let (code, message) = refused(house.triggers.poll_sensor("feed.S0"));
    assert!(code == "conflict" && message.contains("for its next poll: it"), "{message}");
    source.add(0..1);
    let restart = {
        let triggers = house.triggers.clone();
        house.core.spawn("test", async move { triggers.restart_sensor("feed.S0").await })
    };
    house.rest_sensors().await;
    // The runner that does not hear of its end is given up.
    house.turn_sensors(1_000).await;
    restart.await.unwrap().unwrap();
    assert_eq!((house.seen().await, house.sensor().state.failures), (vec![0], 0));
}

#[tokio::test]
async fn the_end_of_a_turn_by_an_operator_is_no_failure() {
    let source = Source::new(SensorKind::Poll);
    source.next([Step::Obey]);
    let house = House::with_sensors(&source, 1).await;
    assert!(house.sensor().is_running);
    house.catalog.set_sensor_enabled("feed.S0", false).await.unwrap();
    house.rest_sensors().await;
    let shown = house.sensor();
    assert_eq!((shown.is_running, shown.state.failures, shown.state.last_error), (false, 0, None));
    assert!(house.stored_states().await.is_empty());
}

#[tokio::test]
async fn what_a_poll_has_brought_is_stored_whole_even_if_its_sensor_is_switched_off_meanwhile() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    source.add(0..1_200);
    house.clock.turn(Duration::from_millis(INTERVAL));
    while house.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    house.catalog.set_sensor_enabled("feed.S0", false).await.unwrap();
    house.rest_sensors().await;
    assert_eq!(house.stored_states().await[0].cursor.as_deref(), Some(&json!(1_200)));
    house.catalog.set_sensor_enabled("feed.S0", true).await.unwrap();
    house.turn_sensors(INTERVAL).await;
    assert_eq!(house.seen().await, (0..1_200).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_sensor_that_is_gone_is_polled_no_more_even_if_that_cannot_be_stored() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    house.catalog.remove_pack("feed", petrel_catalog::Giver::SeesSecrets, "ada").await.unwrap();
    house.store.refuse(usize::MAX);
    house.rest_sensors().await;
    source.asked();
    house.turn_sensors(INTERVAL).await;
    assert!(source.asked().is_empty());
    house.store.refuse(0);
    house.turn_sensors(5_000).await;
    assert!(house.stored_states().await.is_empty());
}

#[tokio::test]
async fn a_sensor_goes_with_its_pack() {
    let source = Source::new(SensorKind::Poll);
    source.add(0..1);
    let house = House::with_sensors(&source, 2).await;
    assert_eq!(house.stored_states().await.len(), 2);
    house.catalog.remove_pack("feed", petrel_catalog::Giver::SeesSecrets, "ada").await.unwrap();
    house.rest_sensors().await;
    source.asked();
    house.turn_sensors(60_000).await;
    assert!(source.asked().is_empty() && house.triggers.all_sensors().is_empty());
    assert!(house.stored_states().await.is_empty());
}

#[tokio::test]
async fn a_thousand_sensors_have_their_turns_a_few_at_once() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1_000).await;
    house.rest_sensors().await;
    house.rest_sensors().await;
    assert_eq!(source.asked().len(), 1_000);
    assert!((2..=8).contains(&source.most_at_once()), "{}", source.most_at_once());
    // None of them has a task, or anything else that waits, of its own.
    assert!(house.core.running().iter().all(|(name, count)| *name != "sensor" || *count == 0));
    assert!(house.clock.sleepers() <= 2, "{}", house.clock.sleepers());
    house.turn_sensors(9_999).await;
    assert!(source.asked().is_empty());
    for _ in 0..25 {
        house.turn_sensors(21).await;
    }
    assert_eq!(source.asked().len(), 1_000);
}

fn request(body: &str) -> Received {
    let (query, headers) = (String::new(), Vec::new());
    Received { method: "POST".into(), path: "/in".into(), query, headers, body: body.into() }
}

#[tokio::test]
async fn a_request_to_a_sensor_that_is_not_ready_yet_may_come_again() {
    let source = Source::new(SensorKind::Webhook);
    let house =
        House::watching(Options::default(), petrel_executions::Options::default(), runners(&source)).await;
    house.feed(1, "true").await;
    assert_eq!(refused(house.triggers.give_request("feed.S0", request("[]")).await).0, "busy");
    assert_eq!(refused(house.triggers.give_request("feed.S1", request("[]")).await).0, "not_found");
    house.start_sensors().await;
    assert_eq!(house.triggers.give_request("feed.S0", request("[]")).await.unwrap().status, 201);
}

#[tokio::test]
async fn a_sensor_that_answers_slowly_does_not_keep_requests_from_others() {
    let source = Source::new(SensorKind::Webhook);
    let house = House::with_sensors(&source, 2).await;
    source.next(vec![Step::Hang; 4]);
    for _ in 0..4 {
        let triggers = house.triggers.clone();
        house.core.spawn("test", async move { triggers.give_request("feed.S0", request("[]")).await });
    }
    house.rest_sensors().await;
    let (code, message) = refused(house.triggers.give_request("feed.S0", request("[]")).await);
    assert!(code == "busy" && message.contains("sensors.concurrency"), "{message}");
    assert_eq!(house.triggers.give_request("feed.S1", request("[]")).await.unwrap().status, 201);
    // Its time is up, and its turns are free again.
    house.turn_sensors(61_000).await;
    house.turn_sensors(1_000).await;
    assert_eq!(house.triggers.give_request("feed.S0", request("[]")).await.unwrap().status, 201);
}

#[tokio::test]
async fn a_request_is_answered_once_its_events_are_stored() {
    let source = Source::new(SensorKind::Webhook);
    let house = House::with_sensors(&source, 1).await;
    let body = r#"[{"n": 1}, {"m": 1}, {"n": 2}]"#;
    let answer = house.triggers.give_request("feed.S0", request(body)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"POST /in"[..]));
    assert_eq!(house.seen().await, [1, 2]);
    let state = house.sensor().state;
    assert_eq!((state.events, state.refused, house.sensor().kind), (2, 1, Some("webhook")));
    house.store.refuse(1);
    assert_eq!(refused(house.triggers.give_request("feed.S0", request(r#"[{"n": 3}]"#)).await).0, "no_room");
    house.catalog.set_sensor_enabled("feed.S0", false).await.unwrap();
    house.rest_sensors().await;
    for name in ["feed.S0", "feed.S1", "nonsense"] {
        assert_eq!(refused(house.triggers.give_request(name, request("[]")).await).0, "not_found", "{name}");
    }
    assert_eq!(house.seen().await, [1, 2]);
}

#[tokio::test]
async fn a_stream_goes_on_and_begins_anew_when_it_ends() {
    let source = Source::new(SensorKind::Stream);
    source.add(0..2);
    source.next([Step::Fail]);
    let house = House::with_sensors(&source, 1).await;
    assert_eq!((house.seen().await, house.sensor().health), (vec![0, 1], Health::Failing));
    assert_eq!(house.sensor().state.last_error.unwrap().code, "sensor.ended");
    house.core.listen_to(["core.st2.sensor.process_spawn".parse().unwrap()].into());
    house.turn_sensors(1_000).await;
    let shown = house.sensor();
    assert_eq!((shown.health, shown.is_running, shown.state.events), (Health::Ok, true, 4));
    let lines = house.triggers.sensor_lines("feed.S0").unwrap();
    assert_eq!(lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["began"; 2]);
    let reported: Vec<InternalEvent> = house.store.all().await.unwrap();
    assert_eq!((reported.len(), &reported[0].payload["id"]), (1, &json!("S0")));
    house.catalog.set_sensor_enabled("feed.S0", false).await.unwrap();
    house.rest_sensors().await;
    assert_eq!((house.sensor().is_running, house.sensor().health), (false, Health::Disabled));
    assert_eq!(house.sensor().state.failures, 1, "of its first end, and not of this one");
}
