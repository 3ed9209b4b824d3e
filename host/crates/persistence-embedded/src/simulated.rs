//! A base in memory that fails or loses power at the n-th write, for tests of what survives.
//!
//! It keeps two images: what a reader sees now, and what a next process would find. A write changes the
//! first; a sync copies it to the second. A power cut in the middle of an unsynced group keeps none of
//! it or, since a real disk may have written it all the same, all of it ([`Loss`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Base, BaseError, Entry, Write};

/// What becomes of writes that were not synced when the power was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They are gone.
    Unsynced,
    /// They had reached the disk although nobody had asked for it.
    Nothing,
}

/// A base in memory. Clones share the same images.
#[derive(Debug, Clone, Default)]
pub struct SimulatedBase(Arc<Mutex<Images>>);

#[derive(Debug, Default)]
struct Images {
    live: BTreeMap<Vec<u8>, Vec<u8>>,
    durable: BTreeMap<Vec<u8>, Vec<u8>>,
    steps: usize,
    fail_at: Option<(usize, Loss)>,
    failed: bool,
}

impl SimulatedBase {
    /// Cuts the power at the `step`-th apply or sync from now on (counted from 1).
    pub fn cut_power_at(&self, step: usize, loss: Loss) {
        let mut images = self.images();
        images.steps = 0;
        images.fail_at = Some((step, loss));
    }

    /// Turns the power on again: what a next process finds is what was durable. Says whether it was cut.
    pub fn restart(&self) -> bool {
        let mut images = self.images();
        if images.failed {
            images.live = images.durable.clone();
        }
        images.fail_at = None;
        std::mem::take(&mut images.failed)
    }

    fn images(&self) -> MutexGuard<'_, Images> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Images {
    /// Counts a step; fails at the chosen one and ever after.
    fn step(&mut self) -> Result<(), BaseError> {
        self.steps += 1;
        if let Some((at, loss)) = self.fail_at
            && self.steps >= at
        {
            if !self.failed && loss == Loss::Nothing {
                self.durable = self.live.clone();
            }
            self.failed = true;
            return Err(BaseError("the power was cut".into()));
        }
        Ok(())
    }
}

impl Base for SimulatedBase {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        Ok(self.images().live.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        let images = self.images();
        let range = images.live.range(from.to_vec()..to.to_vec());
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(if reverse {
            range.rev().take(limit).map(entry).collect()
        } else {
            range.take(limit).map(entry).collect()
        })
    }

    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        let mut images = self.images();
        images.step()?;
        for (key, value) in writes {
            match value {
                Some(value) => images.live.insert(key.clone(), value.clone()),
                None => images.live.remove(key),
            };
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), BaseError> {
        let mut images = self.images();
        images.step()?;
        images.durable = images.live.clone();
        Ok(())
    }
}
