//! Resources shared by all instances: slots of wasmtime's pool, places of each component, and memory. A call takes all
//! that it needs or nothing, so no call holds one resource while it waits for another.
//!
//! The engine asks before an execution gets a slot of its own ([`Runner::admit`](petrel_runners::Runner::admit)). A call
//! that was not admitted that way, because its component could not be loaded then, was replaced by a larger one since, or
//! is only asked to describe itself, waits here, and the wait is logged.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use petrel_runners::shares::{Holder, Refused};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::component_cache::LoadedComponent;
use crate::memory::{MemoryBudget, Part, Share};

/// Longest time before a waiting call looks again without a notification.
const IDLE: Duration = Duration::from_secs(1);
/// Longest time that a call stays first in line. Then it goes to the back, so that one that finds no room does not hold
/// up the others for ever.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// The resources that all instances share.
#[derive(Debug)]
pub(crate) struct Pool {
    /// One permit for each instance that wasmtime's pool can hold.
    slots: Arc<Semaphore>,
    /// The number of these.
    all_slots: u32,
    memory: MemoryBudget,
    /// Held by the call that is first in line.
    turn: Semaphore,
    longest_turn: Duration,
    freed: Arc<Notify>,
}

/// The resources that one instance needs, and who is charged for them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) holder: &'a Holder,
    /// The slots of wasmtime's pool.
    pub(crate) slots: u32,
    /// The size of its memory, in bytes.
    pub(crate) memory: usize,
    /// The places of its component. `None` for a component that only describes itself.
    pub(crate) places: Option<&'a Arc<Semaphore>>,
    /// The part of the memory that it may be taken from.
    pub(crate) part: Part,
}

impl<'a> Wanted<'a> {
    /// The needs of a call of `component`, which may use at most `most_memory` bytes.
    pub(crate) fn by_call(component: &'a LoadedComponent, holder: &'a Holder, most_memory: usize) -> Self {
        let memory = component.initial_memory.min(most_memory);
        Self { holder, slots: component.slots, memory, places: Some(&component.places), part: Part::Any }
    }
}

/// The resources that one instance has taken. Dropping them gives them back.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) share: Share,
    pub(crate) permits: Permits,
}

/// The resources apart from memory. They must be dropped after the memory, since dropping them wakes waiting calls.
#[derive(Debug)]
pub(crate) struct Permits {
    _slot: OwnedSemaphorePermit,
    _place: Option<OwnedSemaphorePermit>,
    // The last field: fields are dropped in order, and the slot and place must be free when a waiting call is woken.
    _freed: Freed,
}

#[derive(Debug)]
struct Freed(Arc<Notify>);

impl Drop for Freed {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Pool {
    /// Creates a pool of `slots` instances that share `memory` bytes.
    pub(crate) fn new(slots: u32, memory: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots as usize)),
            all_slots: slots,
            memory: MemoryBudget::new(memory),
            turn: Semaphore::new(1),
            longest_turn: LONGEST_TURN,
            freed: Arc::default(),
        }
    }

    /// Memory that all instances share, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.memory.limit()
    }

    /// Takes all of `wanted`, or nothing. Never waits.
    pub(crate) fn take(&self, wanted: Wanted<'_>) -> Result<Admitted, Refused> {
        let place = match wanted.places {
            // Charged to the root, not to all: calls of other components need no place of this one and may go on.
            Some(places) => Some(Arc::clone(places).try_acquire_owned().map_err(|_none| Refused::ByTheRoot)?),
            None => None,
        };
        let slots = wanted.slots.clamp(1, self.all_slots.max(1));
        let slot = Arc::clone(&self.slots).try_acquire_many_owned(slots).map_err(|_none| Refused::ByAll)?;
        let share = self.memory.take(wanted.holder, wanted.memory, wanted.part)?;
        let permits = Permits { _slot: slot, _place: place, _freed: Freed(Arc::clone(&self.freed)) };
        Ok(Admitted { share, permits })
    }

    /// Waits until [`Pool::take`] succeeds. A call with small needs may overtake those that wait. `what` names the
    /// component in the log.
    pub(crate) async fn wait_for(&self, wanted: Wanted<'_>, what: &str) -> Admitted {
        if let Ok(admitted) = self.take(wanted) {
            return admitted;
        }
        let mut is_said = false;
        loop {
            // The semaphore is never closed, so this only fails in theory and then lets the call try again.
            let turn = self.turn.acquire().await;
            if let Ok(admitted) = timeout(self.longest_turn, self.next(wanted)).await {
                return admitted;
            }
            drop(turn);
            if !is_said {
                is_said = true;
                let (mib, of_mib) = (wanted.memory >> 20, self.memory() >> 20);
                tracing::warn!(
                    component = what,
                    mib,
                    of_mib,
                    "component waits for a slot and memory that other components hold; components.memory_mib sets how much there is"
                );
            }
        }
    }

    /// Waits for `wanted` while being first in line.
    async fn next(&self, wanted: Wanted<'_>) -> Admitted {
        loop {
            // Registered before looking: a notification between the look and the registration would be lost.
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Ok(admitted) = self.take(wanted) {
                return admitted;
            }
            drop(timeout(IDLE, freed).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use petrel_runners::shares::Root;
    use tokio::task::JoinHandle;

    use super::*;

    const MIB: usize = 1 << 20;

    fn holder(user: &str, rule: &str) -> Holder {
        Holder { user: user.into(), root: Root::Rule(rule.into()) }
    }

    #[test]
    fn all_of_it_is_taken_or_nothing() {
        let (ann, bob, places) = (holder("ann", "a"), holder("bob", "b"), Arc::new(Semaphore::new(2)));
        let pool = Pool::new(3, 64 * MIB);
        let wanted = |holder, mib: usize| Wanted {
            holder,
            slots: 1,
            memory: mib * MIB,
            places: Some(&places),
            part: Part::Any,
        };
        let first = pool.take(wanted(&ann, 30)).unwrap();
        assert_eq!(pool.take(wanted(&ann, 3)).unwrap_err(), Refused::ByTheRoot, "a half is its share");
        assert_eq!(pool.take(wanted(&bob, 30)).unwrap_err(), Refused::ByAll, "an eighth is left for growth");
        assert_eq!((pool.slots.available_permits(), places.available_permits()), (2, 1), "nothing is kept");
        let second = pool.take(wanted(&bob, 3)).unwrap();
        assert_eq!(pool.take(wanted(&bob, 3)).unwrap_err(), Refused::ByTheRoot, "no place");
        let asks = Wanted { places: None, ..wanted(&bob, 3) };
        let third = pool.take(asks).unwrap();
        assert_eq!(pool.take(asks).unwrap_err(), Refused::ByAll, "no slot");
        drop((first, second, third));
        assert_eq!((pool.slots.available_permits(), places.available_permits()), (3, 2));
        assert!(pool.take(wanted(&bob, 64)).is_ok(), "alone it may have all");
        let wide = |slots| pool.take(Wanted { slots, ..asks });
        let two = wide(2).unwrap();
        assert_eq!(wide(2).unwrap_err(), Refused::ByAll, "one slot is left, and it needs two");
        drop(two);
        assert!(wide(7).is_ok(), "alone it has all there are");
    }

    fn asks(holder: &Holder, mib: usize) -> Wanted<'_> {
        Wanted { holder, slots: 1, memory: mib * MIB, places: None, part: Part::Any }
    }

    /// A task that waits for this much memory, and gives it back at once.
    fn waits(pool: &Arc<Pool>, user: &'static str, mib: usize) -> JoinHandle<()> {
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            let holder = holder(user, user);
            drop(pool.wait_for(asks(&holder, mib), "a component").await);
        })
    }

    /// Runs until some task is first in line.
    async fn somebody_waits(pool: &Pool) {
        while pool.turn.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn who_waits_holds_nothing_and_hears_of_what_is_freed() {
        let (pool, ann) = (Arc::new(Pool::new(2, 64 * MIB)), holder("ann", "a"));
        let held = pool.take(asks(&ann, 40)).unwrap();
        let large = waits(&pool, "bob", 1000);
        // It has looked once, and waits.
        somebody_waits(&pool).await;
        timeout(Duration::from_secs(20), waits(&pool, "bob", 1)).await.unwrap().unwrap();
        assert!(!large.is_finished(), "who needs little has passed it");
        assert_eq!(pool.slots.available_permits(), 1);
        drop(held);
        timeout(Duration::from_secs(20), large).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn one_that_finds_no_room_does_not_hold_up_the_others_that_wait() {
        let quick = Pool { longest_turn: Duration::from_millis(20), ..Pool::new(8, 64 * MIB) };
        let (pool, ann, bob) = (Arc::new(quick), holder("ann", "a"), holder("bob", "b"));
        let (held, also) = (pool.take(asks(&ann, 30)).unwrap(), pool.take(asks(&bob, 20)).unwrap());
        let large = waits(&pool, "cyd", 1000);
        somebody_waits(&pool).await;
        let medium = waits(&pool, "dan", 10);
        tokio::task::yield_now().await;
        drop(also);
        // The large one is first in line, until its turn ends.
        timeout(Duration::from_secs(20), medium).await.unwrap().unwrap();
        assert!(!large.is_finished());
        drop(held);
        timeout(Duration::from_secs(20), large).await.unwrap().unwrap();
    }
}
