//! Memory of components: the limit of one instance, and the budget that all running instances share.
//!
//! An instance begins when there is room for its initial memory (`pool` has the line of those that wait). Growth is
//! granted or refused at once, so no instance waits for memory while it holds some. No user and no root gets the whole
//! budget, and a part is reserved for light instances, which can therefore begin however much the others hold.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use petrel_runners::shares::Refused::ByAll;
use petrel_runners::shares::{self, Holder, Shares};
use wasmtime::ResourceLimiter;
use wasmtime::component::Component;

use crate::engine_settings::TABLE_ELEMENTS;

/// Size of a WebAssembly page, in bytes.
const PAGE: usize = 64 << 10;
/// Size of a table element, in bytes.
const ELEMENT: usize = size_of::<usize>();

/// Growth that an instance is granted as long as there is any room, in bytes.
const SMALL_GROWTH: usize = 8 << 20;
/// The part of the budget that beginning instances leave for the growth of running ones: one in this many.
const LEFT_BY_BEGINNERS: usize = 8;
/// The part that an instance leaves to others once it has grown beyond [`SMALL_GROWTH`]: one in this many. So others
/// can begin however much a few instances take.
const LEFT_BY_LARGE: usize = 4;

/// Largest initial memory of a light instance, in bytes. Components written in Rust take 1.1 MiB.
pub(crate) const LIGHT: usize = 2 << 20;
/// The part of the budget that is reserved for light instances: one in this many.
const RESERVED_FOR_LIGHT: usize = 16;

/// The memory that all instances share.
#[derive(Debug)]
pub(crate) struct MemoryBudget(Arc<Room>);

#[derive(Debug)]
struct Room {
    /// The whole budget, in bytes.
    limit: usize,
    /// The part of `limit` that is not reserved, in bytes.
    common: usize,
    taken: Mutex<Taken>,
}

/// The memory taken from a [`Room`], by holder.
#[derive(Debug)]
struct Taken {
    common: Shares,
    /// The part reserved for light instances. Each counts as [`LIGHT`] bytes here, so that it can surely grow to that.
    kept: Shares,
}

/// The part of the memory in which an instance may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Either part.
    Any,
    /// Only the reserved part, because a heavier instance is waiting for the common one.
    Reserved,
}

impl MemoryBudget {
    /// Creates a budget of `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let kept = limit / RESERVED_FOR_LIGHT;
        let common = limit - kept;
        let taken = Taken { common: Shares::new(common), kept: Shares::new(kept) };
        Self(Arc::new(Room { limit, common, taken: Mutex::new(taken) }))
    }

    /// Takes `bytes`, or the whole common part if that is less, for an instance of `holder` that begins. An instance
    /// that needs more than beginners may have begins when no other runs.
    ///
    /// # Errors
    /// The reason why there is too little memory for this holder now.
    pub(crate) fn take(&self, holder: &Holder, bytes: usize, part: Part) -> Result<Share, shares::Refused> {
        let room = &self.0;
        let initial_bytes = bytes.min(room.common);
        let mut taken = room.taken();
        // `ByAll` means that every other holder would be refused as well, so a light instance is only refused with it
        // if both parts are full.
        let kept = if bytes <= LIGHT { taken.kept.take(holder, LIGHT) } else { Err(ByAll) };
        if let Err(refused) = kept {
            let common = if part == Part::Any {
                room.admits(&taken.common, holder, initial_bytes)
            } else {
                Err(ByAll)
            };
            common.map_err(|common| if refused == ByAll { common } else { refused })?;
            taken.common.add(holder, initial_bytes);
        }
        drop(taken);
        let (held, kept) = if kept.is_ok() { (0, LIGHT) } else { (initial_bytes, 0) };
        Ok(Share { room: Arc::clone(room), holder: holder.clone(), held, kept, initial_bytes })
    }

    /// The whole budget, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.0.limit
    }
}

impl Room {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks whether an instance may begin with so many bytes of the common part.
    fn admits(&self, common: &Shares, holder: &Holder, bytes: usize) -> Result<(), shares::Refused> {
        if common.taken() == 0 {
            return Ok(());
        }
        common.admits(holder, bytes)?;
        let end = self.common - self.common / LEFT_BY_BEGINNERS;
        if common.taken().saturating_add(bytes) > end { Err(ByAll) } else { Ok(()) }
    }
}

/// The memory that one instance holds. Dropping it gives the memory back.
#[derive(Debug)]
pub(crate) struct Share {
    room: Arc<Room>,
    holder: Holder,
    /// Bytes of the common part.
    held: usize,
    /// Bytes of the part reserved for light instances.
    kept: usize,
    /// Bytes of the common part that it began with.
    initial_bytes: usize,
}

impl Share {
    /// Whether the share is large enough for an instance with so much initial memory, in bytes.
    pub(crate) fn serves(&self, bytes: usize) -> bool {
        bytes.min(self.room.common) <= self.initial_bytes
    }

    /// Grows the share to `bytes`. Returns `false` if there is no room. Large instances, and those of a user that
    /// already has its part of the memory with several instances, leave a part to others.
    fn reach(&mut self, bytes: usize) -> bool {
        let missing = bytes.saturating_sub(self.held.saturating_add(self.kept));
        if missing == 0 {
            return true;
        }
        let common = &mut self.room.taken().common;
        let (of_user, share) = common.of_user(&self.holder);
        let has_its_share = of_user > self.held && of_user.saturating_add(missing) > share;
        let is_small = bytes.saturating_sub(self.initial_bytes) <= SMALL_GROWTH && !has_its_share;
        let left_alone = if is_small { 0 } else { self.room.common / LEFT_BY_LARGE };
        let end = self.room.common.saturating_sub(left_alone);
        let has_room = common.taken().checked_add(missing).is_some_and(|all| all <= end);
        if has_room {
            common.add(&self.holder, missing);
            self.held = self.held.saturating_add(missing);
        }
        has_room
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.room.taken();
        taken.common.give_back(&self.holder, self.held);
        if self.kept > 0 {
            taken.kept.give_back(&self.holder, self.kept);
        }
    }
}

/// The latest growth that was refused, with the size that the instance would have reached, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The instance would have exceeded its own limit.
    ByInstanceLimit(usize),
    /// The instances together would have exceeded the shared budget.
    BySharedBudget(usize),
}

/// Counts the memory of one instance, that is of all its memories and tables.
#[derive(Debug)]
pub(crate) struct MemoryLimiter {
    limit: usize,
    share: Share,
    used: usize,
    pub(crate) refused: Option<Refused>,
}

impl MemoryLimiter {
    /// Creates a limiter that allows at most `limit` bytes, taken from `share`.
    pub(crate) fn new(limit: usize, share: Share) -> Self {
        Self { limit, share, used: 0, refused: None }
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let total = self.used.saturating_add(bytes);
        if total > self.limit {
            self.refused = Some(Refused::ByInstanceLimit(total));
        } else if !self.share.reach(total) {
            self.refused = Some(Refused::BySharedBudget(total));
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
            self.refused = Some(Refused::ByInstanceLimit(self.used.saturating_add(more)));
            return Ok(false);
        }
        Ok(self.grow(more))
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        // wasmtime's pool refuses what exceeds its own ceiling even after we have agreed.
        self.refused = self.refused.or(Some(Refused::ByInstanceLimit(self.used)));
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

/// Initial memory of an instance of `component`, in bytes. wasmtime only tells the number and the largest of its
/// memories and tables, so this is exact if they are of one size, and otherwise too high.
pub(crate) fn initial(component: &Component) -> usize {
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
    use petrel_runners::shares::Root;

    use super::*;

    const MIB: usize = 1 << 20;

    fn holder(user: &str) -> Holder {
        Holder { user: user.into(), root: Root::Rule(user.into()) }
    }

    fn limiter(budget: &MemoryBudget, user: &str, limit: usize, least: usize) -> MemoryLimiter {
        MemoryLimiter::new(limit, budget.take(&holder(user), least, Part::Any).unwrap())
    }

    #[test]
    fn memory_counts_over_all_memories_and_tables() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut limiter = limiter(&budget, "ann", 100 * PAGE, PAGE);
        assert!(limiter.memory_growing(0, 60 * PAGE, None).unwrap());
        assert!(!limiter.memory_growing(0, 50 * PAGE, None).unwrap());
        assert_eq!(limiter.refused, Some(Refused::ByInstanceLimit(110 * PAGE)));
        assert!(limiter.memory_growing(60 * PAGE, 99 * PAGE, None).unwrap());
        assert!(limiter.table_growing(0, PAGE / ELEMENT, None).unwrap());
        assert!(!limiter.table_growing(0, 1, None).unwrap());
        assert!(!limiter.table_growing(0, TABLE_ELEMENTS + 1, None).unwrap());
    }

    #[test]
    fn what_all_take_together_has_a_bound_and_is_given_back() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut one = limiter(&budget, "ann", 60 * MIB, MIB);
        let mut other = limiter(&budget, "bob", 60 * MIB, MIB);
        assert!(one.memory_growing(0, 40 * MIB, None).unwrap());
        assert!(!other.memory_growing(0, 30 * MIB, None).unwrap());
        assert_eq!(other.refused, Some(Refused::BySharedBudget(30 * MIB)));
        assert!(other.memory_growing(0, 9 * MIB, None).unwrap(), "what was refused takes nothing");
        drop(one);
        assert!(other.memory_growing(9 * MIB, 40 * MIB, None).unwrap());
        drop(other);
        let taken = budget.0.taken();
        assert_eq!((taken.common.taken(), taken.kept.taken()), (0, 0));
    }

    #[test]
    fn large_ones_leave_a_part_to_those_that_begin_and_these_to_what_grows_a_little() {
        // A sixteenth is reserved for light ones, which leaves 60 MiB for all.
        let budget = MemoryBudget::new(64 * MIB);
        let mut large = limiter(&budget, "ann", 64 * MIB, 3 * MIB);
        assert!(!large.memory_growing(0, 46 * MIB, None).unwrap());
        assert!(large.memory_growing(0, 45 * MIB, None).unwrap());
        let mut small = limiter(&budget, "bob", 64 * MIB, 7 * MIB);
        assert_eq!(budget.take(&holder("cyd"), 3 * MIB, Part::Any).unwrap_err(), ByAll);
        assert!(small.memory_growing(0, 15 * MIB, None).unwrap());
        assert!(!small.memory_growing(15 * MIB, 15 * MIB + PAGE, None).unwrap());
    }

    #[test]
    fn light_ones_begin_however_much_others_hold_and_take_the_rest_only_if_they_may() {
        let budget = MemoryBudget::new(128 * MIB);
        let large = limiter(&budget, "ann", 128 * MIB, 200 * MIB);
        let mut light = limiter(&budget, "bob", 64 * MIB, MIB);
        assert!(light.memory_growing(0, LIGHT, None).unwrap(), "it is sure to grow to that");
        assert!(!light.memory_growing(LIGHT, LIGHT + PAGE, None).unwrap(), "there is no more");
        // A root gets half of the 8 MiB that are reserved, even if it holds all the rest.
        let second = limiter(&budget, "ann", 64 * MIB, LIGHT);
        let kept = |user: &str, part| budget.take(&holder(user), MIB, part).map(|share| share.kept);
        let third = limiter(&budget, "ann", 64 * MIB, MIB);
        assert_eq!(kept("ann", Part::Reserved), Err(shares::Refused::ByTheRoot), "others are not refused");
        assert_eq!(kept("cyd", Part::Reserved), Ok(LIGHT));
        drop(large);
        assert_eq!(
            kept("ann", Part::Reserved),
            Err(shares::Refused::ByTheRoot),
            "one that is not light waits for the rest"
        );
        assert_eq!(kept("ann", Part::Any), Ok(0));
        drop((light, second, third));
        let taken = budget.0.taken();
        assert_eq!((taken.common.taken(), taken.kept.taken()), (0, 0));
    }

    #[test]
    fn no_user_takes_all_however_little_each_of_its_instances_grows() {
        let budget = MemoryBudget::new(64 * MIB);
        let mut anns: Vec<_> = (0..3).map(|_| limiter(&budget, "ann", 64 * MIB, 10 * MIB)).collect();
        assert_eq!(budget.take(&holder("ann"), 3 * MIB, Part::Any).unwrap_err(), shares::Refused::ByTheRoot);
        let grown = anns.iter_mut().map(|one| one.memory_growing(0, 18 * MIB, None).unwrap());
        // Three quarters of the common 60 MiB are 45 MiB.
        assert_eq!(grown.collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(anns[1].refused, Some(Refused::BySharedBudget(18 * MIB)));
        let mut bobs = limiter(&budget, "bob", 64 * MIB, 8 * MIB);
        assert!(bobs.memory_growing(0, 16 * MIB, None).unwrap());
    }

    #[test]
    fn who_needs_more_than_there_is_begins_alone() {
        let budget = MemoryBudget::new(8 * MIB);
        let held = budget.take(&holder("bob"), MIB, Part::Any).unwrap();
        assert_eq!(budget.take(&holder("ann"), 1000 * MIB, Part::Any).unwrap_err(), ByAll);
        drop(held);
        let mut alone = limiter(&budget, "ann", 1000 * MIB, 1000 * MIB);
        assert!(!alone.memory_growing(0, 1000 * MIB, None).unwrap());
        assert_eq!(alone.refused, Some(Refused::BySharedBudget(1000 * MIB)));
    }
}
