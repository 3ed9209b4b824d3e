//! Counts requests by route, method and status, and measures their duration.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use metrics::{Counter, Histogram};

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
        let route = self.route.as_ref().map_or("none", MatchedPath::as_str);
        let (kind, took) = ((self.method, response.status()), self.started.elapsed());
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(metrics) = known.get(route).and_then(|of_route| of_route.get(&kind)) {
            return metrics.record(took);
        }
        drop(known);
        let metrics = Metrics::of(route, self.method, response.status());
        metrics.record(took);
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(route.to_owned()).or_default().insert(kind, metrics);
    }
}

/// The metrics that were recorded before. Looking them up by their labels would copy these for each request.
static KNOWN: LazyLock<RwLock<HashMap<String, OfRoute>>> = LazyLock::new(RwLock::default);

/// The metrics of a route, by method and status.
type OfRoute = HashMap<(&'static str, StatusCode), Metrics>;

/// The metrics of a route, a method and a status.
struct Metrics {
    seconds: Histogram,
    total: Counter,
}

impl Metrics {
    fn of(route: &str, method: &'static str, status: StatusCode) -> Self {
        let (route, status) = (route.to_owned(), status.as_str().to_owned());
        Self {
            seconds: metrics::histogram!("petrel_http_request_seconds", "route" => route.clone()),
            total: metrics::counter!("petrel_http_requests_total", "route" => route, "method" => method, "status" => status),
        }
    }

    fn record(&self, took: Duration) {
        self.seconds.record(took);
        self.total.increment(1);
    }
}
