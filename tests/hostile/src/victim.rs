//! The host that is attacked, as a process: what memory it takes, how it ends, and a watchdog that ends it when it takes
//! too much. It is started as all tests start one, by [`petrel_test_support`].

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::ensure;
use petrel_test_support::{Client, Host, ProcessId, Signal};

/// How long a host may be silent before its answer, and within it. What it does at lower priority, such as registering
/// packs, takes its time on a machine where others compute.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often the watchdog looks.
const LOOK: Duration = Duration::from_millis(50);
/// Beyond its drain, a host that was asked to end is killed after this time.
const OVERTIME: Duration = Duration::from_secs(60);

/// A client of a host that is attacked.
pub(crate) fn client(address: &str, token: &str) -> Client {
    Client::new(address).with_token(token).with_patience(PATIENCE)
}

/// A host under attack. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Victim {
    host: Host,
    watchdog: Watchdog,
}

/// How a host is started.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    host: petrel_test_support::Start,
    /// The watchdog's limit, in bytes.
    memory: u64,
}

impl Start {
    /// A host on this data directory, with these flags; it may take so many MiB of memory.
    pub(crate) fn new(data: &Path, flags: &[&str], memory_mib: u64) -> anyhow::Result<Self> {
        // What the host holds is measured, and not what its allocator keeps for later: that comes and goes by a third.
        let host = petrel_test_support::Start::new(data)?.flags(flags).env("MIMALLOC_PURGE_DELAY", "0");
        Ok(Self { host, memory: memory_mib.saturating_mul(1 << 20) })
    }

    /// Starts it.
    pub(crate) fn start(&self) -> anyhow::Result<Victim> {
        let host = self.host.start()?;
        let watchdog = Watchdog::over(host.process.id(), self.memory)?;
        Ok(Victim { host, watchdog })
    }

    /// What `petrel store check` finds wrong; nothing when nothing is.
    pub(crate) fn check_store(&self) -> anyhow::Result<Option<String>> {
        self.host.check_store()
    }
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
        self.process_id().largest().unwrap_or_default() >> 20
    }

    /// Resident memory each time that the watchdog looked since the last call, in MiB.
    pub(crate) fn seen_mib(&self) -> Vec<u64> {
        std::mem::take(&mut *self.watchdog.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> ProcessId {
        self.host.process.id()
    }

    /// Why it has ended although nobody asked it to; nothing while it lives.
    pub(crate) fn death(&mut self) -> anyhow::Result<Option<String>> {
        let Some(status) = self.host.process.ended()? else { return Ok(None) };
        Ok(Some(match self.watchdog.ate() {
            Some(mib) => format!("the host was killed when it took {mib} MiB"),
            None => {
                format!("the host has ended by itself ({status}); its log:\n{}", self.host.process.log())
            }
        }))
    }

    /// Asks it to end, with SIGTERM; says how long that took, and what was wrong with how it ended.
    pub(crate) fn terminate(mut self, drain: Duration) -> anyhow::Result<(Duration, Option<String>)> {
        if let Some(death) = self.death()? {
            return Ok((Duration::ZERO, Some(death)));
        }
        self.host.process.terminate()?;
        let asked = Instant::now();
        let Ok(status) = self.host.process.wait(drain + OVERTIME) else {
            let wrong = format!("the host has not ended {:?} after SIGTERM", asked.elapsed());
            return Ok((asked.elapsed(), Some(wrong)));
        };
        let took = asked.elapsed();
        let wrong = match self.watchdog.ate() {
            Some(mib) => Some(format!("while it ended the host was killed when it took {mib} MiB")),
            None => (!status.success()).then(|| format!("after SIGTERM the host ended with {status}")),
        };
        Ok((took, wrong))
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
    fn over(process: ProcessId, limit: u64) -> anyhow::Result<Self> {
        ensure!(limit > 0, "a host needs memory; give the watchdog a limit above 0");
        let (is_over, ate) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let seen = Arc::new(Mutex::default());
        let watchdog = Self { is_over: Arc::clone(&is_over), ate: Arc::clone(&ate), seen: Arc::clone(&seen) };
        std::thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                let taken = process.resident().unwrap_or_default();
                seen.lock().unwrap_or_else(PoisonError::into_inner).push(taken >> 20);
                if taken > limit {
                    ate.store(taken, Ordering::SeqCst);
                    // It may have ended at this moment.
                    drop(process.signal(Signal::KILL));
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
