//! Reads one stream of a process: keeps the beginning for the result and passes every line to the sink, as far as both
//! have room. The rest is only counted, so that a flood costs no more than reading it.

use petrel_model::size;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::output::{OutputSink, Stream};

/// The captured part of one stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The bytes, up to the limit.
    pub bytes: Vec<u8>,
    /// Bytes that were dropped after them.
    pub dropped: usize,
    /// Bytes that the kept part takes in the store.
    pub(crate) stored: usize,
    /// Whether bytes were dropped for lack of shared memory, that is below the limit of the stream.
    pub(crate) is_crowded_out: bool,
}

impl Captured {
    /// Appends text, up to `limit` bytes in all as stored, and as far as `sink` has memory for the result.
    pub(super) fn take(&mut self, bytes: &[u8], limit: usize, sink: &OutputSink) {
        let room = limit.saturating_sub(self.stored);
        self.keep(bytes, sink, || match size::of_text(bytes) {
            whole if whole <= room => (bytes.len(), whole),
            _ => size::fitting(bytes, room, size::escaped),
        });
    }

    /// As [`Captured::take`], for JSON, whose stored size is its length.
    pub(super) fn take_json(&mut self, bytes: &[u8], limit: usize, sink: &OutputSink) {
        let room = limit.saturating_sub(self.stored);
        self.keep(bytes, sink, || size::fitting(bytes, room, size::in_json));
    }

    /// Keeps as many of `bytes` as `fitting` says. Once something was dropped, nothing more is kept, since the kept
    /// part must be a beginning without gaps.
    fn keep(&mut self, bytes: &[u8], sink: &OutputSink, fitting: impl FnOnce() -> (usize, usize)) {
        if self.dropped > 0 {
            self.dropped += bytes.len();
            return;
        }
        let (count, stored) = fitting();
        if !sink.claim(stored) {
            self.is_crowded_out = true;
            self.dropped += bytes.len();
            return;
        }
        let (kept, dropped) = bytes.split_at(count);
        self.stored += stored;
        self.bytes.extend_from_slice(kept);
        self.dropped += dropped.len();
    }

    /// The text, with a remark at its end if something was dropped.
    pub fn text(self) -> String {
        let mut text = String::from_utf8(self.bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if self.dropped > 0 {
            if text.ends_with('\n') {
                text.pop();
            }
            text.push_str("\n[cut: ");
            text.push_str(&self.dropped.to_string());
            text.push_str(" more bytes were dropped");
            text.push_str(if self.is_crowded_out { ", see engine.results_mib]" } else { "]" });
        }
        text
    }
}

/// Reads one stream to its end.
pub(super) struct Reader<'a> {
    stream: Stream,
    sink: &'a OutputSink,
    captured: Captured,
    limit: usize,
    line: Vec<u8>,
}

/// Longest line, in bytes. A longer one is passed on in parts, so that output without line ends does not pile up.
const LONGEST_LINE: usize = 8 * 1024;

impl<'a> Reader<'a> {
    pub(super) fn new(stream: Stream, sink: &'a OutputSink, limit: usize) -> Self {
        Self { stream, sink, captured: Captured::default(), limit, line: Vec::new() }
    }

    /// Reads until the stream ends.
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
        self.captured.take(bytes, self.limit, self.sink);
        if self.sink.is_full() {
            // The line that was begun is counted as dropped together with what follows.
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

    /// Passes on the last line, with or without a line end, and returns what was captured.
    pub(super) fn finish(mut self) -> Captured {
        if !self.line.is_empty() {
            self.hand_on();
        }
        self.captured
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ResultRoom;
    use crate::shares::{Holder, Root};

    #[test]
    fn what_is_kept_is_counted_as_it_is_stored() {
        for (limit, room, pieces, kept, dropped) in [
            (10, 100, &["0123456789"][..], "0123456789", 0),
            (10, 100, &["01234", "567890"], "0123456789", 1),
            (18, 100, &["\0\0\0\0", "x"], "\0\0\0", 2),
            (10, 100, &["\"\"\"\"\"\"", "x"], "\"\"\"\"\"", 2),
            // Bytes that exceed the limit together are dropped as they arrive.
            (100, 10, &["01234", "5678901", "2"], "01234", 8),
        ] {
            let holder = Holder { user: "ann".into(), root: Root::User("ann".into()) };
            let sink = OutputSink::within(1000, &Arc::new(ResultRoom::new(room)), holder);
            let mut captured = Captured::default();
            pieces.iter().for_each(|piece| captured.take(piece.as_bytes(), limit, &sink));
            assert_eq!(
                (captured.bytes.as_slice(), captured.dropped),
                (kept.as_bytes(), dropped),
                "{pieces:?}"
            );
            assert!(captured.stored <= limit.min(room), "{pieces:?}");
        }
    }

    #[test]
    fn an_answer_is_counted_as_it_is_stored_too() {
        let sink = OutputSink::new(0);
        let mut answer = Captured::default();
        answer.take_json(b"\"\\n\"", 5, &sink);
        answer.take_json(b"\0", 9, &sink);
        assert_eq!((answer.bytes.as_slice(), answer.dropped), (&b"\"\\n\""[..], 1));
    }

    #[test]
    fn text_says_what_is_missing() {
        for (bytes, dropped, is_crowded_out, text) in [
            (&b"a\n"[..], 0, false, "a\n"),
            (b"a\xff", 0, false, "a\u{fffd}"),
            (b"a\n", 3, false, "a\n[cut: 3 more bytes were dropped]"),
            (b"a\n", 3, true, "a\n[cut: 3 more bytes were dropped, see engine.results_mib]"),
        ] {
            let captured = Captured { bytes: bytes.to_vec(), dropped, is_crowded_out, ..Captured::default() };
            assert_eq!(captured.text(), text);
        }
    }
}
