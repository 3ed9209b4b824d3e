//! Counts requests by route, method and status, and how long they take.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;

/// Counts a request once it is answered.
pub(crate) async fn measured(request: Request, next: Next) -> Response {
    let started = Instant::now();
    // By the route, not by the path: there are few of them, whatever is asked for.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = match request.method().as_str() {
        known @ ("GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    metrics::histogram!("petrel_http_request_seconds", "route" => route.clone()).record(started.elapsed());
    metrics::counter!("petrel_http_requests_total", "route" => route, "method" => method, "status" => status)
        .increment(1);
    response
}
