//! The host that is attacked, as a process: what memory and processor time it takes, how it ends, and a watchdog
//! that ends it when it takes too much. It is started by `petrel_crash::host`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use petrel_crash::host::{self, Host};
use rustix::process::{Pid, Signal, kill_process};

/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(50);
/// Beyond its drain, a host that was asked to end is killed after this time.
const OVERTIME: Duration = Duration::from_secs(60);

/// A host under attack. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Victim {
    host: Host,
    watchdog: Watchdog,
}

/// How a host is started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    binary: PathBuf,
    data: PathBuf,
    flags: Vec<String>,
    /// The watchdog's limit, in bytes.
    memory: u64,
}

impl Start {
    /// A host on this data directory, with these flags; it may take so many MiB of memory.
    pub(crate) fn new(data: &Path, flags: &[String], memory_mib: u64) -> anyhow::Result<Self> {
        let memory = memory_mib.saturating_mul(1 << 20);
        Ok(Self { binary: host::binary()?, data: data.to_owned(), flags: flags.to_vec(), memory })
    }

    /// Starts it.
    pub(crate) fn start(&self) -> anyhow::Result<Victim> {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let mut command = Host::command(&self.binary, &self.data, &flags);
        // What the host holds is measured, and not what its allocator keeps for later: that comes and goes by a third.
        command.env("MIMALLOC_PURGE_DELAY", "0");
        let host = Host::start_by(command, &self.data)?;
        let watchdog = Watchdog::over(host.process_id(), self.memory)?;
        Ok(Victim { host, watchdog })
    }

    /// What `petrel store check` finds wrong; nothing when nothing is.
    pub(crate) fn check_store(&self) -> anyhow::Result<Option<String>> {
        let mut command = Command::new(&self.binary);
        command.args(["store", "check", "--data-dir"]).arg(&self.data);
        // Settings of the store itself are the same; what concerns a running host makes no sense here.
        let store = self.flags.chunks(2).filter(|pair| pair.first().is_some_and(|flag| is_of_store(flag)));
        command.args(store.flatten());
        let output = command.output().context("starting `petrel store check`")?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ok((!output.status.success()).then(|| format!("{}: {}", output.status, said.trim())))
    }
}

fn is_of_store(flag: &str) -> bool {
    flag == "--store-engine"
}

impl Victim {
    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        &self.host.address
    }

    /// The admin's token; it changes when somebody asks for another one.
    pub(crate) fn token(&self) -> String {
        self.host.token()
    }

    /// The most resident memory that it had, in MiB.
    pub(crate) fn largest_mib(&self) -> u64 {
        memory(self.host.process_id(), "VmHWM:").unwrap_or_default() >> 20
    }

    /// Resident memory each time that the watchdog looked since the last call, in MiB.
    pub(crate) fn seen_mib(&self) -> Vec<u64> {
        std::mem::take(&mut *self.watchdog.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.host.process_id()
    }

    /// Why it has ended although nobody asked it to; nothing while it lives.
    pub(crate) fn death(&mut self) -> anyhow::Result<Option<String>> {
        let Some(status) = self.host.ended()? else { return Ok(None) };
        Ok(Some(match self.watchdog.ate() {
            Some(mib) => format!("the host was killed when it took {mib} MiB"),
            None => format!("the host has ended by itself ({status})"),
        }))
    }

    /// Asks it to end, with SIGTERM; says how long that took, and what was wrong with how it ended.
    pub(crate) fn terminate(mut self, drain: Duration) -> anyhow::Result<(Duration, Option<String>)> {
        if let Some(death) = self.death()? {
            return Ok((Duration::ZERO, Some(death)));
        }
        signal(self.host.process_id(), Signal::TERM)?;
        let asked = Instant::now();
        while asked.elapsed() < drain + OVERTIME {
            if let Some(status) = self.host.ended()? {
                let wrong = match self.watchdog.ate() {
                    Some(mib) => Some(format!("while it ended the host was killed when it took {mib} MiB")),
                    None => {
                        (!status.success()).then(|| format!("after SIGTERM the host ended with {status}"))
                    }
                };
                return Ok((asked.elapsed(), wrong));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok((asked.elapsed(), Some(format!("the host has not ended {:?} after SIGTERM", asked.elapsed()))))
    }
}

/// Ends a process that takes more memory than it may.
#[derive(Debug)]
struct Watchdog {
    is_over: Arc<AtomicBool>,
    /// What the process had when it was ended, in bytes; 0 while it was not.
    ate: Arc<AtomicU64>,
    /// What it had, look by look, in MiB.
    seen: Arc<Mutex<Vec<u64>>>,
}

impl Watchdog {
    fn over(process: u32, limit: u64) -> anyhow::Result<Self> {
        ensure!(limit > 0, "a host needs memory; give the watchdog a limit above 0");
        let (is_over, ate) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let seen = Arc::new(Mutex::default());
        let watchdog = Self { is_over: Arc::clone(&is_over), ate: Arc::clone(&ate), seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let taken = memory(process, "VmRSS:").unwrap_or_default();
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(taken >> 20);
                if taken > limit {
                    ate.store(taken, Ordering::SeqCst);
                    // It may have ended at this moment.
                    drop(signal(process, Signal::KILL));
                    return;
                }
                std::thread::sleep(LOOK);
            }
        });
        Ok(watchdog)
    }

    fn ate(&self) -> Option<u64> {
        Some(self.ate.load(Ordering::SeqCst) >> 20).filter(|mib| *mib > 0)
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
    }
}

fn signal(process: u32, signal: Signal) -> anyhow::Result<()> {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).context("the host has no number")?;
    Ok(kill_process(id, signal)?)
}

/// The processor time that a process has taken, with the processes it has waited for; zero when it is gone.
pub(crate) fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Fields 14 to 17 (utime, stime, cutime, cstime), counted behind the name in brackets; in hundredths.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(4);
    Duration::from_millis(fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// A line of `/proc/PID/status`, in bytes.
fn memory(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
