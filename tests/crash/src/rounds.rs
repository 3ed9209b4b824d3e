//! Crashes, round by round: load, then the end at a random moment, then the next round on what is left;
//! in the end everything is audited.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use petrel_test_support::{Host, ProcessId, Signal, Start, until};
use serde_json::json;
use tempfile::TempDir;

use crate::audit::{self, Large};
use crate::client::Client;
use crate::disk::Disk;
use crate::invariants::{Acknowledged, violations};

/// How many clients send events at once.
const CLIENTS: usize = 8;
/// The latest moment of a crash, after the host was ready.
const LATEST: Duration = Duration::from_millis(600);
/// How long the first acknowledgement may take.
const FIRST: Duration = Duration::from_secs(30);
/// Every so many rounds the host is killed while it comes up.
const EARLY_KILL: usize = 5;

/// Every so many rounds the host is at a checkpoint all the time.
const CHECKPOINT_ROUNDS: usize = 3;
/// The sizes of large results, in bytes: kept in pieces, and in a file.
const LARGE: [usize; 3] = [40_000, 5_000_000, 40_000];

/// What is crashed.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The engine of the store, as in `store.engine`.
    pub engine: String,
    /// Whether there are large results too.
    pub has_large: bool,
}

impl Subject {
    /// The flags of the host in a round.
    fn flags(&self, round: usize) -> Vec<&str> {
        let mut flags = vec!["--store-engine", self.engine.as_str()];
        if round.is_multiple_of(CHECKPOINT_ROUNDS) {
            flags.extend(["--store-checkpoint-kib", "8"]);
        }
        flags
    }
}

/// What came of all rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How many crashes there were.
    pub crashes: usize,
    /// How many events were acknowledged.
    pub acknowledged: usize,
    /// How many executions are stored.
    pub executions: usize,
    /// How many of them were abandoned.
    pub abandoned: usize,
    /// How many effects there were.
    pub effects: usize,
    /// How many large results were read back.
    pub large: usize,
}

/// A source of random moments; its seed is printed, so that a failure can be looked into.
#[derive(Debug)]
pub struct Moments(u64);

impl Moments {
    /// Moments from a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A moment earlier than `below`.
    pub fn next(&mut self, below: Duration) -> Duration {
        // xorshift64: good enough to choose moments.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(below.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.0 % micros)
    }

    /// A number smaller than `below`.
    pub fn number(&mut self, below: usize) -> usize {
        let micros = self.next(Duration::from_micros(u64::try_from(below).unwrap_or(u64::MAX))).as_micros();
        usize::try_from(micros).unwrap_or_default()
    }
}

/// Kills the host `rounds` times.
///
/// # Errors
/// When the host does not come up again, or an invariant is violated.
pub fn kill(rounds: usize, subject: &Subject, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-kill-")?;
    let stage = Stage::new(&directory.path().join("data"), &directory.path().join("effects"), subject)?;
    let (mut acknowledged, mut large) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % EARLY_KILL == EARLY_KILL - 1 {
            let mut process = stage.start(round).spawn()?;
            std::thread::sleep(moments.next(Duration::from_millis(60)));
            process.kill()?;
            continue;
        }
        let mut host = stage.start(round).start()?;
        host.explain(stage.prepare(&mut Client::of(&host)))?;
        let load = Load::start(&host, round, subject.has_large);
        host.explain(load.begin(round))?;
        std::thread::sleep(moments.next(LATEST));
        host.process.kill()?;
        let told = load.stop();
        acknowledged.extend(told.events);
        large.extend(told.large);
    }
    stage.finish(rounds, &acknowledged, &large)
}

/// Cuts the power of the disk that the host's data is on, `rounds` times.
///
/// # Errors
/// When the host does not come up again, or an invariant is violated.
pub fn cut_power(rounds: usize, subject: &Subject, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-power-")?;
    let mut disk = Disk::make(8192)?;
    // The world outside keeps its power.
    let stage = Stage::new(&disk.path().join("data"), &directory.path().join("effects"), subject)?;
    let (mut acknowledged, mut large) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut host = stage.start(round).start()?;
        host.explain(stage.prepare(&mut Client::of(&host)))?;
        let load = Load::start(&host, round, subject.has_large);
        host.explain(load.begin(round))?;
        std::thread::sleep(moments.next(LATEST));
        // While the power goes a sync may return although it has done nothing. So what is acknowledged from
        // here on was promised by nobody, and what happens from here on has not happened.
        let before = load.told();
        let effects = stage.effects_so_far();
        disk.cut_power()?;
        host.process.kill()?;
        load.stop();
        stage.end_what_runs()?;
        stage.undo_effects_after(effects)?;
        acknowledged.extend(before.events);
        large.extend(before.large);
        disk.restore_power()?;
    }
    stage.finish(rounds, &acknowledged, &large)
}

/// Where it happens.
struct Stage<'a> {
    start: Start,
    effects: PathBuf,
    subject: &'a Subject,
}

impl<'a> Stage<'a> {
    fn new(data: &Path, effects: &Path, subject: &'a Subject) -> anyhow::Result<Self> {
        Ok(Self { start: Start::new(data)?, effects: effects.to_path_buf(), subject })
    }

    /// How its host is started in a round.
    fn start(&self, round: usize) -> Start {
        self.start.clone().flags(&self.subject.flags(round))
    }

    /// The rules, once: one event leads to a shell command with an effect, and to a component.
    fn prepare(&self, client: &mut Client) -> anyhow::Result<()> {
        let file = self.effects.display();
        let command = format!("printf '%s\\n' \"$ST2_ACTION_EXECUTION_ID\" >> {file} && sync {file}");
        let large = "yes {{ trigger.body.n }} | head -c {{ trigger.body.size }}";
        let actions = [
            ("effect", "crash", json!({"ref": "core.local", "parameters": {"cmd": command}})),
            (
                "component",
                "crash",
                json!({"ref": "core.echo", "parameters": {"message": "{{ trigger.body.n }}"}}),
            ),
            ("large", "large", json!({"ref": "core.local", "parameters": {"cmd": large}})),
        ];
        for (name, url, action) in actions {
            let rule = json!({
                "name": name, "pack": "crash", "enabled": true, "action": action,
                "trigger": {"type": "core.st2.webhook", "parameters": {"url": url}},
            });
            let status = client.send("POST", "/rules", &rule.to_string())?.status;
            ensure!(status == 201 || status == 409, "the rule {name} was answered with {status}");
        }
        Ok(())
    }

    /// How many bytes of effects there are.
    fn effects_so_far(&self) -> u64 {
        std::fs::metadata(&self.effects).map_or(0, |metadata| metadata.len())
    }

    /// Ends the commands that the host has left behind: without power nothing runs on.
    fn end_what_runs(&self) -> anyhow::Result<()> {
        let mark = self.effects.display().to_string();
        for process in std::fs::read_dir("/proc")?.flatten() {
            let Ok(id) = process.file_name().to_string_lossy().parse::<u32>() else { continue };
            let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&command).contains(&mark) {
                // One that has ended by itself meanwhile is no mistake.
                drop(ProcessId(id).signal(Signal::KILL));
            }
        }
        Ok(())
    }

    fn undo_effects_after(&self, length: u64) -> anyhow::Result<()> {
        match std::fs::OpenOptions::new().write(true).open(&self.effects) {
            Ok(file) => Ok(file.set_len(length)?),
            // Nothing has happened yet.
            Err(_) => Ok(()),
        }
    }

    /// One last start: everything comes to rest and is audited.
    fn finish(
        &self,
        crashes: usize,
        acknowledged: &[Acknowledged],
        large: &[Large],
    ) -> anyhow::Result<Report> {
        let host = self.start(1).start()?;
        host.explain(self.audit(&mut Client::of(&host), crashes, acknowledged, large))
    }

    fn audit(
        &self,
        client: &mut Client,
        crashes: usize,
        acknowledged: &[Acknowledged],
        large: &[Large],
    ) -> anyhow::Result<Report> {
        audit::settle(client)?;
        let observed = audit::observe(client, acknowledged, &self.effects)?;
        let mut violations = violations(&observed);
        let (read, torn) = audit::torn(client, large)?;
        violations.extend(torn);
        ensure!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
        let abandoned = petrel_model::Status::Abandoned;
        Ok(Report {
            crashes,
            acknowledged: acknowledged.len(),
            executions: observed.executions.len(),
            abandoned: observed.executions.values().filter(|stored| stored.status == abandoned).count(),
            effects: observed.effects.len(),
            large: read,
        })
    }
}

/// What the senders were told.
#[derive(Debug, Clone, Default)]
struct Told {
    events: Vec<Acknowledged>,
    large: Vec<Large>,
}

/// Clients that send events until the host is gone.
struct Load {
    told: Arc<Mutex<Told>>,
    is_over: Arc<AtomicBool>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(host: &Host, round: usize, has_large: bool) -> Self {
        let told: Arc<Mutex<Told>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let mut clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (told, is_over) = (Arc::clone(&told), Arc::clone(&is_over));
                let mut client = Client::of(host);
                std::thread::spawn(move || {
                    while !is_over.load(Ordering::SeqCst) {
                        let body = json!({"n": number.to_string()}).to_string();
                        let Ok(event) = client.event("crash", &body) else { return };
                        told.lock().unwrap_or_else(PoisonError::into_inner).events.push(event);
                    }
                })
            })
            .collect();
        if has_large {
            let (told, mut client) = (Arc::clone(&told), Client::of(host));
            clients.push(std::thread::spawn(move || {
                for (number, size) in LARGE.into_iter().enumerate() {
                    let line = format!("{round}-{number}");
                    let body = json!({"n": line, "size": size}).to_string();
                    let Ok(event) = client.event("large", &body) else { return };
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let executions = event.executions.iter().cloned();
                    told.large.extend(executions.map(|execution| Large {
                        execution,
                        line: line.clone(),
                        size,
                    }));
                    told.events.push(event);
                }
            }));
        }
        Self { told, is_over, clients }
    }

    /// In every other round the crash waits for the first acknowledgement: on a slow machine all moments
    /// may come before it, and then nothing would be shown.
    fn begin(&self, round: usize) -> anyhow::Result<()> {
        let is_told = || Ok((!round.is_multiple_of(2) || !self.told().events.is_empty()).then_some(()));
        until("the first acknowledged event", FIRST, is_told)
    }

    /// What they have been told so far.
    fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the clients and returns all that they were told.
    fn stop(self) -> Told {
        self.is_over.store(true, Ordering::SeqCst);
        for client in self.clients {
            // A client that panicked has said so itself.
            drop(client.join());
        }
        std::mem::take(&mut self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
