//! Holds the connections: accepts them, reads requests from them, and lets them end in order.
//!
//! Whoever connects need not have signed in yet, so what a connection may cost is bounded: how many there are
//! ([`doors`]), how long one may take to send the head of a request and to sign in, and how long it may take to read
//! an answer, or to wait for it with its own half of the connection ended ([`patient`]). How long a body may take is in
//! `body.rs`. What HTTP refuses by the head of a request is in [`head`].

mod doors;
mod head;
mod patient;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::normalize_path::NormalizePath;
use tower_service::Service as _;

use crate::extensions::Peer;
use crate::{Api, ApiError, Tls};

pub use doors::Limits;
pub(crate) use doors::Seat;
use doors::{Doors, Place};
use patient::{Half, Patience, Patient};

/// How long it may take until a connection is encrypted.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted: too many files are open, most likely.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);
/// How long a connection may be idle on which nobody has signed in.
const STRANGERS_IDLE: Duration = Duration::from_secs(10);
/// How long a connection in the reserve may take to send the head of its request.
const RESERVE_IDLE: Duration = Duration::from_secs(2);
/// How long somebody may read nothing of an answer; and how long an answer may take for who has ended its own half of the
/// connection after the request, as `nc -N` does. Who has gone away looks the same, and is not computed for any longer.
const PATIENCE: Patience = Patience { unread: Duration::from_secs(30), half_closed: Duration::from_secs(10) };
/// How long a connection that must go may take to end its answer.
const LEAVE: Duration = Duration::from_secs(5);
/// What can be asked even in the reserve.
const HOW_IT_IS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// How connections are held.
#[derive(Clone)]
pub struct Connections {
    /// What they are encrypted with, if they are.
    pub tls: Option<Tls>,
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub idle: Duration,
    /// How many there may be.
    pub limits: Limits,
}

/// Serves the API on `listener` until `hang_up` fires; then open connections end with their request.
pub async fn serve(listener: TcpListener, connections: Connections, api: Api, hang_up: CancellationToken) {
    let Connections { tls, idle, limits } = connections;
    let service = crate::service(api);
    let doors = Arc::new(Doors::new(limits, hang_up.clone()));
    let open = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = hang_up.cancelled() => break,
        };
        let Some((stream, peer)) = accepted else { continue };
        // Answers are small; waiting to fill a packet only costs time.
        drop(stream.set_nodelay(true));
        let place = doors.enter(peer.ip());
        let conversation =
            Conversation { peer, place, service: service.clone(), hang_up: hang_up.clone(), idle };
        open.spawn(conversation.hold_encrypted(stream, tls.clone()));
    }
    open.close();
    open.wait().await;
}

async fn accept(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            tracing::warn!(%error, "a connection cannot be accepted");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// One connection.
struct Conversation {
    peer: SocketAddr,
    place: Place,
    service: NormalizePath<Router>,
    hang_up: CancellationToken,
    idle: Duration,
}

impl Conversation {
    /// Answers what comes, behind encryption if there is any.
    async fn hold_encrypted(self, stream: TcpStream, tls: Option<Tls>) {
        let Some(tls) = tls else { return self.hold(stream).await };
        let peer = self.peer;
        let encrypted = tokio::select! {
            encrypted = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream)) => encrypted,
            () = self.place.seat.must_go.cancelled() => return,
        };
        match encrypted {
            Ok(Ok(stream)) => self.hold(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "a connection cannot be encrypted"),
            Err(_elapsed) => tracing::debug!(%peer, "a connection takes too long to be encrypted"),
        }
    }

    /// Answers what comes, until it ends.
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Half + Unpin + 'static) {
        let Self { peer, place, service, hang_up, idle } = self;
        let seat = Arc::clone(&place.seat);
        let answer = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            answer(service.clone(), Arc::clone(&seat), peer, request.map(Body::new))
        });
        let is_in_reserve = place.seat.refusal().is_some();
        let stream = Patient::new(stream, PATIENCE, Arc::clone(&place.seat));
        let mut connection = pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(if is_in_reserve { RESERVE_IDLE } else { idle })
                .keep_alive(!is_in_reserve)
                .half_close(true)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let mut look_again = Instant::now() + STRANGERS_IDLE;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // The other side has gone away, or speaks something else.
                        tracing::debug!(%error, %peer, "a connection has ended early");
                    }
                    return;
                }
                () = place.seat.must_go.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    if hang_up.is_cancelled() {
                        // How long that may take is up to whoever hangs up.
                        drop(connection.await);
                    } else {
                        drop(tokio::time::timeout(LEAVE, connection).await);
                    }
                    return;
                }
                () = sleep_until(look_again), if !place.seat.has_signed_in() => {
                    let idle = place.seat.idle();
                    if idle >= STRANGERS_IDLE && !place.seat.has_signed_in() {
                        return;
                    }
                    look_again = Instant::now() + STRANGERS_IDLE.saturating_sub(idle);
                }
            }
        }
    }
}

/// The answer to one request.
async fn answer(
    mut service: NormalizePath<Router>,
    seat: Arc<Seat>,
    peer: SocketAddr,
    mut request: Request,
) -> Result<Response, std::convert::Infallible> {
    if let Some(why) = seat.refusal().filter(|_| !HOW_IT_IS.contains(&request.uri().path())) {
        return Ok(refusal(why));
    }
    if let Some(refused) = head::refused(request.version(), request.headers()) {
        return Ok(refused.into_response());
    }
    request.extensions_mut().insert(Peer(peer));
    request.extensions_mut().insert(Arc::clone(&seat));
    seat.begin_request();
    let answer = service.call(request).await;
    seat.end_request();
    answer
}

/// What is told on a connection for which there is no seat.
fn refusal(why: &str) -> Response {
    let hint = "close connections that are not needed, or use one for many requests; try again in a moment";
    let mut answer = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", why, hint).into_response();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
