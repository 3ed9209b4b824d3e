//! Long evaluations, off the workers. Evaluation is pure, so it is first tried on the worker with a small allowance
//! ([`quick`]). If that does not suffice, it is done again from the start on a thread of its own, few at a time
//! ([`Evaluations::heavy`]). There it may take as long as the operator allows, or until nobody waits for it any more:
//! when the sender of a request goes away, the API drops the handler, and the thread is interrupted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use petrel_python::work::{self, Allowance, Interrupt, Limit, UNITS, within};
use petrel_runners::apart;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::ground::Core;

/// The allowance of an evaluation on a worker, in units of the meter: a few milliseconds.
const QUICK: u64 = 4_000_000;

/// The number of threads for long evaluations. They must leave processors to the workers.
const THREADS: usize = 2;

/// The number of requests waiting for these threads from which more are refused.
const WAITING: usize = 64;

/// The stack of such a thread, enough for the deepest values that a template can build. Unused stack takes no memory.
const STACK: usize = 128 * 1024 * 1024;

/// The threads for long evaluations, of all services of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Core,
    /// The longest time of all evaluations of one piece of work together.
    longest: Duration,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Runs `work` at once. `None` if it would take long; then it must be repeated from the start.
pub fn quick<T>(work: impl FnOnce() -> T) -> Option<T> {
    let ran = within(&Allowance { units: QUICK, is_roomy: false, interrupt: None }, work);
    ran.limit.is_none().then_some(ran.value)
}

/// Whether long work without charges is allowed here. It is not in [`quick`] on a worker, which has to give up.
pub fn may_take_long() -> bool {
    work::evaluation(|| work::charge(QUICK + 1)).is_ok()
}

/// Interrupts an evaluation on drop, when nobody waits for it any more.
struct Ends(Interrupt);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Counts a waiting request until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Evaluations {
    /// The evaluations of the process of `core`. Those of one piece of work may take `longest` together.
    pub fn new(core: Core, longest: Duration) -> Self {
        let (threads, waiting) = (Arc::new(Semaphore::new(THREADS)), AtomicUsize::new(0));
        Self(Arc::new(Inner { core, longest, threads, waiting }))
    }

    /// Runs `work` on a thread of its own. Its evaluations fail when they take longer than the operator allows.
    ///
    /// # Errors
    /// When the host stops meanwhile.
    pub async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run(Some(self.0.longest), work).await
    }

    /// As [`heavy`](Self::heavy), for work that must have the same result when it is done again later: no limit on time
    /// applies, only a stop of the host ends it. The work must be bounded by itself.
    pub async fn heavy_and_exact<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run(None, work).await
    }

    /// Refuses a request when many wait for long evaluations already.
    ///
    /// # Errors
    /// When many wait already.
    pub fn check_room(&self) -> Result<(), Error> {
        if self.0.waiting.load(Ordering::Relaxed) < WAITING {
            return Ok(());
        }
        Err(Error::Busy(format!(
            "{WAITING} requests wait for expressions that take long, and that is the limit"
        )))
    }

    /// Runs `work` on a thread of its own, until its time is up, nobody waits for it any more, or running work has to
    /// end.
    async fn run<T: Send + 'static>(
        &self,
        longest: Option<Duration>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let Inner { core, threads, waiting, .. } = &*self.0;
        waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(waiting);
        let stopped = core.end_running().cancelled();
        tokio::pin!(stopped);
        let permit = tokio::select! {
            // A host that stops begins nothing, even if a thread is free.
            biased;
            () = &mut stopped => return Err(Error::Stopping),
            permit = Arc::clone(threads).acquire_owned() => permit.map_err(|_closed| Error::Stopping)?,
        };
        let ends = Ends(Interrupt::default());
        let units = longest.map_or(u64::MAX / 2, |longest| UNITS.saturating_mul(longest.as_secs().max(1)));
        let allowance = Allowance { units, is_roomy: true, interrupt: Some(ends.0.clone()) };
        let builder = std::thread::Builder::new().name("evaluate".into()).stack_size(STACK);
        let thread = apart::spawn(builder, move || {
            // The thread may go on computing when nobody waits for it any more, so the permit goes with it.
            let _permit = permit;
            within(&allowance, work)
        });
        let mut receiver = thread
            .map_err(|error| Error::Internal(format!("no thread can be had to evaluate on: {error}")))?;
        let time_is_up = async {
            match longest {
                Some(longest) => core.sleep(longest).await,
                None => std::future::pending().await,
            }
        };
        let panicked = |_gone| Error::Internal("an evaluation has panicked; the log has the details".into());
        let ran = tokio::select! {
            // A result that is there counts, also in the moment of a stop or at the end of the time.
            biased;
            ran = &mut receiver => ran.map_err(panicked)?,
            () = &mut stopped => return Err(Error::Stopping),
            () = time_is_up => {
                ends.0.time_is_up();
                // The evaluation ends at its next look at the interrupt, with an error that names the limit.
                tokio::select! {
                    biased;
                    ran = &mut receiver => ran.map_err(panicked)?,
                    () = &mut stopped => return Err(Error::Stopping),
                }
            }
        };
        if ran.limit == Some(Limit::Stop) { Err(Error::Stopping) } else { Ok(ran.value) }
    }
}

#[cfg(test)]
mod tests {
    use petrel_persistence::MemoryStore;
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::SystemClock;

    const BOUND: Duration = Duration::from_secs(60);

    fn evaluations(longest: Duration) -> (Evaluations, Core) {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SystemClock));
        (Evaluations::new(core.clone(), longest), core)
    }

    #[tokio::test]
    async fn what_nobody_waits_for_any_more_ends_and_lets_others_have_its_thread() {
        let (evaluations, core) = evaluations(BOUND);
        let (begun, mut began) = mpsc::unbounded_channel();
        let endless = |_| {
            let (evaluations, begun) = (evaluations.clone(), begun.clone());
            let work = move || {
                let _is_counted = begun.send(());
                while work::evaluation(|| work::charge(1_000_000)).is_ok() {}
            };
            core.spawn("evaluation", async move { evaluations.heavy_and_exact(work).await })
        };
        let asked: Vec<_> = (0..THREADS).map(endless).collect();
        for _ in 0..THREADS {
            tokio::time::timeout(BOUND, began.recv()).await.unwrap().unwrap();
        }
        for gone in asked {
            gone.abort();
            assert!(gone.await.is_err_and(|error| error.is_cancelled()));
        }
        let next = tokio::time::timeout(BOUND, evaluations.heavy_and_exact(|| 5)).await.unwrap();
        assert!(matches!(next, Ok(5)));
        assert_eq!(evaluations.0.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_takes_longer_than_it_may_fails_and_a_stop_ends_all() {
        let (evaluations, core) = evaluations(Duration::from_millis(1));
        let endless = || while work::evaluation(|| work::charge(1_000_000)).is_ok() {};
        let limited = evaluations.heavy(endless);
        assert!(matches!(tokio::time::timeout(BOUND, limited).await, Ok(Ok(()))));
        core.end_running().cancel();
        let stopped = evaluations.heavy_and_exact(endless);
        assert!(matches!(tokio::time::timeout(BOUND, stopped).await, Ok(Err(Error::Stopping))));
    }
}
