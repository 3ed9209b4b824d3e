//! The result of a call in StackStorm's shape: for each host `{failed, succeeded, return_code, stdout, stderr}`. A command that
//! took too long has `timeout: true` and the code -9; a host on which nothing could be run has `error`, `code` and `hint` and
//! the code 255. Pure functions.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use petrel_model::Object;
use serde_json::Value;

use crate::local_shell::exit::decoded;
use crate::output::OutputSink;
use crate::process::{Exit, Finished};
use crate::{End, Outcome};

use super::program::{NOT_BEGUN, OWN};
use super::trouble::Trouble;

/// The part of the result of one host.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The name of the part.
    pub(super) label: String,
    /// How it ended there.
    pub(super) end: End,
    /// What is told of it.
    pub(super) result: Object,
}

/// The reason why a command was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It took longer than this.
    TimedOut(Duration),
    /// On request.
    Canceled,
}

impl Ended {
    /// The part of a host where it was ended. `is_certain` says whether it is known that nothing runs there any more.
    pub(super) fn part(
        self,
        label: &str,
        finished: Option<Finished>,
        is_certain: bool,
        output: &OutputSink,
    ) -> Part {
        let (end, mut error) = match self {
            Self::TimedOut(limit) => {
                let seconds = limit.as_secs_f64();
                (End::TimedOut, format!("the command on {label} did not end within {seconds} seconds"))
            }
            Self::Canceled => (End::Canceled, format!("the command on {label} was ended on request")),
        };
        if !is_certain {
            error.push_str("; the connection did not tell that it has ended there");
        }
        let mut result = begun(end, -9);
        result.insert("timeout".into(), (end == End::TimedOut).into());
        outputs(&mut result, finished, true, output);
        result.insert("error".into(), error.into());
        Part { label: label.to_owned(), end, result }
    }
}

impl Part {
    /// The part of a host on which the command has ended by itself.
    pub(super) fn of(label: &str, finished: Finished, decode_scalars: bool, output: &OutputSink) -> Self {
        let code = match &finished.exit {
            Exit::Ended(status) => status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)),
            Exit::Unknown | Exit::TimedOut | Exit::Canceled => -9,
        };
        let end = if code == 0 { End::Succeeded } else { End::Failed };
        let own = explanation(code, &finished.stderr.bytes, label);
        let mut result = begun(end, code);
        outputs(&mut result, Some(finished), decode_scalars, output);
        if let Some(error) = own.or_else(|| output.shortfall()) {
            result.insert("error".into(), error.into());
        }
        Self { label: label.to_owned(), end, result }
    }

    /// The part of a host on which nothing could be run, or to which the connection was lost.
    pub(super) fn troubled(
        label: &str,
        trouble: Trouble,
        finished: Option<Finished>,
        output: &OutputSink,
    ) -> Self {
        let mut result = begun(End::Failed, NOT_BEGUN);
        result.insert("timeout".into(), false.into());
        outputs(&mut result, finished, true, output);
        for (name, value) in
            [("error", trouble.error), ("code", trouble.code.to_owned()), ("hint", trouble.hint)]
        {
            result.insert(name.into(), value.into());
        }
        Self { label: label.to_owned(), end: End::Failed, result }
    }
}

/// What is told beside the output of a command with this exit code, if its errors end with what is known.
fn explanation(code: i32, stderr: &[u8], label: &str) -> Option<String> {
    let said = String::from_utf8_lossy(stderr);
    let last = said.lines().last()?;
    if code == NOT_BEGUN {
        return last.strip_prefix(OWN).map(|own| format!("{own} to {label}"));
    }
    // StackStorm looks for it, too.
    let is_refused = code == 1 && last.starts_with("sudo: ") && last.contains("incorrect password attempt");
    is_refused.then(|| format!("sudo on {label} does not take the password; correct sudo_password"))
}

fn begun(end: End, code: i32) -> Object {
    let mut result = Object::new();
    result.insert("failed".into(), (end != End::Succeeded).into());
    result.insert("succeeded".into(), (end == End::Succeeded).into());
    result.insert("return_code".into(), code.into());
    result
}

fn outputs(result: &mut Object, finished: Option<Finished>, decode_scalars: bool, output: &OutputSink) {
    let (stdout, stderr) =
        finished.map_or_else(Default::default, |finished| (finished.stdout, finished.stderr));
    result.insert("stdout".into(), decoded(stdout, decode_scalars, output));
    result.insert("stderr".into(), decoded(stderr, decode_scalars, output));
}

/// The outcome of a call from its parts, as in StackStorm: it succeeds if all hosts do, or any if `is_partial`; it has timed
/// out if nothing succeeded and all have.
pub(super) fn outcome(parts: Vec<Part>, is_partial: bool) -> Outcome {
    let all = |end| parts.iter().all(|part| part.end == end);
    let any = |end| parts.iter().any(|part| part.end == end);
    let end = if any(End::Canceled) {
        End::Canceled
    } else if all(End::Succeeded) || is_partial && any(End::Succeeded) {
        End::Succeeded
    } else if all(End::TimedOut) {
        End::TimedOut
    } else {
        End::Failed
    };
    let mut result = Object::new();
    for part in parts {
        result.insert(part.label, Value::Object(part.result));
    }
    Outcome { end, result: Value::Object(result) }
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use serde_json::json;

    use super::*;
    use crate::process::Captured;

    fn finished(status: i32, stdout: &str, stderr: &str) -> Finished {
        let captured = |text: &str| Captured { bytes: text.into(), ..Captured::default() };
        Finished {
            exit: Exit::Ended(ExitStatus::from_raw(status)),
            stdout: captured(stdout),
            stderr: captured(stderr),
            answer: Captured::default(),
        }
    }

    #[test]
    fn each_host_has_stackstorms_shape() {
        let sink = OutputSink::new(1000);
        let trouble = Trouble::new("ssh.unreachable", "web1 refuses the connection", "start sshd there");
        for (part, expected) in [
            (
                Part::of("web1", finished(0, "{\"a\": 1}\n", ""), true, &sink),
                json!({"failed": false, "succeeded": true, "return_code": 0, "stdout": {"a": 1}, "stderr": ""}),
            ),
            (
                Part::of("web1", finished(3 << 8, "x\n", "y\n"), true, &sink),
                json!({"failed": true, "succeeded": false, "return_code": 3, "stdout": "x", "stderr": "y"}),
            ),
            (
                Part::of(
                    "web1",
                    finished(255 << 8, "", "mkdir: no\npetrel: the script could not be copied\n"),
                    true,
                    &sink,
                ),
                json!({"failed": true, "succeeded": false, "return_code": 255, "stdout": "",
                    "stderr": "mkdir: no\npetrel: the script could not be copied",
                    "error": "the script could not be copied to web1"}),
            ),
            (
                Part::of(
                    "web1",
                    finished(1 << 8, "", "Sorry.\nsudo: 1 incorrect password attempt\n"),
                    true,
                    &sink,
                ),
                json!({"failed": true, "succeeded": false, "return_code": 1, "stdout": "",
                    "stderr": "Sorry.\nsudo: 1 incorrect password attempt",
                    "error": "sudo on web1 does not take the password; correct sudo_password"}),
            ),
            (
                Part::troubled("web1", trouble, None, &sink),
                json!({"failed": true, "succeeded": false, "return_code": 255, "timeout": false, "stdout": "", "stderr": "",
                    "error": "web1 refuses the connection", "code": "ssh.unreachable", "hint": "start sshd there"}),
            ),
            (
                Ended::TimedOut(Duration::from_secs(2)).part(
                    "web1",
                    Some(finished(9, "x\n", "")),
                    true,
                    &sink,
                ),
                json!({"failed": true, "succeeded": false, "return_code": -9, "timeout": true, "stdout": "x", "stderr": "",
                    "error": "the command on web1 did not end within 2 seconds"}),
            ),
            (
                Ended::Canceled.part("web1", None, false, &sink),
                json!({"failed": true, "succeeded": false, "return_code": -9, "timeout": false, "stdout": "", "stderr": "",
                    "error": "the command on web1 was ended on request; the connection did not tell that it has ended there"}),
            ),
        ] {
            assert_eq!(Value::Object(part.result), expected);
        }
    }

    #[test]
    fn all_hosts_make_the_outcome() {
        use End::{Canceled, Failed, Succeeded, TimedOut};
        for (ends, is_partial, expected) in [
            (&[Succeeded, Succeeded][..], false, Succeeded),
            (&[Succeeded, Failed], false, Failed),
            (&[Succeeded, Failed], true, Succeeded),
            (&[Failed, TimedOut], true, Failed),
            (&[TimedOut, TimedOut], false, TimedOut),
            (&[Succeeded, TimedOut], false, Failed),
            (&[Succeeded, Canceled], true, Canceled),
        ] {
            let part =
                |(n, end): (usize, &End)| Part { label: n.to_string(), end: *end, result: Object::new() };
            let outcome = outcome(ends.iter().enumerate().map(part).collect(), is_partial);
            assert_eq!(outcome.end, expected, "{ends:?} {is_partial}");
            assert_eq!(outcome.result.as_object().map(Object::len), Some(ends.len()));
        }
    }
}
