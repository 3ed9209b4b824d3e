//! A call on one of its hosts: the host's key is learnt and pinned if it was never met, then the command is run, and what came
//! of it is told. Pinned before anything is sent: the key is stored first, and the second connection accepts no other.
//!
//! A command is ended by the end of its input (`program.rs`): so its last output still comes, and it is known to have ended.
//! If the connection does not follow, ssh is ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use petrel_model::ExecutionId;
use tokio::sync::OnceCell;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::Upkeep;
use crate::host_keys::{FirstContact, HostKeys, PublicKey};
use crate::output::{OutputSink, Stream};
use crate::process::{self, Exit, Finished, Input, Spec};

use super::client::{Connection, Purpose, Way};
use super::hidden::{self, HiddenFile};
use super::hosts::Host;
use super::login::Login;
use super::result::{Ended, Part};
use super::trouble::{self, Tried, Trouble};
use super::work::Work;

/// Longest time for the end of a command on its host, once it is to end: it has a second after SIGTERM.
const GRACE: Duration = Duration::from_secs(5);

/// What the connections of a call have in common.
pub(super) struct Session {
    /// The execution.
    pub(super) execution: ExecutionId,
    /// Its attempt.
    pub(super) attempt: u32,
    /// The user on whose behalf it runs.
    pub(super) user: String,
    /// How ssh is called.
    pub(super) way: Way,
    /// How it signs in. Its files must be there as long as anything runs.
    pub(super) login: Login,
    /// The host on the way to the others.
    pub(super) bastion: Option<Host>,
    /// The line with its key, once it was met.
    pub(super) bastion_key: OnceCell<Result<String, Trouble>>,
    /// What is run.
    pub(super) work: Work,
    /// What keeps the keys of hosts.
    pub(super) keys: Arc<dyn HostKeys>,
    /// Whether hosts that were never met are refused.
    pub(super) is_strict: bool,
    /// The environment of ssh.
    pub(super) environment: Vec<(String, String)>,
    /// The directory that ssh starts in.
    pub(super) working_directory: PathBuf,
    /// Bytes of each stream of a host that are kept.
    pub(super) output_limit: usize,
    /// Whether scalars in the output are decoded.
    pub(super) decode_scalars: bool,
    /// Lays the working directory out.
    pub(super) upkeep: Upkeep,
}

/// The files of a connection, and of the one to the host on its way.
struct Wires {
    to: Wire,
    through: Option<Wire>,
}

struct Wire {
    /// The keys of hosts.
    known: HiddenFile,
    /// What ssh says.
    log: HiddenFile,
}

impl Wires {
    fn new(known: &str, through: Option<&str>) -> Result<Self, Trouble> {
        Ok(Self { to: Wire::new(known)?, through: through.map(Wire::new).transpose()? })
    }
}

impl Wire {
    fn new(known: &str) -> Result<Self, Trouble> {
        let made = HiddenFile::new(known.as_bytes()).and_then(|known| Ok((known, HiddenFile::new(&[])?)));
        let (known, log) = made.map_err(|error| {
            let message = format!("no file in memory can be made for ssh: {error}");
            Trouble::new("ssh.start", message, hidden::remedy(&error))
        })?;
        Ok(Self { known, log })
    }

    fn connection<'a>(&self, host: &'a Host) -> Connection<'a> {
        Connection { host, known: self.known.path(), log: self.log.path() }
    }
}

impl Session {
    /// Runs the command on a host to its end. `number` is that of the host in its call.
    pub(super) async fn on(
        &self,
        (number, host): (usize, &Host),
        output: &OutputSink,
        cancel: &CancellationToken,
    ) -> Part {
        let limit = self.work.limit;
        let expired = sleep(limit);
        tokio::pin!(expired);
        let met = tokio::select! {
            met = self.meet(host, output) => met,
            () = &mut expired => return Ended::TimedOut(limit).part(&host.label, None, true, output),
            () = cancel.cancelled() => return Ended::Canceled.part(&host.label, None, true, output),
        };
        let (wires, release, stop) =
            match met.and_then(|(known, through)| Wires::new(&known, through.as_deref())) {
                Ok(wires) => (wires, CancellationToken::new(), CancellationToken::new()),
                Err(trouble) => return Part::troubled(&host.label, trouble, None, output),
            };
        let mark = format!("{}-{}-{number}", self.execution, self.attempt);
        let input = Input::Held { bytes: self.work.program(&mark).into_bytes(), until: release.clone() };
        let spec = self.spec(self.arguments(host, &wires, Purpose::Run), input);
        let running = process::run(spec, output, &stop);
        tokio::pin!(running);
        let ended = tokio::select! {
            finished = &mut running => return self.judged(host, &wires, finished, output),
            () = &mut expired => Ended::TimedOut(limit),
            () = cancel.cancelled() => Ended::Canceled,
        };
        let was_let_in = trouble::was_let_in(&wires.to.log.read());
        if was_let_in {
            release.cancel();
        } else {
            stop.cancel();
        }
        let finished = if let Ok(finished) = timeout(GRACE, &mut running).await {
            finished
        } else {
            stop.cancel();
            running.await
        };
        let has_ended = !was_let_in || wires.to.log.read().contains("rtype exit-");
        ended.part(&host.label, finished.ok(), has_ended, output)
    }

    /// What came of a command whose ssh has ended by itself.
    fn judged(
        &self,
        host: &Host,
        wires: &Wires,
        finished: std::io::Result<Finished>,
        output: &OutputSink,
    ) -> Part {
        let finished = match finished {
            Ok(finished) => finished,
            Err(error) => return Part::troubled(&host.label, not_started(host, &error), None, output),
        };
        let has_failed = match &finished.exit {
            Exit::Ended(status) => match status.code() {
                Some(255) => trouble::has_failed(&wires.to.log.read()),
                code => code.is_none(),
            },
            Exit::Unknown | Exit::TimedOut | Exit::Canceled => true,
        };
        if has_failed {
            let trouble = self.trouble(host, wires);
            return Part::troubled(&host.label, trouble, Some(finished), output);
        }
        Part::of(&host.label, finished, self.decode_scalars, output)
    }

    /// The line with the key of a host, as a file `known_hosts` has it, and that of the host on its way. A host that was never
    /// met is asked for its key, and that is pinned.
    async fn meet(&self, host: &Host, output: &OutputSink) -> Result<(String, Option<String>), Trouble> {
        let through = match &self.bastion {
            Some(bastion) => {
                // Once for all hosts: many that meet it at the same time would be too many for it.
                let met = self.bastion_key.get_or_init(|| self.known(bastion, None, output)).await;
                Some(met.clone()?)
            }
            None => None,
        };
        let known = self.known(host, through.as_deref(), output).await?;
        Ok((known, through))
    }

    async fn known(
        &self,
        host: &Host,
        through: Option<&str>,
        output: &OutputSink,
    ) -> Result<String, Trouble> {
        let pin = host.pin(self.way.port);
        if let Some(key) = self.keys.pinned(&pin) {
            return Ok(format!("{pin} {key}\n"));
        }
        let tried = self.tried(host, &pin);
        if self.is_strict {
            return Err(Trouble::of("you have requested strict checking", tried));
        }
        let wires = Wires::new("", through)?;
        let nothing = OutputSink::new(0);
        let spec = self.spec(self.arguments(host, &wires, Purpose::Meet), Input::default());
        if let Err(error) = process::run(spec, &nothing, &CancellationToken::new()).await {
            return Err(not_started(host, &error));
        }
        let seen = wires.to.known.read();
        let line = seen.lines().find_map(|line| line.strip_prefix(&pin)?.strip_prefix(' '));
        let Some(Ok(key)) = line.map(PublicKey::parse) else { return Err(self.trouble(host, &wires)) };
        let (text, fingerprint) = (key.text.clone(), key.fingerprint.clone());
        let contact =
            FirstContact { host: pin.clone(), key, execution: self.execution, user: self.user.clone() };
        self.keys.pin(contact).await.map_err(|unserved| {
            let error = format!("the key of {} could not be pinned: {}", host.label, unserved.message);
            Trouble::new("ssh.host_key", error, unserved.hint)
        })?;
        output.line(Stream::Output, format!("first contact with {pin}: its key {fingerprint} is pinned"));
        Ok(format!("{pin} {text}\n"))
    }

    fn tried<'a>(&'a self, host: &'a Host, pin: &'a str) -> Tried<'a> {
        Tried { host: &host.label, pin, user: self.login.user.as_deref(), proof: &self.login.proof }
    }

    /// What went wrong, at the host or at the one on its way.
    fn trouble(&self, host: &Host, wires: &Wires) -> Trouble {
        let log = wires.to.log.read();
        if let (Some(bastion), Some(through)) = (&self.bastion, &wires.through) {
            let through = through.log.read();
            if let Some(refused) = trouble::refused_way(&through) {
                let error =
                    format!("{} cannot be reached from the bastion {}: {refused}", host.label, bastion.label);
                let hint = "check the address and the port, as the bastion sees them, and AllowTcpForwarding in its sshd_config";
                return Trouble::new("ssh.unreachable", error, hint);
            }
            if !trouble::was_let_in(&log) && trouble::has_failed(&through) && !trouble::was_let_in(&through) {
                return Trouble::of(&through, self.tried(bastion, &bastion.pin(self.way.port)));
            }
        }
        Trouble::of(&log, self.tried(host, &host.pin(self.way.port)))
    }

    fn arguments(&self, host: &Host, wires: &Wires, purpose: Purpose) -> Vec<String> {
        let through = self.bastion.as_ref().zip(wires.through.as_ref());
        let through = through.map(|(bastion, wire)| wire.connection(bastion));
        self.way.arguments(&wires.to.connection(host), through.as_ref(), purpose)
    }

    fn spec(&self, arguments: Vec<String>, input: Input) -> Spec {
        Spec {
            execution: self.execution.to_string(),
            program: self.way.program.clone().into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: self.environment.clone(),
            working_directory: self.working_directory.clone(),
            input,
            // The session ends it before.
            timeout: Duration::MAX,
            output_limit: self.output_limit,
            upkeep: self.upkeep.clone(),
        }
    }
}

/// ssh could not be started.
fn not_started(host: &Host, error: &std::io::Error) -> Trouble {
    let error = format!("ssh for {} could not be started: {error}", host.label);
    Trouble::new(
        "ssh.start",
        error,
        "install the client of OpenSSH (openssh-client), or let the host start more processes",
    )
}
