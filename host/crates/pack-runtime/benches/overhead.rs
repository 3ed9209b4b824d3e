//! The cost of a call in addition to wasmtime's own: the same component, in one run, through a bare loop (instantiate,
//! call, drop) and through the runner (limits, accounting, output, JSON).
//!
//! `cargo bench -p petrel-pack-runtime`. Fails if the runner takes more than twice as long as the loop.
//!
//! Components given as paths (`cargo bench -p petrel-pack-runtime --bench overhead -- hello_go.wasm`) are measured in place of
//! `core`; they are called as the examples' `greet`, which does next to nothing, and may not import `wasi:http`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::action::COMPONENT_RUNNER;
use petrel_model::{Action, ExecutionId, Id, Object, Ref};
use petrel_pack_runtime::{ComponentRunner, Options, PackRuntime};
use petrel_runners::{Call, Outlet, OutputSink, Runner as _};
use petrel_test_components::CORE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

#[expect(unreachable_pub, reason = "it is part of a library elsewhere")]
#[path = "../src/engine_settings.rs"]
mod engine_settings;

mod bare {
    //! The minimal host: no limits, no output, no JSON.

    use std::path::Path;

    use wasmtime::Store;
    use wasmtime::component::types::ComponentItem;
    use wasmtime::component::{Component, HasSelf, Linker, ResourceTable, ResourceType};
    use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "petrel:pack/action-world",
        exports: { default: async },
    });

    pub(crate) struct State(WasiCtx, ResourceTable);

    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.0, table: &mut self.1 }
        }
    }

    impl petrel::log::log::Host for State {
        fn write(&mut self, _: petrel::log::log::Level, _: String, _: Option<String>) {}
        fn progress(&mut self, _: f32, _: Option<String>) {}
    }

    /// What the component imports beside WASI and logs, and does not call here, ends it.
    pub(crate) fn prepare(path: &Path) -> ActionWorldPre<State> {
        let engine =
            super::engine_settings::engine(&super::engine_settings::EngineOptions::default()).unwrap();
        let component = Component::from_file(&engine, path).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        petrel::log::log::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).unwrap();
        leave_out(&mut linker, &component);
        ActionWorldPre::new(linker.instantiate_pre(&component).unwrap()).unwrap()
    }

    /// Defines what the component imports of the host as functions that end it.
    fn leave_out(linker: &mut Linker<State>, component: &Component) {
        let engine = component.engine().clone();
        for (name, item) in component.component_type().imports(&engine) {
            let is_left_out = name.starts_with("petrel:");
            let (true, ComponentItem::ComponentInstance(instance)) = (is_left_out, item.ty) else { continue };
            let Ok(mut into) = linker.instance(name) else { continue };
            for (name, item) in instance.exports(&engine) {
                // What is there already stays.
                let _known = match item.ty {
                    ComponentItem::ComponentFunc(_) => {
                        into.func_new(name, |_, _, _, _| Err(wasmtime::Error::msg("it is left out")))
                    }
                    ComponentItem::Resource(_) => {
                        into.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))
                    }
                    _ => Ok(()),
                };
            }
        }
    }

    pub(crate) async fn call(world: &ActionWorldPre<State>, called: &super::Called) {
        let mut store =
            Store::new(world.engine(), State(WasiCtxBuilder::new().build(), ResourceTable::new()));
        store.set_epoch_deadline(1 << 40);
        let instance = world.instantiate_async(&mut store).await.unwrap();
        let context = petrel::pack::context::Context {
            execution_id: "000000000001000000000002".to_owned(),
            pack: called.pack.clone(),
            action: called.action.to_owned(),
            user: "ann".to_owned(),
            attempt: 0,
            deadline_ms: 0,
            parent_id: None,
            trace_id: String::new(),
        };
        let parameters = called.parameters.to_string();
        let result = instance.petrel_pack_action().call_run(&mut store, &context, &parameters).await;
        let result: serde_json::Value = serde_json::from_str(&result.unwrap().unwrap()).unwrap();
        assert_eq!(result, called.result);
    }
}

/// Number of measurements of each side. The sides take turns, so that both see the same load of the machine.
const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_millis(600);

#[derive(Default)]
struct Measured {
    /// Nanoseconds for each call.
    latencies: Vec<u64>,
    /// Calls a second, for each round.
    rates: Vec<f64>,
}

/// What is called.
struct Called {
    component: PathBuf,
    pack: String,
    action: &'static str,
    parameters: Value,
    result: Value,
}

impl Called {
    fn noop() -> Self {
        let (component, pack) = (PathBuf::from(CORE), "core".to_owned());
        Self { component, pack, action: "noop", parameters: json!({}), result: json!({}) }
    }

    /// The action of an example, which is named as its file is.
    fn greet(path: String) -> Self {
        let component = PathBuf::from(path).canonicalize().unwrap();
        let pack = component.file_stem().unwrap().to_str().unwrap().to_owned();
        let (parameters, result) = (json!({"name": "Ann", "times": 1}), json!({"text": "Hello, Ann!"}));
        Self { component, pack, action: "greet", parameters, result }
    }
}

fn main() -> ExitCode {
    let given: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let measured: Vec<_> =
        if given.is_empty() { vec![Called::noop()] } else { given.into_iter().map(Called::greet).collect() };
    let worst = measured.into_iter().map(measure).fold(0.0, f64::max);
    if worst > 2.0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Measures the two sides in turns. Returns how many times as long the runner takes.
fn measure(called: Called) -> f64 {
    println!("\n{}", called.component.display());
    let runtime = started(&called.component);
    let (runner, world) =
        (Arc::new(ComponentRunner::new(runtime)), Arc::new(bare::prepare(&called.component)));
    let called = Arc::new(called);
    println!("{:<10}{:<10}{:>10}{:>10}{:>14}", "threads", "", "p50 µs", "p99 µs", "calls/s");
    let mut worst: f64 = 0.0;
    for threads in [1, 2] {
        let (mut loops, mut runs) = (Measured::default(), Measured::default());
        for _ in 0..ROUNDS {
            let (world, same) = (Arc::clone(&world), Arc::clone(&called));
            round(threads, &mut loops, move || {
                let (world, called) = (Arc::clone(&world), Arc::clone(&same));
                async move { bare::call(&world, &called).await }
            });
            let (runner, expected, call) = (Arc::clone(&runner), called.result.to_string(), call(&called));
            round(threads, &mut runs, move || {
                let (runner, call, expected) = (Arc::clone(&runner), call.clone(), expected.clone());
                async move { assert_eq!(run(&runner, call).await, expected) }
            });
        }
        let (bare, full) = (show(threads, "wasmtime", &mut loops), show(threads, "runner", &mut runs));
        println!("{:<10}{:<10}{:>10.2}", threads, "ratio", full / bare);
        worst = worst.max(full / bare);
    }
    worst
}

/// Starts a runtime as a host does, the second time with the component compiled, and prints how long that takes.
fn started(component: &Path) -> PackRuntime {
    let cache = tempfile::tempdir().unwrap();
    let one = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let start = || {
        let options = Options { cache_directory: Some(cache.path().join("compiled")), ..Options::default() };
        let (begun, before) = (Instant::now(), resident());
        let runtime = PackRuntime::new(options).unwrap();
        one.block_on(runtime.prepare(Path::new("/nowhere"))).unwrap_err();
        println!(
            "engine and linker started in {:.1?}, {} KiB resident",
            begun.elapsed(),
            resident() - before
        );
        runtime
    };
    let (first, begun) = (start(), Instant::now());
    one.block_on(first.prepare(component)).unwrap();
    println!("compiled and linked in {:.1?}", begun.elapsed());
    drop(first);
    let (second, begun, before) = (start(), Instant::now(), resident());
    one.block_on(second.prepare(component)).unwrap();
    println!("loaded from the cache in {:.1?}, {} KiB resident", begun.elapsed(), resident() - before);
    second
}

/// Resident memory of the process, in KiB.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

async fn run(runner: &ComponentRunner, call: Call) -> String {
    runner.run(call, OutputSink::new(1 << 20), CancellationToken::new()).await.result.to_string()
}

/// Calls repeatedly on `threads` threads, for a while.
fn round<F: Future<Output = ()> + Send>(
    threads: usize,
    measured: &mut Measured,
    call: impl Fn() -> F + Clone + Send + 'static,
) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
    let begun = Instant::now();
    let latencies = runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..threads {
            let call = call.clone();
            tasks.spawn(async move {
                let mut latencies = Vec::new();
                while begun.elapsed() < ROUND {
                    let called = Instant::now();
                    call().await;
                    latencies.push(u64::try_from(called.elapsed().as_nanos()).unwrap());
                }
                latencies
            });
        }
        tasks.join_all().await.concat()
    });
    #[expect(clippy::cast_precision_loss, reason = "a measured figure")]
    measured.rates.push(latencies.len() as f64 / begun.elapsed().as_secs_f64());
    measured.latencies.extend(latencies);
}

/// Prints one line, and returns the median in microseconds.
#[expect(clippy::cast_precision_loss, reason = "measured figures")]
fn show(threads: usize, name: &str, measured: &mut Measured) -> f64 {
    measured.latencies.sort_unstable();
    measured.rates.sort_by(f64::total_cmp);
    let count = measured.latencies.len();
    let at = |share: usize| measured.latencies[count * share / 100] as f64 / 1000.0;
    let rate = measured.rates[measured.rates.len() / 2];
    println!("{threads:<10}{name:<10}{:>10.1}{:>10.1}{rate:>14.0}", at(50), at(99));
    at(50)
}

fn call(called: &Called) -> Call {
    let path = called.component.as_path();
    let action = Action {
        cold: false,
        expressions: petrel_model::action::Evaluation::default(),
        reference: Ref::new(&called.pack, called.action),
        description: String::new(),
        enabled: true,
        runner_type: COMPONENT_RUNNER.to_owned(),
        entry_point: path.file_name().unwrap().to_str().unwrap().to_owned(),
        parameters: Object::new(),
        output_schema: Object::new(),
        idempotent: true,
        tags: Vec::new(),
        notify: Object::new(),
    };
    Call {
        execution_id: ExecutionId::from(Id::from_parts(1, 2)),
        attempt: 0,
        action: Arc::new(action),
        parameters: Arc::new(called.parameters.as_object().cloned().unwrap()),
        user: "ann".to_owned(),
        pack_path: path.parent().unwrap().to_owned(),
        pack_config: Arc::default(),
        outlet: Outlet::default(),
        around: petrel_runners::asked::Around::default(),
    }
}
