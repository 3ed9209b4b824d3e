//! The runner `local-shell-cmd`: a command line for the shell of this machine, as StackStorm's.
//!
//! Parameters: `cmd`, `cwd`, `env`, `timeout` (seconds, 60), `sudo`, `sudo_password`, `kwarg_op`. The
//! result is `{failed, succeeded, return_code, stdout, stderr}`; output that is JSON is decoded, one
//! trailing line end is dropped. How the command is started and ended is [`crate::process`]'s business.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use petrel_model::Object;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::output::{OutputSink, Stream};
use crate::process::{self, Captured, EXECUTION_VARIABLE, Exit, Finished, Spec};
use crate::{Call, End, Outcome, Runner, RunnerType, Slots};

/// How processes are started on this machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// What every process finds in its environment, beside what the call adds.
    pub environment: Vec<(String, String)>,
    /// Where a process starts when the call does not say.
    pub working_directory: PathBuf,
    /// The address of the API, for scripts that call back.
    pub api_url: String,
    /// How many bytes of each stream are kept for the result.
    pub output_limit: usize,
}

/// Runs command lines.
#[derive(Debug)]
pub struct LocalShell {
    runner_type: RunnerType,
    options: Options,
}

impl LocalShell {
    /// A runner that starts processes as `options` say.
    pub fn new(options: Options) -> Self {
        let parameters = json!({
            "cmd": {"type": "string", "description": "The command line"},
            "cwd": {"type": "string", "description": "Where the command starts"},
            "env": {"type": "object", "description": "Variables to add to the environment"},
            "kwarg_op": {"type": "string", "default": "--", "description": "What stands before a named argument"},
            "sudo": {"type": "boolean", "default": false, "description": "Run the command as root, by sudo"},
            "sudo_password": {"type": "string", "default": null, "secret": true, "required": false,
                "description": "The password for sudo; it travels by standard input"},
            "timeout": {"type": "integer", "default": 60, "description": "Seconds that the command may take"},
        });
        Self {
            runner_type: RunnerType {
                name: "local-shell-cmd",
                description: "Runs a command line on this machine",
                parameters: parameters.as_object().cloned().unwrap_or_default(),
                slots: Slots::Process,
            },
            options,
        }
    }

    fn spec(&self, call: &Call) -> Result<Spec, Outcome> {
        let parameters = Given(&call.parameters);
        let command = parameters.text("cmd").ok_or_else(|| {
            Outcome::failed(
                "parameters.cmd",
                format!("{} has no command to run", call.action.reference),
                "give the parameter cmd",
            )
        })?;
        let password = parameters.text("sudo_password");
        // Where sudo asks for no password, the command must not find it in its input.
        let without_input = format!("exec </dev/null\n{command}");
        let (program, arguments) = match (parameters.flag("sudo"), password) {
            (false, _) => ("/bin/sh", vec!["-c", command]),
            (true, None) => ("sudo", vec!["-n", "-E", "--", "bash", "-c", command]),
            (true, Some(_)) => ("sudo", vec!["-S", "-p", "", "-E", "--", "bash", "-c", &without_input]),
        };
        let input = if parameters.flag("sudo") { password.map(|word| format!("{word}\n")) } else { None };
        Ok(Spec {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: self.environment(call, parameters),
            working_directory: parameters
                .text("cwd")
                .map_or_else(|| self.options.working_directory.clone(), PathBuf::from),
            input: input.unwrap_or_default().into_bytes(),
            timeout: parameters.timeout(),
            output_limit: self.options.output_limit,
        })
    }

    fn environment(&self, call: &Call, parameters: Given<'_>) -> Vec<(String, String)> {
        let mut environment: BTreeMap<String, String> = self.options.environment.iter().cloned().collect();
        let execution = call.execution_id.to_string();
        for (name, value) in [
            ("ST2_ACTION_PACK_NAME", call.action.reference.pack()),
            ("ST2_ACTION_EXECUTION_ID", &execution),
            ("ST2_ACTION_API_URL", &self.options.api_url),
            ("ST2_ACTION_DEBUG", "False"),
            (EXECUTION_VARIABLE, &execution),
        ] {
            environment.insert(name.into(), value.to_owned());
        }
        for (name, value) in parameters.0.get("env").and_then(Value::as_object).into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            environment.insert(name.clone(), text);
        }
        environment.into_iter().collect()
    }
}

/// The parameters of a call, read as this runner needs them.
#[derive(Clone, Copy)]
struct Given<'a>(&'a Object);

impl<'a> Given<'a> {
    fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn flag(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// No limit for zero and less, as StackStorm has it.
    fn timeout(self) -> Option<Duration> {
        let seconds = self.0.get("timeout").and_then(Value::as_f64).unwrap_or(60.0);
        (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }
}

#[async_trait]
impl Runner for LocalShell {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let spec = match self.spec(&call) {
            Ok(spec) => spec,
            Err(outcome) => return outcome,
        };
        let (directory, limit) = (spec.working_directory.display().to_string(), spec.timeout);
        match process::run(spec, &output, &cancel).await {
            Ok(finished) => outcome(&finished, limit, &output),
            Err(error) => Outcome::failed(
                "process.start",
                format!("{} could not be started in {directory}: {error}", call.action.reference),
                "check that the working directory exists and that its shell (for sudo: sudo) is installed",
            ),
        }
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

/// What an end means, and the result as StackStorm shapes it.
fn outcome(finished: &Finished, limit: Option<Duration>, output: &OutputSink) -> Outcome {
    let (end, return_code, error) = match &finished.exit {
        Exit::Ended(status) => match (status.code(), status.signal()) {
            (Some(0), _) => (End::Succeeded, 0, None),
            (Some(code), _) => (End::Failed, code, None),
            (None, Some(15)) => {
                (End::Abandoned, -15, Some("the command was ended from outside by signal 15".into()))
            }
            (None, signal) => {
                let signal = signal.unwrap_or(0);
                (End::Failed, -signal, Some(format!("the command was ended from outside by signal {signal}")))
            }
        },
        Exit::TimedOut => {
            let seconds = limit.map_or(0.0, |limit| limit.as_secs_f64());
            (End::TimedOut, -9, Some(format!("Action failed to complete in {seconds} seconds")))
        }
        Exit::Canceled => (End::Canceled, -9, Some("the command was ended on request".into())),
    };
    for (name, captured) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
        if captured.dropped > 0 {
            let text = format!("{name} was cut: {} more bytes were dropped", captured.dropped);
            output.line(Stream::Output, text);
        }
    }
    let mut result = json!({
        "failed": end != End::Succeeded,
        "succeeded": end == End::Succeeded,
        "return_code": return_code,
        "stdout": decoded(&finished.stdout),
        "stderr": decoded(&finished.stderr),
    });
    if let (Some(error), Some(result)) = (error, result.as_object_mut()) {
        result.insert("error".into(), error.into());
    }
    Outcome { end, result }
}

/// Text without its last line end; decoded when it is JSON, as StackStorm does. What was cut says so.
fn decoded(captured: &Captured) -> Value {
    let text = String::from_utf8_lossy(&captured.bytes);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if captured.dropped > 0 {
        return Value::from(format!("{text}\n[cut: {} more bytes were dropped]", captured.dropped));
    }
    serde_json::from_str(text).unwrap_or_else(|_not_json| Value::from(text))
}
