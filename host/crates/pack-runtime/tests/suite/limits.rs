//! Every limit ends a call with its own code, and output that is cut is marked.

use std::path::Path;
use std::time::{Duration, Instant};

use petrel_model::{ExecutionId, Id};
use petrel_pack_runtime::{EngineOptions, Limits, Options};
use petrel_runners::shares::{Holder, Root};
use petrel_runners::{Asked, End, Runner as _};
use petrel_test_components::BEHAVE;
use serde_json::json;

use crate::support::{Subject, count};

#[tokio::test]
async fn memory_is_limited() {
    let subject = Subject::limited(Limits { memory: 16 << 20, ..Limits::default() });
    let done = subject.call("hog", count(64 << 20)).await;
    let (code, message) = done.failure();
    assert_eq!(code, "limit.memory");
    assert!(message.contains("more than the limit of 16 MiB"), "{message}");
    // A component that handles the refusal continues.
    assert_eq!(*subject.call("hog_politely", count(64 << 20)).await.value(), json!("refused"));
    assert_eq!(*subject.call("hog", count(8 << 20)).await.value(), json!("8 MiB"));
}

#[tokio::test]
async fn a_component_that_needs_more_than_the_limit_from_the_start_fails_for_that() {
    let subject = Subject::limited(Limits { memory: 64 << 10, ..Limits::default() });
    assert_eq!(subject.call("echo", json!({})).await.failure().0, "limit.memory");
}

#[tokio::test]
async fn all_that_run_share_their_memory() {
    let engine = EngineOptions { memory_of_all: 48 << 20, ..EngineOptions::default() };
    let subject = Subject::with(Options { engine, ..Options::default() });
    let done = subject.call("hog", count(64 << 20)).await;
    let (code, message) = done.failure();
    assert_eq!(code, "limit.shared_memory", "{message}");
    assert!(message.contains("48 MiB") && message.contains("components.memory_mib"), "{message}");
    // Many at once end in one of two ways, and give all their memory back.
    let hogs: Vec<_> = std::iter::repeat_with(|| {
        let subject = subject.clone();
        tokio::spawn(async move { subject.call("hog", count(24 << 20)).await })
    })
    .take(12)
    .collect();
    for hog in hogs {
        let done = hog.await.unwrap();
        let is_refused = done.field("code") == "limit.shared_memory";
        assert!(is_refused || done.outcome.result == json!("24 MiB"), "{done:?}");
    }
    assert_eq!(*subject.call("hog", count(24 << 20)).await.value(), json!("24 MiB"));
}

#[tokio::test]
async fn what_is_small_waits_for_its_room_and_ends_well() {
    // Memory for a few of them.
    let engine = EngineOptions { memory_of_all: 8 << 20, ..EngineOptions::default() };
    let subject = Subject::with(Options { engine, ..Options::default() });
    let calls: Vec<_> = (0..24)
        .map(|_| {
            let subject = subject.clone();
            tokio::spawn(async move { subject.call("sleep", count(5)).await })
        })
        .collect();
    for call in calls {
        assert_eq!(*call.await.unwrap().value(), json!("slept"));
    }
}

#[tokio::test]
async fn what_is_prepared_is_admitted_as_far_as_there_is_room() {
    // A component takes 1.1 MiB.
    let engine = EngineOptions { memory_of_all: 2 << 20, ..EngineOptions::default() };
    let subject = Subject::with(Options { engine, ..Options::default() });
    let (runner, behave) = (&subject.runner, Path::new(BEHAVE));
    let (pack, name) = (behave.parent().unwrap(), behave.file_name().unwrap().to_str().unwrap());
    let holder = Holder { user: "ann".into(), root: Root::User("ann".into()) };
    let admit = |number: u64, entry_point: &str| {
        let execution = ExecutionId::from(Id::from_parts(1, number));
        runner.admit(&Asked {
            execution,
            holder: &holder,
            pack_path: pack,
            entry_point,
            spares_others: false,
        })
    };
    assert!(!runner.is_prepared(pack, name), "it is not known what it needs");
    runner.prepare(pack, name).await.unwrap();
    assert!(runner.is_prepared(pack, name));
    let first = admit(1, name).unwrap();
    assert!(first.is_some());
    assert!(admit(2, name).is_err());
    drop(first);
    assert!(admit(2, name).unwrap().is_some());

    // What cannot be prepared needs nothing: it runs into its error.
    let failure = runner.prepare(pack, "missing.wasm").await.unwrap_err();
    assert!(failure.reason.contains("missing.wasm") && failure.hint.contains("build"), "{failure:?}");
    assert!(!runner.is_prepared(pack, "missing.wasm"));
    assert!(admit(3, "missing.wasm").unwrap().is_none());
}

#[tokio::test]
async fn the_default_allows_100_mib_and_not_200() {
    let subject = Subject::behave();
    assert_eq!(*subject.call("hog", count(100 << 20)).await.value(), json!("100 MiB"));
    assert_eq!(subject.call("hog", count(200 << 20)).await.failure().0, "limit.memory");
}

#[tokio::test]
async fn wall_time_is_limited_whether_it_computes_or_waits() {
    let subject = Subject::behave();
    subject.call("echo", json!({})).await.value();
    for action in ["spin", "sleep"] {
        let begun = Instant::now();
        let done = subject.call(action, json!({"count": 60_000, "timeout": 1})).await;
        assert_eq!(done.outcome.end, End::TimedOut);
        assert_eq!(done.failure(), ("limit.time", "the component did not return within 1 s and was ended"));
        assert!(begun.elapsed() < Duration::from_secs(45), "{action}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn cpu_time_is_limited_and_waiting_costs_none() {
    let subject = Subject::limited(Limits { cpu: Duration::from_millis(200), ..Limits::default() });
    let done = subject.call("spin", json!({})).await;
    assert_eq!(done.failure(), ("limit.cpu", "the component used up its 0.2 s of CPU time and was ended"));
    assert_eq!(*subject.call("sleep", count(400)).await.value(), json!("slept"));
}

#[tokio::test]
async fn who_computes_for_long_leaves_the_thread_that_answers_others() {
    let subject = Subject::limited(Limits { cpu: Duration::from_millis(300), ..Limits::default() });
    subject.call("echo", json!({})).await.value();
    let before = time_of_this_thread();
    let calls: Vec<_> = std::iter::repeat_with(|| {
        let subject = subject.clone();
        tokio::spawn(async move { subject.call("spin", json!({})).await })
    })
    .take(4)
    .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().failure().0, "limit.cpu");
    }
    // Four times 0.3 s were used, on other threads; whoever answers others has used some of its own.
    let here = time_of_this_thread().saturating_sub(before);
    assert!(here < Duration::from_millis(900), "{here:?}");
}

/// CPU time of this thread.
fn time_of_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}

#[tokio::test]
async fn the_stack_is_limited() {
    let subject = Subject::behave();
    let done = subject.call("recurse", json!({})).await;
    assert_eq!(done.failure().0, "limit.stack");
    subject.call("echo", json!({})).await.value();
}

#[tokio::test]
async fn a_flood_of_output_is_cut_and_marked_and_the_run_goes_on() {
    let subject = Subject::limited(Limits { output: 10_000, ..Limits::default() });
    for action in ["print", "log"] {
        let done = subject.call(action, json!({"text": "flood", "count": 100_000})).await;
        done.value();
        let total: usize = done.lines.iter().map(|line| line.text.len() + 1).sum();
        assert!(total <= 10_000, "{action}: {total}");
        let last = done.texts().pop().unwrap();
        assert!(
            last.starts_with("output cut: ") && last.contains("bytes of a call are kept"),
            "{action}: {last}"
        );
    }
}

#[tokio::test]
async fn the_number_of_lines_is_limited_too() {
    let subject = Subject::limited(Limits { output_lines: 10, ..Limits::default() });
    let done = subject.call("print", json!({"count": 1000})).await;
    done.value();
    assert_eq!(done.lines.len(), 11);
}

#[tokio::test]
async fn a_result_beyond_its_limit_is_a_failure() {
    let subject = Subject::behave();
    subject.call("big_result", count(1 << 20)).await.value();
    // The second exceeds what may be copied out of a component at all.
    for size in [3 << 20, 12 << 20] {
        let done = subject.call("big_result", count(size)).await;
        let (code, message) = done.failure();
        assert_eq!(code, "limit.result", "{message}");
        assert!(message.contains("2097152 bytes"), "{message}");
    }
}

#[tokio::test]
async fn what_a_component_hands_to_the_host_at_once_is_limited() {
    let done = Subject::behave().call("log", json!({"text": "x".repeat(9 << 20), "count": 1})).await;
    assert_eq!(done.failure().0, "limit.hostcall", "{:?}", done.field("error"));
}

#[tokio::test]
async fn handles_are_limited() {
    let subject = Subject::limited(Limits { component_handles: 500, ..Limits::default() });
    assert_eq!(*subject.call("handles", count(400)).await.value(), json!("400 handles"));
    let done = subject.call("handles", count(600)).await;
    let (code, message) = done.failure();
    assert_eq!(code, "limit.handles", "{message}");
    assert!(message.contains("more than 500 handles"), "{message}");
    // The next call starts with a fresh count.
    assert_eq!(*subject.call("handles", count(400)).await.value(), json!("400 handles"));
    let endless = Subject::behave().call("handles", count(u64::MAX)).await;
    assert_eq!(endless.failure().0, "limit.handles", "{endless:?}");
}
