//! Standard input of a process: bytes, or a socket on which the process also answers.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::ChildStdin;

use super::capture::Captured;
use crate::output::OutputSink;

/// Standard input of a process.
#[derive(Debug)]
pub enum Input {
    /// These bytes. An empty vector means an empty input.
    Bytes(Vec<u8>),
    /// A socket. The process reads the request to its end, and writes its answer to the same socket. That keeps the
    /// answer apart from standard output without a further file descriptor, which other processes might inherit.
    Exchange {
        /// The bytes to read.
        request: Vec<u8>,
        /// Bytes of the answer that are kept.
        answer_limit: usize,
    },
}

impl Default for Input {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Input {
    /// Opens the child's end, and our end if the input is a socket.
    pub(super) fn open(&self) -> std::io::Result<(Stdio, Option<UnixStream>)> {
        Ok(match self {
            Self::Bytes(bytes) if bytes.is_empty() => (Stdio::null(), None),
            Self::Bytes(_) => (Stdio::piped(), None),
            Self::Exchange { .. } => {
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
