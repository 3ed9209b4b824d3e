//! The HTTP surface: REST and webhooks, with StackStorm's paths, bodies and headers.
//!
//! This is the only crate that knows axum. A handler reads the request, asks the engine and shapes the answer; it
//! decides nothing. [`resources`] has one file for each resource, [`views`] turns nouns into the types of the wire
//! (`petrel_api_types`), [`auth`] checks credentials, [`mod@serve`] holds the connections and [`tls`] encrypts them,
//! [`guard`] has the settings of single webhooks, [`mod@trail`] logs refusals and changes, [`traceparent`] reads the trace of a request. Every error is an
//! [`ApiError`].

use axum::Router;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer as _;

mod admission;
mod around;
pub mod auth;
mod body;
mod error;
mod extensions;
mod extract;
mod form;
pub mod guard;
mod listing;
mod measures;
mod page;
mod request_id;
mod resources;
mod said;
pub mod serve;
mod state;
pub mod tls;
mod traceparent;
mod trail;
mod turns;
mod views;
mod words;

pub use body::BODY_LIMIT;
pub use error::ApiError;
pub use request_id::VERSION_HEADER;
pub use serve::serve;
pub use state::{Api, ApiParts, Backups, Inspections, LogControl, Shipped};
pub use tls::Tls;
pub use trail::Trail;
pub use turns::Turns;

/// The whole API as a service: `/api/v1`, the same routes under `/v1` and without a prefix, `/auth/v1`, and the pages
/// about the health of the host. A slash at the end of a path makes no difference.
pub fn service(api: Api) -> NormalizePath<Router> {
    let signed_in = axum::middleware::from_fn_with_state(api.clone(), auth::require);
    // The fallbacks stand inside the authentication, so that a stranger cannot find out which paths exist.
    let v1 = resources::router()
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(signed_in.clone());
    let router = Router::new()
        .nest("/api/v1", v1.clone())
        .nest("/v1", v1)
        // As StackStorm's API on its own port: clients are often set up with `http://HOST:9101` alone.
        .merge(resources::router().layer(signed_in))
        .merge(resources::tokens::router(&api))
        .merge(resources::health::router(&api))
        .merge(resources::sensors::open())
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(axum::middleware::from_fn_with_state(api.clone(), around::every_request))
        .with_state(api);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}
