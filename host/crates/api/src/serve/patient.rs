//! A stream with bounded patience. A peer that reads nothing of an answer for a while is given up, and so is a peer
//! that has closed its half of the connection and whose answer takes too long.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncBufRead as _, AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

use super::doors::Seat;

/// A stream that notices, without reading, that the peer has closed its half.
pub(super) trait Half {
    /// Ready once the peer sends no more. Bytes that have come and are not read yet hide the end.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
}

impl Half for TcpStream {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut byte = [0; 1];
        match ready!(self.poll_peek(context, &mut ReadBuf::new(&mut byte)))? {
            0 => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Half for TlsStream<S> {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(self).poll_fill_buf(context)) {
            Ok([]) => Poll::Ready(Ok(())),
            Ok(_) => Poll::Pending,
            // Many clients close a TLS connection without its `close_notify`.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// The times after which a peer is given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// While the peer reads nothing of an answer.
    pub(super) unread: Duration,
    /// After the peer has closed its half, while its answer is being made. The peer may be waiting or may have gone
    /// away; only a write would tell.
    pub(super) half_closed: Duration,
}

/// A stream whose writes fail when the peer reads nothing for too long, and whose flushes fail when the peer has
/// closed its half and its answer takes too long.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    /// Knows whether a request is being answered.
    seat: Arc<Seat>,
    /// Runs while the peer reads nothing.
    until: Option<Pin<Box<Sleep>>>,
    /// Runs while a request is answered whose sender has closed its half.
    until_gone: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience, seat: Arc<Seat>) -> Self {
        Self { stream, patience, seat, until: None, until_gone: None }
    }

    /// The outcome of a write: pending until patience runs out.
    fn judge<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let patience = self.patience.unread;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(until.as_mut().poll(context));
        // A later write starts with full patience.
        self.until = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer reads nothing")))
    }
}

impl<S: Half> Patient<S> {
    /// Checks whether the peer is still there. Nothing is read while a request is answered, so only this check
    /// notices that the sender has gone.
    fn watch(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.seat.is_busy() {
            self.until_gone = None;
            return Ok(());
        }
        match self.stream.poll_end(context) {
            Poll::Pending => return Ok(()),
            Poll::Ready(end) => end?,
        }
        let patience = self.patience.half_closed;
        let until = self.until_gone.get_or_insert_with(|| Box::pin(sleep(patience)));
        match until.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the peer has gone")),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Half + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes the connection each time that it is polled, even while a request is answered, so the check
    /// stands here.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch(context)?;
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let closed = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(closed, context)
    }
}

#[cfg(test)]
mod tests;
