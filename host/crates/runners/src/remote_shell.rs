//! The runners for the shells of other hosts, as in StackStorm: `remote-shell-cmd` runs a command line ([`RemoteShell`]),
//! `remote-shell-script` copies a file of the pack there, runs it and removes it ([`RemoteScript`]). Several hosts work at the
//! same time, and the result has a part for each: `{host: {failed, succeeded, return_code, stdout, stderr}}` (`result.rs`).
//!
//! Connections are made by the system's own `ssh`, a process like any other of the host. The other way is a library such as
//! `russh`, or the crate `openssh`, which is around the same program but knows no passwords. The program was chosen because:
//!
//! - the agent, keys on hardware, certificates, `ssh_config` with all that it can say, and hosts on the way come with it, and
//!   its algorithms are those that the operator's distribution keeps secure, by its updates and not by ours;
//! - it adds no dependency (`russh` 0.65 would add some fifty, and for keys of RSA the crate `rsa`, whose timing is known to
//!   leak: RUSTSEC-2023-0071), and is under the licence and the care of the distribution;
//! - group, limits, marks, output and end of a process are there already (`process.rs`), so a host that is killed leaves
//!   none behind.
//!
//! What is said against it has an answer here. Secrets: keys, passwords and passphrases are files in memory that only ssh
//! and the program that it asks open, so neither `ps` nor a disk has them (`hidden.rs`, `login.rs`). Known hosts: its file is
//! in memory as well and made of the rows of the store (`session.rs`). Cancel: a command is ended there by the end of its
//! input (`program.rs`). Messages: they are apart from the output of the command (`client.rs`, `trouble.rs`).
//!
//! It needs OpenSSH 7.6; before 8.5 some failures are told with less detail.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use petrel_model::parameters::Parameters;
use serde_json::json;
use tokio::sync::{OnceCell, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::call_parameters::CallParameters;
use crate::host_keys::HostKeys;
use crate::output::OutputSink;
use crate::{Call, End, Outcome, Runner, RunnerType, Slots, process, program as programs};

mod client;
mod copied;
mod hidden;
mod hosts;
mod key;
mod login;
mod options;
mod program;
mod result;
mod session;
mod trouble;
mod work;

pub use options::Options;

use client::Way;
use hosts::Host;
use result::{Ended, Part};
use session::Session;
use work::Work;

/// Least bytes of each stream of a host that are kept.
const LEAST_OUTPUT: usize = 64 << 10;

/// The name under which the key of a host is pinned that is written so.
///
/// # Errors
/// The reason why it is no host, as the end of a sentence that begins with the text.
pub fn pin_of(host: &str) -> Result<String, String> {
    Host::parse(host).map(|host| host.pin(None))
}

/// What both runners have in common.
struct Remote {
    options: Options,
    keys: RwLock<Option<Arc<dyn HostKeys>>>,
}

/// The parameters that both runners take, as StackStorm has them. `what` is "command" or "script".
fn parameters(what: &str) -> Parameters {
    let parameters = json!({
        "hosts": {"type": "string", "required": true,
            "description": format!("The hosts on which the {what} runs, separated by commas, as example1.com,example2.com:5555")},
        "username": {"type": "string", "required": false, "description": "The user to sign in as; by default ssh.user of the host"},
        "password": {"type": "string", "secret": true, "required": false, "description": "The password of the user; without it a key is used"},
        "private_key": {"type": "string", "secret": true, "required": false,
            "description": "The private key, or the path of its file on the host that Petrel runs on"},
        "passphrase": {"type": "string", "secret": true, "required": false, "description": "The passphrase of the private key"},
        "port": {"type": "integer", "required": false, "description": "The port of hosts that are given without one; by default 22"},
        "bastion_host": {"type": "string", "required": false,
            "description": "A host by way of which the others are reached, with the same user and key"},
        "cwd": {"type": "string", "default": "/tmp", "description": format!("The directory in which the {what} starts")},
        "env": {"type": "object", "description": "Variables to add to the environment"},
        "kwarg_op": {"type": "string", "default": "--", "description": "What stands before a named argument"},
        "parallel": {"type": "boolean", "default": false, "immutable": true, "description": "Without effect: hosts always work at the same time"},
        "sudo": {"type": "boolean", "default": false, "description": format!("Run the {what} as root, by sudo")},
        "sudo_password": {"type": "string", "default": null, "secret": true, "required": false,
            "description": "The password for sudo; it travels by standard input"},
        "timeout": {"type": "integer", "default": 60, "description": format!("Seconds that the {what} may take on each host")},
    });
    parameters.as_object().cloned().unwrap_or_default()
}

/// Runs command lines on other hosts.
pub struct RemoteShell {
    runner_type: RunnerType,
    remote: Remote,
}

impl RemoteShell {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        let mut parameters = parameters("command");
        parameters.insert(
            "cmd".into(),
            json!({"type": "string", "description": "The command line, as the user's login shell takes it"}),
        );
        parameters.insert(
            "dir".into(),
            json!({"type": "string", "default": "/tmp", "immutable": true, "description": "Without effect: nothing is copied"}),
        );
        let runner_type = RunnerType {
            name: "remote-shell-cmd",
            description: "Runs a command line on other hosts, by SSH",
            parameters,
        };
        Self { runner_type, remote: Remote { options, keys: RwLock::default() } }
    }
}

/// Runs files of packs on other hosts.
pub struct RemoteScript {
    runner_type: RunnerType,
    remote: Remote,
}

impl RemoteScript {
    /// Creates a runner with these options.
    pub fn new(options: Options) -> Self {
        let mut parameters = parameters("script");
        parameters.insert(
            "dir".into(),
            json!({"type": "string", "default": options.remote_directory.clone(),
                "description": "The directory of the other host below which the script is copied"}),
        );
        let runner_type = RunnerType {
            name: "remote-shell-script",
            description: "Runs a file of the pack on other hosts, by SSH",
            parameters,
        };
        Self { runner_type, remote: Remote { options, keys: RwLock::default() } }
    }
}

#[async_trait]
impl Runner for RemoteShell {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Process
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let work = Work::of_line(&call, &self.remote.options.api_url);
        self.remote.carry_out(&call, work, &output, &cancel).await
    }

    fn take_host_keys(&self, keys: &Arc<dyn HostKeys>) {
        self.remote.take(keys);
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

#[async_trait]
impl Runner for RemoteScript {
    fn runner_type(&self) -> &RunnerType {
        &self.runner_type
    }

    fn slots(&self) -> Slots {
        Slots::Process
    }

    async fn run(&self, call: Call, output: OutputSink, cancel: CancellationToken) -> Outcome {
        let Options { api_url, remote_directory, upkeep, .. } = &self.remote.options;
        let work = Work::of_script(&call, &self.runner_type, (api_url, remote_directory), upkeep).await;
        self.remote.carry_out(&call, work, &output, &cancel).await
    }

    fn take_host_keys(&self, keys: &Arc<dyn HostKeys>) {
        self.remote.take(keys);
    }

    fn end_leftovers(&self, executions: &[String]) -> usize {
        process::end_leftovers(executions)
    }
}

impl Remote {
    fn take(&self, keys: &Arc<dyn HostKeys>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(keys));
    }

    /// Does the work on all hosts of a call.
    async fn carry_out(
        &self,
        call: &Call,
        work: Result<Work, Outcome>,
        output: &OutputSink,
        cancel: &CancellationToken,
    ) -> Outcome {
        let begun = match work {
            Ok(work) => self.begin(call, work).await,
            Err(outcome) => Err(outcome),
        };
        match begun {
            Ok((session, hosts)) => {
                let parts = on_all(session, hosts, self.options.most_at_once, output, cancel).await;
                result::outcome(parts, self.options.allows_partial_failure)
            }
            Err(outcome) => outcome,
        }
    }

    /// The session of a call, and its hosts.
    async fn begin(&self, call: &Call, work: Work) -> Result<(Session, Vec<Host>), Outcome> {
        let (options, given) = (&self.options, CallParameters(&call.parameters));
        let action = &call.action.reference;
        let hint = "separate them by commas, each with its port if it is another: web1,web2:2222,[::1]:22";
        let hosts = hosts::all(given.text("hosts").unwrap_or_default()).map_err(|why| {
            Outcome::failed("parameters.hosts", format!("{action} cannot tell its hosts: {why}"), hint)
        })?;
        let bastion = given.text("bastion_host").map(Host::parse).transpose().map_err(|why| {
            let message = format!("the bastion_host of {action} {why}");
            Outcome::failed("parameters.bastion_host", message, "give the name or the address of one host")
        })?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let keys = keys.ok_or_else(|| {
            Outcome::failed(
                "ssh.host_key",
                "nothing keeps the keys of hosts here",
                "run the action on a host",
            )
        })?;
        let ssh = programs::find("ssh", programs::folders(&options.environment)).ok_or_else(|| {
            let message = format!("{action} could not be started: the program ssh is not on PATH");
            Outcome::failed(
                "ssh.start",
                message,
                "install the client of OpenSSH, as the package openssh-client",
            )
        })?;
        let login = login::of(given, options).await?;
        let way = Way {
            program: ssh.display().to_string(),
            config: self.config().await?,
            user: login.user.clone(),
            port: port(given)?,
            proof: login.proof.clone(),
            // A connection that takes as long as the command may is of no use.
            connect_seconds: options.connect_seconds.min(work.limit.as_secs()).max(1),
        };
        let session = Session {
            execution: call.execution_id,
            attempt: call.attempt,
            user: call.user.clone(),
            environment: self.environment(&login.variables),
            way,
            login,
            bastion,
            bastion_key: OnceCell::new(),
            work,
            keys,
            is_strict: options.is_strict,
            working_directory: options.working_directory.clone(),
            output_limit: (options.output_limit / hosts.len().max(1)).max(LEAST_OUTPUT),
            decode_scalars: options.decode_scalars,
            upkeep: options.upkeep.clone(),
        };
        Ok((session, hosts))
    }

    /// The configuration of ssh, which must be there if it is set: ssh would take its absence for an error of each host.
    async fn config(&self) -> Result<Option<String>, Outcome> {
        let Some(config) = &self.options.config else { return Ok(None) };
        tokio::fs::File::open(config).await.map_err(|error| {
            let message = format!("the file of ssh.config, {}, cannot be read: {error}", config.display());
            Outcome::failed("ssh.config", message, "correct ssh.config, or empty it")
        })?;
        Ok(Some(config.display().to_string()))
    }

    /// The environment of ssh: what it needs of the host's, and the variables of the login.
    fn environment(&self, variables: &[(String, String)]) -> Vec<(String, String)> {
        const PASSED: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];
        let passed = self.options.environment.iter().filter(|(name, _)| PASSED.contains(&name.as_str()));
        // The shell runs the command that connects to a host on the way.
        let shell = ("SHELL".to_owned(), "/bin/sh".to_owned());
        passed.cloned().chain([shell]).chain(variables.iter().cloned()).collect()
    }
}

/// The parameter `port`.
fn port(given: CallParameters<'_>) -> Result<Option<u16>, Outcome> {
    let Some(number) = given.0.get("port").filter(|port| !port.is_null()) else { return Ok(None) };
    let port = number.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| {
        Outcome::failed(
            "parameters.port",
            format!("the port {number} is no port"),
            "give a number from 1 to 65535",
        )
    })
}

/// Runs the command of a session on its hosts, `most` at the same time.
async fn on_all(
    session: Session,
    hosts: Vec<Host>,
    most: usize,
    output: &OutputSink,
    cancel: &CancellationToken,
) -> Vec<Part> {
    let (session, turns) = (Arc::new(session), Arc::new(Semaphore::new(most.max(1))));
    let are_several = hosts.len() > 1;
    let labels: Vec<_> = hosts.iter().map(|host| host.label.clone()).collect();
    // If this is dropped, so are they, with what they have started.
    let mut running = JoinSet::new();
    for (number, host) in hosts.into_iter().enumerate() {
        let (session, turns, cancel) = (Arc::clone(&session), Arc::clone(&turns), cancel.clone());
        let output = if are_several { output.named(&host.label) } else { output.clone() };
        running.spawn(async move {
            let turn = tokio::select! {
                turn = turns.acquire_owned() => turn.ok(),
                () = cancel.cancelled() => None,
            };
            let part = match turn {
                Some(_turn) => session.on((number, &host), &output, &cancel).await,
                None => Ended::Canceled.part(&host.label, None, true, &output),
            };
            (number, part)
        });
    }
    let mut parts: Vec<Option<Part>> = labels.iter().map(|_| None).collect();
    while let Some(joined) = running.join_next().await {
        if let Ok((number, part)) = joined
            && let Some(place) = parts.get_mut(number)
        {
            *place = Some(part);
        }
    }
    let lost =
        |label: &String| Part { label: label.clone(), end: End::Failed, result: petrel_model::Object::new() };
    parts.into_iter().zip(&labels).map(|(part, label)| part.unwrap_or_else(|| lost(label))).collect()
}
