//! A place in the store that whoever comes by next waits at until a test says so.

use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

/// The place. It is open unless it was closed.
#[derive(Default)]
pub(super) struct Gate(Mutex<Option<oneshot::Receiver<()>>>);

impl Gate {
    /// Closes it for the next who comes by, until what is given is used or dropped.
    pub(super) fn close(&self) -> oneshot::Sender<()> {
        let (open, waits) = oneshot::channel();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(waits);
        open
    }

    /// Comes by.
    pub(super) async fn pass(&self) {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waits) = waits {
            // Dropped is as good as said.
            drop(waits.await);
        }
    }
}
