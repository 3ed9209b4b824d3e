//! The trace of an event, as what sends the event names it.

use petrel_engine_core::Error;
use petrel_model::trace_tag::InvalidTraceTag;
use petrel_model::{TraceId, TraceTag};

/// The trace that an action or a sensor names where StackStorm has the tag of one: a trace by its id, or else its tag.
///
/// # Errors
/// When it is neither.
pub(crate) fn named(tag: Option<&str>) -> Result<(Option<TraceId>, Option<TraceTag>), Error> {
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else { return Ok((None, None)) };
    if let Ok(trace) = tag.parse() {
        return Ok((Some(trace), None));
    }
    let tag = tag.parse().map_err(|error: InvalidTraceTag| {
        Error::invalid(error.to_string(), "correct `trace_tag`, or leave it out")
    })?;
    Ok((None, Some(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_by_its_id_or_gets_a_tag() {
        const SENT: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, expected) in [
            (None, Some((None, None))),
            (Some(""), Some((None, None))),
            (Some(SENT), Some((SENT.parse().ok(), None))),
            (Some("release 7"), Some((None, "release 7".parse().ok()))),
            (Some("a\nb"), None),
        ] {
            assert_eq!(named(text).ok(), expected, "{text:?}");
        }
    }
}
