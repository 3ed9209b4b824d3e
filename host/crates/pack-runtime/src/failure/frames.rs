//! The place in a component where an error happened: the innermost functions, by the names that their authors gave
//! them. [`failure`](super) puts it into messages.

use std::fmt::{self, Write as _};

use wasmtime::{FrameInfo, WasmBacktrace};

/// Number of stack frames shown.
const FRAMES: usize = 5;

/// Longest function name shown, in bytes.
const LONGEST_NAME: usize = 120;

/// Formats the stack, innermost function first, without the functions that every panic passes through.
pub(super) fn frames(error: &wasmtime::Error) -> String {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let names: Vec<_> = trace.frames().iter().map(frame_name).collect();
    let telling = names.iter().filter(|name| !carries_a_panic(name)).take(FRAMES).map(String::as_str);
    let mut shown: Vec<_> = telling.collect();
    if shown.is_empty() {
        shown = names.iter().take(FRAMES).map(String::as_str).collect();
    }
    if shown.is_empty() { String::new() } else { format!(" (in {})", shown.join(" < ")) }
}

/// The name of a function as its author wrote it, cut at [`LONGEST_NAME`].
fn frame_name(frame: &FrameInfo) -> String {
    let Some(name) = frame.func_name() else {
        return format!(
            "function {} at {:#x}",
            frame.func_index(),
            frame.module_offset().unwrap_or_default()
        );
    };
    readable(name)
}

fn readable(name: &str) -> String {
    // Demangling can make a name much longer (generic types are written out), and an author chooses its length; so it
    // is cut while it is written.
    let mut bounded = Bounded(String::new());
    let written = match rustc_demangle::try_demangle(name) {
        Ok(demangled) => write!(bounded, "{demangled:#}"),
        Err(_) => bounded.write_str(name),
    };
    if written.is_err() {
        bounded.0.push('…');
    }
    bounded.0
}

/// A writer that keeps at most [`LONGEST_NAME`] bytes and then fails, which ends the demangling.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = LONGEST_NAME.saturating_sub(self.0.len());
        self.0.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        if text.len() > room { Err(fmt::Error) } else { Ok(()) }
    }
}

/// Whether a function belongs to the machinery that every panic goes through.
fn carries_a_panic(name: &str) -> bool {
    let beginnings = [
        "std::panicking::",
        "core::panicking::",
        "core::option::",
        "core::result::",
        "std::sys::",
        "std::process::abort",
        "panic_abort::",
        "__rust",
    ];
    beginnings.iter().any(|beginning| name.starts_with(beginning)) || ["abort", "rust_panic"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_bounded() {
        for (name, expected) in [
            ("_ZN7example6behave5panic17h0123456789abcdefE", "example::behave::panic"),
            ("petrel:pack/action#run", "petrel:pack/action#run"),
            ("main.run", "main.run"),
        ] {
            assert_eq!(readable(name), expected);
        }
        let long = readable(&"x".repeat(10_000));
        assert!(long.ends_with('…') && long.len() == LONGEST_NAME + '…'.len_utf8(), "{long}");
        assert!(carries_a_panic("core::panicking::panic_fmt") && !carries_a_panic("example::panicking::run"));
    }
}
