//! Replays the journal: reads its groups, and checks that none is missing.
//!
//! A segment begins with `magic | its number (u64) | the first sequence in it (u64) | crc32c (u32)`, followed by
//! frames. The last frame may be torn, since it was not acknowledged. Any other missing or unreadable part is damage,
//! and is not ignored.

use crate::base::Write;
use crate::journal::frame;
use crate::journal::media::Media;

const MAGIC: &[u8; 16] = b"petrel-journal 1";
/// Bytes before the first frame.
pub(crate) const HEADER: usize = 36;

/// Encodes the header of a segment.
pub(crate) fn header(number: u64, first: u64) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(&number.to_le_bytes());
    header.extend_from_slice(&first.to_le_bytes());
    let crc = crc32c::crc32c(&header);
    header.extend_from_slice(&crc.to_le_bytes());
    header
}

/// The first sequence of segment `number`, if `bytes` begin with its header.
fn first_sequence(number: u64, bytes: &[u8]) -> Option<u64> {
    let (header_bytes, _) = bytes.split_at_checked(HEADER)?;
    let first = u64::from_le_bytes(*header_bytes.get(24..32)?.first_chunk::<8>()?);
    (header_bytes == header(number, first)).then_some(first)
}

/// The groups of a segment with their sequences, in order, up to its first invalid frame.
pub(crate) fn groups(number: u64, bytes: &[u8]) -> Vec<(u64, Vec<Write>)> {
    let mut groups = Vec::new();
    let mut at = HEADER;
    while first_sequence(number, bytes).is_some()
        && let Some(frame) = frame::decode(number, bytes.get(at..).unwrap_or_default())
    {
        at += frame.size;
        groups.push((frame.sequence, frame.writes));
    }
    groups
}

/// The result of a replay.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// The number of the last group in the base or the journal.
    pub(crate) sequence: u64,
    /// All writes that the base may not have yet, in order.
    pub(crate) writes: Vec<Write>,
    /// Number of groups with these writes.
    pub(crate) groups: u64,
    /// The number of the newest segment.
    pub(crate) newest: u64,
    /// Whether the last group was torn, so that it had not been acknowledged.
    pub(crate) is_torn: bool,
    /// The losses that were accepted, one sentence each.
    pub(crate) lost: Vec<String>,
}

/// Describes the loss of these groups.
pub(crate) fn lost_groups(from: u64, to: u64) -> String {
    format!(
        "the groups of commits {from} to {to}, {} in all: how many rows they changed is not known; what all others wrote \
         is whole",
        to.saturating_sub(from).saturating_add(1)
    )
}

/// Reasons why a journal cannot be replayed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReplayError {
    #[error("segment {number:016x} of the journal cannot be read: {error}")]
    Io { number: u64, error: std::io::Error },
    #[error(
        "the journal is damaged: segment {number:016x} cannot be read at byte {at}, and goes on at byte {next}"
    )]
    Damaged { number: u64, at: usize, next: usize },
    #[error("the journal is damaged: after group {before} comes group {found}, in segment {number:016x}")]
    Gap { number: u64, before: u64, found: u64 },
}

/// Reads all groups after `base`, the last one in the base. With `accept_loss`, damaged parts are skipped and the
/// groups after them are used.
pub(crate) fn replay(media: &dyn Media, base: u64, accept_loss: bool) -> Result<Replayed, ReplayError> {
    let mut replay = Replay { found: Replayed { sequence: base, ..Replayed::default() }, accept_loss };
    for number in media.list().map_err(|error| ReplayError::Io { number: 0, error })? {
        let bytes = media.read(number).map_err(|error| ReplayError::Io { number, error })?;
        replay.segment(number, &bytes)?;
    }
    Ok(replay.found)
}

/// The number of the first group in the journal, or of the next one if it is empty. `None` if it has no segment.
pub(crate) fn earliest(media: &dyn Media) -> Result<Option<u64>, ReplayError> {
    for number in media.list().map_err(|error| ReplayError::Io { number: 0, error })? {
        let bytes = media.read(number).map_err(|error| ReplayError::Io { number, error })?;
        if let Some(first) = first_sequence(number, &bytes) {
            return Ok(Some(first));
        }
    }
    Ok(None)
}

struct Replay {
    found: Replayed,
    accept_loss: bool,
}

impl Replay {
    fn segment(&mut self, number: u64, bytes: &[u8]) -> Result<(), ReplayError> {
        self.found.newest = number;
        let Some(first) = first_sequence(number, bytes) else {
            // The process ended while it created the segment. Or the header is damaged; then later frames show that.
            return match frame::find_later(number, bytes, self.found.sequence) {
                Some(next) => {
                    self.refuse(ReplayError::Damaged { number, at: 0, next })?;
                    self.frames(number, bytes, next, None)
                }
                None => Ok(()),
            };
        };
        // The torn frame at the end of the segment before had not been acknowledged, and this segment continues in its
        // place.
        self.found.is_torn = false;
        if first > self.found.sequence + 1 {
            self.refuse(ReplayError::Gap { number, before: self.found.sequence, found: first })?;
        }
        self.frames(number, bytes, HEADER, Some(first))
    }

    /// Reads the frames from byte `at` on. The first one has the sequence `expected`, if that is known.
    fn frames(
        &mut self,
        number: u64,
        bytes: &[u8],
        mut at: usize,
        mut expected: Option<u64>,
    ) -> Result<(), ReplayError> {
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(frame) = frame::decode(number, rest) else {
                let before = expected.map_or(self.found.sequence, |expected| expected - 1);
                let Some(next) = frame::find_later(number, rest, before) else {
                    self.found.is_torn = rest.iter().any(|byte| *byte != 0);
                    return Ok(());
                };
                self.refuse(ReplayError::Damaged { number, at, next: at + next })?;
                (at, expected) = (at + next, None);
                continue;
            };
            if let Some(expected) = expected.filter(|expected| *expected != frame.sequence) {
                self.refuse(ReplayError::Gap { number, before: expected - 1, found: frame.sequence })?;
            }
            expected = Some(frame.sequence + 1);
            at += frame.size;
            if frame.sequence > self.found.sequence {
                if frame.sequence > self.found.sequence + 1 {
                    // Without `accept_loss`, this gap was refused above.
                    self.found.lost.push(lost_groups(self.found.sequence + 1, frame.sequence - 1));
                }
                self.found.sequence = frame.sequence;
                self.found.groups += 1;
                self.found.writes.extend(frame.writes);
            }
        }
    }

    fn refuse(&self, error: ReplayError) -> Result<(), ReplayError> {
        if !self.accept_loss {
            return Err(error);
        }
        tracing::warn!(%error, "continuing without the missing part of the journal, since --accept-loss was given");
        Ok(())
    }
}
