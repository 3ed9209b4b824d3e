//! The one thread that the engine runs on, and the way to know that nothing more will happen until the clock is turned.
//!
//! The engine has files read by tokio's threads for what blocks (the definition of a workflow that begins). Here there
//! is one such thread, and it stands at a [`Gate`] whenever tasks run. Only when no task can go on is the next gate put
//! up behind what waits for it and the one before opened: what lies between is done in its order while no task runs, and
//! the tasks that wait for it go on in that order too. When it has woken nobody, all is at rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::time::Duration;

use anyhow::{Context as _, bail};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

/// How long what blocks may take, in real time.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often tasks may have something done that blocks, without the clock being turned.
const MOST_ROUNDS: usize = 10_000;

/// A runtime with one thread for all tasks. When it is dropped, all tasks are.
pub(crate) struct OneThread {
    // Dropped first: the runtime waits for what stands at it.
    gate: Option<Gate>,
    runtime: Runtime,
    rest: Arc<Rest>,
}

impl OneThread {
    /// A thread without tasks. It has neither timers nor sockets: whoever asks for them panics.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let rest = Arc::new(Rest::default());
        let told = Arc::clone(&rest);
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(1)
            // Whom another thread has woken comes first, so that it does not matter how many tasks ran before.
            .global_queue_interval(1)
            .on_thread_park(move || told.reach())
            .build()
            .context("the runtime of the simulation cannot be made")?;
        Ok(Self { gate: None, runtime, rest })
    }

    /// Runs `future` to its end, and other tasks meanwhile. What blocks must not stand at a gate: to be called before
    /// the first [`settle`](Self::settle), or for what has nothing read.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Runs `future` as a task, from the next [`settle`](Self::settle) on.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(self.runtime.spawn(future));
    }

    /// Runs all tasks until none of them can go on.
    ///
    /// # Errors
    /// When that never comes.
    pub(crate) fn settle(&mut self) -> anyhow::Result<()> {
        if self.gate.is_none() {
            self.next_gate()?;
        }
        for _ in 0..MOST_ROUNDS {
            self.runtime.block_on(self.rest.reached());
            self.next_gate()?;
            if self.runtime.metrics().global_queue_depth() == 0 {
                return Ok(());
            }
        }
        bail!("the engine does not come to rest, although the clock stands")
    }

    /// Puts up a gate behind all that waits to be done, and opens the one before it. All that is done when this returns.
    fn next_gate(&mut self) -> anyhow::Result<()> {
        let next = Gate::put_up(&self.runtime);
        self.gate = None;
        next.is_reached()?;
        self.gate = Some(next);
        Ok(())
    }
}

/// Where the thread for what blocks stands until this is dropped.
struct Gate {
    _closed: mpsc::Sender<()>,
    reached: mpsc::Receiver<()>,
}

impl Gate {
    /// Puts one up behind all that waits to be done by that thread.
    fn put_up(runtime: &Runtime) -> Self {
        let (closed, opened) = mpsc::channel();
        let (told, reached) = mpsc::channel();
        drop(runtime.spawn_blocking(move || {
            // Who put it up may have gone.
            let _is_heard = told.send(());
            // It is opened by dropping the other end.
            let _is_open = opened.recv();
        }));
        Self { _closed: closed, reached }
    }

    /// Waits until the thread stands here.
    fn is_reached(&self) -> anyhow::Result<()> {
        self.reached.recv_timeout(PATIENCE).context("what the engine has read does not come to its end")
    }
}

/// Tells one future when the thread has nothing to do.
#[derive(Default)]
struct Rest {
    is_reached: AtomicBool,
    waiting: Mutex<Option<Waker>>,
}

impl Rest {
    /// Called by the runtime before it would wait for somebody to wake it.
    fn reach(&self) {
        let waiting = self.waiting.lock().take();
        if let Some(waker) = waiting {
            self.is_reached.store(true, Ordering::SeqCst);
            waker.wake();
        }
    }

    /// Waits until no task can go on.
    async fn reached(&self) {
        self.is_reached.store(false, Ordering::SeqCst);
        std::future::poll_fn(|context| {
            if self.is_reached.load(Ordering::SeqCst) {
                return Poll::Ready(());
            }
            *self.waiting.lock() = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_at_rest_when_no_task_goes_on_and_nothing_is_read() {
        let mut thread = OneThread::new().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        for name in ["first", "second"] {
            let told = Arc::clone(&told);
            thread.spawn(async move {
                for round in 0..3 {
                    // The first takes longer, and is still read first.
                    let pause = if name == "first" { Duration::from_millis(5) } else { Duration::ZERO };
                    let read = tokio::task::spawn_blocking(move || std::thread::sleep(pause)).await;
                    assert!(read.is_ok());
                    told.lock().push((round, name));
                }
                std::future::pending::<()>().await;
            });
        }
        thread.settle().unwrap();
        let expected: Vec<_> = (0..3).flat_map(|round| [(round, "first"), (round, "second")]).collect();
        assert_eq!(*told.lock(), expected);
        thread.settle().unwrap();
        assert_eq!(told.lock().len(), 6, "nothing more happens");
    }
}
