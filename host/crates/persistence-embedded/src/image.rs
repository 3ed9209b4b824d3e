//! The image: the rows that readers see, that is those of the base and above them those that it does not have yet.
//!
//! There are two layers above the base: the one to which commits are added, and one that the
//! [checkpoint](crate::checkpoint) is writing to the base. Rows only get here once they are durable in the journal, so
//! nobody reads what could still be lost.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::{Base, BaseError, Entry, Reads, Write};

/// Rows and deletions (`None`) above the base.
pub(crate) type Layer = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Number of entries read at a time in a range where many are deleted.
const LONG_STEP: usize = 500;
/// Approximate memory of a row in addition to its bytes.
const ROW_OVERHEAD: usize = 96;

/// The base and the layers above it.
pub(crate) struct Image {
    base: Box<dyn Base>,
    layers: RwLock<Layers>,
}

#[derive(Default)]
struct Layers {
    active: Layer,
    active_bytes: usize,
    frozen: Option<Arc<Layer>>,
    /// Number of layers that were frozen so far.
    times_frozen: u64,
}

impl Image {
    pub(crate) fn new(base: Box<dyn Base>) -> Self {
        Self { base, layers: RwLock::default() }
    }

    pub(crate) fn base(&self) -> &dyn Base {
        self.base.as_ref()
    }

    fn layers(&self) -> RwLockReadGuard<'_, Layers> {
        self.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers_mut(&self) -> RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a durable group. Returns the approximate memory of the rows above the base, in bytes.
    pub(crate) fn show(&self, writes: Vec<Write>) -> usize {
        let mut layers = self.layers_mut();
        for (key, value) in writes {
            let (key_size, size) = (key.len(), value.as_ref().map_or(0, Vec::len));
            match layers.active.insert(key, value) {
                Some(old) => layers.active_bytes -= old.as_ref().map_or(0, Vec::len),
                None => layers.active_bytes += key_size + ROW_OVERHEAD,
            }
            layers.active_bytes += size;
        }
        layers.active_bytes
    }

    /// Freezes the active layer for the checkpoint, and begins a new one. `None` if one is frozen already.
    pub(crate) fn freeze(&self) -> Option<Arc<Layer>> {
        let mut layers = self.layers_mut();
        if layers.frozen.is_some() {
            return None;
        }
        layers.active_bytes = 0;
        layers.times_frozen += 1;
        let frozen = Arc::new(std::mem::take(&mut layers.active));
        layers.frozen = Some(Arc::clone(&frozen));
        Some(frozen)
    }

    /// Whether the base has all rows.
    pub(crate) fn is_in_base(&self) -> bool {
        let layers = self.layers();
        layers.active.is_empty() && layers.frozen.is_none()
    }

    /// Drops the frozen layer, once the base has all of it.
    pub(crate) fn thaw(&self) {
        let frozen = self.layers_mut().frozen.take();
        // Freed after the lock is released, since dropping many rows takes a while.
        drop(frozen);
    }

    /// The next entries of the layers in a range, at most `limit` of each, and the key up to which the layers were
    /// read. `None` if they were read to the end.
    fn above(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> (Layer, Option<Vec<u8>>) {
        let layers = self.layers();
        let nothing = Layer::new();
        let frozen = layers.frozen.as_deref().unwrap_or(&nothing);
        let bounds = || (Bound::Included(from.to_vec()), Bound::Excluded(to.to_vec()));
        let mut merged = Layer::new();
        let mut horizon: Option<Vec<u8>> = None;
        // The newer layer comes last, so that its rows win.
        for layer in [frozen, &layers.active] {
            let mut taken = 0;
            let mut entries = layer.range::<Vec<u8>, _>(bounds());
            loop {
                let next = if reverse { entries.next_back() } else { entries.next() };
                let Some((key, value)) = next else { break };
                taken += 1;
                merged.insert(key.clone(), value.clone());
                if taken == limit {
                    horizon = Some(nearer(horizon, key.clone(), reverse));
                    break;
                }
            }
        }
        (merged, horizon)
    }
}

/// The key that comes first in the direction of reading.
fn nearer(one: Option<Vec<u8>>, other: Vec<u8>, reverse: bool) -> Vec<u8> {
    match one {
        None => other,
        Some(one) if reverse => one.max(other),
        Some(one) => one.min(other),
    }
}

/// The smallest key after `key`.
fn after(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

impl Reads for Image {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        let layers = self.layers();
        let found =
            layers.active.get(key).or_else(|| layers.frozen.as_ref().and_then(|frozen| frozen.get(key)));
        if let Some(value) = found {
            return Ok(value.clone());
        }
        drop(layers);
        self.base.get(key)
    }

    /// As of one moment: the one at which the layers are read.
    fn get_all(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, BaseError> {
        loop {
            let layers = self.layers();
            let times_frozen = layers.times_frozen;
            let above: Vec<_> = keys
                .iter()
                .map(|key| {
                    let frozen = || layers.frozen.as_ref().and_then(|frozen| frozen.get(key));
                    layers.active.get(key).or_else(frozen).cloned()
                })
                .collect();
            drop(layers);
            let is_all_above = above.iter().all(Option::is_some);
            // The base is read without the lock, since that may take a while.
            let found = keys
                .iter()
                .zip(above)
                .map(|(key, above)| above.map_or_else(|| self.base.get(key), Ok))
                .collect::<Result<Vec<_>, _>>()?;
            // A row that was in no layer only changes in the base after a layer with it was frozen. That happens every
            // few seconds at most, so a second time is rare.
            if is_all_above || self.layers().times_frozen == times_frozen {
                return Ok(found);
            }
        }
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let (mut from, mut to) = (from.to_vec(), to.to_vec());
        let mut found = Vec::new();
        let mut step = limit;
        while found.len() < limit && from < to {
            let wanted = limit - found.len();
            // Layers are read before the base: a row that moves to the base in between is then seen twice and not
            // missed.
            let (mut merged, mut horizon) = self.above(&from, &to, reverse, step);
            let below = self.base.range(&from, &to, reverse, step)?;
            if below.len() == step
                && let Some((key, _)) = below.last()
            {
                horizon = Some(nearer(horizon, key.clone(), reverse));
            }
            for (key, value) in below {
                merged.entry(key).or_insert(Some(value));
            }
            let within = |key: &[u8]| match &horizon {
                None => true,
                Some(horizon) if reverse => key >= horizon.as_slice(),
                Some(horizon) => key <= horizon.as_slice(),
            };
            let rows = merged
                .into_iter()
                .filter(|(key, _)| within(key))
                .filter_map(|(key, value)| Some((key, value?)));
            if reverse {
                found.extend(rows.collect::<Vec<_>>().into_iter().rev().take(wanted));
            } else {
                found.extend(rows.take(wanted));
            }
            // Many rows are deleted here, so continue with longer steps.
            step = step.max(LONG_STEP);
            match horizon {
                None => break,
                Some(horizon) if reverse => to = horizon,
                Some(horizon) => from = after(horizon),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::simulated::SimulatedMachine;
    use proptest::prelude::*;
    use std::sync::{Mutex, OnceLock, Weak};

    /// A base that gets a group of writes, by a commit and a checkpoint, right after its first row was read.
    struct Overtaken {
        machine: SimulatedMachine,
        image: Arc<OnceLock<Weak<Image>>>,
        group: Mutex<Vec<Write>>,
    }

    impl Reads for Overtaken {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
            let found = self.machine.get(key);
            let group = std::mem::take(&mut *self.group.lock().unwrap());
            if !group.is_empty() {
                let image = self.image.get().and_then(Weak::upgrade).unwrap();
                image.show(group.clone());
                image.freeze().unwrap();
                self.machine.apply(&group).unwrap();
                image.thaw();
            }
            found
        }

        fn range(
            &self,
            from: &[u8],
            to: &[u8],
            reverse: bool,
            limit: usize,
        ) -> Result<Vec<Entry>, BaseError> {
            self.machine.range(from, to, reverse, limit)
        }
    }

    impl Base for Overtaken {
        fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
            self.machine.apply(writes)
        }

        fn sync(&self) -> Result<(), BaseError> {
            Base::sync(&self.machine)
        }
    }

    #[test]
    fn several_rows_are_read_as_of_one_moment() {
        let of = |value: u8| [b'a', b'b', b'c'].map(|key| (vec![key], Some(vec![value]))).to_vec();
        let machine = SimulatedMachine::default();
        machine.apply(&of(1)).unwrap();
        let known = Arc::new(OnceLock::new());
        let base = Overtaken { machine, image: Arc::clone(&known), group: Mutex::new(of(2)) };
        let image = Arc::new(Image::new(Box::new(base)));
        known.set(Arc::downgrade(&image)).unwrap();
        let keys: Vec<_> = of(2).into_iter().map(|(key, _)| key).collect();
        assert_eq!(image.get_all(&keys).unwrap(), vec![Some(vec![2]); 3]);
        image.show(of(3));
        assert_eq!(image.get_all(&keys).unwrap(), vec![Some(vec![3]); 3]);
    }

    /// A write: a key, and a value or a deletion.
    fn writes() -> impl Strategy<Value = Vec<(u8, Option<u8>)>> {
        prop::collection::vec((0..12_u8, proptest::option::of(any::<u8>())), 0..20)
    }

    fn rows(writes: &[(u8, Option<u8>)]) -> Vec<Write> {
        writes.iter().map(|(key, value)| (vec![*key], value.map(|value| vec![value]))).collect()
    }

    proptest! {
        /// Wherever rows are, a reader sees the same as in a single map with all writes.
        #[test]
        fn layers_look_like_one_map(
            base in writes(), frozen in writes(), active in writes(),
            from in 0..12_u8, to in 0..13_u8, reverse: bool, limit in 0..14_usize,
        ) {
            let image = Image::new(Box::new(SimulatedMachine::default()));
            image.base().apply(&rows(&base)).unwrap();
            image.show(rows(&frozen));
            image.freeze().unwrap();
            image.show(rows(&active));
            let mut expected = Layer::new();
            expected.extend(rows(&base).into_iter().chain(rows(&frozen)).chain(rows(&active)));
            for key in 0..12 {
                prop_assert_eq!(image.get(&[key]).unwrap(), expected.get([key].as_slice()).cloned().flatten());
            }
            let mut all: Vec<Entry> = expected
                .into_iter()
                .filter(|(key, _)| key.as_slice() >= [from].as_slice() && key.as_slice() < [to].as_slice())
                .filter_map(|(key, value)| Some((key, value?)))
                .collect();
            if reverse {
                all.reverse();
            }
            all.truncate(limit);
            prop_assert_eq!(image.range(&[from], &[to], reverse, limit).unwrap(), all);
        }
    }
}
