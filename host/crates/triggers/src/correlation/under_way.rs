//! The events that have come and are not stored yet: a window that ends waits for those that came before its end, since they
//! may count for it. Evaluating the rules of one may take seconds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Core;
use petrel_model::Timestamp;
use tokio::sync::Notify;

/// The longest wait for them. What takes longer comes too late.
const LONGEST: Duration = Duration::from_secs(30);

/// The events that are under way. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// When each of them came, with a number of its own.
    places: Mutex<BTreeSet<(Timestamp, u64)>>,
    next: AtomicU64,
    /// One has arrived.
    arrives: Notify,
}

/// An event that is under way until this is dropped.
#[derive(Debug)]
pub(crate) struct Coming {
    of: UnderWay,
    place: (Timestamp, u64),
}

impl UnderWay {
    /// An event that came at `at`, or later, is under way from now on.
    pub(super) fn begin(&self, at: Timestamp) -> Coming {
        let place = (at, self.0.next.fetch_add(1, Ordering::Relaxed));
        self.0.places.lock().insert(place);
        Coming { of: self.clone(), place }
    }

    /// Waits until nothing is under way any more that came before `end`, and before `own`, which waits itself: so of two that
    /// wait only the later one waits for the other.
    pub(super) async fn passed(&self, core: &Core, end: Timestamp, own: Option<&Coming>) {
        let end = own.map_or((end, 0), |own| own.place.min((end, 0)));
        if !self.has_before(end) {
            return;
        }
        let all = async {
            loop {
                let mut arrives = std::pin::pin!(self.0.arrives.notified());
                // Listening first, looking second.
                arrives.as_mut().enable();
                if !self.has_before(end) {
                    return;
                }
                arrives.await;
            }
        };
        tokio::select! {
            biased;
            () = all => {}
            () = core.sleep(LONGEST) => {
                tracing::warn!("the window of a correlation ends without events that have been under way for long");
            }
        }
    }

    fn has_before(&self, end: (Timestamp, u64)) -> bool {
        self.0.places.lock().first().is_some_and(|first| *first < end)
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.of.0.places.lock().remove(&self.place);
        self.of.0.arrives.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::Poll;

    use petrel_engine_core::SetClock;
    use petrel_persistence::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn a_window_waits_for_what_came_before_its_end_and_for_nothing_else() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        let (under_way, at) = (UnderWay::default(), Timestamp::from_micros);
        let (early, late) = (under_way.begin(at(5)), under_way.begin(at(10)));
        let same = under_way.begin(at(5));
        under_way.passed(&core, at(5), None).await;
        // Of these two only the later one waits for the other.
        under_way.passed(&core, at(10), Some(&early)).await;
        {
            let mut passed = pin!(under_way.passed(&core, at(10), Some(&late)));
            let is_pending =
                std::future::poll_fn(|context| Poll::Ready(passed.as_mut().poll(context).is_pending())).await;
            assert!(is_pending);
            drop((early, same));
            passed.await;
        }
        drop(late);
        assert!(under_way.0.places.lock().is_empty());
    }
}
