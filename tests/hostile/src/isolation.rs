//! How long an innocent event takes beside something hostile, and beside harmless clients for whom the host takes as
//! much processor time; how much memory the host takes, and how long SIGTERM takes while the attack goes on.
//!
//! Each measurement is a host of its own. [`kinds`] is what is hostile, `innocent` who is measured, and who is
//! harmless.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Resource, getrlimit, setrlimit};
use tempfile::TempDir;

mod innocent;
mod kinds;

use crate::victim::{Start, Victim};
use innocent::{Pace, percentile, share};
pub use kinds::Kind;
use kinds::Scene;

/// How long the host may let what runs go on after SIGTERM.
pub const DRAIN: Duration = Duration::from_secs(5);
/// How long a load goes on before something is measured beside it.
const BEFORE: Duration = Duration::from_secs(3);
/// How many harmless clients there are.
const HARMLESS: usize = 8;

/// What to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Beside what.
    pub kinds: Vec<Kind>,
    /// How often; the median counts.
    pub runs: usize,
    /// For how long each time.
    pub duration: Duration,
    /// The engine of the store.
    pub engine: String,
    /// The host is killed when it takes more memory, in MiB.
    pub memory_mib: u64,
}

/// One measurement.
#[derive(Debug, Clone)]
pub struct Figures {
    /// What 99 of 100 innocent events stayed below; those that did not get through count as ten seconds.
    pub p99: Duration,
    /// How many there were.
    pub events: usize,
    /// How many of them were answered with something else than 202.
    pub refused: usize,
    /// How many of them were not answered.
    pub unanswered: usize,
    /// The share of a processor that the host took; 1.0 is one processor.
    pub share: f64,
    /// The most memory that it had, in MiB.
    pub largest_mib: u64,
    /// How long SIGTERM took while the load went on.
    pub end: Duration,
    /// What was wrong with how it ended.
    pub wrong: Option<String>,
}

/// All measurements beside one kind of load.
#[derive(Debug, Clone)]
pub struct Row {
    /// The kind.
    pub kind: Kind,
    /// Beside it, run by run.
    pub hostile: Vec<Figures>,
    /// Beside harmless clients, run by run.
    pub harmless: Vec<Figures>,
}

impl Row {
    /// The medians of the 99th percentiles, beside hostile and beside harmless load.
    pub fn p99(&self) -> [Duration; 2] {
        [&self.hostile, &self.harmless].map(|runs| {
            let each: Vec<Duration> = runs.iter().map(|figures| figures.p99).collect();
            percentile(&each, 50)
        })
    }

    /// How many times longer it takes beside hostile load.
    pub fn ratio(&self) -> f64 {
        let [hostile, harmless] = self.p99();
        hostile.as_secs_f64() / harmless.as_secs_f64().max(0.000_001)
    }

    /// The most memory, in MiB, and the longest end, beside hostile load.
    pub fn worst(&self) -> (u64, Duration) {
        let memory = self.hostile.iter().map(|figures| figures.largest_mib).max();
        let end = self.hostile.iter().map(|figures| figures.end).max();
        (memory.unwrap_or_default(), end.unwrap_or_default())
    }

    /// What was wrong with how hosts ended.
    pub fn wrong(&self) -> impl Iterator<Item = &str> {
        self.hostile.iter().chain(&self.harmless).filter_map(|figures| figures.wrong.as_deref())
    }
}

/// Measures by plan.
///
/// # Errors
/// When there is no host, or the system does not let us.
pub fn run(plan: &Plan, say: fn(&str)) -> anyhow::Result<Vec<Row>> {
    // Floods need as many open files as may be.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files)?;
    let mut rows = Vec::new();
    for kind in &plan.kinds {
        let mut row = Row { kind: *kind, hostile: Vec::new(), harmless: Vec::new() };
        for number in 1..=plan.runs {
            let hostile = measure(plan, Load::Hostile(*kind))?;
            let harmless = measure(plan, Load::Harmless(hostile.share))?;
            for (beside, figures) in [("hostile", &hostile), ("harmless", &harmless)] {
                say(&format!(
                    "{} {number}, {beside}: p99 {:.1} ms of {} events ({} refused, {} unanswered), {:.2} processors, {} MiB at most, ended in {:.1} s{}",
                    kind.name(),
                    figures.p99.as_secs_f64() * 1000.0,
                    figures.events,
                    figures.refused,
                    figures.unanswered,
                    figures.share,
                    figures.largest_mib,
                    figures.end.as_secs_f64(),
                    figures.wrong.as_ref().map(|wrong| format!(", FOUND: {wrong}")).unwrap_or_default(),
                ));
            }
            row.hostile.push(hostile);
            row.harmless.push(harmless);
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What goes on beside the innocent.
#[derive(Debug, Clone, Copy)]
enum Load {
    Hostile(Kind),
    /// Ordinary events, for which the host takes that share of a processor.
    Harmless(f64),
}

/// One measurement on a fresh host.
fn measure(plan: &Plan, load: Load) -> anyhow::Result<Figures> {
    let directory = TempDir::with_prefix("petrel-hostile-")?;
    let flags = ["--store-engine", &plan.engine, "--drain-seconds", "5"];
    let victim = Start::new(&directory.path().join("data"), &flags, plan.memory_mib)?.start()?;
    let scene = Scene::prepare(victim.address(), &victim.token(), directory.path())?;
    let process = victim.process_id();
    let share = if let Load::Harmless(share) = load { share } else { 0.0 };
    let (is_over, pace) = (AtomicBool::new(false), Pace::for_share(share));
    let (scene, is_over, pace) = (&scene, &is_over, &pace);
    std::thread::scope(|scope| {
        match load {
            Load::Hostile(kind) => (0..kind.attackers()).for_each(|number| {
                scope.spawn(move || kind.attack(scene, number, is_over));
            }),
            Load::Harmless(_) => {
                (0..HARMLESS).for_each(|_| {
                    scope.spawn(move || pace.keep(scene, is_over));
                });
                scope.spawn(move || pace.steer(process, is_over));
            }
        }
        let figures = beside(victim, scene, plan.duration);
        is_over.store(true, Ordering::Relaxed);
        figures
    })
}

/// Measures while a load goes on, and ends the host in the midst of it.
fn beside(mut victim: Victim, scene: &Scene, duration: Duration) -> anyhow::Result<Figures> {
    std::thread::sleep(BEFORE);
    let taken = || victim.process_id().processor_time().unwrap_or_default();
    let (before, begun) = (taken(), Instant::now());
    let fared = innocent::send_events(scene, duration);
    let share = share(taken().saturating_sub(before), begun.elapsed());
    let largest_mib = victim.largest_mib();
    let death = victim.death()?;
    let (end, wrong) = victim.terminate(DRAIN)?;
    Ok(Figures {
        p99: percentile(&fared.latencies, 99),
        events: fared.latencies.len(),
        refused: fared.refused,
        unanswered: fared.unanswered,
        share,
        largest_mib,
        end,
        wrong: death.or(wrong),
    })
}
