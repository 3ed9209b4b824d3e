//! Threads of their own for what keeps a processor busy for long. They stand back behind the workers that answer
//! requests: who waits for something small does not wait for something large of somebody else.

use std::io;
use std::thread::Builder;

use tokio::sync::oneshot;

use crate::error::Error;

/// How far such a thread stands back, as `nice` counts it: beside a worker it gets a tenth of a processor, alone all
/// of it.
const NICE: i32 = 10;

/// Does `work` on a thread of its own; the receiver gets what came of it, or nothing if it has panicked.
///
/// # Errors
/// When the system has no thread to give.
pub(crate) fn spawn<T: Send + 'static>(
    builder: Builder,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (sender, receiver) = oneshot::channel();
    builder.spawn(move || {
        // On Linux this is the priority of the thread. It works at full priority where that is not allowed.
        let _is_set = rustix::process::setpriority_process(None, NICE);
        // Who asked may have gone.
        drop(sender.send(work()));
    })?;
    Ok(receiver)
}

/// Does `work`, which people wait for, on such a thread, and gives what came of it.
///
/// # Errors
/// When the system has no thread to give, or if it has panicked.
pub(crate) async fn wait_for<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let thread = spawn(Builder::new().name("apart".into()), work);
    let receiver = thread.map_err(|error| Error::Internal(format!("no thread can be had: {error}")))?;
    receiver.await.map_err(|_panicked| Error::Internal("it has panicked; the log has the details".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_done_apart_stands_back_and_its_panic_is_an_error() {
        let here = rustix::process::getpriority_process(None).unwrap();
        let there = wait_for(|| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
        assert!(there >= NICE, "{there}");
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), here, "only that thread does");
        let failed = wait_for(move || assert!(here > 100, "on purpose")).await;
        assert!(failed.unwrap_err().to_string().contains("panicked"));
    }
}
