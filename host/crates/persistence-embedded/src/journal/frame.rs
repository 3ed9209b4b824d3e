//! Frames: the encoding of a group of commits in the journal. Pure functions.
//!
//! A frame is `length of the body (u32) | crc32c (u32) | sequence (u64) | body`, little-endian; the body is `key
//! length (u16) | value length (u32, all ones to delete) | key | value` for each write. The checksum covers everything
//! but itself, and begins with the number of the segment, so that frames that a reused file still has from an earlier
//! segment are not valid in this one.

use crate::base::Write;

/// Bytes before the body.
pub(crate) const HEAD: usize = 16;
/// The value length that marks a deletion.
const DELETED: u32 = u32::MAX;
/// Largest plausible distance of a sequence from the expected one. A larger one is taken for random bytes.
const PLAUSIBLE_LEAD: u64 = 1 << 24;

/// Appends the frame of `writes` to `out`. The lengths fit, since `value` keeps keys and values small.
pub(crate) fn encode(out: &mut Vec<u8>, segment: u64, sequence: u64, writes: &[Write]) {
    let begin = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&sequence.to_le_bytes());
    encode_writes(out, writes);
    let length = u32::try_from(out.len() - begin - HEAD).unwrap_or(u32::MAX).to_le_bytes();
    if let Some(frame) = out.get_mut(begin..) {
        let crc = checksum(segment, length, frame.get(8..).unwrap_or_default()).to_le_bytes();
        for (byte, new) in frame.iter_mut().zip(length.into_iter().chain(crc)) {
            *byte = new;
        }
    }
}

/// Appends the encoded `writes` to `out`.
pub(crate) fn encode_writes(out: &mut Vec<u8>, writes: &[Write]) {
    for (key, value) in writes {
        let length =
            value.as_ref().map_or(DELETED, |value| u32::try_from(value.len()).unwrap_or(DELETED - 1));
        out.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(key);
        out.extend_from_slice(value.as_deref().unwrap_or_default());
    }
}

fn checksum(segment: u64, length: [u8; 4], rest: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&segment.to_le_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, &length), rest)
}

/// A decoded frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The number of the group.
    pub(crate) sequence: u64,
    /// Its writes, in order.
    pub(crate) writes: Vec<Write>,
    /// Its size, in bytes.
    pub(crate) size: usize,
}

/// Decodes the frame at the beginning of `bytes`, if there is a complete one of this segment.
pub(crate) fn decode(segment: u64, bytes: &[u8]) -> Option<Frame> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (crc, rest) = rest.split_first_chunk::<4>()?;
    let body_length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let covered = rest.get(..body_length.checked_add(8)?)?;
    if checksum(segment, *length, covered) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (sequence, body) = covered.split_first_chunk::<8>()?;
    let writes = decode_writes(body)?;
    Some(Frame { sequence: u64::from_le_bytes(*sequence), writes, size: HEAD + body_length })
}

/// Decodes the writes in `body`, if it contains nothing else.
pub(crate) fn decode_writes(mut body: &[u8]) -> Option<Vec<Write>> {
    let mut writes = Vec::new();
    while !body.is_empty() {
        let (key_length, rest) = body.split_first_chunk::<2>()?;
        let (value_length, rest) = rest.split_first_chunk::<4>()?;
        let (key, rest) = rest.split_at_checked(u16::from_le_bytes(*key_length).into())?;
        let value_length = u32::from_le_bytes(*value_length);
        if value_length == DELETED {
            writes.push((key.to_vec(), None));
            body = rest;
        } else {
            let (value, rest) = rest.split_at_checked(usize::try_from(value_length).ok()?)?;
            writes.push((key.to_vec(), Some(value.to_vec())));
            body = rest;
        }
    }
    Some(writes)
}

/// The position in `bytes` of a complete frame after `sequence`. It shows that the bytes before it are damaged rather
/// than torn, since a frame is only begun when the one before is durable.
pub(crate) fn find_later(segment: u64, bytes: &[u8], sequence: u64) -> Option<usize> {
    let is_plausible = |window: &[u8]| {
        let (Some(length), Some(found)) = (window.first_chunk::<4>(), window.last_chunk::<8>()) else {
            return false;
        };
        let lead = u64::from_le_bytes(*found).wrapping_sub(sequence);
        (1..PLAUSIBLE_LEAD).contains(&lead) && u32::from_le_bytes(*length) as usize <= bytes.len()
    };
    bytes
        .windows(HEAD)
        .enumerate()
        .filter(|(_, window)| is_plausible(window))
        .map(|(at, _)| at)
        .find(|at| bytes.get(*at..).is_some_and(|rest| decode(segment, rest).is_some()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_writes_in_one_way_or_none(body in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Some(writes) = decode_writes(&body) {
                let mut again = Vec::new();
                encode_writes(&mut again, &writes);
                prop_assert_eq!(again, body);
            }
        }

        #[test]
        fn any_writes_are_read_as_they_were_written(
            writes in prop::collection::vec(
                (prop::collection::vec(any::<u8>(), 0..20), prop::option::of(prop::collection::vec(any::<u8>(), 0..40))),
                0..6,
            ),
            sequence: u64,
        ) {
            let mut bytes = Vec::new();
            encode(&mut bytes, 7, sequence, &writes);
            let size = bytes.len();
            prop_assert_eq!(decode(7, &bytes), Some(Frame { sequence, writes, size }));
        }
    }

    fn writes() -> Vec<Write> {
        vec![
            (b"one".to_vec(), Some(b"1".to_vec())),
            (b"two".to_vec(), None),
            (b"three".to_vec(), Some(vec![])),
        ]
    }

    #[test]
    fn what_was_written_is_read() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 7, 41, &writes());
        let size = bytes.len();
        encode(&mut bytes, 7, 42, &[]);
        assert_eq!(decode(7, &bytes), Some(Frame { sequence: 41, writes: writes(), size }));
        assert_eq!(decode(7, &bytes[size..]).map(|frame| frame.sequence), Some(42));
        assert_eq!(decode(8, &bytes), None, "another segment's");
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 7, 41, &writes());
        for length in 0..bytes.len() {
            assert_eq!(decode(7, &bytes[..length]), None, "cut to {length} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(7, &damaged), None, "bit {bit}");
        }
    }

    #[test]
    fn damage_in_front_of_a_later_frame_is_found_and_a_torn_end_is_not_damage() {
        let mut bytes = Vec::new();
        encode(&mut bytes, 7, 41, &writes());
        let second = bytes.len();
        encode(&mut bytes, 7, 42, &writes());
        assert_eq!(find_later(7, &bytes[1..], 41), Some(second - 1));
        assert_eq!(find_later(7, &bytes[second..bytes.len() - 1], 41), None);
        assert_eq!(find_later(8, &bytes, 40), None, "left behind by an earlier life of the file");
    }
}
