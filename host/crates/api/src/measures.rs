//! Counts requests by route, method and status, and how long they take.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;

/// A request that is measured.
pub(crate) struct Measure {
    started: Instant,
    /// By the route, not by the path: there are few of them, whatever is asked for.
    route: Option<MatchedPath>,
    method: &'static str,
}

impl Measure {
    pub(crate) fn begin(request: &Request) -> Self {
        let method = match *request.method() {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::DELETE => "DELETE",
            Method::HEAD => "HEAD",
            Method::OPTIONS => "OPTIONS",
            Method::PATCH => "PATCH",
            _ => "other",
        };
        Self { started: Instant::now(), route: request.extensions().get().cloned(), method }
    }

    /// Counts it once it is answered.
    pub(crate) fn end(self, response: &Response) {
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str).to_owned();
        let status = response.status().as_str().to_owned();
        metrics::histogram!("petrel_http_request_seconds", "route" => route.clone())
            .record(self.started.elapsed());
        metrics::counter!("petrel_http_requests_total", "route" => route, "method" => self.method, "status" => status)
            .increment(1);
    }
}
