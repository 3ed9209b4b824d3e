//! Random trees of workflows on the real engine in this process, with cancels, pauses, resumes, timeouts and lost
//! hosts at random moments. After each life of the host nothing is open inside a workflow that has ended and the
//! store is whole; in the end everything has ended.
//!
//! A seed gives the workflows and the moments; a failure names it, and `SEEDS` keeps those that found something.
#![expect(clippy::unwrap_used, reason = "these are the bodies of tests")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_catalog::content::Runners;
use petrel_crash::invariants::{Inside, open_inside_ended};
use petrel_crash::rounds::Moments;
use petrel_crash::trees::write_pack;
use petrel_engine::executions::Request;
use petrel_engine::reads::{ExecutionFilter, Reads};
use petrel_engine::triggers::SensorRunners;
use petrel_engine::workflows::{self, orquesta};
use petrel_engine::{Engine, Options};
use petrel_model::{Execution, ExecutionId, Object, Status};
use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::check::check;
use petrel_persistence_embedded::{EmbeddedStore, Options as StoreOptions};
use petrel_runners::Runs;
use petrel_runners::local_shell::{LocalShell, Options as ShellOptions};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Seeds that found something, then others.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 8, 13];
/// How often the host is lost in each.
const LIVES: usize = 3;
/// How long everything may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn nothing_is_open_inside_what_has_ended_whatever_happens() {
    // Most of the time is spent waiting, so some run side by side.
    for seeds in SEEDS.chunks(3) {
        std::thread::scope(|scope| {
            for seed in seeds {
                scope.spawn(|| run(*seed));
            }
        });
    }
}

fn run(seed: u64) {
    let directory = TempDir::new().unwrap();
    let mut moments = Moments::from_seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    write_pack(&directory.path().join("pack"), &mut moments).unwrap();
    let mut tops = Vec::new();
    for life in 0..LIVES {
        let runtime = threads();
        runtime.block_on(async {
            let engine = start(directory.path()).await;
            if life == 0 {
                engine.catalog().register_pack(&directory.path().join("pack"), true).await.unwrap();
            }
            disturb(&engine, &mut tops, &mut moments, seed).await;
        });
        // As a host is lost: whatever it was at is not brought to its end.
        runtime.shutdown_timeout(PATIENCE);
        is_whole(directory.path(), seed);
    }
    let runtime = threads();
    runtime.block_on(async {
        let engine = start(directory.path()).await;
        for id in &tops {
            drop(engine.executions().cancel(*id, "admin").await.unwrap());
        }
        rest(&engine, seed).await;
        engine.stop().await;
    });
    runtime.shutdown_timeout(PATIENCE);
    is_whole(directory.path(), seed);
}

fn threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn options() -> StoreOptions {
    StoreOptions { layer_bytes: 1 << 16, ..StoreOptions::default() }
}

async fn start(directory: &Path) -> Engine {
    let store = EmbeddedStore::open(&directory.join("store"), &options()).unwrap();
    let shell = LocalShell::new(ShellOptions {
        environment: vec![("PATH".into(), std::env::var("PATH").unwrap())],
        working_directory: directory.to_path_buf(),
        api_url: String::new(),
        output_limit: 1 << 20,
        run_as: None,
        decode_scalars: true,
        upkeep: petrel_runners::Upkeep::default(),
    });
    let runners: Runners = [Runs::by(shell), orquesta()].map(Runs::named).into();
    // Hardly any workflow stays in memory, so that each is made anew again and again.
    let workflows = workflows::Options {
        max_depth: 3,
        max_descendants: 100,
        waiting_memory: 16 << 10,
        ..workflows::Options::default()
    };
    let limits = Options { drain: Duration::ZERO, workflows, ..Options::default() };
    let engine = Engine::new(Arc::new(store), runners, SensorRunners::default(), limits).await.unwrap();
    engine.start().await.unwrap();
    engine
}

/// Starts trees, and pauses, resumes and cancels some of what there is, at any depth.
async fn disturb(engine: &Engine, tops: &mut Vec<ExecutionId>, moments: &mut Moments, seed: u64) {
    for _ in 0..5 + moments.number(25) {
        let known = observe(engine.reads()).await;
        let any = known.get(moments.number(known.len().max(1))).map(|one| one.id.parse().unwrap());
        match (moments.number(6), any) {
            (0 | 1, _) | (_, None) => {
                let request = Request {
                    action: format!("trees.w{}", moments.number(2)).parse().unwrap(),
                    parameters: Object::new(),
                    rendered: Object::new(),
                    behalf: petrel_access::Behalf::own("admin"),
                    rerun: None,
                    notify: None,
                    context: Object::new(),
                    delay: None,
                    trace: None,
                    trace_tag: None,
                };
                tops.push(engine.executions().request(request).await.unwrap().id);
            }
            // What cannot be paused, resumed or canceled any more is left alone.
            (2, Some(id)) => drop(engine.executions().pause(id).await),
            (3, Some(id)) => drop(engine.executions().resume(id).await),
            (_, Some(id)) => drop(engine.executions().cancel(id, "admin").await),
        }
        tokio::time::sleep(moments.next(Duration::from_millis(20))).await;
        assert_eq!(violations(engine).await, Vec::<String>::new(), "seed {seed}");
    }
}

/// An execution as an earlier version has stored it.
fn stored(id: &str, parent: Option<&str>, status: &str) -> Execution {
    let parent = parent.map(|parent| json!({"execution": parent, "task": "t", "number": 0}));
    let execution = json!({
        "id": id, "version": 1, "action": "trees.w0", "runner": "local-shell-cmd", "status": status,
        "requested_at": "2026-01-01T00:00:00Z", "context": {"user": "ann"}, "parent": parent,
    });
    serde_json::from_value(execution).unwrap()
}

#[test]
fn what_an_earlier_version_left_inside_a_workflow_that_has_ended_is_canceled() {
    let directory = TempDir::new().unwrap();
    let (ended, gone) = ("65a000000000000000000001", "65a000000000000000000002");
    let inside = ["65a000000000000000000003", "65a000000000000000000004"];
    let runtime = threads();
    runtime.block_on(async {
        let store = EmbeddedStore::open(&directory.path().join("store"), &options()).unwrap();
        let rows = [
            stored(ended, None, "canceled"),
            stored(inside[0], Some(ended), "requested"),
            stored(inside[1], Some(gone), "requested"),
        ];
        store.commit(Commit::of(rows.map(Change::CreateExecution))).await.unwrap();
        drop(store);
        let engine = start(directory.path()).await;
        let begun = Instant::now();
        while observe(engine.reads()).await.iter().any(|one| !one.status.is_final()) {
            assert!(begun.elapsed() < PATIENCE, "something is left");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for id in inside {
            let execution = engine.reads().execution(id.parse().unwrap()).await.unwrap().unwrap();
            assert_eq!(execution.status, Status::Canceled);
        }
        engine.stop().await;
    });
}

/// Waits until everything has ended.
async fn rest(engine: &Engine, seed: u64) {
    let begun = Instant::now();
    loop {
        assert_eq!(violations(engine).await, Vec::<String>::new(), "seed {seed}");
        let all = observe(engine.reads()).await;
        let open: Vec<_> = all.iter().filter(|one| !one.status.is_final()).collect();
        if open.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "seed {seed}: these do not end: {open:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What is open inside what has ended, and still is: what is inside may be read before the workflow.
async fn violations(engine: &Engine) -> Vec<String> {
    let mut found = open_inside_ended(&observe(engine.reads()).await);
    if !found.is_empty() {
        let again = open_inside_ended(&observe(engine.reads()).await);
        found.retain(|one| again.contains(one));
    }
    found
}

/// All executions.
async fn observe(reads: Reads<'_>) -> Vec<Inside> {
    let (mut all, mut before) = (Vec::new(), None);
    loop {
        let page = reads.executions(&ExecutionFilter::default(), before, 1000).await.unwrap();
        all.extend(page.items.into_iter().map(|one| Inside {
            id: one.id.to_string(),
            parent: one.parent.map(|parent| parent.execution.to_string()),
            status: one.status,
        }));
        before = page.next;
        if before.is_none() {
            return all;
        }
    }
}

/// The store is whole, and says the same as the host did.
fn is_whole(directory: &Path, seed: u64) {
    let store = directory.join("store");
    let checked = check(&store, &options()).unwrap();
    assert_eq!(checked.problems, Vec::<String>::new(), "seed {seed}");
    let opened = threads().block_on(async {
        let store = EmbeddedStore::open(&store, &options()).unwrap();
        observe(Reads::of(&store)).await
    });
    assert_eq!(open_inside_ended(&opened), Vec::<String>::new(), "seed {seed}");
}
