//! Holds the connections: accepts them, reads requests from them, and lets them end in order.
//!
//! Whoever connects need not have signed in yet, so what a connection may cost is bounded: how many there
//! are, and how long one may take to send the head of a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower_http::normalize_path::NormalizePath;
use tower_service::Service as _;

use crate::{Api, Tls};

/// How many connections there may be at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 4096;
/// How long it may take until a connection is encrypted.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted: too many files are open, most likely.
const ACCEPT_AGAIN: Duration = Duration::from_millis(500);

/// Where a request comes from: an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// How connections are held.
#[derive(Clone)]
pub struct Connections {
    /// What they are encrypted with, if they are.
    pub tls: Option<Tls>,
    /// How long the head of a request may take, and how long a connection may be idle before it.
    pub idle: Duration,
}

/// Serves the API on `listener` until `hang_up` fires; then open connections end with their request.
pub async fn serve(listener: TcpListener, connections: Connections, api: Api, hang_up: CancellationToken) {
    let Connections { tls, idle } = connections;
    let service = crate::service(api);
    let open = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = hang_up.cancelled() => break,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        // Answers are small; waiting to fill a packet only costs time.
        drop(stream.set_nodelay(true));
        let (service, watcher) = (service.clone(), open.watcher());
        let tls = tls.clone();
        tokio::spawn(async move {
            let conversation = Conversation { peer, service, watcher, idle };
            match tls {
                None => conversation.hold(stream).await,
                Some(tls) => match tokio::time::timeout(HANDSHAKE, tls.acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => conversation.hold(stream).await,
                    Ok(Err(error)) => tracing::debug!(%error, %peer, "a connection cannot be encrypted"),
                    Err(_elapsed) => tracing::debug!(%peer, "a connection takes too long to be encrypted"),
                },
            }
            drop(slot);
        });
    }
    open.shutdown().await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, room: &Arc<Semaphore>) -> Option<Accepted> {
    let slot = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
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
    service: NormalizePath<Router>,
    watcher: Watcher,
    idle: Duration,
}

impl Conversation {
    /// Answers what comes, until it ends.
    async fn hold(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let Self { peer, service, watcher, idle } = self;
        let answer = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request: Request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            service.clone().call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .serve_connection(TokioIo::new(stream), answer);
        if let Err(error) = watcher.watch(connection).await {
            // The other side has gone away, or speaks something else.
            tracing::debug!(%error, %peer, "a connection has ended early");
        }
    }
}
