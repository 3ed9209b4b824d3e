//! Every request has an id, the client's or one made here; it is in the answer and in the log. And every answer says
//! who answers.
//!
//! The layers of `tower-http` for ids are two of their own, each of which copies what is inside it for each request, and bring
//! a crate of random ids; a number that is counted here is as good within one host, and shorter in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use tracing::Span;

use crate::traceparent;

/// The header that every answer has, with the version of the host: by it a client knows that a Petrel answers, and
/// not something that stands between.
pub const VERSION_HEADER: &str = "petrel-version";

const HEADER: &str = "x-request-id";

/// The id of a request.
pub(crate) fn of(request: &Request) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(HEADER).cloned();
    given.unwrap_or_else(|| HeaderValue::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// What lines of the log about a request stand in. A trace that begins with the request is not named here: there is none
/// if the request is refused, and `accept` below this span names it otherwise.
pub(crate) fn span(id: &HeaderValue, request: &Request) -> Span {
    let trace = traceparent::of(request.headers()).map(tracing::field::display);
    tracing::error_span!("api.request", id = id.to_str().unwrap_or_default(), method = %request.method(), path = request.uri().path(), trace)
}

/// Gives an answer the id of its request, and the version of the host.
pub(crate) fn mark(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(HEADER, id);
    headers.insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
}
