//! Background threads for long computations. They have a lower priority than the workers that answer requests, so that
//! a small request does not wait for somebody else's large one. Callers decide what to compute here.

use std::io;
use std::thread::Builder;

use tokio::sync::oneshot;
use tracing::Span;

/// The `nice` value of such a thread. Competing with a worker it gets a tenth of a processor, alone all of it.
pub const NICE: i32 = 10;

/// Runs `work` on a background thread, in the span of the caller. The receiver gets its result, or an error if `work`
/// panicked.
///
/// # Errors
/// If the system refuses to start a thread.
pub fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (sender, receiver) = oneshot::channel();
    let span = Span::current();
    builder.spawn(move || {
        stand_back();
        // Fails if the caller no longer waits for the result.
        drop(sender.send(span.in_scope(work)));
    })?;
    Ok(receiver)
}

/// Lowers the priority of the current thread for the rest of its life.
pub fn stand_back() {
    // On Linux this sets the priority of the thread, not of the process. If it is not allowed, the thread keeps its
    // priority.
    let _is_set = rustix::process::setpriority_process(None, NICE);
}
