//! Every request has an id, the client's or one made here; it is in the answer and in the log. And every answer says
//! who answers.

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::Instrument as _;

use crate::VERSION_HEADER;

const HEADER: &str = "x-request-id";

/// Gives the request its id, and the answer too, with the version of the host.
pub(crate) async fn with_request_id(request: Request, next: Next) -> Response {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let given = request.headers().get(HEADER).cloned();
    let id = given.unwrap_or_else(|| HeaderValue::from(NEXT.fetch_add(1, Ordering::Relaxed)));
    let span = tracing::error_span!("api.request", id = ?id, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    let headers = response.headers_mut();
    headers.insert(HEADER, id);
    headers.insert(VERSION_HEADER, HeaderValue::from_static(env!("CARGO_PKG_VERSION")));
    response
}
