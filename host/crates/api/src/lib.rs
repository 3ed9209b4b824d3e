//! REST and webhooks, with StackStorm's paths, bodies and headers.
//!
//! The only crate that knows axum. A handler reads the request, asks the engine, and
//! shapes the answer; it decides nothing. [`resources`] has a file a resource; [`views`] shapes nouns as
//! StackStorm prints them; [`auth`] lets in who may come in; every error is [`ApiError`].

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use petrel_engine::Engine;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::normalize_path::{NormalizePath, NormalizePathLayer};
use tower_layer::Layer as _;

pub mod auth;
mod error;
mod extract;
mod page;
mod request_id;
mod resources;
mod views;

pub use error::ApiError;

/// The largest body that is read, in bytes: 10 MiB.
pub const BODY_LIMIT: usize = 10 << 20;

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    /// The engine.
    pub engine: Engine,
    /// Who may come in.
    pub access: Arc<auth::Access>,
}

/// Serves the API on `listener` until `hang_up` fires; then open connections end with their request.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, api: Api, hang_up: CancellationToken) -> std::io::Result<()> {
    let listener = axum::serve::ListenerExt::tap_io(listener, |connection| {
        // Answers are small; waiting to fill a packet only costs time.
        let _ = connection.set_nodelay(true);
    });
    let service = axum::ServiceExt::<Request>::into_make_service(service(api));
    axum::serve(listener, service).with_graceful_shutdown(hang_up.cancelled_owned()).await
}

/// The whole API as a service: `/api/v1`, the same under `/v1`, and `/healthz`. A slash at the end of a
/// path makes no difference.
pub fn service(api: Api) -> NormalizePath<Router> {
    let v1 = resources::router()
        .layer(axum::middleware::from_fn_with_state(api.clone(), auth::require))
        .layer(DefaultBodyLimit::max(BODY_LIMIT));
    let router = Router::new()
        .nest("/api/v1", v1.clone())
        .nest("/v1", v1)
        .merge(resources::health::router())
        .fallback(error::unknown_path)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(axum::middleware::from_fn(request_id::with_request_id))
        .with_state(api);
    NormalizePathLayer::trim_trailing_slash().layer(router)
}
