//! What a process finds at standard input: bytes, or a socket on which it also answers.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Socket;
use std::process::Stdio;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::ChildStdin;

use super::Captured;
use crate::output::OutputSink;

/// What a process finds at standard input.
#[derive(Debug)]
pub enum Input {
    /// These bytes; nothing at all if there are none.
    Bytes(Vec<u8>),
    /// A socket: it reads the request to its end, and writes its answer to the same. So an answer is apart from
    /// standard output, without another file descriptor that other processes might come to hold.
    Exchange {
        /// What it reads.
        request: Vec<u8>,
        /// How many bytes of the answer are kept.
        answer_limit: usize,
    },
}

impl Default for Input {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Input {
    /// What the process is started with, and our end of the socket if it is one.
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

/// Hands over the input, and takes in the answer. A process that does not read its input is no error.
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
