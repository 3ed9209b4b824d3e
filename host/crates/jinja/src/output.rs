//! The output of a rendering: a buffer with a limit.

use crate::environment::OUTPUT_LIMIT;

/// A buffer that refuses to grow beyond [`OUTPUT_LIMIT`].
pub(crate) struct Output {
    bytes: Vec<u8>,
    is_full: bool,
}

impl Output {
    /// An empty buffer with room for `bytes`.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), is_full: false }
    }

    /// Whether a write was refused.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }

    /// The written text, or the reason why it is not text.
    pub(crate) fn into_text(self) -> Result<String, String> {
        String::from_utf8(self.bytes).map_err(|error| error.utf8_error().to_string())
    }
}

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.bytes.len() + bytes.len() > OUTPUT_LIMIT {
            self.is_full = true;
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
