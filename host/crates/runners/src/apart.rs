//! Threads of their own for what keeps a processor busy for long. They stand back behind the workers that answer
//! requests: who waits for something small does not wait for something large of somebody else. What is done on them is
//! said where it is asked for.

use std::io;
use std::thread::Builder;

use tokio::sync::oneshot;

/// How far such a thread stands back, as `nice` counts it: beside a worker it gets a tenth of a processor, alone all
/// of it.
pub const NICE: i32 = 10;

/// Does `work` on a thread of its own that stands back; the receiver gets what came of it, or nothing if it has panicked.
///
/// # Errors
/// When the system has no thread to give.
pub fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (sender, receiver) = oneshot::channel();
    builder.spawn(move || {
        stand_back();
        // Who asked may have gone.
        drop(sender.send(work()));
    })?;
    Ok(receiver)
}

/// Has the thread that calls it stand back, to its end.
pub fn stand_back() {
    // On Linux this is the priority of the thread. It works at full priority where that is not allowed.
    let _is_set = rustix::process::setpriority_process(None, NICE);
}
