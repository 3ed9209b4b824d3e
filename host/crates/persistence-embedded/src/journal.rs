//! The journal: what makes a commit durable. One frame a group, appended and synced; the rows follow in
//! the base later.
//!
//! * [`frame`] is how a group stands in it, [`media`] what it is written on, [`replay`] how it is read back.
//! * Here: the end that is written, and which segments are still needed.

pub(crate) mod frame;
pub mod media;
pub(crate) mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::Write;
use crate::journal::media::{Media, Segment};

/// The end of the journal that is written.
pub(crate) struct Journal {
    segments: Arc<Segments>,
    number: u64,
    segment: Box<dyn Segment>,
    offset: u64,
    buffer: Vec<u8>,
}

impl Journal {
    /// Begins a segment after all that there are; `first` is the number of the next group.
    pub(crate) fn begin(segments: Arc<Segments>, number: u64, first: u64) -> io::Result<Self> {
        let mut segment = segments.media.create(number)?;
        let header = replay::header(number, first);
        segment.write_at(&header, 0)?;
        segment.sync()?;
        // Only now: until then the segment before it goes on if this fails.
        segments.kept().numbers.insert(number);
        Ok(Self { segments, number, segment, offset: header.len() as u64, buffer: Vec::new() })
    }

    /// Appends a group durably. A failed write leaves no frame behind and may be followed by another; after
    /// a failed sync nothing more may be written. Returns how many bytes it took.
    pub(crate) fn append(&mut self, sequence: u64, writes: &[Write]) -> io::Result<u64> {
        self.buffer.clear();
        frame::encode(&mut self.buffer, self.number, sequence, writes);
        self.segment.write_at(&self.buffer, self.offset)?;
        self.segment.sync()?;
        let length = self.buffer.len() as u64;
        self.offset += length;
        Ok(length)
    }

    /// How many bytes the segment has.
    pub(crate) fn length(&self) -> u64 {
        self.offset
    }

    /// Goes on in a new segment, whose first group is `first`. Returns the new segment's number.
    pub(crate) fn rotate(&mut self, first: u64) -> io::Result<u64> {
        *self = Self::begin(Arc::clone(&self.segments), self.number + 1, first)?;
        Ok(self.number)
    }

    /// Ends the journal: what an earlier life of the file has left behind it is cut off.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.segment.cut(self.offset)?;
        self.segment.sync()
    }
}

/// The segments that are still needed: those that the base does not hold yet, and those that a backup
/// reads.
#[derive(Debug)]
pub(crate) struct Segments {
    media: Arc<dyn Media>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// Segments that are there.
    numbers: BTreeSet<u64>,
    /// How many hold all segments from a number on.
    holds: BTreeMap<u64, usize>,
    /// All before are not needed by the base.
    needed_from: u64,
}

impl Segments {
    pub(crate) fn new(media: Arc<dyn Media>) -> io::Result<Self> {
        let numbers = media.list()?.into_iter().collect();
        Ok(Self { media, kept: Mutex::new(Kept { numbers, ..Kept::default() }) })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The base holds everything before segment `number` durably: what nobody else needs is dropped.
    pub(crate) fn drop_before(&self, number: u64) -> io::Result<()> {
        self.kept().needed_from = number;
        self.sweep()
    }

    fn sweep(&self) -> io::Result<()> {
        let mut kept = self.kept();
        let held_from = kept.holds.keys().next().copied().unwrap_or(u64::MAX);
        let needed_from = kept.needed_from.min(held_from);
        while let Some(number) = kept.numbers.first().copied().filter(|number| *number < needed_from) {
            self.media.remove(number)?;
            kept.numbers.remove(&number);
        }
        Ok(())
    }

    /// Keeps the newest segment and all after it until the hold is dropped.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        let mut kept = self.kept();
        let from = kept.numbers.last().copied().unwrap_or(0);
        *kept.holds.entry(from).or_default() += 1;
        drop(kept);
        Hold { segments: Arc::clone(self), from }
    }
}

/// Keeps segments.
#[derive(Debug)]
pub(crate) struct Hold {
    segments: Arc<Segments>,
    from: u64,
}

impl Hold {
    /// The numbers of the segments that are kept.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.segments.kept().numbers.range(self.from..).copied().collect()
    }

    /// All bytes of one of them.
    pub(crate) fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        self.segments.media.read(number)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut kept = self.segments.kept();
        if let Some(count) = kept.holds.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                kept.holds.remove(&self.from);
            }
        }
        drop(kept);
        if let Err(error) = self.segments.sweep() {
            tracing::warn!(%error, "segments of the journal that are no longer needed cannot be removed");
        }
    }
}
