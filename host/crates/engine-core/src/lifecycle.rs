//! The life of the process as services see it: the running tasks by name, and the two signals that end them.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::ground::Core;

/// The time that aborted tasks have for their end when the host stops.
const LAST_WAIT: Duration = Duration::from_secs(10);
/// The time for which a stop waits for commits that cannot be written, and the time between two looks.
const UNWRITTEN: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_secs(1);

/// The end of a wait for tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// All tasks have ended.
    Ended,
    /// The time is up.
    TooLong,
    /// Tasks wait for this many commits, which the store cannot write for the moment.
    Unwritten(usize),
}

/// The tasks of all services, and the signals of a stop.
#[derive(Default)]
pub(crate) struct Lifecycle {
    is_stopping: AtomicBool,
    stop_starting: CancellationToken,
    end_running: CancellationToken,
    tasks: TaskTracker,
    names: Arc<Names>,
}

/// The number of tasks of each name. There are few names, so that a list is the quickest map.
#[derive(Default)]
struct Names(Mutex<Vec<(&'static str, usize)>>);

impl Lifecycle {
    /// Whether the host is stopping, and accepts nothing new.
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Fires when nothing more may be started.
    pub(crate) fn stop_starting(&self) -> &CancellationToken {
        &self.stop_starting
    }

    /// Fires when running work has to end.
    pub(crate) fn end_running(&self) -> &CancellationToken {
        &self.end_running
    }

    /// The names of the running tasks, in alphabetical order, with the number of each.
    pub(crate) fn running(&self) -> Vec<(&'static str, usize)> {
        let mut running: Vec<_> =
            self.names.0.lock().iter().filter(|(_, count)| *count > 0).copied().collect();
        running.sort_unstable();
        running
    }

    #[expect(clippy::disallowed_methods, reason = "this is where tasks are spawned for all")]
    pub(crate) fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let mark = Mark::new(Arc::clone(&self.names), name);
        self.tasks.spawn(Named { future, mark }.in_current_span())
    }

    /// See [`Core::stop`].
    pub(crate) async fn stop(&self, core: &Core, drain: Duration) {
        // Set before the tokens fire, so that nobody who is woken by one still finds the host accepting.
        self.is_stopping.store(true, Ordering::SeqCst);
        self.stop_starting.cancel();
        // Only a closed tracker can be waited for. It still accepts tasks, which running work may need to finish.
        self.tasks.close();
        let mut last_wait = LAST_WAIT;
        match self.wait(core, drain).await {
            Waited::Ended => return,
            Waited::TooLong => {
                tracing::warn!(seconds = drain.as_secs(), "drain time is over; ending running work");
            }
            Waited::Unwritten(commits) => {
                // Whatever else ends could not be written either.
                last_wait = LOOK;
                let hint = "free some space on the disk of the data directory";
                tracing::error!(
                    commits,
                    hint,
                    "commits cannot be written, and the stop does not wait for them; the next start recovers the executions that they would have ended"
                );
            }
        }
        self.end_running.cancel();
        if self.wait(core, last_wait).await != Waited::Ended {
            for (task, count) in self.running() {
                tracing::warn!(task, count, "tasks did not end; the next start recovers their work");
            }
        }
    }

    /// Waits until all tasks have ended, for this time, and for less while commits cannot be written.
    async fn wait(&self, core: &Core, within: Duration) -> Waited {
        let begun = core.monotonic();
        let mut stuck_since = None;
        loop {
            let left = within.saturating_sub(core.since(begun));
            tokio::select! {
                // Tasks that have ended by now count even if the time is up.
                biased;
                () = self.tasks.wait() => return Waited::Ended,
                () = core.sleep(left.min(LOOK)) => {}
            }
            if core.since(begun) >= within {
                return Waited::TooLong;
            }
            match core.store().figures().unwritten {
                0 => stuck_since = None,
                commits if core.since(*stuck_since.get_or_insert_with(|| core.monotonic())) >= UNWRITTEN => {
                    return Waited::Unwritten(commits);
                }
                _may_pass => {}
            }
        }
    }
}

impl fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lifecycle")
            .field("is_stopping", &self.is_stopping())
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

/// Counts a task while it lives, and stops counting it however it ends.
struct Mark {
    names: Arc<Names>,
    name: &'static str,
}

impl Mark {
    fn new(names: Arc<Names>, name: &'static str) -> Self {
        names.change(name, |count| count.saturating_add(1));
        Self { names, name }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.names.change(self.name, |count| count.saturating_sub(1));
    }
}

impl Names {
    fn change(&self, name: &'static str, by: impl FnOnce(usize) -> usize) {
        let mut names = self.0.lock();
        // A name stays when its count is zero, as it will be needed again.
        match names.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count = by(*count),
            None => names.push((name, by(0))),
        }
    }
}

pin_project! {
    /// A future that is counted. It polls the inner one in place: an `async` block around it would hold it twice.
    struct Named<F> {
        #[pin]
        future: F,
        mark: Mark,
    }
}

impl<F: Future> Future for Named<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use petrel_persistence::MemoryStore;

    use super::*;
    use crate::clock::Clock;
    use crate::set_clock::SetClock;

    fn core() -> (Core, Arc<SetClock>) {
        let clock = Arc::new(SetClock::default());
        (Core::new(Arc::new(MemoryStore::default()), Arc::clone(&clock) as Arc<dyn Clock>), clock)
    }

    /// Lets the other tasks come to rest: all but this one sleep by the clock.
    async fn until_asleep(clock: &SetClock, sleepers: usize) {
        for _ in 0..1000 {
            if clock.sleepers() == sleepers {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} sleep, and {sleepers} should", clock.sleepers());
    }

    #[tokio::test]
    async fn tasks_are_counted_by_name_however_they_end() {
        let (core, _clock) = core();
        let forever = core.spawn("forever", std::future::pending::<()>());
        let brief = core.spawn("brief", async { 7 });
        let broken = core.spawn("broken", async { panic!("on purpose") });
        assert_eq!(core.running(), [("brief", 1), ("broken", 1), ("forever", 1)]);
        assert_eq!(brief.await.unwrap(), 7);
        assert!(broken.await.is_err());
        assert_eq!(core.running(), [("forever", 1)]);
        forever.abort();
        assert!(forever.await.is_err());
        assert!(core.running().is_empty());
    }

    #[tokio::test]
    async fn a_stop_waits_for_what_runs_then_ends_it_then_goes_without() {
        let (core, clock) = core();
        let end = core.end_running().clone();
        let ended = core.spawn("can be ended", async move { end.cancelled().await });
        let stuck = core.spawn("stuck", std::future::pending::<()>());
        let stopping = core.clone();
        let mut stop = std::pin::pin!(stopping.stop(Duration::from_secs(30)));
        for (sleepers, ended_by_now) in [(1, false), (1, true)] {
            tokio::select! {
                () = &mut stop => panic!("it has not waited"),
                () = until_asleep(&clock, sleepers) => {}
            }
            assert!(core.is_stopping() && core.stop_starting().is_cancelled());
            assert_eq!(core.end_running().is_cancelled(), ended_by_now);
            clock.turn(Duration::from_secs(30));
            if !ended_by_now {
                // The first wait is over; the second one begins with the next look.
                tokio::select! { biased; () = &mut stop => panic!("it has not waited"), () = tokio::task::yield_now() => {} }
            }
        }
        stop.await;
        ended.await.unwrap();
        assert_eq!(core.running(), [("stuck", 1)], "what the log names");
        assert!(!stuck.is_finished());
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_when_nothing_runs() {
        let (core, _clock) = core();
        core.spawn("brief", async {}).await.unwrap();
        core.stop(Duration::from_secs(30)).await;
        assert!(!core.end_running().is_cancelled());
    }
}
