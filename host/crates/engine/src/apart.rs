//! What keeps a processor busy for long and people wait for, done on a thread that stands back
//! ([`petrel_runners::apart`]); and the turns that such work takes in one host.

use std::thread::Builder;

use petrel_runners::apart::spawn;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::error::Error;

/// How many turns there are: each takes a processor while it lasts.
const AT_ONCE: usize = 2;

/// Turns of what is to be done at once by few, within one host.
pub(crate) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(AT_ONCE))
    }
}

impl Turns {
    /// Waits for a turn, in the order of asking. It lasts until it is dropped.
    pub(crate) async fn next(&self) -> Option<SemaphorePermit<'_>> {
        self.0.acquire().await.ok()
    }
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
    use petrel_runners::apart::NICE;

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
