//! REST and webhooks, with StackStorm's paths, bodies and headers.
//!
//! The only crate that knows axum. A handler reads the request, asks the engine, and
//! shapes the answer; it decides nothing. [`resources`] has a file a resource; [`views`] makes of nouns
//! what is shown (`petrel_api_types`); [`auth`] lets in who may come in; [`mod@serve`] holds the connections, which
//! [`tls`] encrypts; [`mod@trail`] is what is left of what was refused or changed, [`traceparent`] what a
//! request belongs to; every error is [`ApiError`].

use axum::Router;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer as _;

mod around;
pub mod auth;
mod body;
mod error;
mod extensions;
mod extract;
mod form;
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

pub use body::BODY_LIMIT;
pub use error::ApiError;
pub use request_id::VERSION_HEADER;
pub use serve::serve;
pub use state::{Api, Backups, LogControl, Shipped};
pub use tls::Tls;
pub use trail::Trail;
pub use turns::Turns;

/// The whole API as a service: `/api/v1`, the same under `/v1`, `/auth/v1`, and what
/// says how the host is. A slash at the end of a
/// path makes no difference.
pub fn service(api: Api) -> NormalizePath<Router> {
    // Who has not signed in is not told which paths there are.
    let v1 = resources::router()
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(axum::middleware::from_fn_with_state(api.clone(), auth::require));
    let router = Router::new()
        .nest("/api/v1", v1.clone())
        .nest("/v1", v1)
        .merge(resources::tokens::router(&api))
        .merge(resources::health::router(&api))
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(axum::middleware::from_fn_with_state(api.clone(), around::every_request))
        .with_state(api);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}
