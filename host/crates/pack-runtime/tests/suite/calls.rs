//! Successful calls: parameters, results, context, output, cancellation, many at once.

use std::path::Path;
use std::time::{Duration, Instant};

use petrel_pack_runtime::{Limits, Options};
use petrel_runners::{End, Stream};
use petrel_test_components::{BARE, CORE};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Subject, count, text};

#[tokio::test]
async fn parameters_go_in_and_the_result_comes_out() {
    let done = Subject::behave().call("echo", json!({"text": "grüß dich", "count": 7, "timeout": 5})).await;
    assert_eq!(*done.value(), json!({"text": "grüß dich", "count": 7}));
    assert_eq!((done.lines[0].stream, done.texts()), (Stream::Output, vec!["INFO echo"]));
}

#[tokio::test]
async fn a_call_without_time_is_refused() {
    for timeout in [json!(0), json!(-1)] {
        let done = Subject::behave().call("echo", json!({"timeout": timeout})).await;
        let found = (done.outcome.end, done.outcome.result["code"].as_str());
        assert_eq!(found, (End::Failed, Some("parameters.timeout")), "{timeout}");
    }
}

#[tokio::test]
async fn a_component_without_the_sdk_and_without_a_description_runs() {
    let subject = Subject::of(Path::new(BARE), Options::default());
    // The runner's own parameter is not passed to the component.
    let done = subject.call("anything", json!({"a": [1, {"b": null}], "timeout": 3})).await;
    assert_eq!(*done.value(), json!({"a": [1, {"b": null}]}));
}

#[tokio::test]
async fn the_actions_of_core_give_back_what_they_take() {
    let subject = Subject::of(Path::new(CORE), Options::default());
    assert_eq!(*subject.call("noop", json!({})).await.value(), json!({}));
    let done = subject.call("echo", json!({"message": "hi"})).await;
    assert_eq!(done.value()["stdout"], "hi");
    assert_eq!((done.lines[0].stream, done.texts()), (Stream::Stdout, vec!["hi"]));
}

#[tokio::test]
async fn a_component_knows_what_call_it_is_in() {
    let done = Subject::behave().call("context", json!({"timeout": 100})).await;
    assert_eq!(*done.value(), json!("000000000001000000000002 test.context ann 0 99"));
    let done = Subject::behave().call("context", json!({"timeout": u64::MAX})).await;
    assert!(done.value().as_str().unwrap().starts_with("000000000001000000000002 test.context ann 0 31535"));
}

#[tokio::test]
async fn what_a_component_prints_and_logs_is_output() {
    let subject = Subject::behave();
    let done = subject.call("print", json!({"text": "line", "count": 2})).await;
    done.value();
    let of =
        |stream| done.lines.iter().filter(move |line| line.stream == stream).map(|line| line.text.as_str());
    assert_eq!(of(Stream::Stdout).collect::<Vec<_>>(), ["0 line", "1 line", "the end"]);
    assert_eq!(of(Stream::Stderr).collect::<Vec<_>>(), ["0 line", "1 line"]);

    let done = subject.call("log", json!({"text": "careful", "count": 1})).await;
    assert_eq!(done.texts(), ["WARN careful {\"actions\":[]}", "PROGRESS 50 % half"]);
}

#[tokio::test]
async fn an_error_of_the_action_keeps_its_kind_code_and_hint() {
    let done = Subject::behave().call("fail", json!({"text": "too busy", "count": 1500})).await;
    assert_eq!(
        done.outcome.result,
        json!({
            "error": "too busy", "code": "behave.busy", "hint": "wait", "kind": "rate-limited",
            "retry_after_ms": 1500, "details": "more",
        })
    );
}

#[tokio::test]
async fn an_action_that_is_not_there_and_parameters_that_do_not_fit_are_named() {
    let subject = Subject::behave();
    let done = subject.call("nonsense", json!({})).await;
    assert_eq!(done.failure(), ("action.unknown", "this component has no action nonsense"));
    let done = subject.call("echo", json!({"count": "many"})).await;
    assert_eq!(done.field("code"), "input.invalid");
    assert_eq!(done.field("kind"), "invalid-input");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_canceled_whether_it_computes_or_waits() {
    let subject = Subject::behave();
    subject.call("echo", json!({})).await.value();
    for (action, parameters) in [("spin", json!({})), ("sleep", count(60_000))] {
        let cancel = CancellationToken::new();
        let running = subject.clone();
        let until = cancel.clone();
        let task = tokio::spawn(async move { running.call_until(action, parameters, until).await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
        // Either would end in another way without that.
        assert_eq!(task.await.unwrap().outcome.end, End::Canceled, "{action}");
    }
    subject.call("echo", json!({})).await.value();
}

#[tokio::test]
async fn a_call_that_is_canceled_before_it_begins_does_not_begin() {
    let cancel = CancellationToken::new();
    cancel.cancel();
    let subject = Subject::behave();
    for _ in 0..2 {
        let done = subject.call_until("print", json!({"count": 1}), cancel.clone()).await;
        assert_eq!((done.outcome.end, done.lines.len()), (End::Canceled, 0));
        // The second call finds the component in memory.
        subject.call("echo", json!({})).await.value();
    }
}

/// Calls that spin, sleep, use up memory or trap do not disturb others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_do_not_disturb_each_other() {
    let limits = Limits { cpu: Duration::from_millis(300), ..Limits::default() };
    let subject = Subject::limited(limits);
    subject.call("echo", json!({})).await.value();
    let mut trouble = tokio::task::JoinSet::new();
    for _ in 0..3 {
        for (action, parameters) in [
            ("spin", json!({})),
            ("hog", count(1 << 30)),
            ("trap", json!({})),
            ("recurse", json!({})),
            ("sleep", json!({"count": 60_000, "timeout": 1})),
        ] {
            let subject = subject.clone();
            trouble.spawn(async move { subject.call(action, parameters).await.outcome.end });
        }
    }
    for number in 0..200 {
        let done = subject.call("echo", json!({"count": number})).await;
        assert_eq!(done.value()["count"], number);
    }
    for end in trouble.join_all().await {
        assert!(matches!(end, End::Failed | End::TimedOut), "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_calls_of_a_component_at_once_than_allowed() {
    let subject = Subject::limited(Limits { concurrency: 2, ..Limits::default() });
    subject.call("echo", json!({})).await.value();
    let begun = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let subject = subject.clone();
        calls.spawn(async move { subject.call("sleep", count(100)).await.value().clone() });
    }
    assert_eq!(calls.join_all().await, vec![json!("slept"); 6]);
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_wait_for_a_slot_and_all_are_served() {
    let mut options = Options::default();
    options.engine.slots = 8;
    options.limits.concurrency = 1000;
    let subject = Subject::with(options);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..300 {
        let subject = subject.clone();
        calls.spawn(async move { subject.call("echo", text(&number.to_string())).await.value().clone() });
    }
    assert_eq!(calls.join_all().await.len(), 300);
}
