//! REST and webhooks, with StackStorm's paths, bodies and headers.
//!
//! The only crate that knows axum. A handler reads the request, asks the engine, and
//! shapes the answer; it decides nothing. [`resources`] has a file a resource; [`views`] makes of nouns
//! what is shown (`petrel_api_types`); [`auth`] lets in who may come in; [`mod@serve`] holds the connections, which
//! [`tls`] encrypts; [`mod@trail`] is what is left of what was refused or changed; every error is [`ApiError`].

use std::sync::Arc;

use axum::Router;
use petrel_engine::Engine;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer as _;

mod around;
pub mod auth;
mod body;
mod error;
mod extract;
mod form;
mod listing;
mod measures;
mod page;
mod request_id;
mod resources;
mod said;
pub mod serve;
pub mod tls;
mod trail;
mod views;

pub use error::ApiError;
pub use resources::backup::Backups;
pub use resources::health::LogControl;
pub use resources::packs::Shipped;
pub use serve::serve;
pub use tls::Tls;
pub use trail::Trail;

/// The largest body that is read, in bytes: 10 MiB.
pub const BODY_LIMIT: usize = 10 << 20;

/// The header that every answer has, with the version of the host: by it a client knows that a Petrel answers, and
/// not something that stands between.
pub const VERSION_HEADER: &str = "petrel-version";

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Engine,
    /// Who may come in.
    pub access: Arc<auth::Access>,
    /// What is measured, as Prometheus reads it.
    pub figures: Arc<dyn Fn() -> String + Send + Sync>,
    /// Writes backups.
    pub backups: Arc<Backups>,
    /// The packs that came with the host.
    pub shipped: Arc<Shipped>,
    /// What is logged.
    pub log: Arc<dyn LogControl>,
    /// What was refused of late.
    pub trail: Arc<Trail>,
}

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
