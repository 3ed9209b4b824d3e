//! The runners for this machine's shell, as in StackStorm: `local-shell-cmd` runs a command line ([`LocalShell`], in
//! this file), `local-shell-script` runs a file of the pack ([`LocalScript`], in `script.rs`).
//!
//! Both take `cwd`, `env`, `timeout` (seconds, 60), `sudo`, `sudo_password` and `kwarg_op`, and return
//! `{failed, succeeded, return_code, stdout, stderr}`. Output that is JSON is decoded, and one trailing line end is
//! removed. A command line is run by bash, or by sh where there is no bash. [`arguments`] and [`identity`] decide which
//! words are started; [`crate::process`] starts and ends the process.

use std::path::PathBuf;

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::call_parameters::{CallParameters, environment};
use crate::output::OutputSink;
use crate::process::{self, Input, Spec};
use crate::{Call, Outcome, Runner, RunnerType, Slots, Upkeep, program};

pub mod arguments;
pub(crate) mod exit;
pub mod identity;
mod script;

pub use script::LocalScript;

use identity::Identity;

/// Default timeout of a command, in seconds.
const TIMEOUT: f64 = 60.0;

/// Settings of the runners for this machine's shell.
#[derive(Debug, Clone)]
pub struct Options {
    /// Environment of every process, before the additions of the call.
    pub environment: Vec<(String, String)>,
    /// Directory in which a process starts if the call names none.
    pub working_directory: PathBuf,
    /// The address of the API, for scripts that call back.
    pub api_url: String,
    /// Bytes of each stream that are kept for the result, as stored.
    pub output_limit: usize,
    /// The user for commands that do not ask for root. Default: the user of the host itself.
    pub run_as: Option<String>,
    /// Whether output is decoded if it is a JSON scalar (a number, `true`, a text in quotes), as StackStorm does.
    /// Objects and arrays are always decoded.
    pub decode_scalars: bool,
    /// Lays out files of the host that are missing.
    pub upkeep: Upkeep,
}

impl Options {
    /// The path of the shell for command lines: bash, as in StackStorm, or sh where there is none.
    fn shell(&self) -> String {
        first(&["bash", "/bin/bash"], program::folders(&self.environment))
    }

    /// The identity that a call runs under.
    fn identity<'a>(&'a self, given: CallParameters<'a>) -> Identity<'a> {
        match (&self.run_as, given.flag("sudo")) {
            (_, true) => Identity::Root { password: given.text("sudo_password") },
            (Some(user), false) => Identity::User(user),
            (None, false) => Identity::Own,
        }
    }

    /// The process to start for a call whose command consists of `words`.
    ///
    /// # Errors
    /// The outcome of a call whose timeout leaves no time.
    fn spec(&self, call: &Call, words: Vec<String>, input: Vec<u8>) -> Result<Spec, Outcome> {
        let given = CallParameters(&call.parameters);
        let mut words = words.into_iter().map(Into::into);
        Ok(Spec {
            execution: call.execution_id.to_string(),
            program: words.next().unwrap_or_default(),
            arguments: words.collect(),
            environment: environment(call, &self.environment, &self.api_url).into_iter().collect(),
            working_directory: given
                .text("cwd")
                .map_or_else(|| self.working_directory.clone(), PathBuf::from),
            input: Input::Bytes(input),
            timeout: given.timeout(TIMEOUT)?,
            output_limit: self.output_limit,
            upkeep: self.upkeep.clone(),
        })
    }
}

/// The path of the first of `shells`, names in `folders` or paths, that is a program; of sh if none is.
fn first(shells: &[&str], folders: &str) -> String {
    let found = shells.iter().find_map(|shell| program::find(shell, folders));
    found.map_or_else(|| "/bin/sh".to_owned(), |shell| shell.display().to_string())
}

/// The parameters that both runners take. `what` is "command" or "script".
fn common_parameters(what: &str) -> Parameters {
    let parameters = json!({
        "cwd": {"type": "string", "description": format!("Where the {what} starts")},
        "env": {"type": "object", "description": "Variables to add to the environment"},
        "kwarg_op": {"type": "string", "default": "--", "description": "What stands before a named argument"},
        "sudo": {"type": "boolean", "default": false, "description": format!("Run the {what} as root, by sudo")},
        "sudo_password": {"type": "string", "default": null, "secret": true, "required": false,
            "description": "The password for sudo; it travels by standard input"},
        "timeout": {"type": "integer", "default": 60, "description": format!("Seconds that the {what} may take")},
    });
    parameters.as_object().cloned().unwrap_or_default()
}

/// Runs command lines.
#[derive(Debug)]
pub struct LocalShell {
    runner_type: RunnerType,
    shell: String,
    options: Options,
}

impl LocalShell {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        let mut parameters = Parameters::new();
        parameters.insert("cmd".into(), json!({"type": "string", "description": "The command line"}));
        parameters.extend(common_parameters("command"));
        Self {
            runner_type: RunnerType {
                name: "local-shell-cmd",
                description: "Runs a command line on this machine",
                parameters,
            },
            shell: options.shell(),
            options,
        }
    }

    fn spec(&self, call: &Call) -> Result<Spec, Outcome> {
        let given = CallParameters(&call.parameters);
        let command = given.text("cmd").ok_or_else(|| {
            Outcome::failed(
                "parameters.cmd",
                format!("{} has no command to run", call.action.reference),
                "give the parameter cmd",
            )
        })?;
        let identity = self.options.identity(given);
        self.options.spec(call, identity::of_line(command, identity, &self.shell), identity.input())
    }
}

#[async_trait]
impl Runner for LocalShell {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Process
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        match self.spec(&call) {
            Ok(spec) => carry_out(&call, spec, self.options.decode_scalars, &output, &cancel).await,
            Err(outcome) => outcome,
        }
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

/// Starts the process, waits for its end, and turns that into an outcome.
async fn carry_out(
    call: &Call,
    spec: Spec,
    decode_scalars: bool,
    output: &OutputSink,
    cancel: &CancellationToken,
) -> Outcome {
    let (program, directory, limit) = (spec.program.clone(), spec.working_directory.clone(), spec.timeout);
    match process::run(spec, output, cancel).await {
        Ok(finished) => exit::outcome(finished, limit, decode_scalars, output),
        Err(error) => process::not_started(&call.action.reference, &program, &directory, &error),
    }
}

/// The names of parameters that contain a NUL character, which neither a command line nor an environment can hold.
pub(crate) fn with_nul(call: &Call) -> Vec<&str> {
    fn has_nul(value: &Value) -> bool {
        match value {
            Value::String(text) => text.contains('\0'),
            Value::Array(items) => items.iter().any(has_nul),
            Value::Object(object) => object.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
            _ => false,
        }
    }
    call.parameters.iter().filter(|(_, value)| has_nul(value)).map(|(name, _)| name.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn sh_runs_command_lines_where_there_is_no_bash() {
        let directory = tempfile::tempdir().unwrap();
        let (bash, other) = (directory.path().join("bash"), directory.path().join("other"));
        for (file, mode) in [(&bash, 0o644), (&other, 0o755)] {
            std::fs::write(file, "#!/bin/sh\n").unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let (folder, other) = (directory.path().to_str().unwrap(), other.to_str().unwrap());
        for (shells, folders, expected) in [
            (&["other", "/no/bash"][..], folder, other),
            (&["other", other], "", other),
            (&["bash", other], folder, other),
            (&["bash", "/no/bash"], folder, "/bin/sh"),
            (&["bash", "/no/bash"], "", "/bin/sh"),
        ] {
            assert_eq!(first(shells, folders), expected, "{shells:?} in {folders:?}");
        }
        let words = identity::of_line("echo ${BASH_VERSION:-none}", Identity::Own, "/bin/sh");
        assert_eq!(words, ["/bin/sh", "-c", "echo ${BASH_VERSION:-none}"]);
    }
}
