//! The net below a simulation that hangs: a thread that waits for it in real time. When it takes too long, the thread says
//! where it stands and aborts the process, since nothing can end a thread that waits for ever.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::Context as _;
use parking_lot::Mutex;

use crate::ledger::Ledger;

/// How long a simulation may take, in real time. It takes less than a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lines of the trace are shown.
const LINES: usize = 12;
/// How long the thread waits for what is locked: whoever hangs may hold it for ever.
const LOCKED: Duration = Duration::from_secs(1);

/// What a simulation does, for who looks at it from outside.
#[derive(Debug, Default)]
struct Place {
    /// What is done now.
    now: String,
    /// The tasks that had not ended when that began: how many of each name.
    tasks: Vec<(&'static str, usize)>,
}

/// Watches a simulation for as long as it lives.
#[derive(Debug)]
pub(crate) struct Watch {
    place: Arc<Mutex<Place>>,
    _ends: mpsc::Sender<()>,
}

impl Watch {
    /// Watches the simulation of `seed`, which writes its trace into `ledger`.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn begin(seed: u64, ledger: &Arc<Mutex<Ledger>>) -> anyhow::Result<Self> {
        let (place, ledger) = (Arc::<Mutex<Place>>::default(), Arc::clone(ledger));
        let (ends, ended) = mpsc::channel();
        let seen = Arc::clone(&place);
        let watch = move || {
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                tell(&format!("seed {seed} hangs: {}", report(&seen, &ledger)));
                std::process::abort();
            }
        };
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(watch)
            .context("there is no thread to watch the simulation")?;
        Ok(Self { place, _ends: ends })
    }

    /// The simulation goes on to what `now` says, while these tasks have not ended.
    pub(crate) fn goes_on(&self, now: &str, tasks: Vec<(&'static str, usize)>) {
        *self.place.lock() = Place { now: now.to_owned(), tasks };
    }
}

/// Where it stands: what it does, the tasks that had not ended, the last lines of its trace.
fn report(place: &Mutex<Place>, ledger: &Mutex<Ledger>) -> String {
    let place = place.try_lock_for(LOCKED).map(|place| format!("{}\ntasks: {:?}", place.now, place.tasks));
    let lines = ledger.try_lock_for(LOCKED).map(|ledger| {
        let first = ledger.lines.len().saturating_sub(LINES);
        ledger.lines.iter().skip(first).map(|line| format!("\n{line}")).collect::<String>()
    });
    let locked = || "(locked)".to_owned();
    format!("{}{}", place.unwrap_or_else(locked), lines.unwrap_or_else(locked))
}

#[expect(clippy::print_stderr, reason = "the process ends, and no test can catch what it says")]
fn tell(what: &str) {
    eprintln!("{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_where_it_stands_also_when_the_ledger_is_locked() {
        let (place, ledger) = (Mutex::default(), Mutex::new(Ledger::new(Duration::ZERO)));
        *place.lock() = Place { now: "step 3".into(), tasks: vec![("change", 2)] };
        ledger.lock().lines = (0..20).map(|line| format!("line {line}")).collect();
        let told = report(&place, &ledger);
        assert!(told.starts_with("step 3\ntasks: [(\"change\", 2)]\nline 8\n"), "{told}");
        assert!(told.ends_with("line 19"), "{told}");
        let _locked = ledger.lock();
        assert!(report(&place, &ledger).ends_with("(locked)"));
    }
}
