//! Work that keeps a processor busy for long while people wait, on a thread that stands back behind the workers
//! ([`petrel_runners::apart`]).

use std::thread::Builder;

use petrel_runners::apart::spawn;

use crate::error::Error;

/// Runs `work`, for which people wait, on such a thread, and returns its result.
///
/// # Errors
/// When the system has no thread to give, or `work` has panicked.
pub async fn wait_for<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let thread = spawn(Builder::new().name("apart".into()), work);
    let receiver = thread.map_err(|error| Error::Internal(format!("no thread can be had: {error}")))?;
    receiver
        .await
        .map_err(|_panicked| Error::Internal("the work has panicked; the log has the details".into()))
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
