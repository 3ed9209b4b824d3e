//! Identifiers: 12 bytes, written as 24 hexadecimal digits.
//!
//! The first 48 bits are Unix milliseconds, the last 48 grow within a process and differ between
//! processes. So the order of ids is the order of creation, and clients of StackStorm find the shape
//! they expect. This module only holds and prints them; services mint them (`petrel_engine_core::ids`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Timestamp;

/// The 12 bytes behind every typed id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 12]);

/// A text that is not 24 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not an id; an id is 24 hexadecimal digits, as printed by a list command", crate::quoted::quoted(.0))]
pub struct InvalidId(pub String);

impl Id {
    /// An id from its bytes, as they were stored.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }

    /// An id from a time in Unix milliseconds and a 48-bit sequence (higher bits are dropped).
    pub fn from_parts(milliseconds: u64, sequence: u64) -> Self {
        let [_, _, time @ ..] = milliseconds.to_be_bytes();
        let [_, _, tail @ ..] = sequence.to_be_bytes();
        let mut bytes = [0; 12];
        for (slot, byte) in bytes.iter_mut().zip(time.into_iter().chain(tail)) {
            *slot = byte;
        }
        Self(bytes)
    }

    /// The bytes, in the order that sorts by creation.
    pub const fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The creation time of the id, to the millisecond.
    pub fn created_at(&self) -> Timestamp {
        let milliseconds = self.0.iter().take(6).fold(0_i64, |acc, byte| (acc << 8) | i64::from(*byte));
        Timestamp::from_micros(milliseconds * 1000)
    }
}

/// The digits of an id in a buffer. Every row and every answer contains several ids, so formatting must be cheap.
struct Digits([u8; 24]);

impl Digits {
    fn of(id: &Id) -> Self {
        let digit = |value: u8| if value < 10 { b'0' + value } else { b'a' + value - 10 };
        let mut digits = [0; 24];
        for ([high, low], byte) in digits.as_chunks_mut().0.iter_mut().zip(id.0) {
            (*high, *low) = (digit(byte >> 4), digit(byte & 15));
        }
        Self(digits)
    }

    fn as_str(&self) -> &str {
        // Cannot fail: the bytes are digits.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Digits::of(self).as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Id {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId(text.to_owned());
        if text.len() != 24 || !text.is_ascii() {
            return Err(invalid());
        }
        let mut bytes = [0; 12];
        for (slot, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
            let (Some(high), Some(low)) = (digit(pair.first()), digit(pair.last())) else {
                return Err(invalid());
            };
            *slot = u8::try_from(high * 16 + low).map_err(|_overflow| invalid())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Digits::of(self).as_str())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::parsed::parsed(deserializer)
    }
}

macro_rules! typed_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Id);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { fmt::Display::fmt(self, f) }
        }
        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> { text.parse().map(Self) }
        }
        impl From<Id> for $name {
            fn from(id: Id) -> Self { Self(id) }
        }
    )+};
}

typed_id! {
    /// The id of an execution.
    ExecutionId,
    /// The id of a trigger instance, that is of one accepted event.
    TriggerInstanceId,
    /// The id of a rule. Unlike a rule's [`Ref`](crate::Ref), it is never used again.
    RuleId,
    /// The id of an internal event that is not yet a trigger instance.
    InternalEventId,
    /// The id of one state of a key of the datastore. A later state has another one, also of a key that was deleted meanwhile.
    RevisionId,
    /// The id of a policy.
    PolicyId,
    /// The id of an enforcement, that is of one match of a rule.
    EnforcementId,
    /// The id of an API key.
    ApiKeyId,
    /// The id of a token.
    TokenId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_sorts_by_creation() {
        let early = Id::from_parts(1_700_000_000_000, 0xffff_ffff_ffff);
        let late = Id::from_parts(1_700_000_000_001, 0);
        assert_eq!(early.to_string(), "018bcfe56800ffffffffffff");
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(late.created_at().as_micros(), 1_700_000_000_001_000);
    }

    #[test]
    fn what_is_no_id_is_refused_by_name() {
        for text in ["", "018bcfe56800ffffffffff", "018bcfe56800fffffffffffg", "é18bcfe56800ffffffffffff"] {
            assert_eq!(text.parse::<Id>(), Err(InvalidId(text.to_owned())));
        }
    }
}
