//! Evaluates off the workers what takes long. Evaluation is pure, so it is tried at once with a small allowance
//! ([`quick`]); what uses that up is done again from the start by a thread of its own, few at a time
//! ([`Evaluations::heavy`]), where it may take as long as the operator allows, or until nobody waits for it any more: when
//! the sender of a request goes away, the API drops what answers it, and the thread ends what it evaluates.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use petrel_python::work::{self, Allowance, Interrupt, Limit, UNITS, within};
use petrel_runners::apart;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::ground::Core;

/// How much is evaluated on a worker, in units of the meter: a few milliseconds.
const QUICK: u64 = 4_000_000;

/// How many threads evaluate what takes long. They are not to take the processor from those that answer.
const THREADS: usize = 2;

/// How many requests may wait for them before more are refused.
const WAITING: usize = 64;

/// The stack of such a thread, for the deepest values that a template can make. What is not used takes no memory.
const STACK: usize = 128 * 1024 * 1024;

/// Who evaluates what takes long, for all services of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Evaluations(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Core,
    /// How long the evaluations of one piece of work may take together.
    longest: Duration,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// Does `work` at once. `None` when it would take long: then nothing of it counts.
pub fn quick<T>(work: impl FnOnce() -> T) -> Option<T> {
    let ran = within(&Allowance { units: QUICK, is_roomy: false, interrupt: None }, work);
    ran.limit.is_none().then_some(ran.value)
}

/// Says of what counts no work, and takes long, that it is not [`quick`]: false on a worker, which is to give up.
pub fn may_take_long() -> bool {
    work::evaluation(|| work::charge(QUICK + 1)).is_ok()
}

/// Ends what a thread evaluates when nobody waits for it any more.
struct Ends(Interrupt);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Counts who waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Evaluations {
    /// Those of the process of `core`, which may take as long as `longest` together for one piece of work.
    pub fn new(core: Core, longest: Duration) -> Self {
        let (threads, waiting) = (Arc::new(Semaphore::new(THREADS)), AtomicUsize::new(0));
        Self(Arc::new(Inner { core, longest, threads, waiting }))
    }

    /// Does `work` on a thread of its own. Evaluations in it fail when they take longer than the operator allows.
    ///
    /// # Errors
    /// When the host stops meanwhile. Nothing came of it then.
    pub async fn heavy<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run(Some(self.0.longest), work).await
    }

    /// As [`heavy`](Self::heavy) for what must come out the same when it is done again later: only the host's stop ends
    /// it from outside. What it takes is bounded by what is done in it.
    pub async fn heavy_and_exact<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        self.run(None, work).await
    }

    /// Refuses what may be refused when much waits to be evaluated already.
    ///
    /// # Errors
    /// When that is so.
    pub fn check_room(&self) -> Result<(), Error> {
        if self.0.waiting.load(Ordering::Relaxed) < WAITING {
            return Ok(());
        }
        Err(Error::Busy(format!(
            "{WAITING} requests wait for expressions that take long, and that is the limit"
        )))
    }

    /// Does `work` on a thread of its own, for as long as it may take and somebody waits for it, and until what runs is ended.
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
            permit = Arc::clone(threads).acquire_owned() => permit.map_err(|_closed| Error::Stopping)?,
            () = &mut stopped => return Err(Error::Stopping),
        };
        let ends = Ends(Interrupt::default());
        let units = longest.map_or(u64::MAX / 2, |longest| UNITS.saturating_mul(longest.as_secs().max(1)));
        let allowance = Allowance { units, is_roomy: true, interrupt: Some(ends.0.clone()) };
        let builder = std::thread::Builder::new().name("evaluate".into()).stack_size(STACK);
        let thread = apart::spawn(builder, move || {
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
            ran = &mut receiver => ran.map_err(panicked)?,
            () = &mut stopped => return Err(Error::Stopping),
            () = time_is_up => {
                ends.0.time_is_up();
                tokio::select! {
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
