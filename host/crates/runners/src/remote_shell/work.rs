//! The work of a call: what is run on every host, from the parameters.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::call_parameters::{CallParameters, environment};
use crate::local_shell::arguments::{Signature, arguments};
use crate::local_shell::with_nul;
use crate::{Call, Outcome, RunnerType, Upkeep, entry_point};

use super::copied;
use super::program::{Copied, Program, Sudo, Work as What};

/// Default timeout, in seconds.
const TIMEOUT: f64 = 60.0;
/// The longest command line, in bytes. Linux bounds one argument of a process to 128 KiB.
const LONGEST_LINE: usize = 100 << 10;
/// The directory in which a command starts, and that for scripts, as in StackStorm.
const DIRECTORY: &str = "/tmp";

/// The work of a call.
pub(super) struct Work {
    /// The longest duration on one host.
    pub(super) limit: Duration,
    environment: BTreeMap<String, String>,
    cwd: String,
    is_root: bool,
    sudo_password: Option<String>,
    what: Owned,
}

enum Owned {
    Line(String),
    Script { base: String, files: Vec<Copied>, arguments: Vec<String> },
}

impl Work {
    /// The work of a call that runs a command line.
    ///
    /// # Errors
    /// The outcome of a call whose parameters do not fit.
    pub(super) fn of_line(call: &Call, api_url: &str) -> Result<Self, Outcome> {
        let action = &call.action.reference;
        if !call.action.entry_point.is_empty() {
            return Err(Outcome::failed(
                "parameters.entry_point",
                format!("{action} has an entry_point, and its runner, remote-shell-cmd, runs none"),
                "use the runner remote-shell-script, or remove entry_point",
            ));
        }
        let given = CallParameters(&call.parameters);
        let line = given.text("cmd").ok_or_else(|| {
            Outcome::failed(
                "parameters.cmd",
                format!("{action} has no command to run"),
                "give the parameter cmd",
            )
        })?;
        if line.len() > LONGEST_LINE {
            return Err(Outcome::failed(
                "parameters.cmd",
                format!(
                    "the command of {action} is longer than {} KiB, and no shell takes it",
                    LONGEST_LINE >> 10
                ),
                "write it into a script, and use the runner remote-shell-script",
            ));
        }
        Self::of(call, api_url, Owned::Line(line.to_owned()))
    }

    /// The work of a call that runs a file of its pack.
    ///
    /// # Errors
    /// The outcome of a call whose file or whose parameters do not fit.
    pub(super) async fn of_script(
        call: &Call,
        runner_type: &RunnerType,
        (api_url, remote_directory): (&str, &str),
        upkeep: &Upkeep,
    ) -> Result<Self, Outcome> {
        let files = copied::read(entry_point::find(call, upkeep).await?).await?;
        let given = CallParameters(&call.parameters);
        let signature = Signature {
            action: &call.action.parameters,
            runner: &runner_type.parameters,
            // An empty prefix is meant as such, so it does not fall back to the default.
            kwarg_op: call.parameters.get("kwarg_op").and_then(|value| value.as_str()).unwrap_or("--"),
        };
        let arguments = arguments(&call.parameters, signature);
        let base = given.text("dir").unwrap_or(remote_directory).to_owned();
        Self::of(call, api_url, Owned::Script { base, files, arguments })
    }

    fn of(call: &Call, api_url: &str, what: Owned) -> Result<Self, Outcome> {
        let action = &call.action.reference;
        let nul = with_nul(call);
        if !nul.is_empty() {
            let message =
                format!("{action} has a NUL character in {}, and no shell takes one", nul.join(", "));
            return Err(Outcome::failed("parameters.nul", message, "remove it, or pass the value in a file"));
        }
        let given = CallParameters(&call.parameters);
        let environment = environment(call, &[], api_url);
        let is_name = |name: &str| {
            let mut characters = name.chars();
            characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
                && characters.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if let Some(name) = environment.keys().find(|name| !is_name(name)) {
            let message = format!("the variable `{name}` in env has a name that no shell takes");
            return Err(Outcome::failed("parameters.env", message, "use letters, digits and underscores"));
        }
        let sudo_password = given.text("sudo_password").map(str::to_owned);
        if sudo_password.as_deref().is_some_and(|password| password.contains('\n')) {
            let message = "the parameter sudo_password has several lines, and sudo takes one";
            return Err(Outcome::failed("parameters.secret", message, "remove the line end"));
        }
        Ok(Self {
            limit: given.timeout(TIMEOUT)?,
            environment,
            cwd: given.text("cwd").unwrap_or(DIRECTORY).to_owned(),
            is_root: given.flag("sudo"),
            sudo_password,
            what,
        })
    }

    /// The program that does the work and marks what it starts.
    pub(super) fn program(&self, mark: &str) -> String {
        let work = match &self.what {
            Owned::Line(line) => What::Line(line),
            Owned::Script { base, files, arguments } => What::Script { base, files, arguments },
        };
        let sudo = self.is_root.then_some(Sudo { password: self.sudo_password.as_deref() });
        Program { mark, environment: &self.environment, cwd: &self.cwd, sudo, work }.text()
    }
}
