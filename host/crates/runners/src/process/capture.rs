//! Reads one stream of a process: the head is kept for the result, and every line goes to the sink, as far as either
//! has room. What comes after that is only counted, so that a flood costs no more than reading it.

use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::output::{OutputSink, Stream};

/// What it wrote to one stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes, up to the limit.
    pub bytes: Vec<u8>,
    /// How many more there were.
    pub dropped: usize,
}

impl Captured {
    /// Takes in more, up to `limit` bytes in all.
    pub(super) fn take(&mut self, bytes: &[u8], limit: usize) {
        let room = limit.saturating_sub(self.bytes.len()).min(bytes.len());
        let (kept, dropped) = bytes.split_at(room);
        self.bytes.extend_from_slice(kept);
        self.dropped += dropped.len();
    }

    /// The text, with what was lost of it said at its end.
    pub fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        if self.dropped == 0 {
            return text.into_owned();
        }
        let text = text.strip_suffix('\n').unwrap_or(&text);
        format!("{text}\n[cut: {} more bytes were dropped]", self.dropped)
    }
}

/// Reads one stream: the head is kept for the result, and every line goes to the sink.
pub(super) struct Reader<'a> {
    stream: Stream,
    sink: &'a OutputSink,
    captured: Captured,
    limit: usize,
    line: Vec<u8>,
}

/// A longer line is handed on in parts, so that output without line ends does not pile up.
const LONGEST_LINE: usize = 8 * 1024;

impl<'a> Reader<'a> {
    pub(super) fn new(stream: Stream, sink: &'a OutputSink, limit: usize) -> Self {
        Self { stream, sink, captured: Captured::default(), limit, line: Vec::new() }
    }

    /// Reads to the end.
    pub(super) async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 16 * 1024];
        loop {
            match pipe.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.captured.take(bytes, self.limit);
        if self.sink.is_full() {
            // The line that was begun is lost with what follows.
            self.sink.drop_bytes(self.line.len() + bytes.len());
            self.line.clear();
            return;
        }
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
            if part.ends_with(b"\n") || self.line.len() > LONGEST_LINE {
                self.hand_on();
            }
        }
    }

    fn hand_on(&mut self) {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        self.sink.line(self.stream, text);
        self.line.clear();
    }

    /// What was read; the last line is handed on, ended or not.
    pub(super) fn finish(mut self) -> Captured {
        if !self.line.is_empty() {
            self.hand_on();
        }
        self.captured
    }
}
