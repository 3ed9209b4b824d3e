//! Depth 2: the whole engine in this process, over a store that loses power at the n-th write, for every
//! n until the scenario passes untouched; when what was not synced is lost, when it had reached
//! the disk all the same, and when half of it had. After each cut the engine starts again on what is left, and the invariants must
//! hold.
//!
//! The same with the journal of the scenario: cut behind every frame, what it leads to must be such a state.
//!
//! The scenario: two rules, three events, a component and a shell command each, an execution that is
//! canceled while it runs, and one that takes too long.
#![expect(clippy::unwrap_used, reason = "these are the parts of one test")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use petrel_catalog::content::Runners;
use petrel_crash::invariants::{Acknowledged, Observed, Stored, violations};
use petrel_engine::executions::Request;
use petrel_engine::reads::{ExecutionFilter, Reads};
use petrel_engine::{Engine, Options, triggers};
use petrel_model::{Object, Status};
use petrel_pack_runtime::{ComponentRunner, PackRuntime};
use petrel_persistence_embedded::simulated::{Loss, SimulatedMachine};
use petrel_persistence_embedded::{EmbeddedStore, OpenError, Options as StoreOptions};
use petrel_runners::Runs;
use petrel_runners::local_shell::{LocalShell, Options as ShellOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How many steps are tried side by side.
const LANES: usize = 8;
/// Long enough for everything that is not a mistake.
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn every_write_in_turn() {
    let core = Core::lay_out();
    // Most of the time is spent waiting (for a timeout, for a cancel), so several run side by side.
    std::thread::scope(|scope| {
        // With the smallest layer every commit is followed by a checkpoint.
        for (loss, layer_bytes) in [(Loss::Unsynced, 1), (Loss::Nothing, 1 << 20), (Loss::Half, 1 << 20)] {
            for lane in 1..=LANES {
                let core = &core;
                scope.spawn(move || {
                    let mut step = lane;
                    while run(step, loss, layer_bytes, core) {
                        step += LANES;
                    }
                    assert!(step > 20, "the scenario was over after {step} writes");
                });
            }
        }
    });
}

/// Runs the scenario with the power cut at `step`. Says whether it was cut before the scenario was over.
fn run(step: usize, loss: Loss, layer_bytes: usize, core: &Core) -> bool {
    let machine = SimulatedMachine::default();
    let world = World::new(layer_bytes, core);
    threads().block_on(async {
        let engine = world.start(&machine).await;
        world.prepare(&engine).await;
        machine.cut_power_at(step, loss);
        let acknowledged = world.scenario(&engine, &machine).await;
        let acknowledged: Vec<_> = acknowledged.into_iter().map(|(_, told)| told).collect();
        let was_cut = world.end(engine, &machine).await;
        if !was_cut {
            let engine = world.start(&machine).await;
            let observed = world.observe(engine.reads(), engine.triggers().reads(), acknowledged).await;
            assert_eq!(violations(&observed), Vec::<String>::new(), "without a cut\n{observed:#?}");
            let ended =
                |status| observed.executions.values().filter(|stored| stored.status == status).count();
            let ends = (ended(Status::Succeeded), ended(Status::Canceled), ended(Status::Timeout));
            assert_eq!(ends, (6, 1, 1), "{observed:#?}");
            world.end(engine, &machine).await;
            return false;
        }
        let engine = world.start(&machine).await;
        world.rest(&engine).await;
        let observed = world.observe(engine.reads(), engine.triggers().reads(), acknowledged).await;
        assert_eq!(
            violations(&observed),
            Vec::<String>::new(),
            "power cut at write {step}, {loss:?}\n{observed:#?}"
        );
        world.end(engine, &machine).await;
        true
    })
}

/// Segments of a journal by their numbers.
type Segments = BTreeMap<u64, Vec<u8>>;

fn length(segments: &Segments) -> usize {
    segments.values().map(Vec::len).sum()
}

#[test]
fn every_prefix_of_the_journal() {
    let core = Core::lay_out();
    let (machine, acknowledged) = record(&core);
    let ends = ends(machine.segments().values().last().unwrap());
    // How many commits share a frame depends on the moment.
    assert!(ends.len() > 8, "{ends:?}");
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (core, ends) = (&core, &ends);
            let (machine, acknowledged) = (&machine, &acknowledged);
            scope.spawn(move || {
                for end in ends.iter().skip(lane).step_by(LANES) {
                    let (cut, told) = up_to(*end, machine, acknowledged);
                    recover(&cut, told, core);
                }
            });
        }
    });
}

/// Runs the scenario to its end on a machine that keeps all of it in the journal.
fn record(core: &Core) -> (SimulatedMachine, Vec<(usize, Acknowledged)>) {
    let machine = SimulatedMachine::default();
    let world = World::new(1 << 30, core);
    threads().block_on(async {
        let engine = world.start(&machine).await;
        world.prepare(&engine).await;
        let acknowledged = world.scenario(&engine, &machine).await;
        // As a kill leaves it: closing it would bring everything to the base.
        let killed = machine.killed();
        engine.stop().await;
        (killed, acknowledged)
    })
}

/// Where the frames of a segment end: its header takes 36 bytes, and the length of its body is in front of each
/// frame, whose head takes 16.
fn ends(segment: &[u8]) -> Vec<usize> {
    let mut ends = vec![36];
    while let Some(length) = segment.get(*ends.last().unwrap()..).and_then(<[u8]>::first_chunk::<4>) {
        ends.push(ends.last().unwrap() + 16 + usize::try_from(u32::from_le_bytes(*length)).unwrap());
    }
    ends
}

/// The machine with the last segment cut at `end`, and what had been acknowledged by then.
fn up_to(
    end: usize,
    machine: &SimulatedMachine,
    acknowledged: &[(usize, Acknowledged)],
) -> (SimulatedMachine, Vec<Acknowledged>) {
    let mut segments = machine.segments();
    segments.values_mut().last().unwrap().truncate(end);
    let so_far = length(&segments);
    let told = acknowledged.iter().filter(|(at, _)| *at <= so_far).map(|(_, told)| told.clone());
    (machine.with_segments(segments), told.collect())
}

/// What a host makes of what is left. What had succeeded by then had had its effect.
fn recover(machine: &SimulatedMachine, told: Vec<Acknowledged>, core: &Core) {
    let world = World::new(1 << 20, core);
    threads().block_on(async {
        let before = world.open(&machine.with_segments(machine.segments()));
        let had_effect: String = world
            .observe(Reads::of(&before), triggers::Reads::of(&before), Vec::new())
            .await
            .executions
            .iter()
            .filter(|(_, stored)| stored.has_effect && stored.status == Status::Succeeded)
            .map(|(id, _)| format!("{id}\n"))
            .collect();
        drop(before);
        fs::write(world.effects(), had_effect).unwrap();
        fs::remove_file(world.directory.path().join("store/acknowledged")).unwrap();
        let engine = world.start(machine).await;
        world.rest(&engine).await;
        let observed = world.observe(engine.reads(), engine.triggers().reads(), told).await;
        assert_eq!(violations(&observed), Vec::<String>::new(), "{observed:#?}");
        engine.stop().await;
    });
}

fn threads() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// The pack `core`, laid out, and its component, compiled.
struct Core(TempDir);

impl Core {
    fn lay_out() -> Self {
        let core = Self(TempDir::new().unwrap());
        let (pack, source) = (core.pack(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packs/core"));
        for folder in ["actions", "triggers"] {
            fs::create_dir_all(pack.join(folder)).unwrap();
            for file in fs::read_dir(source.join(folder)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), pack.join(folder).join(file.file_name())).unwrap();
            }
        }
        fs::copy(source.join("pack.yaml"), pack.join("pack.yaml")).unwrap();
        fs::create_dir(pack.join("wasm")).unwrap();
        let component = pack.join("wasm/core.wasm");
        fs::copy(petrel_test_components::CORE, &component).unwrap();
        threads().block_on(core.runtime().prepare(&component)).unwrap();
        core
    }

    fn pack(&self) -> PathBuf {
        self.0.path().join("core")
    }

    /// A runtime. Each host has one of its own, which has the keys of that host as long as it is there.
    fn runtime(&self) -> PackRuntime {
        let cache_directory = Some(self.0.path().join("compiled"));
        PackRuntime::new(petrel_pack_runtime::Options { cache_directory, ..Default::default() }).unwrap()
    }
}

/// What stays when the power goes: the directory, and the effects in it.
struct World<'a> {
    directory: TempDir,
    layer_bytes: usize,
    core: &'a Core,
    /// The store that is open, as long as something holds it.
    store: RefCell<Weak<EmbeddedStore>>,
}

impl<'a> World<'a> {
    fn new(layer_bytes: usize, core: &'a Core) -> Self {
        Self { directory: TempDir::new().unwrap(), layer_bytes, core, store: RefCell::default() }
    }

    fn effects(&self) -> PathBuf {
        self.directory.path().join("effects")
    }

    fn open(&self, machine: &SimulatedMachine) -> EmbeddedStore {
        let directory = self.directory.path().join("store");
        let options = StoreOptions {
            layer_bytes: self.layer_bytes,
            layer_age: PATIENCE * 10,
            ..StoreOptions::default()
        };
        let begun = Instant::now();
        loop {
            let (base, media) = (Box::new(machine.clone()), Arc::new(machine.clone()));
            match EmbeddedStore::open_on(base, media, &directory, &options) {
                // Nobody holds it any more, and it is still being closed.
                Err(OpenError::InUse(..)) if begun.elapsed() < PATIENCE => {}
                opened => return opened.unwrap(),
            }
        }
    }

    async fn start(&self, machine: &SimulatedMachine) -> Engine {
        let store = Arc::new(self.open(machine));
        self.store.replace(Arc::downgrade(&store));
        let shell = LocalShell::new(ShellOptions {
            environment: vec![
                ("PATH".into(), std::env::var("PATH").unwrap()),
                ("EFFECTS".into(), self.effects().display().to_string()),
            ],
            working_directory: self.directory.path().to_path_buf(),
            api_url: String::new(),
            output_limit: 1 << 20,
            run_as: None,
            decode_scalars: true,
            upkeep: petrel_runners::Upkeep::default(),
        });
        let components = ComponentRunner::new(self.core.runtime());
        let runners: Runners = [Runs::by(shell), Runs::by(components)].map(Runs::named).into();
        let options = Options { drain: Duration::ZERO, ..Options::default() };
        let engine = Engine::new(store, runners, triggers::SensorRunners::default(), options).await.unwrap();
        engine.start().await.unwrap();
        engine
    }

    async fn prepare(&self, engine: &Engine) {
        engine.catalog().register_pack(&self.core.pack(), true).await.unwrap();
        let command = "echo $ST2_ACTION_EXECUTION_ID >> $EFFECTS";
        for (name, action) in [
            ("shell", json!({"ref": "core.local", "parameters": {"cmd": command}})),
            ("component", json!({"ref": "core.echo", "parameters": {"message": "{{ trigger.body.n }}"}})),
        ] {
            let trigger = json!({"type": "core.st2.webhook", "parameters": {"url": "event"}});
            let rule =
                json!({"name": name, "pack": "crash", "enabled": true, "trigger": trigger, "action": action});
            engine.catalog().create_rule(&rule.to_string(), "admin").await.unwrap();
        }
    }

    /// Everything that somebody is told is noted; what fails because the power is gone is not.
    /// With each goes how long the journal was by then.
    async fn scenario(&self, engine: &Engine, machine: &SimulatedMachine) -> Vec<(usize, Acknowledged)> {
        let mut acknowledged = Vec::new();
        for n in ["1", "2", "3"] {
            if let Ok(accepted) = engine.triggers().accept_webhook("event", json!({"body": {"n": n}})).await {
                let told = Acknowledged {
                    trigger_instance: accepted.id.to_string(),
                    executions: accepted.executions.iter().map(ToString::to_string).collect(),
                };
                acknowledged.push((length(&machine.segments()), told));
            }
        }
        let canceled = self.request(engine, json!({"cmd": "sleep 20"})).await;
        self.request(engine, json!({"cmd": "sleep 20", "timeout": 1})).await;
        if let Some(id) = canceled {
            let id = id.parse().unwrap();
            // Running, if the power lasts that long.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(1) && engine.executions().running() < 2 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            drop(engine.executions().cancel(id, "admin").await);
        }
        let failed = engine.reads().failed();
        tokio::select! {
            () = self.rest(engine) => {}
            _ = failed => {}
        }
        acknowledged
    }

    async fn request(&self, engine: &Engine, parameters: Value) -> Option<String> {
        let request = Request {
            rendered: Object::new(),
            action: "core.local".parse().unwrap(),
            parameters: parameters.as_object().cloned().unwrap(),
            behalf: petrel_access::Behalf::own("admin"),
            rerun: None,
            notify: None,
            context: Object::new(),
            delay: None,
            trace: None,
            trace_tag: None,
        };
        engine.executions().request(request).await.ok().map(|execution| execution.id.to_string())
    }

    /// Waits until nothing waits or runs.
    async fn rest(&self, engine: &Engine) {
        let begun = Instant::now();
        while engine.reads().waiting() > 0 || engine.executions().running() > 0 {
            assert!(begun.elapsed() < PATIENCE, "the engine does not come to rest");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the engine as a loss of power does: what runs is gone, nothing is stored any more.
    async fn end(&self, engine: Engine, machine: &SimulatedMachine) -> bool {
        engine.stop().await;
        drop(engine);
        // The stop of a host leaves tasks behind that wait for a dead disk; the end of a process would not.
        let begun = Instant::now();
        while self.store.borrow().strong_count() > 0 {
            assert!(begun.elapsed() < PATIENCE, "something keeps the store");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        machine.restart()
    }

    async fn observe(
        &self,
        reads: Reads<'_>,
        events: triggers::Reads<'_>,
        acknowledged: Vec<Acknowledged>,
    ) -> Observed {
        let executions = reads.executions(&ExecutionFilter::default(), None, 1000).await.unwrap();
        let instances = events.trigger_instances(None, None, 1000).await.unwrap();
        let stored = executions.items.into_iter().map(|execution| {
            let is_effect = execution.context.rule.as_ref().is_some_and(|rule| rule.name == "crash.shell");
            let log: Vec<Status> = execution.log.iter().map(|entry| entry.status).collect();
            (execution.id.to_string(), Stored { status: execution.status, has_effect: is_effect, log })
        });
        let effects = fs::read_to_string(self.effects()).unwrap_or_default();
        Observed {
            acknowledged,
            trigger_instances: instances
                .items
                .iter()
                .map(|instance| instance.id.to_string())
                .collect::<BTreeSet<_>>(),
            executions: stored.collect::<BTreeMap<_, _>>(),
            effects: effects.lines().map(str::to_owned).collect(),
        }
    }
}
