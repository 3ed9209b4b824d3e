//! The trace that a request belongs to, by the header `traceparent` of W3C Trace Context. Clients find their own trace in
//! the log of this host. A header that is not valid is ignored, as the specification demands: then the trace begins
//! here. `petrel_model::trace` parses the header.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use petrel_model::TraceId;

const HEADER: &str = "traceparent";

/// The trace in the headers of a request, if exactly one header names it.
pub(crate) fn of(headers: &HeaderMap) -> Option<TraceId> {
    let mut named = headers.get_all(HEADER).iter();
    let (first, second) = (named.next()?, named.next());
    first.to_str().ok().filter(|_| second.is_none()).and_then(TraceId::of_traceparent)
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
    use super::*;

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
