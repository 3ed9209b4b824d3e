//! The layer around every request: it gives the request an id ([`request_id`]), measures it
//! ([`measures`](crate::measures)) and leaves a trace of it ([`trail`](crate::trail)). All three share one layer,
//! because axum clones everything inside a layer for each request.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::measures::Measure;
use crate::trail::Trace;
use crate::{Api, request_id};

pub(crate) async fn every_request(State(api): State<Api>, request: Request, next: Next) -> Response {
    let id = request_id::of(&request);
    let span = request_id::span(&id, &request);
    let (measure, trace) = (Measure::begin(&request), Trace::begin(&request));
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Some(trace) = trace {
        span.in_scope(|| trace.end(&api.trail, &response));
    }
    measure.end(&response);
    request_id::mark(&mut response, id);
    response
}
