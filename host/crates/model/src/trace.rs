//! Trace ids, which the log lines of one event have in common, from the request that brought it to the last outcome.
//!
//! The form is that of W3C Trace Context: 32 hexadecimal digits. A sender that has a trace names it in the header
//! `traceparent`; any other trace begins here, and its id is that of the event, or of the execution that a person asked
//! for, behind eight zeros. So nothing is minted or stored for it, and a search of the log for the id finds the trace.
//! Trace Context would rather have random digits in front; then every row would have to keep them.
//!
//! [`Execution::trace_id`](crate::Execution::trace_id) is the trace of an execution.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Id;

/// The id of a trace: 16 bytes, not all of them zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

/// A text that is not 32 hexadecimal digits in lower case, or consists of zeros.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not the id of a trace; that is 32 hexadecimal digits in lower case, not all of them 0", crate::quoted::quoted(.0))]
pub struct InvalidTraceId(pub String);

impl TraceId {
    /// The trace that the header `traceparent` of a request names, by Trace Context, level 1, section 3.2. `None` if any
    /// part of the header is not valid: then the specification has a new trace begin.
    pub fn of_traceparent(header: &str) -> Option<Self> {
        let mut parts = header.splitn(5, '-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Later versions may add parts, and keep these four.
        let is_known = version == "00" && parts.next().is_none();
        let is_later = has_digits(version, 2) && version != "00" && version != "ff";
        let is_parent = has_digits(parent, 16) && parent.bytes().any(|digit| digit != b'0');
        if !(is_known || is_later) || !is_parent || !has_digits(flags, 2) {
            return None;
        }
        trace.parse().ok()
    }
}

impl TraceId {
    /// The event or execution that the trace begins with; `None` if a sender has named the trace.
    pub fn begins_with(&self) -> Option<Id> {
        let (zeros, id) = self.0.split_at(4);
        let id: [u8; 12] = id.try_into().ok()?;
        zeros.iter().all(|byte| *byte == 0).then(|| Id::from_bytes(id))
    }
}

/// Whether `text` is so many hexadecimal digits in lower case.
fn has_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl From<Id> for TraceId {
    fn from(id: Id) -> Self {
        let mut bytes = [0; 16];
        for (slot, byte) in bytes.iter_mut().skip(4).zip(id.as_bytes()) {
            *slot = *byte;
        }
        Self(bytes)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TraceId {
    type Err = InvalidTraceId;

    fn from_str(text: &str) -> Result<Self, InvalidTraceId> {
        let number = if has_digits(text, 32) { u128::from_str_radix(text, 16).ok() } else { None };
        let number = number.filter(|number| *number != 0).ok_or_else(|| InvalidTraceId(text.to_owned()))?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::parsed::parsed(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_that_begins_here_holds_the_id_that_it_is_made_of() {
        let id = Id::from_parts(1_700_000_000_000, 7);
        let trace = TraceId::from(id);
        assert_eq!(trace.to_string(), format!("00000000{id}"));
        assert_eq!(trace.to_string().parse(), Ok(trace));
        assert_eq!(trace.begins_with(), Some(id));
        assert_eq!(SENT.parse::<TraceId>().unwrap().begins_with(), None);
    }

    #[test]
    fn a_header_names_a_trace_only_if_all_of_it_is_valid() {
        for (header, is_taken) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            // A version that is not known yet may have more parts; this one may not.
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-is-new", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-", false),
            ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", false),
            ("00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 trace=1", false),
            ("4bf92f3577b34da6a3ce929d0e0e4736", false),
            ("", false),
        ] {
            let expected = is_taken.then(|| SENT.parse().unwrap());
            assert_eq!(TraceId::of_traceparent(header), expected, "{header}");
        }
    }

    #[test]
    fn what_is_no_trace_is_refused_by_name() {
        for text in ["", "4bf9", "00000000000000000000000000000000", "4bf92f3577b34da6a3ce929d0e0e473g"] {
            assert_eq!(text.parse::<TraceId>(), Err(InvalidTraceId(text.to_owned())));
        }
    }

    #[test]
    fn a_trace_is_stored_as_its_digits() {
        let trace: TraceId = SENT.parse().unwrap();
        let text = serde_json::to_string(&trace).unwrap();
        assert_eq!(text, format!("\"{SENT}\""));
        assert_eq!(serde_json::from_str::<TraceId>(&text).unwrap(), trace);
        assert!(serde_json::from_str::<TraceId>("\"4bf9\"").is_err());
    }
}
