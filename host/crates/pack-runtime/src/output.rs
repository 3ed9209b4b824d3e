//! Output of one call: splits what a component writes into lines, and cuts it at the limit of the call.
//!
//! Standard output and standard error are streams of WASI; log messages come from `host_functions::log`. All three
//! share one budget. A component never notices that its output is cut: the streams go on accepting bytes, since a
//! guest's `println!` panics when its stream is closed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use petrel_runners::output::line_size;
use petrel_runners::shares::Holder;
use petrel_runners::{OutputSink, Stream};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use crate::call_record::CallRecord;
use crate::last_words::LastWords;
use crate::limits::Limits;

/// Longest line, in bytes. A longer one is passed on in pieces, so that a flood without line ends stays small.
const LONGEST_LINE: usize = 64 << 10;

/// Bytes that a guest may write with one call.
const PERMIT: usize = 64 << 10;

/// Bytes reserved for the line that reports the cut, so that it fits even if the sink has the same limit.
const ROOM_FOR_THE_MARK: usize = 128;

/// The output of one call, on its way to the sink of the execution.
#[derive(Debug)]
pub(crate) struct Output {
    sink: OutputSink,
    limit: usize,
    pending: Mutex<Pending>,
}

#[derive(Debug)]
struct Pending {
    room: usize,
    lines_left: usize,
    dropped: usize,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last_words: LastWords,
}

impl Output {
    /// Creates an output that writes to `sink` within `limits`.
    pub(crate) fn new(sink: OutputSink, limits: &Limits) -> Self {
        let pending = Pending {
            room: limits.output.saturating_sub(ROOM_FOR_THE_MARK),
            lines_left: limits.output_lines,
            dropped: 0,
            stdout: Vec::new(),
            stderr: Vec::new(),
            last_words: LastWords::default(),
        };
        Self { sink, limit: limits.output, pending: Mutex::new(pending) }
    }

    /// Claims `bytes` of memory for a result, as [`OutputSink::claim`] does. Returns `false` if there is no room.
    pub(crate) fn claim(&self, bytes: usize) -> bool {
        self.sink.claim(bytes)
    }

    /// The user and root that the call's memory is charged to.
    pub(crate) fn holder(&self) -> Option<&Holder> {
        self.sink.holder()
    }

    /// The reason why a claim was refused, for an error message.
    pub(crate) fn refusal(&self) -> String {
        self.sink.refusal()
    }

    /// The message of the latest panic on standard error, if any.
    pub(crate) fn last_words(&self) -> Option<String> {
        self.pending().last_words.message()
    }

    /// Writes `text` as whole lines.
    pub(crate) fn lines(&self, stream: Stream, text: &str) {
        let mut pending = self.pending();
        for line in text.lines() {
            self.line(&mut pending, stream, line.as_bytes());
        }
    }

    /// Writes lines without a line end that are left over, and a line that reports how many bytes were cut, if any.
    pub(crate) fn finish(&self) {
        let mut pending = self.pending();
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = std::mem::take(pending.partial(stream));
            if !rest.is_empty() {
                self.line(&mut pending, stream, &rest);
            }
        }
        if pending.dropped > 0 {
            let (dropped, limit) = (pending.dropped, self.limit);
            self.sink.line(
                Stream::Output,
                format!("output cut: {dropped} bytes dropped; {limit} bytes of a call are kept"),
            );
        }
    }

    fn write(&self, stream: Stream, bytes: &[u8]) {
        let mut pending = self.pending();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if let Some((b'\n', line)) = piece.split_last() {
                let mut whole = std::mem::take(pending.partial(stream));
                whole.extend_from_slice(line);
                self.line(&mut pending, stream, &whole);
            } else {
                pending.partial(stream).extend_from_slice(piece);
                if pending.partial(stream).len() >= LONGEST_LINE {
                    let whole = std::mem::take(pending.partial(stream));
                    self.line(&mut pending, stream, &whole);
                }
            }
        }
    }

    fn line(&self, pending: &mut Pending, stream: Stream, line: &[u8]) {
        if stream == Stream::Stderr {
            pending.last_words.take_line(line);
        }
        let size = line_size(line);
        if pending.dropped == 0 && pending.lines_left > 0 && size <= pending.room {
            pending.room -= size;
            pending.lines_left -= 1;
            self.sink.line(stream, String::from_utf8_lossy(line));
        } else {
            pending.dropped = pending.dropped.saturating_add(line.len() + 1);
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn partial(&mut self, stream: Stream) -> &mut Vec<u8> {
        if stream == Stream::Stderr { &mut self.stderr } else { &mut self.stdout }
    }
}

/// Standard output or standard error of a component.
#[derive(Debug, Clone)]
pub(crate) struct StandardStream {
    record: Arc<CallRecord>,
    stream: Stream,
}

impl StandardStream {
    pub(crate) fn new(record: &Arc<CallRecord>, stream: Stream) -> Self {
        Self { record: Arc::clone(record), stream }
    }
}

impl IsTerminal for StandardStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StandardStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for StandardStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.record.output.write(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(PERMIT)
    }
}

#[async_trait::async_trait]
impl Pollable for StandardStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for StandardStream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.record.output.write(self.stream, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sink: &OutputSink) -> Vec<String> {
        sink.take().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn pieces_become_lines() {
        let sink = OutputSink::new(1 << 20);
        let output = Output::new(sink.clone(), &Limits::default());
        for piece in ["on", "e\ntw", "o\n\nlast"] {
            output.write(Stream::Stdout, piece.as_bytes());
        }
        output.lines(Stream::Output, "INFO a\nb");
        output.finish();
        assert_eq!(texts(&sink), ["one", "two", "", "INFO a", "b", "last"]);
    }

    #[test]
    fn what_is_beyond_the_limit_is_cut_and_marked_even_if_the_sink_has_the_same_limit() {
        let sink = OutputSink::new(1000);
        let output = Output::new(sink.clone(), &Limits { output: 1000, ..Limits::default() });
        for _ in 0..100 {
            output.write(Stream::Stdout, b"0123456789\n");
        }
        output.finish();
        let texts = texts(&sink);
        assert_eq!(texts.last().unwrap(), "output cut: 880 bytes dropped; 1000 bytes of a call are kept");
        assert_eq!(sink.dropped(), 0);
    }

    #[test]
    fn a_flood_of_empty_lines_is_cut_by_their_number() {
        let sink = OutputSink::new(1 << 20);
        let output = Output::new(sink.clone(), &Limits { output_lines: 3, ..Limits::default() });
        output.write(Stream::Stderr, &[b'\n'; 10]);
        output.finish();
        assert_eq!(
            texts(&sink),
            ["", "", "", "output cut: 7 bytes dropped; 2097152 bytes of a call are kept"]
        );
    }
}
