//! Output of a run, line by line, on its way from the runner to the store.
//!
//! The sink takes lines without waiting; the engine's executor takes them out now and then and stores
//! them. What is beyond the limit is dropped and counted, and the last line says so.

use std::sync::{Arc, Mutex, PoisonError};

pub use petrel_model::output::{OutputLine, Stream};

/// Takes the lines of one run. Cheap to clone; all clones feed the same run.
#[derive(Debug, Clone)]
pub struct OutputSink(Arc<Mutex<Buffer>>);

#[derive(Debug)]
struct Buffer {
    lines: Vec<OutputLine>,
    room: usize,
    dropped: usize,
}

impl OutputSink {
    /// A sink that keeps `limit` bytes of text.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Buffer { lines: Vec::new(), room: limit, dropped: 0 })))
    }

    /// Adds a line; drops it when the limit is reached.
    pub fn line(&self, stream: Stream, text: impl Into<String>) {
        let text = text.into();
        let mut buffer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.dropped == 0 && text.len() < buffer.room {
            // The line end counts too, or empty lines would be free.
            buffer.room -= text.len() + 1;
            buffer.lines.push(OutputLine { stream, text });
        } else {
            buffer.dropped += text.len() + 1;
        }
    }

    /// Whether it takes nothing any more.
    pub fn is_full(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped > 0
    }

    /// Counts text that was not even made into lines, since it is full.
    pub fn drop_bytes(&self, count: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped += count;
    }

    /// Takes out what has come since the last call.
    pub fn take(&self) -> Vec<OutputLine> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).lines)
    }

    /// How many bytes were dropped because the limit was reached.
    pub fn dropped(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_limit_are_dropped_and_counted() {
        let sink = OutputSink::new(10);
        for text in ["1234", "1234", "5", ""] {
            sink.line(Stream::Stdout, text);
        }
        let kept: Vec<_> = sink.take().into_iter().map(|line| line.text).collect();
        assert_eq!(kept, ["1234", "1234"]);
        assert_eq!(sink.dropped(), 3);
        assert_eq!(sink.take(), []);
    }
}
