//! All log lines of an event name one trace: on an engine over a store in memory, with a runner that does as
//! it is told, and with the log written as the host writes it, in JSON.

#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use log::Log;
use petrel_access::Behalf;
use petrel_catalog::content::Runners;
use petrel_engine::executions::{Again, Request};
use petrel_engine::reads::ExecutionFilter;
use petrel_engine::triggers::{Event, SensorRunners};
use petrel_engine::workflows::orquesta;
use petrel_engine::{Engine, Options};
use petrel_model::{Execution, ExecutionId, Object, Status, TraceId};
use petrel_persistence::MemoryStore;
use petrel_runners::{Call, Outcome, OutputSink, Runner, RunnerType, Runs, Slots};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Long enough for everything that is not a mistake.
const PATIENCE: Duration = Duration::from_secs(30);
/// The trace of a sender.
const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The spans of an event and of what is run for it.
const OF_AN_ACTION: [&str; 8] =
    ["accept", "claim", "commit", "decide", "execution", "outcome", "run", "start"];
/// The same with those of a workflow.
const OF_A_WORKFLOW: [&str; 9] =
    ["accept", "claim", "commit", "decide", "execution", "outcome", "run", "start", "step"];
/// The line about an enforcement that failed.
const FAILED: &str = "failed to enforce a rule";
/// Those of what the next process does for the event.
const AFTER_A_RESTART: [&str; 7] = ["claim", "commit", "execution", "outcome", "run", "start", "step"];

const FLOW: &str = "
version: 1.0
tasks:
  first:
    action: core.again
    next: [{do: second}]
  second:
    action: core.once
";

/// A runner whose runs end when they may.
struct Scripted {
    runner_type: RunnerType,
    /// A permit for each run that may end.
    may_end: Semaphore,
}

#[async_trait]
impl Runner for Scripted {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Component
    }

    async fn run(&self, _call: Call, _output: OutputSink, _cancel: CancellationToken) -> Outcome {
        self.may_end.acquire().await.unwrap().forget();
        Outcome::succeeded(json!(null))
    }
}

/// The pack `core`, as small as it can be: an action, one that may be run again, and a workflow of both.
fn pack() -> TempDir {
    let pack = TempDir::new().unwrap();
    let webhook = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../packs/core/triggers/webhook.yaml");
    let action = |name: &str, more: &str| format!("name: {name}\nenabled: true\nparameters: {{}}\n{more}");
    let scripted = "runner_type: scripted\nentry_point: ''\n";
    for (file, text) in [
        (
            "pack.yaml",
            "ref: core\nname: core\ndescription: For tests.\nversion: 1.0.0\nauthor: me\nemail: me@example.com\n"
                .to_owned(),
        ),
        ("triggers/webhook.yaml", fs::read_to_string(webhook).unwrap()),
        ("actions/once.yaml", action("once", scripted)),
        ("actions/again.yaml", action("again", &format!("{scripted}idempotent: true\n"))),
        ("actions/flow.yaml", action("flow", "runner_type: orquesta\nentry_point: workflows/flow.yaml\n")),
        ("actions/workflows/flow.yaml", FLOW.to_owned()),
    ] {
        let path = pack.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    pack
}

/// A process: all of its tasks are on the thread of the test, where the log is kept, and gone with it.
fn process() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// An engine of which so many runs may end.
async fn start(store: &MemoryStore, ends: usize) -> Engine {
    let runner_type = RunnerType { name: "scripted", description: "", parameters: Object::new() };
    let scripted = Scripted { runner_type, may_end: Semaphore::new(ends) };
    let runners: Runners = [Runs::by(scripted), orquesta()].map(Runs::named).into();
    let engine = Engine::new(Arc::new(store.clone()), runners, SensorRunners::default(), Options::default())
        .await
        .unwrap();
    engine.start().await.unwrap();
    engine
}

/// An engine with a rule that has `action` run for what is sent to the webhook `event`.
async fn start_with_rule(pack: &TempDir, store: &MemoryStore, ends: usize, action: &str) -> Engine {
    let engine = start(store, ends).await;
    engine.catalog().register_pack(pack.path(), true).await.unwrap();
    let trigger = json!({"type": "core.st2.webhook", "parameters": {"url": "event"}});
    let rule = json!({
        "name": "r", "pack": "mine", "enabled": true, "trigger": trigger, "action": {"ref": action, "parameters": {}},
    });
    engine.catalog().create_rule(&rule.to_string(), "admin").await.unwrap();
    engine
}

/// An execution once it has ended well.
async fn ended(engine: &Engine, id: ExecutionId) -> Execution {
    let execution = engine.executions().wait(id, PATIENCE).await.unwrap().unwrap();
    assert_eq!(execution.status, Status::Succeeded, "{execution:?}");
    Arc::unwrap_or_clone(execution)
}

fn request(action: &str, trace: Option<TraceId>) -> Request {
    Request {
        action: action.parse().unwrap(),
        parameters: Object::new(),
        rendered: Object::new(),
        behalf: Behalf::own("ann"),
        context: Object::new(),
        rerun: None,
        notify: None,
        delay: None,
        trace,
        trace_tag: None,
    }
}

/// The spans that are expected in a trace, and none in others.
fn expected(trace: TraceId, spans: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    [(trace.to_string(), spans.iter().map(|span| (*span).to_owned()).collect())].into()
}

#[test]
fn what_comes_of_an_event_is_logged_in_the_trace_of_its_sender_or_in_one_that_begins_with_it() {
    let (pack, ends) = (pack(), Semaphore::MAX_PERMITS);
    for (action, spans) in [("core.once", &OF_AN_ACTION[..]), ("core.flow", &OF_A_WORKFLOW)] {
        for sent in [None, Some(SENT.parse::<TraceId>().unwrap())] {
            let (log, _kept) = Log::begin();
            let (trace, ids) = process().block_on(async {
                let engine = start_with_rule(&pack, &MemoryStore::default(), ends, action).await;
                let event = Event::from(json!({"body": {}})).in_trace(sent);
                let accepted = engine.triggers().accept_webhook("event", event).await.unwrap();
                let ended = ended(&engine, accepted.executions[0]).await;
                engine.stop().await;
                let trace = sent.unwrap_or_else(|| TraceId::from(accepted.id.0));
                assert_eq!(ended.trace_id(), trace, "{action}");
                (trace, [accepted.id.to_string(), ended.id.to_string()])
            });
            assert_eq!(log.spans(), expected(trace, spans), "{action}\n{log}");
            assert_eq!(log.without_trace(&ids), Vec::<String>::new(), "{action}");
        }
    }
}

#[test]
fn what_the_next_process_does_for_an_event_is_logged_in_the_same_trace() {
    let (log, _kept) = Log::begin();
    let (pack, store) = (pack(), MemoryStore::default());
    let accepted = process().block_on(async {
        let engine = start_with_rule(&pack, &store, 0, "core.flow").await;
        let accepted = engine.triggers().accept_webhook("event", json!({"body": {}})).await.unwrap();
        let inside = ExecutionFilter {
            parent: Some(Some(accepted.executions[0])),
            status: Some(Status::Running),
            ..ExecutionFilter::default()
        };
        let runs = async {
            while engine.reads().executions(&inside, None, 1).await.unwrap().items.is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, runs).await.is_ok(), "the first task does not run");
        accepted
    });
    let trace = TraceId::from(accepted.id.0);
    assert!(log.spans().contains_key(&trace.to_string()), "{log}");
    log.forget();
    process().block_on(async {
        let engine = start(&store.reopen(), Semaphore::MAX_PERMITS).await;
        ended(&engine, accepted.executions[0]).await;
        engine.stop().await;
    });
    assert_eq!(log.spans(), expected(trace, &AFTER_A_RESTART), "{log}");
    assert_eq!(log.without_trace(&[accepted.executions[0].to_string()]), Vec::<String>::new());
}

#[test]
fn what_somebody_asks_for_begins_a_trace_unless_one_is_named_and_a_rerun_stays_in_it() {
    let (pack, ends) = (pack(), Semaphore::MAX_PERMITS);
    process().block_on(async {
        let engine = start_with_rule(&pack, &MemoryStore::default(), ends, "core.once").await;
        let (log, _kept) = Log::begin();
        let own = engine.executions().request(request("core.flow", None)).await.unwrap();
        assert_eq!(ended(&engine, own.id).await.trace_id(), TraceId::from(own.id.0));
        let spans: Vec<_> = OF_A_WORKFLOW.into_iter().filter(|span| *span != "decide").collect();
        assert_eq!(log.spans(), expected(own.trace_id(), &spans), "{log}");
        let sent: TraceId = SENT.parse().unwrap();
        let named = engine.executions().request(request("core.once", Some(sent))).await.unwrap();
        assert_eq!(ended(&engine, named.id).await.trace_id(), sent);
        for first in [own, named] {
            let again = Again {
                parameters: Object::new(),
                merges: true,
                tasks: Vec::new(),
                reset: Vec::new(),
                behalf: Behalf::own("ann"),
                delay: None,
            };
            let second = engine.executions().rerun(first.id, again).await.unwrap();
            assert_eq!(ended(&engine, second.id).await.trace_id(), first.trace_id());
        }
        engine.stop().await;
    });
}

#[test]
fn a_failed_enforcement_is_a_warning_in_the_trace_of_its_event_and_a_flood_of_them_a_few() {
    let pack = pack();
    for sent in [None, Some(SENT.parse::<TraceId>().unwrap())] {
        let (log, _kept) = Log::begin();
        process().block_on(async {
            // The rule outlives its action: the match is recorded as failed.
            let engine = start_with_rule(&pack, &MemoryStore::default(), 0, "core.gone").await;
            let post =
                || engine.triggers().accept_webhook("event", Event::from(json!({"body": {}})).in_trace(sent));
            let first = post().await.unwrap();
            let trace = sent.unwrap_or_else(|| TraceId::from(first.id.0));
            let warnings = log.warnings(FAILED);
            let [warning] = warnings.as_slice() else { panic!("{warnings:?}\n{log}") };
            for (field, expected) in [
                ("rule", "mine.r".to_owned()),
                ("trace", trace.to_string()),
                ("trigger_instance", first.id.to_string()),
                ("hint", format!("`petrel trigger why {}` explains it", first.id)),
            ] {
                assert_eq!(warning[field], expected, "{field}: {warning}");
            }
            assert!(warning["error"].as_str().is_some_and(|error| error.contains("core.gone")), "{warning}");
            assert_eq!((&warning["execution"], &warning["left_out"]), (&json!(null), &json!(null)));
            for _ in 0..20 {
                post().await.unwrap();
            }
            assert!((2..20).contains(&log.warnings(FAILED).len()), "{log}");
            engine.stop().await;
        });
    }
}
