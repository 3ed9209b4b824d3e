//! A machine in memory whose power can be cut at the n-th write, for tests of durability. It has a base and the
//! journal's segments.
//!
//! It keeps two images: the one that the process sees, and the one that the next process would find. A write changes
//! the first; a sync copies to the second. Unsynced writes are lost when the power is cut or, since a real disk may
//! have written them all the same, they survive, in whole or in half ([`Loss`]).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Base, BaseError, Entry, Reads, Write};
use crate::journal::media::{Media, Segment};

/// The fate of unsynced writes when the power is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// They are lost.
    Unsynced,
    /// They had reached the disk without a sync.
    Nothing,
    /// They had reached the disk, but only the first half of the last one.
    Half,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Unsynced, Self::Nothing, Self::Half];
}

/// A simulated machine. Clones share one state.
#[derive(Debug, Clone, Default)]
pub struct SimulatedMachine(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    live: Images,
    durable: Images,
    steps: usize,
    cut_at: Option<(usize, Loss)>,
    is_cut: bool,
}

#[derive(Debug, Clone, Default)]
struct Images {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    segments: BTreeMap<u64, Vec<u8>>,
}

impl SimulatedMachine {
    /// Cuts the power at the `step`-th write or sync from now on, counted from 1.
    pub fn cut_power_at(&self, step: usize, loss: Loss) {
        let mut state = self.state();
        state.steps = 0;
        state.cut_at = Some((step, loss));
    }

    /// Turns the power on again, so that the next process finds what was durable. Returns whether it had been cut.
    pub fn restart(&self) -> bool {
        let mut state = self.state();
        if state.is_cut {
            state.live = state.durable.clone();
        }
        state.cut_at = None;
        std::mem::take(&mut state.is_cut)
    }

    /// Ends the process without cutting the power: the next process finds all writes, synced or not. A power cut after
    /// that still loses the unsynced ones.
    #[must_use]
    pub fn killed(&self) -> Self {
        let state = self.state();
        let (live, durable) = (state.live.clone(), state.durable.clone());
        Self(Arc::new(Mutex::new(State { live, durable, ..State::default() })))
    }

    /// The keys of all rows in the base.
    pub fn keys(&self) -> Vec<Vec<u8>> {
        self.state().live.rows.keys().cloned().collect()
    }

    /// The segments of the journal that the next process would find.
    pub fn segments(&self) -> BTreeMap<u64, Vec<u8>> {
        self.state().live.segments.clone()
    }

    /// A machine with the same rows in its base, and these segments.
    #[must_use]
    pub fn with_segments(&self, segments: BTreeMap<u64, Vec<u8>>) -> Self {
        let images = Images { rows: self.state().live.rows.clone(), segments };
        let state = State { live: images.clone(), durable: images, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts a step. Fails at the chosen one and at all later ones. `half` is applied to the live image before the
    /// failure.
    fn step(&mut self, half: impl FnOnce(&mut Images)) -> Result<(), BaseError> {
        self.steps += 1;
        if let Some((at, loss)) = self.cut_at
            && self.steps >= at
        {
            if !self.is_cut {
                if loss == Loss::Half {
                    half(&mut self.live);
                }
                if loss != Loss::Unsynced {
                    self.durable = self.live.clone();
                }
            }
            self.is_cut = true;
            return Err(BaseError::failed("the power was cut"));
        }
        Ok(())
    }
}

impl Images {
    fn apply(&mut self, writes: &[Write]) {
        for (key, value) in writes {
            match value {
                Some(value) => self.rows.insert(key.clone(), value.clone()),
                None => self.rows.remove(key),
            };
        }
    }

    fn write_at(&mut self, number: u64, bytes: &[u8], offset: usize) {
        let segment = self.segments.entry(number).or_default();
        let end = offset + bytes.len();
        if segment.len() < end {
            segment.resize(end, 0);
        }
        segment.splice(offset..end, bytes.iter().copied());
    }
}

impl Reads for SimulatedMachine {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BaseError> {
        Ok(self.state().live.rows.get(key).cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Entry>, BaseError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let state = self.state();
        let range = state.live.rows.range(from.to_vec()..to.to_vec());
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(if reverse {
            range.rev().take(limit).map(entry).collect()
        } else {
            range.take(limit).map(entry).collect()
        })
    }
}

impl Base for SimulatedMachine {
    fn apply(&self, writes: &[Write]) -> Result<(), BaseError> {
        let mut state = self.state();
        // An engine applies writes atomically, whatever the disk does.
        state.step(|_images| {})?;
        state.live.apply(writes);
        Ok(())
    }

    fn sync(&self) -> Result<(), BaseError> {
        let mut state = self.state();
        state.step(|_images| {})?;
        state.durable.rows = state.live.rows.clone();
        Ok(())
    }
}

fn cut(BaseError { reason, .. }: BaseError) -> io::Error {
    io::Error::other(reason)
}

impl Media for SimulatedMachine {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.state().live.segments.keys().copied().collect())
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        self.state().live.segments.get(&number).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, number: u64) -> io::Result<Box<dyn Segment>> {
        let mut state = self.state();
        state.step(|_images| {}).map_err(cut)?;
        state.live.segments.insert(number, Vec::new());
        Ok(Box::new(SimulatedSegment { machine: self.clone(), number }))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        SimulatedSegment { machine: self.clone(), number }.sync()
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        let mut state = self.state();
        state.step(|_images| {}).map_err(cut)?;
        // The removal of a file's name is never synced, so the file may return after a power cut.
        state.live.segments.remove(&number);
        Ok(())
    }
}

struct SimulatedSegment {
    machine: SimulatedMachine,
    number: u64,
}

impl Segment for SimulatedSegment {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        let mut state = self.machine.state();
        state.step(|images| images.write_at(self.number, half, offset)).map_err(cut)?;
        state.live.write_at(self.number, bytes, offset);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.machine.state();
        state.step(|_images| {}).map_err(cut)?;
        let segment = state.live.segments.get(&self.number).cloned().unwrap_or_default();
        state.durable.segments.insert(self.number, segment);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut state = self.machine.state();
        state.step(|_images| {}).map_err(cut)?;
        state.live.segments.entry(self.number).or_default().truncate(length);
        Ok(())
    }
}
