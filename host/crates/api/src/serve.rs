//! Connections: accepts them, reads requests from them, and closes them in order.
//!
//! A peer need not have signed in yet, so the cost of a connection is bounded: the number of connections ([`doors`]),
//! the time until the head of a request has come and the peer has signed in, and the time in which the peer must read
//! an answer or, with its own half of the connection closed, wait for it ([`patient`]). `body.rs` bounds the time of
//! a body. [`head`] has the refusals of HTTP itself.

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

/// The time in which a connection must be encrypted.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// The pause after a failed `accept`, most likely because too many files are open.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);
/// The time that a connection may be idle before anybody has signed in on it.
const STRANGERS_IDLE: Duration = Duration::from_secs(10);
/// The time in which a connection in the reserve must send the head of its request.
const RESERVE_IDLE: Duration = Duration::from_secs(2);
/// The time in which a peer must read some of an answer, and the time that an answer may take for a peer that has
/// closed its half of the connection after the request, as `nc -N` does. A peer that has gone away looks the same,
/// and should not be worked for any longer.
const PATIENCE: Patience = Patience { unread: Duration::from_secs(30), half_closed: Duration::from_secs(10) };
/// The time in which a connection that must go may finish its answer.
const LEAVE: Duration = Duration::from_secs(5);
/// The paths that are served even in the reserve.
const HOW_IT_IS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The settings of connections.
#[derive(Clone)]
pub struct Connections {
    /// The certificate and the key, if connections are encrypted.
    pub tls: Option<Tls>,
    /// The time in which the head of a request must come, and the time that a connection may be idle before it.
    pub idle: Duration,
    /// The numbers of connections.
    pub limits: Limits,
}

/// Serves the API on `listener` until `hang_up` fires. Open connections then end with their current request.
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
        // Answers are small, and Nagle's algorithm would only delay them.
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
            tracing::warn!(%error, "failed to accept a connection");
            tokio::time::sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}

/// A connection with its peer.
struct Conversation {
    peer: SocketAddr,
    place: Place,
    service: NormalizePath<Router>,
    hang_up: CancellationToken,
    idle: Duration,
}

impl Conversation {
    /// Answers the requests of a connection, encrypted if a certificate is set.
    async fn hold_encrypted(self, stream: TcpStream, tls: Option<Tls>) {
        let Some(tls) = tls else { return self.hold(stream).await };
        let peer = self.peer;
        let encrypted = tokio::select! {
            encrypted = tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream)) => encrypted,
            () = self.place.seat.must_go.cancelled() => return,
        };
        match encrypted {
            Ok(Ok(stream)) => self.hold(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "TLS handshake failed"),
            Err(_elapsed) => tracing::debug!(%peer, "TLS handshake timed out"),
        }
    }

    /// Answers the requests of a connection until it ends.
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
                // The reserve is small, so a connection in it ends with its first answer.
                .keep_alive(!is_in_reserve)
                // A client may close its half after the request, as `nc -N` does, and still wait for the answer.
                .half_close(true)
                .serve_connection(TokioIo::new(stream), answer)
        );
        let mut look_again = Instant::now() + STRANGERS_IDLE;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        // The peer has gone away, or speaks another protocol.
                        tracing::debug!(%error, %peer, "connection ended early");
                    }
                    return;
                }
                () = place.seat.must_go.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    if hang_up.is_cancelled() {
                        // Here no bound is needed: the caller of `hang_up` waits only for so long.
                        drop(connection.await);
                    } else {
                        drop(tokio::time::timeout(LEAVE, connection).await);
                    }
                    return;
                }
                () = sleep_until(look_again), if !place.seat.has_signed_in() => {
                    // hyper bounds only the head of a request, not the time between two of a stranger.
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

/// The answer on a connection that has no seat.
fn refusal(why: &str) -> Response {
    let hint = "close connections that are not needed, or use one for many requests; try again in a moment";
    let mut answer = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", why, hint).into_response();
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}
