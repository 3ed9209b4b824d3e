//! Notifications: those whom an execution names are told of its end, each by an event of its own, in the commit of the end.

use std::sync::Arc;

use petrel_model::notify::TRIGGER;
use petrel_model::{Execution, InternalEvent, Notify, SharedPayload, StatusEvent, event_depth};
use petrel_persistence::StoreExt as _;
use serde_json::{Value, json};

use crate::outbox::{SUCCEEDS, after, end};
use crate::{House, rule};

const FAILS: [StatusEvent; 2] = [StatusEvent::Started, StatusEvent::Failed];

/// A rule for what is told.
fn told() -> String {
    "name: told\npack: house\nenabled: true\ntrigger: {type: core.st2.generic.notifytrigger}\n\
     action: {ref: house.act, parameters: {value: \"{{ trigger.route }}: {{ trigger.message }}\"}}\n"
        .to_owned()
}

/// A rule whose action has a secret.
fn with_secret() -> String {
    rule("r", "sample", "act", "")
        .replace("{ref: house.act}", "{ref: house.act, parameters: {number: 7, password: s3cret}}")
}

fn notify(written: &Value) -> Option<Arc<Notify>> {
    Notify::read(written.as_object().unwrap()).unwrap().map(Arc::new)
}

impl House {
    /// Ends an execution that names those who are to be told, and gives the payloads of what they are told.
    async fn told_of(&self, written: &Value, moves: &[StatusEvent], result: Value) -> Vec<Value> {
        let before = self.notifications().await.len();
        let accepted = self.post("sample", json!({})).await.unwrap();
        let mut execution = self.execution(&accepted).await;
        execution.notify = notify(written);
        end(&self.queue, execution, moves, result).await;
        self.settle().await;
        self.notifications().await.split_off(before)
    }

    /// The payloads of all notifications, oldest first.
    async fn notifications(&self) -> Vec<Value> {
        let mut events = self.events().await;
        events.reverse();
        let told = events.iter().filter(|event| event.trigger_type.name() == "st2.generic.notifytrigger");
        told.map(|event| event.payload.parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn each_route_is_told_and_sees_no_secret() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&with_secret()).await;
    house.rule(&told()).await;
    let written = json!({
        "on-failure": {
            "message": "{{ action_parameters.password }}: {{ action_results.error }}",
            "data": {"n": "{{ action_parameters.number }}", "who": "{{ action_context.rule.name }}"},
            "routes": ["ops", "chat"],
        },
        "on-success": {"routes": ["nobody"]},
    });
    let payloads = house.told_of(&written, &FAILS, json!({"error": "s3cret is wrong"})).await;
    let [ops, chat] = payloads.as_slice() else { panic!("{payloads:?}") };
    let execution = ops["execution_id"].clone();
    for (payload, route) in [(ops, "ops"), (chat, "chat")] {
        let time = "2025-11-20T12:00:00.000000+00:00";
        let data = json!({"n": "7", "who": "house.r", "result": r#"{"error":"******** is wrong"}"#});
        let expected = json!({
            "message": "********: ******** is wrong", "data": data, "execution_id": execution, "status": "failed",
            "start_timestamp": time, "end_timestamp": time, "action_ref": "house.act", "runner_ref": "idle",
            "route": route, "channel": route,
        });
        assert_eq!(*payload, expected);
    }
    let acted = house.executions().await;
    let values: Vec<_> = acted.iter().filter_map(|one| one.parameters.get("value")?.as_str()).collect();
    assert_eq!(values, ["ops: ********: ******** is wrong", "chat: ********: ******** is wrong"]);
    let depth = event_depth::of_notification(0);
    assert_eq!((acted.last().unwrap().context.event_depth, house.in_outbox().await), (depth, 0));
}

#[tokio::test]
async fn what_several_routes_are_told_is_stored_once_until_all_are_told() {
    let house = House::new().await;
    house.rule(&with_secret()).await;
    house.rule(&told()).await;
    let routes: Vec<_> = (0..8).map(|n| format!("r{n}")).collect();
    let written = json!({"on-complete": {"message": "done", "routes": routes}});
    assert!(house.told_of(&written, &SUCCEEDS, json!({"text": "x".repeat(10_000)})).await.is_empty());
    let shared = async |house: &House| house.core.store().all::<SharedPayload>().await.unwrap().len();
    let events = house.core.store().all::<InternalEvent>().await.unwrap();
    assert_eq!((events.len(), shared(&house).await), (8, 1));
    assert!(events.iter().all(|event| event.payload.len() == 2), "{:?}", events[0]);
    // Some are told, and the host ends.
    house.store.refuse(5);
    house.start_outbox().await;
    house.settle().await;
    let before = house.notifications().await.len();
    assert!(before < 8 && shared(&house).await == 1, "{before}");
    let next = house.next_process().await;
    next.start_outbox().await;
    for _ in 0..10 {
        next.clock.turn(std::time::Duration::from_secs(5));
        next.settle().await;
    }
    let payloads = next.notifications().await;
    assert_eq!((payloads.len(), next.in_outbox().await, shared(&next).await), (8, 0, 0));
    let mut told: Vec<_> = payloads.iter().map(|one| one["route"].as_str().unwrap().to_owned()).collect();
    told.sort_unstable();
    let mut all = routes;
    all.sort_unstable();
    assert_eq!(told, all, "each once");
    assert!(payloads.iter().all(|one| one["message"] == "done"), "{}", payloads[0]);
}

#[tokio::test]
async fn who_is_told_depends_on_the_end_and_what_cannot_be_rendered_is_told() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&with_secret()).await;
    house.rule(&told()).await;
    let section = |route: &str| json!({"routes": [route]});
    let all = json!({"on-success": section("s"), "on-complete": section("c"), "on-failure": section("f")});
    let plain = |word: &str| format!("Action house.act {word}.");
    for (written, moves, expected) in [
        (&all, &SUCCEEDS[..], vec![("c", plain("completed")), ("s", plain("succeeded"))]),
        (&all, &FAILS, vec![("c", plain("completed")), ("f", plain("failed"))]),
        (
            &all,
            &[StatusEvent::Started, StatusEvent::TimedOut],
            vec![("c", plain("completed")), ("f", plain("failed"))],
        ),
        (&all, &[StatusEvent::CancelRequested], vec![("c", plain("completed"))]),
        (&json!({"on-failure": section("f")}), &SUCCEEDS, vec![]),
        (&json!({"on-success": {}}), &SUCCEEDS, vec![]),
    ] {
        let payloads = house.told_of(written, moves, json!({})).await;
        let found: Vec<_> = payloads
            .iter()
            .map(|one| (one["route"].as_str().unwrap(), one["message"].as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(found, expected, "{written} {moves:?}");
    }
    let broken = json!({"on-success": {"message": "{{ action_results.none.x }}", "data": {"a": "b"}, "routes": ["r"]}});
    let payloads = house.told_of(&broken, &SUCCEEDS, json!({})).await;
    let message = payloads[0]["message"].as_str().unwrap();
    assert!(message.starts_with("{{ action_results.none.x }} [not rendered: message: template"), "{message}");
    assert_eq!(payloads[0]["data"], json!({"a": "b", "result": "{}"}));
    // A result that is too large is left out.
    let large = json!({"text": "x".repeat(300 << 10)});
    let payloads = house.told_of(&all, &SUCCEEDS, large).await;
    assert_eq!(
        (&payloads[0]["left_out"], &payloads[0]["data"]),
        (&json!(["result"]), &json!({"result": null}))
    );
}

#[tokio::test]
async fn nobody_listens_and_nobody_is_told() {
    let house = House::new().await;
    house.rule(&with_secret()).await;
    let written = json!({"on-complete": {"routes": ["r"]}});
    assert_eq!(house.told_of(&written, &SUCCEEDS, json!({})).await, Vec::<Value>::new());
    assert_eq!(house.in_outbox().await, 0);
    house.rule(&told()).await;
    house.told_of(&written, &SUCCEEDS, json!({})).await;
    // Stored with the end, and taken by the next process.
    assert_eq!(house.in_outbox().await, 1);
    let next = house.next_process().await;
    next.start_outbox().await;
    assert_eq!((next.notifications().await.len(), next.in_outbox().await), (1, 0));
}

#[tokio::test]
async fn nothing_is_repeated_of_what_may_have_copies_of_secrets() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&with_secret()).await;
    house.rule(&told()).await;
    house.rule(&after("after", "")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    let mut execution = house.execution(&accepted).await;
    // As a task of a workflow that has met a secret.
    execution.context.sealed = true;
    let message = "{{ action_parameters.number }}: {{ action_results.stdout }}";
    let data = json!({"all": "{{ action_results }}"});
    execution.notify = notify(&json!({"on-complete": {"message": message, "data": data, "routes": ["ops"]}}));
    end(&house.queue, execution, &SUCCEEDS, json!({"stdout": "copied-pin", "code": 4_711_471_147_i64})).await;
    house.settle().await;
    let events = house.events().await;
    assert_eq!(events.len(), 3, "what came in, and both about its end");
    for event in &events {
        let text = event.payload.text();
        assert!(!text.contains("copied-pin") && !text.contains("4711471147"), "{text}");
    }
    assert_eq!(house.notifications().await[0]["message"], "********: ********");
}

#[tokio::test]
async fn a_step_in_between_does_not_hide_that_telling_led_to_telling() {
    let house = House::new().await;
    house.start_outbox().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    house.rule(&told()).await;
    house.rule(&after("after", "")).await;
    let written = json!({"on-complete": {"routes": ["ops"]}});
    let accepted = house.post("sample", json!({})).await.unwrap();
    let mut execution = house.execution(&accepted).await;
    for count in [1, 2, 2] {
        execution.notify = notify(&written);
        end(&house.queue, execution, &SUCCEEDS, json!({})).await;
        house.settle().await;
        assert_eq!(house.notifications().await.len(), count);
        let mut newest = house.executions().await.into_iter().rev();
        let is_open = |one: &Execution| !one.status.is_final() && one.notify.is_none();
        let by_telling = |one: &Execution| {
            let origin = one.context.trigger_instance.as_ref();
            is_open(one) && origin.is_some_and(|origin| origin.name == TRIGGER)
        };
        let Some(told) = newest.find(by_telling) else { break };
        // Its end is the event of a rule, whose execution tells next.
        end(&house.queue, told, &SUCCEEDS, json!({})).await;
        house.settle().await;
        execution = house.executions().await.pop().unwrap();
        assert_ne!(
            execution.context.trigger_instance.as_ref().map(|origin| origin.name == TRIGGER),
            Some(true)
        );
    }
}
