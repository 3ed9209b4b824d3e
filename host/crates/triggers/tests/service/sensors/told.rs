//! Sensors are told of the triggers that enabled rules listen to, and an event of a trigger reaches its rules alone.

use petrel_catalog::Giver;
use petrel_catalog::grants::GrantChange;
use petrel_model::Trigger;
use petrel_runners::sensors::{Emitted, SensorKind};
use petrel_triggers::Health;
use serde_json::{Value, json};

use super::{INTERVAL, request};
use crate::House;
use crate::source::{Source, Step, seen};

/// A trigger of the type `feed.seen`.
fn trigger(parameters: &Value) -> String {
    let parameters = parameters.as_object().cloned().unwrap();
    Trigger { kind: "feed.seen".parse().unwrap(), parameters }.reference().to_string()
}

impl House {
    pub(super) async fn rule_with(&self, name: &str, kind: &str, parameters: Value) {
        let rule = json!({
            "name": name, "pack": "house", "enabled": true, "trigger": {"type": kind, "parameters": parameters},
            "action": {"ref": "house.act"},
        });
        self.rule(&rule.to_string()).await;
    }

    /// The numbers of the events of sensors, oldest first, each with its trigger and the number of its enforcements.
    async fn enforced(&self) -> Vec<(u64, String, usize)> {
        let mut events = self.events().await;
        events.reverse();
        let one = |event: &petrel_model::TriggerInstance| {
            let number = event.payload.parse().unwrap()["n"].as_u64().unwrap();
            (number, event.trigger.to_string(), event.enforcements.len())
        };
        events.iter().map(one).collect()
    }
}

#[tokio::test]
async fn a_sensor_is_told_of_the_triggers_that_enabled_rules_listen_to() {
    for kind in [SensorKind::Poll, SensorKind::Webhook] {
        let source = Source::new(kind);
        let house = House::with_sensors(&source, 1).await;
        let told = async || {
            if kind == SensorKind::Webhook {
                house.triggers.give_request("feed.S0", request("[]")).await.unwrap();
            } else {
                house.turn_sensors(INTERVAL).await;
            }
            source.told()
        };
        assert!(told().await.is_empty());
        for (name, parameters) in [
            ("a", json!({"q": "a"})),
            ("same", json!({"q": "a"})),
            ("b", json!({"q": "b"})),
            ("all", json!({})),
        ] {
            house.rule_with(name, "feed.seen", parameters).await;
        }
        house.rule_with("other", "core.st2.webhook", json!({"url": "x"})).await;
        assert_eq!(told().await, [json!({"q": "a"}), json!({"q": "b"}), json!({})]);
        for rule in ["house.b", "house.a", "house.all"] {
            house.catalog.set_rule_enabled(rule, false).await.unwrap();
        }
        assert_eq!(told().await, [json!({"q": "a"})], "another rule has it, too");
        house.catalog.delete_rule("house.same").await.unwrap();
        assert!(told().await.is_empty());
    }
}

#[tokio::test]
async fn an_event_of_a_trigger_reaches_the_rules_with_equal_parameters_alone() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    let [a, b, none] = [json!({"q": "a", "n": [1, 2]}), json!({"q": "b"}), json!({"q": "none"})];
    for (name, parameters) in [("a1", &a), ("a2", &a), ("b", &b), ("all", &json!({}))] {
        house.rule_with(name, "feed.seen", parameters.clone()).await;
    }
    let event = |number: u64, named: &str, parameters: Option<&Value>| Emitted {
        trigger: named.into(),
        parameters: parameters.cloned(),
        dedup_key: Some("k".into()),
        ..seen(json!({"n": number}))
    };
    let reordered = json!({"n": [1, 2], "q": "a"});
    source.next([Step::Bring(vec![
        event(1, &trigger(&a), None),
        // It has the key of the one before, and is of the same trigger.
        event(9, "seen", Some(&reordered)),
        event(2, "feed.seen", Some(&b)),
        event(3, "seen", None),
        // Nobody listens to these any more, and they are kept.
        event(4, "seen", Some(&none)),
        event(5, &trigger(&json!({"q": "gone"})), None),
        event(6, "seen", Some(&json!([1]))),
        event(7, "sen.0123456789abcdef01234567", None),
    ])]);
    house.turn_sensors(INTERVAL).await;
    let expected = [
        (1, trigger(&a), 2),
        (2, trigger(&b), 1),
        (3, "feed.seen".to_owned(), 1),
        (4, trigger(&none), 0),
        (5, trigger(&json!({"q": "gone"})), 0),
    ];
    assert_eq!(house.enforced().await, expected);
    let state = house.sensor().state;
    assert_eq!((state.events, state.refused), (5, 2));
}

#[tokio::test]
async fn a_stream_begins_anew_when_its_triggers_change_and_not_otherwise() {
    let source = Source::new(SensorKind::Stream);
    let house = House::with_sensors(&source, 1).await;
    let began = || house.triggers.sensor_lines("feed.S0").unwrap().len();
    assert_eq!((began(), source.told().len()), (1, 0));
    for (name, kind, parameters, times, told) in [
        ("other", "core.st2.webhook", json!({"url": "x"}), 1, 0),
        ("a", "feed.seen", json!({"q": "a"}), 2, 1),
        ("same", "feed.seen", json!({"q": "a"}), 2, 1),
        ("b", "feed.seen", json!({"q": "b"}), 3, 2),
    ] {
        house.rule_with(name, kind, parameters).await;
        house.rest_sensors().await;
        assert_eq!((began(), source.told().len()), (times, told), "{name}");
    }
    house.catalog.set_rule_enabled("house.b", false).await.unwrap();
    house.rest_sensors().await;
    assert_eq!((began(), source.told()), (4, vec![json!({"q": "a"})]));
    let shown = house.sensor();
    assert_eq!((shown.is_running, shown.state.failures, shown.state.last_error), (true, 0, None));
}

#[tokio::test]
async fn events_of_a_trigger_type_that_is_deleted_while_they_are_held_are_counted_and_told() {
    let source = Source::new(SensorKind::Poll);
    let house = House::with_sensors(&source, 1).await;
    house.catalog.create_trigger_type(Giver::SeesSecrets, "name: made\npack: feed\n", "ada").await.unwrap();
    let made = Emitted { trigger: "made".into(), ..seen(json!({"n": 1})) };
    source.next([Step::Bring(vec![made, seen(json!({"n": 2}))])]);
    house.store.refuse(1);
    house.turn_sensors(INTERVAL).await;
    assert_eq!(house.sensor().health, Health::Held);
    house.catalog.delete_trigger_type(Giver::SeesSecrets, "feed.made").await.unwrap();
    house.turn_sensors(100).await;
    assert_eq!(house.seen().await, [2]);
    let state = house.sensor().state;
    assert_eq!((state.events, state.refused), (1, 1));
    assert!(state.last_error.unwrap().message.contains("feed.made"));
}

#[tokio::test]
async fn a_sensor_that_waits_after_a_failure_is_tried_at_once_when_its_pack_is_granted_something() {
    let source = Source::new(SensorKind::Poll);
    source.next(vec![Step::Fail; 8]);
    let house = House::with_sensors(&source, 1).await;
    let asks =
        "ref: feed\nname: feed\ndescription: d\nversion: 1.0.0\nauthor: a\ncapabilities: {env: [TZ, LANG]}\n";
    house.write_pack("feed", &[("pack.yaml".to_owned(), asks.to_owned())]);
    house.register("feed").await;
    house.rest_sensors().await;
    house.turn_sensors(1_000).await;
    house.turn_sensors(2_000).await;
    source.asked();
    let grant = async |name: &str| {
        let change = GrantChange { grant: vec![format!("env={name}")], ..GrantChange::default() };
        house.catalog.change_grant("feed", "admin", change).await.unwrap();
        house.rest_sensors().await;
        source.asked().len()
    };
    // What is granted already changes nothing.
    assert_eq!((grant("TZ").await, grant("TZ").await, grant("LANG").await), (1, 0, 1));
    assert_eq!(house.sensor().health, Health::Failing);
}
