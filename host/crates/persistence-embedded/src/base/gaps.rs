//! Gaps: ranges of rows that an engine can no longer read, and access to the rows around them.
//!
//! Engines keep rows together in pages, and a damaged page hides all its rows. Such a range appears as one entry at
//! its end whose value is not a valid value and contains the reason; whoever decodes it reports damage, as for any
//! other row. The end of a gap is found by trial: first in steps that double, so that intact rows after a short gap
//! are not skipped, then by bisection.

use crate::base::{BaseError, Entry};

/// Beginning of the value of a gap. No value of a row begins so.
const MARK: &[u8] = b"\xffgap:";
/// Bytes of a key that are distinguished in the search for the end of a gap. Only keys with very long names are longer.
const WIDTH: usize = 64;
/// Suffix for the key of a gap's entry, so that no key of the gap lies after it.
const BEHIND: [u8; 64] = [0xff; 64];

/// A position among keys, as a large number.
type Place = [u8; WIDTH];

/// The value of a gap's entry.
pub(crate) fn value(reason: &str) -> Vec<u8> {
    [MARK, reason.as_bytes()].concat()
}

/// The reason for a gap, if `value` is that of a gap's entry.
pub(crate) fn reason(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value.strip_prefix(MARK)?).ok()
}

/// Reads a range entry by entry, and inserts an entry for each gap. `read` reads in the direction of `reverse`.
pub(super) fn read_around(
    read: impl Fn(&[u8], &[u8], usize) -> Result<Vec<Entry>, BaseError>,
    (from, to): (&[u8], &[u8]),
    reverse: bool,
    limit: usize,
) -> Result<Vec<Entry>, BaseError> {
    let (mut from, mut to) = (from.to_vec(), to.to_vec());
    let mut found = Vec::new();
    let is_readable = |from: &[u8], to: &[u8]| from >= to || read(from, to, 1).is_ok();
    while found.len() < limit && from < to {
        match read(&from, &to, 1) {
            Ok(entries) => {
                let Some((key, value)) = entries.into_iter().next() else { break };
                if reverse {
                    to.clone_from(&key);
                } else {
                    from = [key.as_slice(), &[0]].concat();
                }
                found.push((key, value));
            }
            Err(error) if !error.is_damage => return Err(error),
            Err(error) if reverse => {
                let near = opposite(place(&to));
                let far = opposite(place(&from));
                let (_, edge) = end(near, far, |at| is_readable(&from, key(&opposite(*at))))
                    .ok_or_else(|| error.clone())?;
                to = key(&opposite(edge)).to_vec().max(from.clone());
                found.push((to.clone(), value(&error.reason)));
            }
            Err(error) => {
                let far = place(&to);
                let (last, next) =
                    end(place(&from), far, |at| is_readable(key(at), &to)).ok_or_else(|| error.clone())?;
                let last = [last.as_slice(), &BEHIND].concat();
                // Otherwise the caller continues after that entry, and has already seen it.
                if last >= from {
                    found.push((last, value(&error.reason)));
                }
                from = if next == far { to.clone() } else { key(&next).to_vec() };
            }
        }
    }
    Ok(found)
}

fn place(key: &[u8]) -> Place {
    let mut place = [0; WIDTH];
    place.iter_mut().zip(key).for_each(|(slot, byte)| *slot = *byte);
    place
}

/// The first key at a position.
fn key(place: &Place) -> &[u8] {
    let length = place.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    place.get(..length).unwrap_or_default()
}

/// The position `place` in the opposite order.
fn opposite(place: Place) -> Place {
    place.map(|byte| !byte)
}

/// The last position from which reading fails, and the next one. Reading fails at `near`; `far` counts as readable.
/// `None` if the two are the same.
fn end(near: Place, far: Place, is_readable: impl Fn(&Place) -> bool) -> Option<(Place, Place)> {
    if near >= far {
        return None;
    }
    let (mut bad, mut good) = (near, far);
    for bit in 0..8 * WIDTH {
        let Some(next) = plus(near, bit).filter(|next| *next < far) else { break };
        if is_readable(&next) {
            good = next;
            break;
        }
        bad = next;
    }
    loop {
        let middle = middle(bad, good);
        if middle == bad {
            return Some((bad, good));
        }
        if is_readable(&middle) {
            good = middle;
        } else {
            bad = middle;
        }
    }
}

/// `place + 2^bit`, or `None` on overflow.
fn plus(mut place: Place, bit: usize) -> Option<Place> {
    let mut carry = 1_u16 << (bit % 8);
    for slot in place.iter_mut().rev().skip(bit / 8) {
        let [high, low] = (u16::from(*slot) + carry).to_be_bytes();
        (*slot, carry) = (low, high.into());
        if carry == 0 {
            return Some(place);
        }
    }
    None
}

/// The middle of two positions.
fn middle(one: Place, other: Place) -> Place {
    let mut sum = [0; WIDTH];
    let mut carry = 0_u16;
    for ((slot, one), other) in sum.iter_mut().zip(one).zip(other).rev() {
        let [high, low] = (u16::from(one) + u16::from(other) + carry).to_be_bytes();
        (*slot, carry) = (low, high.into());
    }
    for slot in &mut sum {
        let all = (carry << 8) | u16::from(*slot);
        let [_, half] = (all >> 1).to_be_bytes();
        (*slot, carry) = (half, all & 1);
    }
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An engine with keys of two bytes in pages of ten, some of which are damaged.
    struct Paged {
        keys: Vec<u16>,
        damaged: Vec<usize>,
    }

    impl Paged {
        fn page(key: u16) -> usize {
            usize::from(key / 10)
        }

        fn is_damaged(&self, key: u16) -> bool {
            self.damaged.contains(&Self::page(key))
        }

        /// Reads page by page, as an engine does, and fails when the next page is damaged.
        fn range(
            &self,
            from: &[u8],
            to: &[u8],
            reverse: bool,
            limit: usize,
        ) -> Result<Vec<Entry>, BaseError> {
            let mut found = Vec::new();
            let mut order: Vec<u16> = (0..1000).collect();
            if reverse {
                order.reverse();
            }
            for key in order {
                let bytes = key.to_be_bytes();
                // A page is read if any position in it lies in the range.
                if bytes.as_slice() >= to || [bytes.as_slice(), &BEHIND].concat().as_slice() < from {
                    continue;
                }
                if self.is_damaged(key) {
                    return Err(BaseError::damaged("page"));
                }
                if bytes.as_slice() >= from && self.keys.contains(&key) {
                    found.push((bytes.to_vec(), vec![1]));
                    if found.len() == limit {
                        break;
                    }
                }
            }
            Ok(found)
        }

        /// All entries, read in steps, each of which continues after the last entry of the one before.
        fn all(&self, reverse: bool, limit: usize) -> Vec<Entry> {
            let (mut from, mut to) = (vec![0], vec![0xff]);
            let mut all = Vec::new();
            loop {
                let read = |from: &[u8], to: &[u8], limit: usize| self.range(from, to, reverse, limit);
                let part = match read(&from, &to, limit) {
                    Err(_) => read_around(read, (&from, &to), reverse, limit).unwrap(),
                    Ok(part) => part,
                };
                let Some((last, _)) = part.last().cloned() else { return all };
                if reverse {
                    to = last;
                } else {
                    from = [last.as_slice(), &[0]].concat();
                }
                all.extend(part);
                assert!(all.len() < 2_000, "it ends");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A damaged page hides its own rows and no others, and appears once, in its place.
        #[test]
        fn what_lies_around_a_gap_is_read(
            keys in prop::collection::btree_set(0..1000_u16, 0..60),
            damaged in 0..100_usize,
            reverse: bool,
            limit in 1..40_usize,
        ) {
            let paged = Paged { keys: keys.into_iter().collect(), damaged: vec![damaged] };
            let found = paged.all(reverse, limit);
            let mut readable: Vec<_> =
                paged.keys.iter().filter(|key| !paged.is_damaged(**key)).map(|key| key.to_be_bytes().to_vec()).collect();
            if reverse {
                readable.reverse();
            }
            let (gaps, rows): (Vec<_>, Vec<_>) = found.iter().partition(|(_, value)| reason(value).is_some());
            prop_assert_eq!(rows.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(), readable);
            prop_assert_eq!(gaps.len(), 1);
            let mut sorted = found.clone();
            sorted.sort();
            if reverse {
                sorted.reverse();
            }
            prop_assert_eq!(sorted, found);
        }
    }

    #[test]
    fn what_is_no_damage_is_no_gap() {
        let read = |_: &[u8], _: &[u8], _: usize| Err(BaseError::failed("no disk"));
        assert!(read_around(read, (b"a", b"b"), false, 1).is_err());
        assert_eq!(reason(&value("why")), Some("why"));
        assert_eq!(reason(b"\x01row"), None);
    }

    #[test]
    fn places_are_numbers() {
        let small = place(&[0; WIDTH]);
        assert_eq!(plus(small, 9).map(|sum| sum[WIDTH - 2..].to_vec()), Some(vec![2, 0]));
        assert_eq!(plus([0xff; WIDTH], 0), None);
        assert_eq!(middle(small, plus(small, 9).unwrap())[WIDTH - 2..], [1, 0]);
        assert_eq!(middle([0xff; WIDTH], [0xff; WIDTH]), [0xff; WIDTH]);
    }
}
