//! Counts requests by route, method and status, and measures their duration.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;

/// A request that is being measured.
pub(crate) struct Measure {
    started: Instant,
    /// The route and not the path, so that the number of time series stays bounded whatever clients ask for.
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

    /// Records the request once it has been answered.
    pub(crate) fn end(self, response: &Response) {
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str).to_owned();
        let status = response.status().as_str().to_owned();
        metrics::histogram!("petrel_http_request_seconds", "route" => route.clone())
            .record(self.started.elapsed());
        metrics::counter!("petrel_http_requests_total", "route" => route, "method" => self.method, "status" => status)
            .increment(1);
    }
}
