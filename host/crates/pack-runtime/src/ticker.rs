//! The clock that interrupts components: one thread that advances the engine's epoch every 4 ms.
//!
//! At each tick a running component returns to the host, and `limits` decides whether it may go on. The thread
//! sleeps while no call is in progress, so an idle host has no wake-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::Engine;

/// Longest time that a component runs before it returns to the host.
pub(crate) const TICK: Duration = Duration::from_millis(4);

/// Ticks without a call after which the thread goes to sleep. Fewer would cost more, since waking the thread costs as
/// much as several ticks.
const IDLE_TICKS: u32 = 250;

/// A handle on the ticking thread. The thread ends when the engine is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Ticker {
    calls: Arc<Calls>,
    thread: Thread,
}

#[derive(Debug, Default)]
struct Calls {
    in_progress: AtomicUsize,
    asleep: AtomicBool,
}

/// Keeps the clock ticking until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticking(Arc<Calls>);

impl Ticker {
    /// Starts the thread that ticks for `engine`.
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let calls = Arc::new(Calls::default());
        let engine = engine.weak();
        let seen = Arc::clone(&calls);
        let spawned = thread::Builder::new().name("epoch".into()).spawn(move || {
            let mut idle = 0;
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                idle = if seen.in_progress.load(Ordering::SeqCst) == 0 { idle + 1 } else { 0 };
                if idle > IDLE_TICKS {
                    seen.sleep();
                    idle = 0;
                }
                thread::sleep(TICK);
            }
        })?;
        Ok(Self { calls, thread: spawned.thread().clone() })
    }

    /// Registers a call in progress, which ends when the returned value is dropped.
    pub(crate) fn call(&self) -> Ticking {
        self.calls.in_progress.fetch_add(1, Ordering::SeqCst);
        if self.calls.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(Arc::clone(&self.calls))
    }
}

impl Calls {
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        // A call that begins after this store sees `asleep`; one that began before is counted in `in_progress`.
        if self.in_progress.load(Ordering::SeqCst) == 0 {
            // The timeout lets the thread notice, once a minute, that its engine is gone.
            thread::park_timeout(Duration::from_mins(1));
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Ordering::SeqCst);
    }
}
