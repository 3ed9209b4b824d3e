//! The trace that a request belongs to, by the header `traceparent` of W3C Trace Context. Clients find their own trace in
//! the log of this host. A header that is not valid is ignored, as the specification demands: then the trace begins
//! here. `petrel_model::trace` parses the header. The tag of a trace is in StackStorm's header `St2-Trace-Tag`.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use petrel_model::trace_tag::InvalidTraceTag;
use petrel_model::{TraceId, TraceTag};

use crate::ApiError;

const HEADER: &str = "traceparent";

/// The trace in the headers of a request, if exactly one header names it.
pub(crate) fn of(headers: &HeaderMap) -> Option<TraceId> {
    let mut named = headers.get_all(HEADER).iter();
    let (first, second) = (named.next()?, named.next());
    first.to_str().ok().filter(|_| second.is_none()).and_then(TraceId::of_traceparent)
}

/// The header with the tag of a trace.
const TAG: &str = "st2-trace-tag";

/// The tag of the trace in the headers of a request.
///
/// # Errors
/// When it cannot be the tag of a trace.
pub(crate) fn tag_of(headers: &HeaderMap) -> Result<Option<TraceTag>, ApiError> {
    let Some(value) = headers.get(TAG).filter(|value| !value.is_empty()) else { return Ok(None) };
    // Like other values of headers, it may be of any letters.
    let read = String::from_utf8_lossy(value.as_bytes()).parse();
    read.map(Some).map_err(|error| invalid_tag(&error, "the header St2-Trace-Tag"))
}

/// The error for a text, from `place`, that cannot be the tag of a trace.
pub(crate) fn invalid_tag(error: &InvalidTraceTag, place: &str) -> ApiError {
    ApiError::invalid(error.to_string(), format!("correct {place}"))
}

/// The trace that the request named.
pub(crate) struct Named(pub(crate) Option<TraceId>);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(of(&parts.headers)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_tag_is_read_or_refused() {
        let tag = |text: &[u8]| {
            tag_of(&[(TAG.parse().unwrap(), HeaderValue::from_bytes(text).unwrap())].into_iter().collect())
        };
        assert_eq!(tag_of(&HeaderMap::new()).unwrap(), None);
        assert_eq!(tag(b"").unwrap(), None);
        for text in ["release 7", "größer"] {
            assert_eq!(tag(text.as_bytes()).unwrap().map(|tag| tag.to_string()), Some(text.to_owned()));
        }
        assert!(tag(&[b'x'; 257]).is_err());
    }

    #[test]
    fn a_request_belongs_to_the_trace_that_it_names_once() {
        const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (sent, is_taken) in
            [(&[][..], false), (&[VALID], true), (&[VALID, VALID], false), (&["00-x"], false), (&[""], false)]
        {
            let headers: HeaderMap =
                sent.iter().map(|value| (HEADER.parse().unwrap(), value.parse().unwrap())).collect();
            let expected = is_taken.then(|| "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap());
            assert_eq!(of(&headers), expected, "{sent:?}");
        }
    }
}
