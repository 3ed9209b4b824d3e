//! A wait for a moment that may never come.

use std::time::Instant;

use petrel_engine_core::Core;

/// Waits until `at`, or for ever.
pub(crate) async fn sleep_until(core: &Core, at: Option<Instant>) {
    match at {
        Some(at) => core.sleep_until(at).await,
        None => std::future::pending().await,
    }
}
