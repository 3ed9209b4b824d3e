//! The journal, which makes commits durable: one frame for each group, appended and synced. The base receives the rows
//! later.
//!
//! * [`frame`] encodes groups, [`media`] is the medium, [`replay`] reads the journal back.
//! * This file has the writing end, and keeps track of segments that are still needed.

pub(crate) mod frame;
pub mod media;
pub(crate) mod replay;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::Write;
use crate::journal::media::{Media, Segment};
use crate::remedy;

/// The writing end of the journal.
pub(crate) struct Journal {
    segments: Arc<Segments>,
    number: u64,
    segment: Box<dyn Segment>,
    offset: u64,
    buffer: Vec<u8>,
}

impl Journal {
    /// Begins a segment after all existing ones. `first` is the number of the next group.
    pub(crate) fn begin(segments: Arc<Segments>, number: u64, first: u64) -> io::Result<Self> {
        let mut segment = segments.media.create(number)?;
        let header = replay::header(number, first);
        segment.write_at(&header, 0)?;
        segment.sync()?;
        // Registered last: if an earlier step fails, the segment before this one remains the newest.
        segments.kept().numbers.insert(number);
        Ok(Self { segments, number, segment, offset: header.len() as u64, buffer: Vec::new() })
    }

    /// Appends a group durably. Returns the bytes written.
    pub(crate) fn append(&mut self, sequence: u64, writes: &[Write]) -> Result<u64, AppendError> {
        self.buffer.clear();
        frame::encode(&mut self.buffer, self.number, sequence, writes);
        self.segment.write_at(&self.buffer, self.offset).map_err(AppendError::of_write)?;
        self.segment.sync().map_err(AppendError::Failed)?;
        let length = self.buffer.len() as u64;
        self.offset += length;
        Ok(length)
    }

    /// Size of the segment, in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.offset
    }

    /// The number of the segment.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether somebody has deleted, replaced or cut the segment.
    pub(crate) fn is_gone(&self) -> bool {
        self.segment.is_gone()
    }

    /// Continues in a new segment, whose first group is `first`. Returns the number of that segment.
    pub(crate) fn rotate(&mut self, first: u64) -> io::Result<u64> {
        *self = Self::begin(Arc::clone(&self.segments), self.number + 1, first)?;
        Ok(self.number)
    }

    /// Ends the journal, and cuts off bytes that the file still has from an earlier segment.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.segment.cut(self.offset)?;
        self.segment.sync()
    }
}

/// Reasons why a group was not appended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// There is no room for it. The frame is not whole, and the next one takes its place, so others may follow.
    #[error("the journal cannot be written: {0}")]
    NoRoom(io::Error),
    /// The frame may have been written. No other may follow.
    #[error("the journal cannot be written: {0}")]
    Failed(io::Error),
}

impl AppendError {
    /// A write fails for want of room before all bytes are written. About any other error nothing is known.
    fn of_write(error: io::Error) -> Self {
        if remedy::is_no_room(&error) { Self::NoRoom(error) } else { Self::Failed(error) }
    }
}

/// The segments that are still needed: for groups that the base does not have yet, or by a backup in progress.
#[derive(Debug)]
pub(crate) struct Segments {
    media: Arc<dyn Media>,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// The existing segments.
    numbers: BTreeSet<u64>,
    /// Number of backups that hold all segments from a number on.
    holds: BTreeMap<u64, usize>,
    /// The base does not need segments before this one.
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

    /// Notes that the base durably has everything before segment `number`, and removes segments that nobody needs.
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

    /// Keeps the newest segment and all later ones until the hold is dropped.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        let mut kept = self.kept();
        let from = kept.numbers.last().copied().unwrap_or(0);
        *kept.holds.entry(from).or_default() += 1;
        drop(kept);
        Hold { segments: Arc::clone(self), from }
    }
}

/// Keeps segments from being removed.
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

    /// Reads all bytes of one of them.
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
            tracing::warn!(%error, "failed to remove segments of the journal that are no longer needed");
        }
    }
}
