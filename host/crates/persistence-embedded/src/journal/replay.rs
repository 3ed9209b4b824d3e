//! Reading the journal back: which groups it holds, and whether it holds all that it should.
//!
//! A segment begins with `magic | its number (u64) | the first sequence in it (u64) | crc32c (u32)`, and
//! frames follow. The last frame may be torn: it was not acknowledged. Anything else that is missing or
//! cannot be read is damage, and is not passed over.

use crate::base::Write;
use crate::journal::frame;
use crate::journal::media::Media;

const MAGIC: &[u8; 16] = b"petrel-journal 1";
/// Bytes before the first frame.
pub(crate) const HEADER: usize = 36;

/// The header of a segment.
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

/// The groups in a segment with their sequences, in order, as far as it has been written.
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

/// What the journal held.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Replayed {
    /// The last group that the base or the journal holds.
    pub(crate) sequence: u64,
    /// Everything that the base may not hold yet, in order.
    pub(crate) writes: Vec<Write>,
    /// How many groups that was.
    pub(crate) groups: u64,
    /// The number of the newest segment.
    pub(crate) newest: u64,
    /// Whether the last group was torn, so that it was not acknowledged.
    pub(crate) is_torn: bool,
    /// What was passed over, as told, a sentence each.
    pub(crate) lost: Vec<String>,
}

/// What is lost with these groups.
pub(crate) fn lost_groups(from: u64, to: u64) -> String {
    format!(
        "the groups of commits {from} to {to}, {} in all: how many rows they changed is not known; what all others wrote \
         is whole",
        to.saturating_sub(from).saturating_add(1)
    )
}

/// Why a journal cannot be replayed. Nothing was changed.
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

/// Reads all groups after `base`, the last one that the base holds. With `accept_loss` what is damaged is
/// passed over, and what follows it is taken.
pub(crate) fn replay(media: &dyn Media, base: u64, accept_loss: bool) -> Result<Replayed, ReplayError> {
    let mut replay = Replay { found: Replayed { sequence: base, ..Replayed::default() }, accept_loss };
    for number in media.list().map_err(|error| ReplayError::Io { number: 0, error })? {
        let bytes = media.read(number).map_err(|error| ReplayError::Io { number, error })?;
        replay.segment(number, &bytes)?;
    }
    Ok(replay.found)
}

/// The number of the first group that the journal tells of, or will; `None` when it has no segment.
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
            // It was being made; or it was damaged, and then what comes next shows it.
            return match frame::find_later(number, bytes, self.found.sequence) {
                Some(next) => {
                    self.refuse(ReplayError::Damaged { number, at: 0, next })?;
                    self.frames(number, bytes, next, None)
                }
                None => Ok(()),
            };
        };
        // The torn end of the segment before was acknowledged to nobody, and this one goes on in its place.
        self.found.is_torn = false;
        if first > self.found.sequence + 1 {
            self.refuse(ReplayError::Gap { number, before: self.found.sequence, found: first })?;
        }
        self.frames(number, bytes, HEADER, Some(first))
    }

    /// Takes the frames from byte `at` on, the first of which has the sequence `expected`, if that is known.
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
                    // Else this was refused before.
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
        tracing::warn!(%error, "going on without what is missing, as told");
        Ok(())
    }
}
