//! Tags of traces: names that people give what belongs together. Several traces may have the same one. A tag is kept in the
//! rows of its trace only where it was given; [`shown`] is what a trace without one is called, as in StackStorm.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Id;

/// The greatest length of a tag, in bytes: each row of its trace has it.
pub const LONGEST: usize = 256;

/// The tag of a trace: a text of one line, not empty and not longer than [`LONGEST`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceTag(Arc<str>);

/// A text that cannot be the tag of a trace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTraceTag {
    /// It is empty.
    #[error("the tag of a trace is empty; leave it out, or give it a name")]
    Empty,
    /// It is too long.
    #[error("the tag of a trace has {0} bytes, and {LONGEST} is the limit; give it a shorter name")]
    Long(usize),
    /// It has control characters.
    #[error("the tag of a trace, `{}`, has control characters; write it in one line", crate::quoted::quoted(.0))]
    Control(String),
}

impl TraceTag {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TraceTag {
    type Err = InvalidTraceTag;

    fn from_str(text: &str) -> Result<Self, InvalidTraceTag> {
        if text.trim().is_empty() {
            return Err(InvalidTraceTag::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidTraceTag::Long(text.len()));
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidTraceTag::Control(text.to_owned()));
        }
        Ok(Self(text.into()))
    }
}

impl Serialize for TraceTag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TraceTag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::parsed::parsed(deserializer)
    }
}

/// The beginning of a trace, as the tags of traces name it that were given none.
const EVENT: &str = "trigger_instance-";
const EXECUTION: &str = "execution-";

/// The tag that is shown of a trace that was given none: it begins with this event, or else with this execution.
pub fn shown(id: Id, is_event: bool) -> String {
    format!("{}{id}", if is_event { EVENT } else { EXECUTION })
}

/// The event or the execution in a tag that is [`shown`] of a trace that was given none.
pub fn named(tag: &str) -> Option<Id> {
    [EVENT, EXECUTION].iter().find_map(|before| tag.strip_prefix(before))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_line_of_some_length() {
        for (text, expected) in [
            ("release 7".to_owned(), None),
            ("é".repeat(LONGEST / 2), None),
            (String::new(), Some("empty")),
            ("  ".to_owned(), Some("empty")),
            ("é".repeat(LONGEST / 2 + 1), Some("258 bytes, and 256 is the limit")),
            ("a\nb".to_owned(), Some("one line")),
            ("a\0b".to_owned(), Some("one line")),
        ] {
            let read = text.parse::<TraceTag>();
            match expected {
                None => assert_eq!(read.unwrap().as_str(), text),
                Some(says) => assert!(read.unwrap_err().to_string().contains(says), "{text}"),
            }
        }
        let tag: TraceTag = "a".parse().unwrap();
        assert_eq!(serde_json::to_string(&tag).unwrap(), "\"a\"");
        assert_eq!(serde_json::from_str::<TraceTag>("\"a\"").unwrap(), tag);
    }

    #[test]
    fn a_trace_without_a_tag_is_named_by_its_beginning() {
        let id = Id::from_parts(1, 2);
        for is_event in [true, false] {
            assert_eq!(named(&shown(id, is_event)), Some(id));
        }
        assert_eq!(named("release"), None);
        assert_eq!(named("execution-7"), None);
    }
}
