//! The outcome of a run: its status, its result, its output, and the clients that are told.

use std::sync::Arc;
use std::time::Duration;

use petrel_model::action::GONE;
use petrel_model::{Id, Status};
use petrel_runners::{End, Outcome};
use serde_json::{Value, json};

use crate::support::script::{canceled, failed, succeeded};
use crate::support::store::ends;
use crate::support::{House, Plan, asks_with, in_time, result_of, settle, statuses};

#[tokio::test]
async fn each_end_of_a_run_is_a_status() {
    let house = House::new().await;
    for (end, status) in [
        (End::Succeeded, Status::Succeeded),
        (End::Failed, Status::Failed),
        (End::TimedOut, Status::Timeout),
        (End::Abandoned, Status::Abandoned),
    ] {
        let id = house.ask("waits").await;
        let result = json!({"end": status.as_str()});
        let ended = house.finish_with(id, Outcome { end, result: result.clone() }).await;
        assert_eq!((ended.status, ended.result), (status, Some(Arc::new(result))));
        assert_eq!(ended.ended_at, ended.log.last().map(|entry| entry.timestamp));
    }
}

#[tokio::test]
async fn who_waits_is_given_the_execution_as_it_was_stored_and_nobody_reads_it() {
    for action in ["waits", "again"] {
        let house = House::new().await;
        let id = house.ask(action).await;
        house.begins(id).await;
        let before = house.store().reads();
        let waits = [house.wait_later(id, 60), house.wait_later(id, 60)];
        settle().await;
        house.script.end(id, succeeded("done"));
        settle().await;
        let mut told = Vec::new();
        for waits in waits {
            told.push(waits.await.unwrap().unwrap());
        }
        assert_eq!(house.store().reads(), before, "{action}");
        let stored = house.execution(id).await;
        for told in told {
            assert_eq!((told.status, result_of(&told, "value")), (Status::Succeeded, json!("done")));
            assert_eq!(told, stored, "{action}");
        }
    }
}

#[tokio::test]
async fn an_execution_takes_as_long_as_the_clock_says() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.seconds(90).await;
    let ended = house.finish(id).await;
    let [requested, running, last] = ended.log.as_slice() else { panic!("{:?}", ended.log) };
    assert_eq!(requested.timestamp, running.timestamp);
    assert_eq!(last.timestamp.since(running.timestamp), Duration::from_secs(90));
}

#[tokio::test]
async fn a_runner_that_panics_fails_its_execution_and_no_other() {
    let house = House::new().await;
    let other = house.ask("waits").await;
    house.begins(other).await;
    let id = house.ask("panics").await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Failed, json!("runner.panic")));
    assert_eq!(house.finish(other).await.status, Status::Succeeded);
}

/// It would otherwise be open for ever, or end the workflow around it as canceled, without anybody who has canceled it.
#[tokio::test]
async fn a_run_that_ends_as_canceled_although_nobody_asked_has_failed() {
    let house = House::new().await;
    for action in ["waits", "again"] {
        for seconds in [0, 1] {
            let id = house.ask(action).await;
            house.begins(id).await;
            house.seconds(seconds).await;
            let ended = house.finish_with(id, canceled()).await;
            let code = result_of(&ended, "code");
            assert_eq!(
                (ended.status, code),
                (Status::Failed, json!("runner.canceled")),
                "{action}, {seconds}"
            );
            assert_eq!(result_of(&ended, "result"), json!({"error": "canceled"}));
            assert!(result_of(&ended, "hint").is_string(), "{ended:?}");
        }
    }
}

#[tokio::test]
async fn a_cancel_counts_that_comes_while_such_an_end_is_stored() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    let stored = house.store().delay(ends);
    house.script.end(id, canceled());
    settle().await;
    let cancel = house.cancel_later(id);
    settle().await;
    drop(stored);
    in_time(cancel.await.unwrap());
    assert_eq!(house.ended(id).await.status, Status::Canceled);
}

#[tokio::test]
async fn an_action_gets_its_parameters_as_they_were_asked_for() {
    let house = House::new().await;
    let request = asks_with("waits", &json!({"value": "{{ 1 + 1 }}", "number": "12"}));
    let id = house.request(request).await.unwrap().id;
    house.begins(id).await;
    let given = house.script.parameters(id);
    assert_eq!((given.get("value"), given.get("number")), (Some(&json!("2")), Some(&json!(12))));
}

#[tokio::test]
async fn an_action_that_went_before_its_turn_fails_with_what_to_do() {
    let mut house = Plan::default().resting().open().await;
    let id = house.ask("waits").await;
    house.remove("actions/waits.yaml");
    house.register().await.unwrap();
    house.start().await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Failed, json!(GONE)));
    assert!(result_of(&ended, "hint").to_string().contains("register"), "{ended:?}");
    assert!(house.script.begun().is_empty());
}

#[tokio::test]
async fn a_result_that_is_nested_too_deep_is_kept_as_text() {
    let house = House::new().await;
    let deep = (0..500).fold(json!(1), |inner, _| json!([inner]));
    let id = house.ask("waits").await;
    let result = json!({"deep": deep, "flat": 1});
    let ended = house.finish_with(id, Outcome { end: End::Succeeded, result }).await;
    assert!(result_of(&ended, "deep").is_string());
    assert_eq!(result_of(&ended, "flat"), json!(1));
}

#[tokio::test]
async fn output_is_stored_while_an_action_runs_and_once() {
    let house = House::new().await;
    let id = house.ask("talks").await;
    house.begins(id).await;
    assert!(house.output(id).await.is_empty());
    house.seconds(1).await;
    assert_eq!(house.output(id).await, ["one", "two"]);
    house.seconds(1).await;
    house.finish(id).await;
    assert_eq!(house.output(id).await, ["one", "two"]);
}

#[tokio::test]
async fn output_of_a_short_run_comes_with_its_end() {
    let house = House::new().await;
    let id = house.ask("talks").await;
    house.finish(id).await;
    assert_eq!(house.output(id).await, ["one", "two"]);
}

#[tokio::test]
async fn output_beyond_the_limit_is_cut_and_says_so() {
    let house = Plan::default().options(|options| options.executions.output_limit = 100).open().await;
    let short = Plan::default().options(|options| options.executions.output_limit = 1).open().await;
    let id = house.ask("talks").await;
    house.finish(id).await;
    let kept = house.output(id).await;
    assert!(kept.iter().any(|line| line == "one"), "{kept:?}");
    let id = short.ask("talks").await;
    short.finish(id).await;
    let kept = short.output(id).await;
    assert!(kept.len() == 1 && kept.iter().all(|line| line.contains("were dropped")), "{kept:?}");
}

#[tokio::test]
async fn the_start_of_an_action_that_may_be_run_again_is_stored_once_it_takes_long() {
    let house = House::new().await;
    let id = house.ask("again").await;
    house.begins(id).await;
    house.turn(Duration::from_millis(99)).await;
    assert_eq!(house.status(id).await, Status::Requested);
    house.turn(Duration::from_millis(1)).await;
    assert_eq!(house.status(id).await, Status::Running);
    assert_eq!(statuses(&house.finish(id).await), ["requested", "running", "succeeded"]);
}

#[tokio::test]
async fn a_short_one_of_those_has_the_same_history() {
    let house = House::new().await;
    let id = house.ask("again_at_once").await;
    assert_eq!(statuses(&house.ended(id).await), ["requested", "running", "succeeded"]);
}

#[tokio::test]
async fn all_who_wait_for_an_execution_hear_of_its_end() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    let waiting: Vec<_> = (0..5).map(|_| house.wait_later(id, 60)).collect();
    settle().await;
    let ended = house.finish_with(id, failed("broken")).await;
    for waits in waiting {
        assert_eq!(waits.await.unwrap().unwrap(), ended);
    }
    // Who comes later need not wait.
    assert_eq!(house.wait_later(id, 60).await.unwrap().unwrap(), ended);
}

#[tokio::test]
async fn who_has_waited_long_enough_hears_how_it_stands() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    let (short, long) = (house.wait_later(id, 5), house.wait_later(id, 50));
    settle().await;
    house.seconds(5).await;
    assert_eq!(short.await.unwrap().unwrap().status, Status::Running);
    house.finish_with(id, succeeded(Value::Null)).await;
    assert_eq!(long.await.unwrap().unwrap().status, Status::Succeeded);
    let nobody = Id::from_parts(1, 1).into();
    assert_eq!(house.wait_later(nobody, 60).await.unwrap(), None);
}
