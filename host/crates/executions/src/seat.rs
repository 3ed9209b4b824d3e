//! The slot of a run, which it gives back while it waits for another run.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::kind::Kind;
use super::measures::Busy;

/// The slot of a run.
pub(crate) struct Seat {
    slots: Arc<Semaphore>,
    kind: Kind,
    taken: Mutex<Option<Taken>>,
}

/// A slot that is taken, and counted as busy.
struct Taken {
    _slot: Option<OwnedSemaphorePermit>,
    _busy: Busy,
}

impl Seat {
    /// The seat of a run that has this one of `slots`.
    pub(crate) fn new(slots: &Arc<Semaphore>, kind: Kind, slot: Option<OwnedSemaphorePermit>) -> Self {
        let taken = Taken { _slot: slot, _busy: Busy::now(kind) };
        Self { slots: Arc::clone(slots), kind, taken: Mutex::new(Some(taken)) }
    }

    /// Waits without the slot, and takes one again before the run goes on.
    pub(crate) async fn away<T>(&self, wait: impl Future<Output = T>) -> T {
        self.leave();
        let value = wait.await;
        // It fails only when the semaphore is closed, and nobody closes it.
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok();
        *self.taken.lock() = Some(Taken { _slot: slot, _busy: Busy::now(self.kind) });
        value
    }

    /// Gives the slot back, if there is one.
    pub(crate) fn leave(&self) {
        let taken = self.taken.lock().take();
        drop(taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_has_no_slot_and_one_again_afterwards() {
        let slots = Arc::new(Semaphore::new(1));
        let slot = Arc::clone(&slots).acquire_owned().await.ok();
        let seat = Seat::new(&slots, Kind::Component, slot);
        assert_eq!(slots.available_permits(), 0);
        let free = seat.away(async { slots.available_permits() }).await;
        assert_eq!((free, slots.available_permits()), (1, 0));
        seat.leave();
        assert_eq!(slots.available_permits(), 1);
    }
}
