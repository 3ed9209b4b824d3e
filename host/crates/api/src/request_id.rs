//! The id of a request, given by the client or made here. It stands in the answer and in the log. Every answer also
//! names the version of the host.
//!
//! `tower-http` has two layers for ids, but each clones its inner service for each request, and they bring a crate of
//! random ids. A number that is counted here does as well within one host, and is shorter in the log.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use tracing::Span;

use crate::traceparent;

/// The header with the host's version, in every answer. It tells a client that the answer comes from Petrel and not
/// from a proxy in between.
pub const VERSION_HEADER: &str = "petrel-version";

const HEADER: &str = "x-request-id";

/// The id of a request.
pub(crate) fn of(request: &Request) -> HeaderValue {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(HEADER).cloned();
    given.unwrap_or_else(|| HeaderValue::from(NEXT.fetch_add(1, Ordering::Relaxed)))
}

/// The span of all log lines about a request. A trace that begins with the request is not named here: a refused request
/// has none, and `accept` below this span names it otherwise.
pub(crate) fn span(id: &HeaderValue, request: &Request) -> Span {
    let trace = traceparent::of(request.headers()).map(tracing::field::display);
    tracing::error_span!("api.request", id = id.to_str().unwrap_or_default(), method = %request.method(), path = request.uri().path(), trace)
}

/// Adds the id of the request and the version of the host to an answer.
pub(crate) fn mark(response: &mut Response, id: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(HEADER, id);
    headers.insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
}
