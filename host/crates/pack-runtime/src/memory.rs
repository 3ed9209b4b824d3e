//! Memory of components: what one instance may take, and what all that run may take together.
//!
//! An instance begins when there is room for what it takes from the start; what it grows by later is there at once or
//! refused, so nobody waits for memory who holds any.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, Semaphore};
use wasmtime::ResourceLimiter;
use wasmtime::component::Component;

use crate::engine_settings::TABLE_ELEMENTS;

/// A page of WebAssembly, in bytes.
const PAGE: usize = 64 << 10;
/// What an element of a table takes, in bytes.
const ELEMENT: usize = size_of::<usize>();

/// By how much an instance may grow, in bytes, as long as there is any room.
const SMALL_GROWTH: usize = 8 << 20;
/// Which part of the room is left by one that begins, for the growth of those that run: one in so many.
const LEFT_BY_BEGINNERS: usize = 8;
/// Which part is left by one that has grown beyond [`SMALL_GROWTH`], so that others can begin however much a few take.
const LEFT_BY_THE_LARGE: usize = 4;

/// The memory that all instances share.
#[derive(Debug)]
pub(crate) struct MemoryBudget(Arc<Room>);

#[derive(Debug)]
struct Room {
    /// In bytes.
    limit: usize,
    /// In bytes.
    taken: AtomicUsize,
    /// Held by the one that is next to begin, if it has to wait. The others wait behind it, so that small ones do
    /// not pass a large one for ever.
    next: Semaphore,
    freed: Notify,
}

impl MemoryBudget {
    /// Room for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let (taken, next, freed) = (AtomicUsize::new(0), Semaphore::new(1), Notify::new());
        Self(Arc::new(Room { limit, taken, next, freed }))
    }

    /// Room for `bytes`, or for all that there is if that is less, as soon as it is free.
    pub(crate) async fn share(&self, bytes: usize) -> Share {
        let room = &self.0;
        let begun_with = bytes.min(room.limit);
        let share = || Share { room: Arc::clone(room), held: begun_with, begun_with };
        if room.next.available_permits() > 0 && room.begin(begun_with) {
            return share();
        }
        // It is never closed.
        let _turn = room.next.acquire().await;
        loop {
            // Asked for before looking, or what is freed in between would be missed.
            let mut freed = pin!(room.freed.notified());
            freed.as_mut().enable();
            if room.begin(begun_with) {
                return share();
            }
            freed.await;
        }
    }

    /// How much there is in all, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }
}

impl Room {
    /// Takes `bytes` for an instance that begins. One that needs more than beginners may have begins alone.
    fn begin(&self, bytes: usize) -> bool {
        self.take(bytes, self.limit / LEFT_BY_BEGINNERS)
            || self.taken.compare_exchange(0, bytes, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// Takes `bytes` if `left_alone` bytes are left then.
    fn take(&self, bytes: usize, left_alone: usize) -> bool {
        let end = self.limit.saturating_sub(left_alone);
        let add = |taken: usize| taken.checked_add(bytes).filter(|taken| *taken <= end);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

/// What one instance has of a [`MemoryBudget`], until this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    /// In bytes.
    held: usize,
    /// In bytes.
    begun_with: usize,
}

impl Share {
    /// Takes what is missing to `bytes`; `false` if there is no room for it.
    fn reach(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.held);
        if missing == 0 {
            return true;
        }
        let is_small = bytes.saturating_sub(self.begun_with) <= SMALL_GROWTH;
        let left_alone = if is_small { 0 } else { self.room.limit / LEFT_BY_THE_LARGE };
        let has_room = self.room.take(missing, left_alone);
        if has_room {
            self.held = bytes;
        }
        has_room
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.taken.fetch_sub(self.held, Ordering::Relaxed);
        self.room.freed.notify_one();
    }
}

/// What an instance asked for last and was refused: how much it would have had, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is more than one may have.
    ByItsLimit(usize),
    /// All together would have had more than they may.
    ByTheBudget(usize),
}

/// Counts the memory of one instance: its memories and its tables.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    share: Share,
    used: usize,
    pub(crate) refused: Option<Refused>,
}

impl MemoryLimiter {
    /// At most `limit` bytes, out of `share`.
    pub(crate) fn new(limit: usize, share: Share) -> Self {
        Self { limit, share, used: 0, refused: None }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let total = self.used.saturating_add(bytes);
        if total > self.limit {
            self.refused = Some(Refused::ByItsLimit(total));
        } else if !self.share.reach(total) {
            self.refused = Some(Refused::ByTheBudget(total));
        } else {
            self.used = total;
            return true;
        }
        false
    }
}

impl ResourceLimiter for MemoryLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.refused = Some(Refused::ByItsLimit(self.used.saturating_add(more)));
            return Ok(false);
        }
        Ok(self.grow(more))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // The pool refuses what is beyond its own ceiling after we have said yes.
        self.refused = self.refused.or(Some(Refused::ByItsLimit(self.used)));
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _max: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current).saturating_mul(ELEMENT);
        Ok(desired <= TABLE_ELEMENTS && self.grow(more))
    }
}

/// What an instance of `component` takes from the start, in bytes: never less, but more where its parts are of
/// different sizes.
pub(crate) fn least(component: &Component) -> usize {
    let Some(needed) = component.resources_required() else { return 0 };
    let bytes = |count: u32, largest: Option<u64>, unit: usize| {
        let largest = usize::try_from(largest.unwrap_or(0)).unwrap_or(usize::MAX);
        largest.saturating_mul(unit).saturating_mul(count as usize)
    };
    bytes(needed.num_memories, needed.max_initial_memory_size, PAGE).saturating_add(bytes(
        needed.num_tables,
        needed.max_initial_table_size,
        ELEMENT,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    async fn limiter(budget: &MemoryBudget, limit: usize, least: usize) -> MemoryLimiter {
        MemoryLimiter::new(limit, budget.share(least).await)
    }

    #[tokio::test]
    async fn memory_counts_over_all_memories_and_tables() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut limiter = limiter(&budget, 100 * PAGE, PAGE).await;
        assert!(limiter.memory_growing(0, 60 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(0, 50 * PAGE, None).unwrap());
        assert_eq!(limiter.refused, Some(Refused::ByItsLimit(110 * PAGE)));
        assert!(limiter.memory_growing(60 * PAGE, 99 * PAGE, None).unwrap());
        assert!(limiter.table_growing(0, PAGE / ELEMENT, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS + 1, None).unwrap());
    }

    #[tokio::test]
    async fn what_all_take_together_has_a_bound_and_is_given_back() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut one = limiter(&budget, 60 * MIB, MIB).await;
        let mut other = limiter(&budget, 60 * MIB, MIB).await;
        assert!(one.memory_growing(0, 40 * MIB, None).unwrap());
        assert!(!other.memory_growing(0, 30 * MIB, None).unwrap());
        assert_eq!(other.refused, Some(Refused::ByTheBudget(30 * MIB)));
        assert!(other.memory_growing(0, 9 * MIB, None).unwrap(), "what was refused takes nothing");
        drop(one);
        assert!(other.memory_growing(9 * MIB, 40 * MIB, None).unwrap());
        drop(other);
        assert_eq!(budget.0.taken.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn large_ones_leave_a_part_to_those_that_begin_and_these_to_what_grows_a_little() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut large = limiter(&budget, 64 * MIB, MIB).await;
        assert!(!large.memory_growing(0, 49 * MIB, None).unwrap());
        assert!(large.memory_growing(0, 48 * MIB, None).unwrap());
        let mut small = limiter(&budget, 64 * MIB, 8 * MIB).await;
        assert!(!budget.0.begin(MIB));
        assert!(small.memory_growing(0, 16 * MIB, None).unwrap());
        assert!(!small.memory_growing(16 * MIB, 16 * MIB + PAGE, None).unwrap());
    }

    #[tokio::test]
    async fn who_needs_more_than_is_free_waits_and_who_needs_more_than_there_is_begins_alone() {
        let budget = Arc::new(MemoryBudget::new(8 * MIB));
        let held = budget.share(6 * MIB).await;
        let waiting: Vec<_> = [1000 * MIB, MIB, 2 * MIB]
            .map(|least| {
                let budget = Arc::clone(&budget);
                tokio::spawn(async move { budget.share(least).await.begun_with })
            })
            .into();
        // Each has looked once, and waits.
        while budget.0.next.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
        drop(held);
        for (waiting, begun_with) in waiting.into_iter().zip([8 * MIB, MIB, 2 * MIB]) {
            assert_eq!(waiting.await.unwrap(), begun_with);
        }
        let mut alone = limiter(&budget, 1000 * MIB, 1000 * MIB).await;
        assert!(!alone.memory_growing(0, 1000 * MIB, None).unwrap());
        assert_eq!(alone.refused, Some(Refused::ByTheBudget(1000 * MIB)));
    }
}
