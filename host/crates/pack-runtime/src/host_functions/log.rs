//! `petrel:log`: messages and progress, written into the output of the execution.

use petrel_runners::Stream;

use crate::bindings::petrel::log::log::{Host, Level};
use crate::linker::CallState;

/// Longest message, in bytes. The rest is cut, and the number of bytes cut is appended.
const LONGEST_MESSAGE: usize = 8 << 10;

impl Host for CallState {
    fn write(&mut self, level: Level, message: String, fields: Option<String>) -> wasmtime::Result<()> {
        let level = match level {
            Level::Trace => "TRACE",
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARN",
            Level::Error => "ERROR",
        };
        let message = cut(&message);
        match fields.as_deref().map(cut) {
            Some(fields) => self.log(&format!("{level} {message} {fields}")),
            None => self.log(&format!("{level} {message}")),
        }
        Ok(())
    }

    fn progress(&mut self, fraction: f32, note: Option<String>) -> wasmtime::Result<()> {
        let percent = fraction.clamp(0.0, 1.0) * 100.0;
        match note.as_deref().map(cut) {
            Some(note) => self.log(&format!("PROGRESS {percent:.0} % {note}")),
            None => self.log(&format!("PROGRESS {percent:.0} %")),
        }
        Ok(())
    }
}

impl CallState {
    fn log(&self, line: &str) {
        self.record.output.lines(Stream::Output, line);
    }
}

fn cut(text: &str) -> String {
    let end = text.floor_char_boundary(LONGEST_MESSAGE);
    match text.get(..end) {
        Some(start) if end < text.len() => format!("{start}… ({} bytes cut)", text.len() - end),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = "ä".repeat(LONGEST_MESSAGE);
        let cut = cut(&long);
        assert!(cut.ends_with("… (8192 bytes cut)"), "{}", cut.len());
    }
}
