//! Threads of their own for calls that compute for long. They stand back behind the workers that answer requests: who
//! waits for something small does not wait for a component of somebody else.
//!
//! A call begins on the worker that asked for it, since most are done before a hop to another thread would be; `limits`
//! says when one has to go on here. How far they stand back is said in [`petrel_runners::apart`]. The threads are only there once a first call had to. Compiling has a thread of its
//! own each time ([`compute`]); those that it is spread over are made by the first of these, and stand back as it does.

use std::io;
use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::OnceLock;
use std::thread::{self, available_parallelism};

use petrel_runners::apart::{spawn, stand_back};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The stack of a thread that compiles, in bytes.
const STACK: usize = 8 << 20;

/// Where calls go on that compute for long.
#[derive(Debug, Default)]
pub(crate) struct Apart(OnceLock<Option<Runtime>>);

/// These threads are gone, and the call with them: the host ends.
#[derive(Debug)]
pub(crate) struct Gone;

impl Apart {
    /// Has `call` go on here until it is done. It is dropped, here too, when what this returns is.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        call: Pin<Box<impl Future<Output = T> + Send + 'static>>,
    ) -> Result<T, Gone> {
        let Some(runtime) = self.0.get_or_init(start) else { return Ok(call.await) };
        let mut task = EndsWithItsCaller(runtime.spawn(call));
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
        // Not waited for: who drops this may be a worker that others wait for.
        if let Some(runtime) = self.0.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// A call that nobody waits for any more is ended at its next tick.
struct EndsWithItsCaller<T>(JoinHandle<T>);

impl<T> Drop for EndsWithItsCaller<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The threads; without them calls go on where they began.
fn start() -> Option<Runtime> {
    let started = Builder::new_multi_thread()
        .worker_threads(available_parallelism().map_or(1, NonZeroUsize::get))
        .thread_name("compute")
        .on_thread_start(stand_back)
        .enable_all()
        .build();
    started
        .inspect_err(|error| tracing::warn!(%error, "components that compute for long slow down what else the host does: no threads can be had for them"))
        .ok()
}

/// Does `work`, which gives way to nothing, on a thread that stands back; the receiver gets what came of it, or nothing if
/// it has panicked.
///
/// # Errors
/// When the system has no thread to give.
pub(crate) fn compute<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    spawn(thread::Builder::new().name("compile".into()).stack_size(STACK), work)
}
