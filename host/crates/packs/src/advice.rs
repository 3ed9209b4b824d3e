//! Advice on packs that can be registered as they are: secrets that would be visible, scripts that would not start,
//! imports and services that Petrel does not provide, keys that no schema declares. [`crate::read`] finds problems that must be corrected.

use std::path::Path;

use petrel_model::Action;
use petrel_model::parameters::{Parameters, Schema};

use crate::problem::short;
use crate::source::Source;

mod config_keys;
mod imports;
mod services;

/// Runners that pass parameters to a script as its arguments.
const SCRIPT_RUNNERS: [&str; 2] = ["local-shell-script", "remote-shell-script"];

/// Secrets that the runner of scripts on other hosts takes itself.
const OWN_SECRETS: [&str; 4] = ["password", "passphrase", "private_key", "sudo_password"];

/// Runners that run a command line instead of a file.
const COMMAND_RUNNERS: [&str; 2] = ["local-shell-cmd", "remote-shell-cmd"];

/// Runners whose own parameter `timeout` limits the duration of an action. With other runners, a parameter of that name
/// is the author's.
const TIMED_RUNNERS: [&str; 7] = [
    "http-request",
    "local-shell-cmd",
    "local-shell-script",
    "python-script",
    "remote-shell-cmd",
    "remote-shell-script",
    "wasm-component",
];

/// The Python of StackStorm's own installation, which scripts of its packs name. Where it is missing, the host runs
/// them with `python3`.
const PYTHON_OF_STACKSTORM: &str = "/opt/stackstorm/st2/bin/python";

/// Advice on an action, one sentence each, prefixed with its metadata file.
pub(crate) fn on_action(file: &str, action: &Action, source: &dyn Source) -> Vec<String> {
    let mut advice = by_runner(file, action, source);
    advice.extend(without_time(file, action));
    advice
}

/// Advice on an action whose own default leaves it no time, which its runner refuses.
fn without_time(file: &str, action: &Action) -> Option<String> {
    let seconds = Schema::named(&action.parameters, "timeout").and_then(Schema::default)?.as_f64()?;
    (TIMED_RUNNERS.contains(&action.runner_type.as_str()) && seconds <= 0.0).then(|| {
        format!(
            "{file}: the default of timeout is {seconds}, with which the action fails at once; give it a number of seconds \
             above 0"
        )
    })
}

fn by_runner(file: &str, action: &Action, source: &dyn Source) -> Vec<String> {
    if COMMAND_RUNNERS.contains(&action.runner_type.as_str()) {
        return without_command(file, action).into_iter().collect();
    }
    if !SCRIPT_RUNNERS.contains(&action.runner_type.as_str()) {
        return Vec::new();
    }
    let secrets = action.parameters.iter().filter(|(name, schema)| {
        // The runner's own secrets are on no command line.
        let is_of_runner = match action.runner_type.as_str() {
            "remote-shell-script" => OWN_SECRETS.contains(&name.as_str()),
            _ => *name == "sudo_password",
        };
        !is_of_runner && Schema::of(schema).is_secret()
    });
    let secrets = secrets.map(|(name, _)| {
        format!(
            "{file}: the secret parameter {name} becomes an argument of the script, which everybody on the machine \
             can read; make it an action of python-script, or hand it over in env"
        )
    });
    let script = format!("actions/{}", action.entry_point);
    if source.length(&script).is_err() {
        // A missing script has been reported as a problem.
        return secrets.collect();
    }
    let start = source.start(&script).unwrap_or_default();
    let interpreter = on_interpreter(&script, &start).map(|advice| format!("{file}: {advice}"));
    let run_bit = (!source.is_executable(&script))
        .then(|| format!("{file}: {script} has no run bit; set it: chmod +x {script}"));
    secrets.chain(interpreter).chain(run_bit).collect()
}

/// Advice on all actions of a pack together, one sentence each. `config_schema` is that of its configuration.
pub(crate) fn on_actions<'a>(
    actions: impl Iterator<Item = &'a Action>,
    source: &dyn Source,
    config_schema: Option<&Parameters>,
) -> Vec<String> {
    services::on_files(actions, source, config_schema)
}

/// Advice on an action that names a file and gives no command line.
fn without_command(file: &str, action: &Action) -> Option<String> {
    let command = Schema::named(&action.parameters, "cmd").and_then(Schema::default);
    let is_missing = !action.entry_point.is_empty() && command.is_none_or(serde_json::Value::is_null);
    is_missing.then(|| {
        format!(
            "{file}: a {0} runs its parameter cmd and not {1}, so it fails whenever no cmd is given; give cmd a default, or \
             make it an action of {2}",
            action.runner_type,
            short(&action.entry_point),
            action.runner_type.replace("-cmd", "-script")
        )
    })
}

/// Advice on the interpreter of a script with this beginning.
fn on_interpreter(script: &str, start: &[u8]) -> Option<String> {
    if start.starts_with(b"\x7fELF") {
        return None;
    }
    let line = start.strip_prefix(b"#!").and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let line = String::from_utf8_lossy(line.unwrap_or_default()).into_owned();
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let Some(program) = words.next().filter(|program| *program != "\r") else {
        return Some(format!(
            "{script} does not say what interprets it; begin it with a line such as #!/bin/sh"
        ));
    };
    if line.ends_with('\r') {
        let remedy = format!("write it with plain line ends, as in: sed -i 's/\\r$//' {script}");
        return Some(format!("the first line of {script} ends as on Windows; {remedy}"));
    }
    if !Path::new(program).exists() {
        if program.starts_with(PYTHON_OF_STACKSTORM) {
            return not_a_command(script, "python3");
        }
        return Some(format!(
            "{script} is to be interpreted by {program}, which is not on this machine; install it, or correct the \
             first line"
        ));
    }
    // After `env`, options and variables before the command are skipped.
    let is_env = program.rsplit('/').next() == Some("env");
    let command = words.find(|word| !word.starts_with('-') && !word.contains('=')).filter(|_| is_env)?;
    not_a_command(script, command)
}

/// Advice if this machine has no command with this name.
fn not_a_command(script: &str, command: &str) -> Option<String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&folders).any(|folder| folder.join(command).is_file());
    (!is_there).then(|| {
        format!(
            "{script} is to be interpreted by {command}, which is not among the commands of this machine; install it, \
             or correct the first line"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_whose_interpreter_is_missing_is_told() {
        for (start, says) in [
            ("#!/bin/sh\n", None),
            ("#! /bin/sh -e\n", None),
            ("#!/usr/bin/env sh\n", None),
            ("#!/usr/bin/env -S sh -e\n", None),
            ("\x7fELF...", None),
            ("echo\n", Some("begin it with a line such as #!/bin/sh")),
            ("#!\n", Some("begin it with a line such as #!/bin/sh")),
            ("#!/bin/sh\r\n", Some("ends as on Windows")),
            ("#!/nowhere/zsh\n", Some("interpreted by /nowhere/zsh, which is not on this machine")),
            ("#!/usr/bin/env no-such-shell\n", Some("interpreted by no-such-shell, which is not among")),
            ("#!/opt/stackstorm/st2/bin/python\n", None),
        ] {
            let advice = on_interpreter("actions/a.sh", start.as_bytes());
            match says {
                None => assert_eq!(advice, None, "{start:?}"),
                Some(says) => assert!(advice.is_some_and(|advice| advice.contains(says)), "{start:?}"),
            }
        }
    }
}
