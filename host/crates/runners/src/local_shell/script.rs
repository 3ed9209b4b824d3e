//! The runner `local-shell-script`: runs a file below `actions/` of the pack, with arguments made from the parameters
//! of the action (`arguments.rs` beside this file). Start and end are as for a command line.
//!
//! The file itself is started, so it must be executable and name its interpreter in the first line. Problems with it
//! are looked for before the start, since the system's own messages mislead.

use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rustix::fs::OFlags;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::arguments::{Signature, arguments};
use super::{Options, carry_out, common_parameters, identity, with_nul};
use crate::call_parameters::CallParameters;
use crate::output::OutputSink;
use crate::process::{self, Spec};
use crate::{Call, Outcome, Runner, RunnerType, Slots, entry_point};

/// Runs files of packs.
#[derive(Debug)]
pub struct LocalScript {
    runner_type: RunnerType,
    /// The shell for scripts that run under another identity.
    shell: String,
    options: Options,
}

impl LocalScript {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        let mut parameters = common_parameters("script");
        parameters.insert(
            "debug".into(),
            json!({"type": "boolean", "default": false, "required": false,
                "description": "Tell the script, by ST2_ACTION_DEBUG, to say more"}),
        );
        Self {
            runner_type: RunnerType {
                name: "local-shell-script",
                description: "Runs a file of the pack on this machine",
                parameters,
            },
            shell: options.shell(),
            options,
        }
    }

    fn spec(&self, call: &Call, script: &Script) -> Result<Spec, Outcome> {
        let nul = with_nul(call);
        if !nul.is_empty() {
            return Err(Outcome::failed(
                "parameters.nul",
                format!(
                    "{} has a NUL character in {}, and no argument can hold one",
                    call.action.reference,
                    nul.join(", ")
                ),
                "remove it, or pass the value in a file",
            ));
        }
        let given = CallParameters(&call.parameters);
        let signature = Signature {
            action: &call.action.parameters,
            runner: &self.runner_type.parameters,
            // An empty prefix is meant as such, so it does not fall back to the default.
            kwarg_op: call.parameters.get("kwarg_op").and_then(|value| value.as_str()).unwrap_or("--"),
        };
        let mut arguments = arguments(&call.parameters, signature);
        let mut program = script.path.display().to_string();
        if let Some(interpreter) = script.stand_in {
            arguments.insert(0, std::mem::replace(&mut program, interpreter.to_owned()));
        }
        let identity = self.options.identity(given);
        let words = identity::of_program(&program, &arguments, identity, &self.shell);
        self.options.spec(call, words, identity.input())
    }
}

#[async_trait]
impl Runner for LocalScript {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Process
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let checked = match entry_point::find(&call, &self.options.upkeep).await {
            Ok(script) => look_in_turn(script, &cancel).await,
            Err(outcome) => Err(outcome),
        };
        match checked.and_then(|script| self.spec(&call, &script)) {
            Ok(spec) => carry_out(&call, spec, self.options.decode_scalars, &output, &cancel).await,
            Err(outcome) => outcome,
        }
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

/// Bytes of a file that are read to find its first line.
const FIRST_LINE: usize = 256;
/// Pause between attempts to read a file while this process may open no more, and the longest wait for that.
const NEXT_TRY: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The Python of StackStorm's own installation, which scripts of its packs name. Where it is missing, [`STAND_IN`] runs
/// them.
const PYTHON_OF_STACKSTORM: &str = "/opt/stackstorm/st2/bin/python";
const STAND_IN: &str = "python3";

/// A file that can be started.
#[derive(Debug)]
struct Script {
    path: PathBuf,
    /// The interpreter that replaces the one in the first line.
    stand_in: Option<&'static str>,
}

/// Checks whether a file can be started. While this process may open no more files it waits for its turn, unless it is
/// canceled.
async fn look_in_turn(mut path: PathBuf, cancel: &CancellationToken) -> Result<Script, Outcome> {
    let mut left = LONGEST_WAIT;
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let start = start_of(&path);
            let waits = !left.is_zero() && start.as_ref().is_err_and(process::is_exhausted);
            if waits { Err(path) } else { Ok(look_at(path, start)) }
        });
        path = match looked.await {
            Ok(Ok(script)) => {
                return script.map_err(|(code, message, hint)| Outcome::failed(code, message, hint));
            }
            Ok(Err(path)) => path,
            Err(error) => return Err(Outcome::failed("script.check", error.to_string(), "try again")),
        };
        tokio::select! {
            () = tokio::time::sleep(NEXT_TRY) => left = left.saturating_sub(NEXT_TRY),
            // The next look is then the last one.
            () = cancel.cancelled() => left = Duration::ZERO,
        }
    }
}

/// The permissions of a file, and its first bytes.
fn start_of(path: &Path) -> io::Result<(u32, Vec<u8>)> {
    // Non-blocking, in case the file is a FIFO.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mode = file.metadata()?.permissions().mode();
    let mut start = Vec::new();
    file.take(FIRST_LINE as u64).read_to_end(&mut start)?;
    Ok((mode, start))
}

/// Checks whether a file can be started that begins so. The error is a code, a message and a hint.
fn look_at(
    path: PathBuf,
    start: io::Result<(u32, Vec<u8>)>,
) -> Result<Script, (&'static str, String, String)> {
    let name = path.display();
    match start {
        Err(error) if process::is_exhausted(&error) => Err((
            "script.unreadable",
            format!("the script {name} cannot be read: {error}, for as long as it could wait"),
            "let the host open more files (LimitNOFILE= of systemd), or run fewer at once".into(),
        )),
        Err(error) => Err((
            "script.unreadable",
            format!("the script {name} cannot be read: {error}"),
            format!("make it readable for the user of the host, as in: chmod +rx {name}"),
        )),
        Ok((mode, _)) if mode & 0o111 == 0 => Err((
            "script.not_executable",
            format!("the script {name} has no run bit"),
            format!("set it: chmod +x {name}"),
        )),
        Ok((_, start)) => match interpreter(&start) {
            Interpreter::None => Err((
                "script.interpreter",
                format!("the script {name} does not say what interprets it"),
                "begin it with a line such as #!/bin/sh".into(),
            )),
            Interpreter::Named(program) if program.ends_with('\r') => Err((
                "script.interpreter",
                format!("the first line of the script {name} ends as on Windows"),
                format!("write it with plain line ends, as in: sed -i 's/\\r$//' {name}"),
            )),
            Interpreter::Named(program) if !Path::new(&program).exists() => {
                if program.starts_with(PYTHON_OF_STACKSTORM) {
                    return Ok(Script { path, stand_in: Some(STAND_IN) });
                }
                Err((
                    "script.interpreter",
                    format!("the script {name} is to be interpreted by {program}, which does not exist"),
                    "install it, or correct the first line".into(),
                ))
            }
            Interpreter::Named(_) | Interpreter::Machine => Ok(Script { path, stand_in: None }),
        },
    }
}

/// The interpreter of a file.
#[derive(Debug, PartialEq, Eq)]
enum Interpreter {
    /// None: the first line does not name one.
    None,
    /// The program that the first line names.
    Named(String),
    /// The kernel: the file is machine code.
    Machine,
}

/// The interpreter, from the first bytes of a file.
fn interpreter(start: &[u8]) -> Interpreter {
    if start.starts_with(b"\x7fELF") {
        return Interpreter::Machine;
    }
    let line = start.strip_prefix(b"#!").map(|rest| rest.split(|byte| *byte == b'\n').next().unwrap_or(rest));
    let line = line.map(String::from_utf8_lossy).unwrap_or_default();
    match line.trim_start_matches([' ', '\t']).split([' ', '\t']).next() {
        None | Some("" | "\r") => Interpreter::None,
        Some(path) => Interpreter::Named(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python3_stands_in_for_the_python_of_stackstorm() {
        let directory = tempfile::tempdir().unwrap();
        for (start, stand_in) in [
            ("#!/opt/stackstorm/st2/bin/python\n", Some("python3")),
            ("#!/opt/stackstorm/st2/bin/python3 -u\n", Some("python3")),
            ("#!/bin/sh\n", None),
        ] {
            let path = directory.path().join("script");
            std::fs::write(&path, start).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            let begun = start_of(&path);
            assert_eq!(look_at(path, begun).unwrap().stand_in, stand_in, "{start}");
        }
    }

    #[test]
    fn the_first_line_says_what_runs_a_script() {
        let named = |path: &str| Interpreter::Named(path.into());
        for (start, expected) in [
            ("#!/bin/sh\necho", named("/bin/sh")),
            ("#! /usr/bin/env bash -e\n", named("/usr/bin/env")),
            ("#!/bin/sh\r\necho", named("/bin/sh\r")),
            ("#!/bin/sh", named("/bin/sh")),
            ("#!\n", Interpreter::None),
            ("echo hello\n", Interpreter::None),
            ("", Interpreter::None),
            ("\x7fELF...", Interpreter::Machine),
        ] {
            assert_eq!(interpreter(start.as_bytes()), expected, "{start:?}");
        }
    }
}
