//! Detects a stuck thread of the store: a disk or an engine that no longer answers. A host in that state answers
//! nobody and looks alive; once it has ended, its supervisor starts it again.
//!
//! A thread marks the beginning and end of each piece of work in a [`Work`]. While it is idle, or waits for something
//! that may rightly take long, it marks nothing. The watchdog does not touch the disk.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, LazyLock};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Longest time between two checks.
const LOOK: Duration = Duration::from_secs(5);

/// The origin of all times.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The action for a stuck thread. It receives a description of the thread and its work.
#[derive(Clone)]
pub struct OnStuck(pub Arc<dyn Fn(&str) + Send + Sync>);

impl Default for OnStuck {
    /// Ends the process, since a stuck thread cannot be ended in any other way.
    fn default() -> Self {
        Self(Arc::new(|_| std::process::abort()))
    }
}

impl fmt::Debug for OnStuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnStuck")
    }
}

/// The time since when a thread works on one thing, in milliseconds from [`BEGUN`]. 0 while it is idle.
#[derive(Debug, Default)]
pub(crate) struct Work(AtomicU64);

impl Work {
    /// Begins a new piece of work, which ends when the guard is dropped.
    pub(crate) fn begin(&self) -> Busy<'_> {
        self.0.store(now(), Ordering::Relaxed);
        Busy(self)
    }

    /// Runs `wait` without counting it as work.
    pub(crate) fn pause<T>(&self, wait: impl FnOnce() -> T) -> T {
        let was = self.0.swap(0, Ordering::Relaxed);
        let waited = wait();
        if was != 0 {
            self.0.store(now(), Ordering::Relaxed);
        }
        waited
    }

    /// The beginning of the present work, if it has taken longer than `limit`.
    fn stuck_since(&self, limit: Duration) -> Option<u64> {
        let since = self.0.load(Ordering::Relaxed);
        let is_stuck = since != 0 && u128::from(now().saturating_sub(since)) > limit.as_millis();
        is_stuck.then_some(since)
    }
}

/// Ends the work when it is dropped.
pub(crate) struct Busy<'a>(&'a Work);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.0.store(0, Ordering::Relaxed);
    }
}

fn now() -> u64 {
    // Never 0, which means idle.
    u64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// A thread that is watched.
pub(crate) struct Watched {
    /// The thread and its work, as the beginning of a sentence.
    pub(crate) what: &'static str,
    pub(crate) work: Arc<Work>,
}

/// The watching thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watchdog {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Watches `watched`. A thread that works on one thing for longer than `limit` is stuck.
    pub(crate) fn start(watched: Vec<Watched>, limit: Duration, on_stuck: OnStuck) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let pause = LOOK.min(limit / 4);
        let look = move || {
            let mut suspects = vec![None; watched.len()];
            while matches!(stopped.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
                for (Watched { what, work }, suspect) in watched.iter().zip(&mut suspects) {
                    let since = work.stuck_since(limit);
                    // Only the second time: when a suspended process resumes, every thread looks stuck for a moment.
                    if since.is_some() && since == *suspect {
                        tracing::error!(
                            limit_seconds = limit.as_secs(),
                            "{what} for longer than that: the disk or the storage engine does not answer; the process is ended, and nothing that was acknowledged is lost"
                        );
                        return (on_stuck.0)(what);
                    }
                    *suspect = since;
                }
            }
        };
        let thread = Builder::new().name("store watchdog".into()).spawn(look)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been logged already.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(200);

    /// A watchdog, the work that it watches, and its reports.
    fn watched() -> (Watchdog, Arc<Work>, mpsc::Receiver<String>) {
        let (work, (sender, told)) = (Arc::new(Work::default()), mpsc::channel());
        let on_stuck = OnStuck(Arc::new(move |what| drop(sender.send(what.to_owned()))));
        let one = Watched { what: "it has been busy", work: Arc::clone(&work) };
        let idle = Watched { what: "this one is idle", work: Arc::default() };
        (Watchdog::start(vec![idle, one], LIMIT, on_stuck).unwrap(), work, told)
    }

    #[test]
    fn who_is_busy_with_one_thing_for_too_long_is_stuck() {
        let (_watchdog, work, told) = watched();
        let _busy = work.begin();
        assert_eq!(told.recv_timeout(Duration::from_secs(60)).unwrap(), "it has been busy");
    }

    #[test]
    fn many_things_idleness_and_waiting_are_not_stuck() {
        let (watchdog, work, told) = watched();
        let until = Instant::now() + 3 * LIMIT;
        while Instant::now() < until {
            let _busy = work.begin();
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(told.recv_timeout(3 * LIMIT).is_err(), "it is idle");
        let busy = work.begin();
        work.pause(|| assert!(told.recv_timeout(3 * LIMIT).is_err(), "it waits"));
        assert!(work.stuck_since(LIMIT).is_none(), "it counts from the end of the wait");
        drop(busy);
        work.pause(|| ());
        assert_eq!(work.0.load(Ordering::Relaxed), 0, "who was idle stays so");
        drop(watchdog);
    }
}
