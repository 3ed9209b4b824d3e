//! Admission: requests are accepted or refused by limits, by the parameters of an action, by the state of the
//! host. A refused request leaves nothing behind.

use petrel_engine::Options;
use petrel_model::Status;
use serde_json::{Value, json};

use crate::support::store::{How, any};
use crate::support::{House, Plan, Request, asks, asks_with, object, refused, result_of, rule, settle};

/// Limits that a handful of executions reach.
fn at_most(waiting: usize, share: usize) -> impl FnOnce(&mut Options) {
    move |options| {
        options.executions.waiting_limit = waiting;
        options.executions.waiting_share = share;
    }
}

/// A value that is nested deeper than what can be stored.
fn deep() -> Value {
    (0..1000).fold(json!(1), |inner, _| json!([inner]))
}

#[tokio::test]
async fn what_is_asked_for_is_stored_at_once_and_runs_once_the_host_is_started() {
    let mut house = Plan::default().resting().open().await;
    let id = house.ask("at_once").await;
    settle().await;
    let stored = house.execution(id).await;
    assert_eq!((stored.status, stored.context.user.as_str()), (Status::Requested, "ada"));
    assert!(house.script.begun().is_empty());
    house.start().await;
    assert_eq!(house.report.waiting, 1);
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_request_that_does_not_fit_its_action_leaves_nothing_behind() {
    let house = House::new().await;
    let of_nobody = Request { action: "nowhere.waits".parse().unwrap(), ..asks("waits") };
    for (request, code, says) in [
        (of_nobody, "not_found", "nowhere.waits"),
        (asks("wait"), "not_found", "house.wait"),
        (asks("idle"), "invalid", "disabled"),
        (asks("elsewhere"), "invalid", "no-such-runner"),
        (asks_with("waits", &json!({"number": "many"})), "invalid", "number"),
        (asks_with("waits", &json!({"colour": "red"})), "invalid", "colour"),
        (asks_with("waits", &json!({"value": "{{ nothing.at.all }}"})), "invalid", "nothing"),
        (Request { context: object(&json!({"x": "x".repeat(5000)})), ..asks("waits") }, "invalid", "context"),
        (Request { context: object(&json!({"x": deep()})), ..asks("waits") }, "invalid", "context"),
    ] {
        let told = refused(house.request(request).await);
        assert!(told.0 == code && told.1.contains(says), "{code} {says}: {told:?}");
    }
    assert!(house.executions().await.is_empty());
}

#[tokio::test]
async fn no_more_waits_than_the_limit() {
    let mut house = Plan::default().options(at_most(3, 100)).resting().open().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    for user in ["ada", "bob", "cyd"] {
        house.ask_as(user, "at_once").await;
    }
    let (code, message) = refused(house.request(asks("at_once")).await);
    assert!(code == "busy" && message.contains("`engine.waiting_limit`"), "{message}");
    assert_eq!(refused(house.post("sample", json!({})).await).0, "busy");
    assert_eq!((house.executions().await.len(), house.events().await.len()), (3, 0));
    assert!(!house.not_ready().await.is_empty());
    house.start().await;
    // Once they have run there is room.
    assert!(house.not_ready().await.is_empty());
    house.post("sample", json!({})).await.unwrap();
    house.ask("at_once").await;
}

#[tokio::test]
async fn one_user_has_no_more_than_a_share_of_what_may_wait() {
    let house = Plan::default().options(at_most(4, 50)).resting().open().await;
    for _ in 0..2 {
        house.ask_as("ada", "waits").await;
    }
    let (code, message) = refused(house.request(asks("waits")).await);
    assert!(code == "busy" && message.contains("`ada`") && message.contains("waiting_share"), "{message}");
    house.ask_as("bob", "waits").await;
    assert_eq!(house.executions().await.len(), 3);
}

#[tokio::test]
async fn what_is_delayed_counts_as_waiting() {
    let house = Plan::default().options(at_most(2, 100)).open().await;
    for _ in 0..2 {
        house.ask_later("at_once", 60).await;
    }
    assert_eq!(refused(house.request(asks("at_once")).await).0, "busy");
    house.seconds(60).await;
    house.ask("at_once").await;
}

#[tokio::test]
async fn no_more_events_are_on_their_way_to_the_store_than_the_limit() {
    let house = Plan::default().options(|options| options.triggers.accepting_limit = 1).open().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    let open = house.store().delay(any);
    let first = house.post_later("sample", json!({"n": 1}));
    settle().await;
    let (code, message) = refused(house.post("sample", json!({"n": 2})).await);
    assert!(code == "busy" && message.contains("1 events"), "{message}");
    drop(open);
    first.await.unwrap().unwrap();
    house.post("sample", json!({"n": 3})).await.unwrap();
    assert_eq!(house.events().await.len(), 2);
}

#[tokio::test]
async fn a_host_that_stops_takes_in_nothing() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    house.stop().await.unwrap();
    assert_eq!(refused(house.request(asks("at_once")).await).0, "stopping");
    assert_eq!(refused(house.post("sample", json!({})).await).0, "stopping");
    assert_eq!((house.executions().await.len(), house.events().await.len()), (0, 0));
    assert!(!house.not_ready().await.is_empty());
}

#[tokio::test]
async fn what_the_disk_has_no_room_for_is_refused_and_the_next_is_not() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "at_once", "")).await;
    house.store().next(any, How::NoRoom);
    assert_eq!(refused(house.request(asks("at_once")).await).0, "no_room");
    house.store().next(any, How::NoRoom);
    assert_eq!(refused(house.post("sample", json!({})).await).0, "no_room");
    assert_eq!((house.executions().await.len(), house.events().await.len()), (0, 0));
    house.post("sample", json!({})).await.unwrap();
}

const ITSELF: &str = "version: 1.0\ntasks: {again: {action: house.itself}}\n";

#[tokio::test]
async fn workflows_are_no_deeper_inside_each_other_than_the_limit() {
    let plan = Plan::default().options(|options| options.workflows.max_depth = 2).workflow("itself", ITSELF);
    let house = plan.open().await;
    let id = house.ask("itself").await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    let all = house.executions().await;
    // The top one, and those at the depths 0 to 2.
    assert_eq!(all.len(), 4);
    let says = |field: &Value| field.to_string().contains("workflows.max_depth");
    assert!(all.iter().any(|one| says(&result_of(one, "errors"))), "{all:?}");
}

const MANY: &str = "version: 1.0\ntasks: {many: {with: '<% range(9).toList() %>', action: house.waits}}\n";

#[tokio::test]
async fn no_more_are_inside_a_workflow_than_the_limit() {
    let plan =
        Plan::default().options(|options| options.workflows.max_descendants = 4).workflow("many", MANY);
    let house = plan.open().await;
    let id = house.ask("many").await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    assert!(result_of(&ended, "errors").to_string().contains("workflows.max_descendants"), "{ended:?}");
    // Nothing is left open inside it.
    assert!(house.children(id).await.iter().all(|child| child.status.is_final()));
}
