//! A stream that is patient with its other side, but not for ever: who reads nothing of an answer for a while is
//! given up, and so is who has ended its own half and whose answer takes too long.

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

/// A stream of which it can be seen, without reading it, that the other side has ended its half.
pub(super) trait Half {
    /// Ready once nothing more comes. What has come and is not read yet hides the end.
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
            // It has ended without the word for that.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// How long the other side is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// When it reads nothing of an answer.
    pub(super) unread: Duration,
    /// When it has ended its half, and the answer to what it sent before is not there yet. It may wait for that, or have
    /// gone away: only writing would tell.
    pub(super) half_closed: Duration,
}

/// A stream whose writes fail when nothing can be written for as long as patience lasts; and whose flushes fail when the
/// other side has ended its half for longer than an answer may take then.
pub(super) struct Patient<S> {
    stream: S,
    patience: Patience,
    /// Says whether a request is being answered.
    seat: Arc<Seat>,
    /// Runs while the other side takes nothing.
    until: Option<Pin<Box<Sleep>>>,
    /// Runs while a request is answered whose sender has ended its half.
    until_gone: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience, seat: Arc<Seat>) -> Self {
        Self { stream, patience, seat, until: None, until_gone: None }
    }

    /// What came of a write: nothing yet, unless patience has run out.
    fn judge<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.until = None;
            return written;
        }
        let patience = self.patience.unread;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(until.as_mut().poll(context));
        // Whoever tries again has as long again.
        self.until = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other side reads nothing")))
    }
}

impl<S: Half> Patient<S> {
    /// Looks whether the other side waits for its answer still. While a request is answered nothing is read, so this
    /// alone sees that who sent it has gone.
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
            Poll::Ready(()) => {
                Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the other side has gone"))
            }
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

    /// The connection is flushed each time that it is looked at, also while a request is answered.
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
