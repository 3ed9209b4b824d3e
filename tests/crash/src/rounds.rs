//! Crashes, round by round: load, then the end at a random moment, then the next round on what is left;
//! in the end everything is audited.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use tempfile::TempDir;

use crate::client::Client;
use crate::disk::Disk;
use crate::host::Host;
use crate::invariants::{Acknowledged, violations};
use crate::{audit, host};

/// How many clients send events at once.
const CLIENTS: usize = 8;
/// The latest moment of a crash, after the host was ready.
const LATEST: Duration = Duration::from_millis(600);
/// Every so many rounds the host is killed while it comes up.
const EARLY_KILL: usize = 5;

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
}

/// A source of random moments; its seed is printed, so that a failure can be looked into.
#[derive(Debug)]
pub struct Moments(u64);

impl Moments {
    /// Moments from a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(seed | 1)
    }

    fn next(&mut self, below: Duration) -> Duration {
        // xorshift64: good enough to choose moments.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let micros = u64::try_from(below.as_micros()).unwrap_or(u64::MAX).max(1);
        Duration::from_micros(self.0 % micros)
    }
}

/// Kills the host `rounds` times.
///
/// # Errors
/// When the host does not come up again, or an invariant is violated.
pub fn kill(rounds: usize, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-kill-")?;
    let stage = Stage::new(&directory.path().join("data"), &directory.path().join("effects"))?;
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        if round % EARLY_KILL == EARLY_KILL - 1 {
            let mut process = Host::spawn(&stage.binary, &stage.data)?;
            std::thread::sleep(moments.next(Duration::from_millis(60)));
            process.kill()?;
            process.wait()?;
            continue;
        }
        let mut host = Host::start(&stage.binary, &stage.data)?;
        stage.prepare(&mut host.client()?)?;
        let load = Load::start(&host);
        std::thread::sleep(moments.next(LATEST));
        host.kill()?;
        acknowledged.extend(load.stop());
    }
    stage.finish(rounds, &acknowledged)
}

/// Cuts the power of the disk that the host's data is on, `rounds` times.
///
/// # Errors
/// When the host does not come up again, or an invariant is violated.
pub fn cut_power(rounds: usize, moments: &mut Moments) -> anyhow::Result<Report> {
    let directory = TempDir::with_prefix("petrel-power-")?;
    let mut disk = Disk::make(1024)?;
    // The world outside keeps its power.
    let stage = Stage::new(&disk.path().join("data"), &directory.path().join("effects"))?;
    let mut acknowledged = Vec::new();
    for _ in 0..rounds {
        let mut host = Host::start(&stage.binary, &stage.data)?;
        stage.prepare(&mut host.client()?)?;
        let load = Load::start(&host);
        std::thread::sleep(moments.next(LATEST));
        // What is acknowledged after the cut was promised by nobody: only what was read before counts.
        let before = load.acknowledged();
        disk.cut_power()?;
        host.kill()?;
        load.stop();
        acknowledged.extend(before);
        disk.restore_power()?;
    }
    stage.finish(rounds, &acknowledged)
}

/// Where it happens.
struct Stage {
    binary: PathBuf,
    data: PathBuf,
    effects: PathBuf,
}

impl Stage {
    fn new(data: &Path, effects: &Path) -> anyhow::Result<Self> {
        Ok(Self { binary: host::binary()?, data: data.to_path_buf(), effects: effects.to_path_buf() })
    }

    /// The rules, once: one event leads to a shell command with an effect, and to a component.
    fn prepare(&self, client: &mut Client) -> anyhow::Result<()> {
        let file = self.effects.display();
        let command = format!("printf '%s\\n' \"$ST2_ACTION_EXECUTION_ID\" >> {file} && sync {file}");
        let actions = [
            ("effect", json!({"ref": "core.local", "parameters": {"cmd": command}})),
            ("component", json!({"ref": "core.echo", "parameters": {"message": "{{ trigger.body.n }}"}})),
        ];
        for (name, action) in actions {
            let rule = json!({
                "name": name, "pack": "crash", "enabled": true, "action": action,
                "trigger": {"type": "core.st2.webhook", "parameters": {"url": "crash"}},
            });
            let status = client.send("POST", "/rules", &rule.to_string())?.status;
            ensure!(status == 201 || status == 409, "the rule {name} was answered with {status}");
        }
        Ok(())
    }

    /// One last start: everything comes to rest and is audited.
    fn finish(&self, crashes: usize, acknowledged: &[Acknowledged]) -> anyhow::Result<Report> {
        let host = Host::start(&self.binary, &self.data)?;
        let mut client = host.client()?;
        audit::settle(&mut client)?;
        let observed = audit::observe(&mut client, acknowledged, &self.effects)?;
        let violations = violations(&observed);
        ensure!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
        let abandoned = petrel_model::Status::Abandoned;
        Ok(Report {
            crashes,
            acknowledged: acknowledged.len(),
            executions: observed.executions.len(),
            abandoned: observed.executions.values().filter(|stored| stored.status == abandoned).count(),
            effects: observed.effects.len(),
        })
    }
}

/// Clients that send events until the host is gone.
struct Load {
    acknowledged: Arc<Mutex<Vec<Acknowledged>>>,
    is_over: Arc<AtomicBool>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(host: &Host) -> Self {
        let acknowledged: Arc<Mutex<Vec<Acknowledged>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS)
            .map(|number| {
                let (acknowledged, is_over) = (Arc::clone(&acknowledged), Arc::clone(&is_over));
                let connect = host.connector();
                std::thread::spawn(move || {
                    let Ok(mut client) = connect() else { return };
                    while !is_over.load(Ordering::SeqCst) {
                        let body = json!({"n": number.to_string()}).to_string();
                        let Ok(event) = client.event("crash", &body) else { return };
                        acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(event);
                    }
                })
            })
            .collect();
        Self { acknowledged, is_over, clients }
    }

    /// What has been acknowledged so far.
    fn acknowledged(&self) -> Vec<Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the clients and returns all that was acknowledged.
    fn stop(self) -> Vec<Acknowledged> {
        self.is_over.store(true, Ordering::SeqCst);
        for client in self.clients {
            // A client that panicked has said so itself.
            drop(client.join());
        }
        std::mem::take(&mut self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
