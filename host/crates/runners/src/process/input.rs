//! Standard input of a process: bytes, after which it may stay open, or a socket on which the process also answers, once or as long
//! as it runs.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::ChildStdin;
use tokio_util::sync::CancellationToken;

use super::capture::Captured;
use crate::output::OutputSink;

/// Standard input of a process.
#[derive(Debug)]
pub enum Input {
    /// These bytes. An empty vector means an empty input.
    Bytes(Vec<u8>),
    /// These bytes, after which the input stays open until the token is cancelled. When the process has ended, it is.
    Held {
        /// The bytes.
        bytes: Vec<u8>,
        /// The end of the input.
        until: CancellationToken,
    },
    /// A socket. The process reads the request to its end, and writes its answer to the same socket. That keeps the
    /// answer apart from standard output without a further file descriptor, which other processes might inherit.
    Exchange {
        /// The bytes to read.
        request: Vec<u8>,
        /// Bytes of the answer that are kept.
        answer_limit: usize,
    },
    /// A socket for a [conversation](super::converse).
    Conversation,
}

impl Default for Input {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Input {
    /// The token that ends an input that is held open.
    pub(super) fn held(&self) -> Option<CancellationToken> {
        if let Self::Held { until, .. } = self { Some(until.clone()) } else { None }
    }

    /// Opens the child's end, and our end if the input is a socket.
    pub(super) fn open(&self) -> std::io::Result<(Stdio, Option<UnixStream>)> {
        Ok(match self {
            Self::Bytes(bytes) if bytes.is_empty() => (Stdio::null(), None),
            Self::Bytes(_) | Self::Held { .. } => (Stdio::piped(), None),
            Self::Exchange { .. } | Self::Conversation => {
                let (ours, theirs) = Socket::pair()?;
                ours.set_nonblocking(true)?;
                (Stdio::from(OwnedFd::from(theirs)), Some(UnixStream::from_std(ours)?))
            }
        })
    }
}

/// Writes the input and reads the answer. A process that does not read its input is not an error.
pub(super) async fn feed(
    input: Input,
    stdin: Option<ChildStdin>,
    socket: Option<UnixStream>,
    answer: &mut Captured,
    sink: &OutputSink,
) {
    match (input, stdin, socket) {
        (Input::Bytes(bytes), Some(mut pipe), _) => drop(pipe.write_all(&bytes).await),
        (Input::Held { bytes, until }, Some(mut pipe), _) => {
            // It has the pipe, and so ends the input when it is dropped.
            let write = async move {
                drop(pipe.write_all(&bytes).await);
                drop(bytes);
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = until.cancelled() => {}
                () = write => {}
            }
        }
        (Input::Exchange { request, answer_limit }, _, Some(mut socket)) => {
            drop(socket.write_all(&request).await);
            drop(socket.shutdown().await);
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(count @ 1..) = socket.read(&mut buffer).await {
                answer.take_json(buffer.get(..count).unwrap_or_default(), answer_limit, sink);
            }
        }
        _ => {}
    }
}
