//! The outcome of a shell command from the exit of its process, in StackStorm's shape:
//! `{failed, succeeded, return_code, stdout, stderr}`, with `error` if nothing else explains a failure, or if a part of
//! the output is missing for lack of shared memory.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use petrel_model::Object;
use serde_json::Value;

use crate::output::{OutputSink, Stream};
use crate::process::{Captured, Exit, Finished};
use crate::{End, Outcome};

/// The outcome of a command or a script. `decode_scalars` is as in [`Options`](super::Options).
pub(crate) fn outcome(
    finished: Finished,
    limit: Duration,
    decode_scalars: bool,
    output: &OutputSink,
) -> Outcome {
    let (end, return_code, error) = meaning(&finished.exit, limit);
    note_cuts(&finished, output);
    // Inserted one by one, since `json!` would copy values that may be large.
    let mut result = Object::new();
    result.insert("failed".into(), (end != End::Succeeded).into());
    result.insert("succeeded".into(), (end == End::Succeeded).into());
    result.insert("return_code".into(), return_code.into());
    result.insert("stdout".into(), decoded(finished.stdout, decode_scalars, output));
    result.insert("stderr".into(), decoded(finished.stderr, decode_scalars, output));
    if let Some(error) = error.or_else(|| output.shortfall()) {
        result.insert("error".into(), error.into());
    }
    Outcome { end, result: Value::Object(result) }
}

/// The end, the exit code, and an explanation if the code gives none. A process that a signal ended has the negative
/// number of the signal as its code.
pub(crate) fn meaning(exit: &Exit, limit: Duration) -> (End, i32, Option<String>) {
    match exit {
        Exit::Ended(status) => ended(*status),
        // Its outcome is told only where somebody else knows it.
        Exit::Unknown => (
            End::Abandoned,
            -9,
            Some("the interpreter that it was forked from was ended from outside, so nobody knows how far it got".into()),
        ),
        Exit::TimedOut => {
            let seconds = limit.as_secs_f64();
            // StackStorm's words and code.
            (End::TimedOut, -9, Some(format!("Action failed to complete in {seconds} seconds")))
        }
        Exit::Canceled => (End::Canceled, -9, Some("the command was ended on request".into())),
    }
}

fn ended(status: ExitStatus) -> (End, i32, Option<String>) {
    match (status.code(), status.signal()) {
        (Some(0), _) => (End::Succeeded, 0, None),
        (Some(code), _) => (End::Failed, code, None),
        // In StackStorm a command that SIGTERM has ended is abandoned.
        (None, Some(15)) => {
            (End::Abandoned, -15, Some("the command was ended from outside by signal 15".into()))
        }
        (None, signal) => {
            let signal = signal.unwrap_or(0);
            (End::Failed, -signal, Some(format!("the command was ended from outside by signal {signal}")))
        }
    }
}

/// Adds a remark to the output about parts that are missing in the result.
pub(crate) fn note_cuts(finished: &Finished, output: &OutputSink) {
    for (name, captured) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
        if captured.dropped > 0 {
            let mut text = format!("{name} was cut: {} more bytes were dropped", captured.dropped);
            if captured.is_crowded_out {
                text = format!("{text}: {}", output.refusal());
            }
            output.line(Stream::Output, text);
        }
    }
}

/// The text without its last line end, decoded if it is JSON, as StackStorm does. A text that was cut says so.
pub(crate) fn decoded(captured: Captured, decode_scalars: bool, output: &OutputSink) -> Value {
    let is_cut = captured.dropped > 0;
    let mut text = captured.text();
    if is_cut {
        return Value::from(text);
    }
    if text.ends_with('\n') {
        text.pop();
    }
    if !decode_scalars && !text.trim_start().starts_with(['[', '{']) {
        return Value::from(text);
    }
    output.parse(&text).unwrap_or_else(|| Value::from(text))
}
