//! Background threads for calls that compute for long. They have a lower priority than the workers that answer
//! requests, so that a small request does not wait for somebody else's long computation.
//!
//! A call begins on the worker that asked for it, since most calls take less time than a hop to another thread;
//! `limits` decides when one moves here. [`petrel_runners::apart`] sets the priority. The threads are started by the
//! first call that needs them. Each compilation has a thread of its own ([`compute`]); the threads over which wasmtime
//! spreads it are started by the first compilation, and inherit its priority.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::sync::OnceLock;
use std::thread::{self, available_parallelism};

use petrel_runners::apart::{spawn, stand_back};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::Instrument as _;

/// Stack size of a thread that compiles, in bytes.
const STACK: usize = 8 << 20;

/// The background threads for calls that compute for long.
#[derive(Debug, Default)]
pub(crate) struct Apart(OnceLock<Option<Runtime>>);

/// The call is lost because its thread is gone: the host is shutting down.
#[derive(Debug)]
pub(crate) struct Gone;

impl Apart {
    /// Moves `call` to a background thread, in the span of the caller, and waits for it. Dropping the returned future drops
    /// the call there, too.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Gone> {
        let Some(runtime) = self.0.get_or_init(start) else { return Ok(call.await) };
        let mut task = AbortOnDrop(runtime.spawn(call.in_current_span()));
        match (&mut task.0).await {
            Ok(done) => Ok(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_ended) => Err(Gone),
            },
        }
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // In the background, since the thread that drops this may be a worker that others wait for.
        if let Some(runtime) = self.0.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Aborts a call that nobody waits for any more; it ends at its next tick.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Starts the threads. Without them calls continue where they began.
fn start() -> Option<Runtime> {
    let started = Builder::new_multi_thread()
        // One for each processor: while the workers are idle, long calls may use the whole machine.
        .worker_threads(available_parallelism().map_or(1, NonZeroUsize::get))
        .thread_name("compute")
        .on_thread_start(stand_back)
        .enable_all()
        .build();
    started
        .inspect_err(|error| tracing::warn!(%error, "failed to start the background threads for components; long computations will slow down the host"))
        .ok()
}

/// Runs `work`, which never yields, on a thread of low priority. The receiver gets its result, or an error if `work`
/// panicked.
///
/// # Errors
/// If the system refuses to start a thread.
pub(crate) fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    spawn(thread::Builder::new().name("compile".into()).stack_size(STACK), work)
}
