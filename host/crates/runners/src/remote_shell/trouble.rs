//! What went wrong with a connection, from what ssh has written: a pure function. Each is told with the host and the remedy.

use super::client::Proof;

/// What went wrong with the connection to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The stable code.
    pub(super) code: &'static str,
    /// The message, which names the host.
    pub(super) error: String,
    /// The remedy.
    pub(super) hint: String,
}

/// The connection that was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried<'a> {
    /// The host, as it was named.
    pub(super) host: &'a str,
    /// The name under which its key is pinned.
    pub(super) pin: &'a str,
    /// The user, if one was named.
    pub(super) user: Option<&'a str>,
    /// How the user is proved.
    pub(super) proof: &'a Proof,
}

/// The sentence of ssh that tells a trouble, its code, and what is told about it. `HOST` stands for the host and `PIN` for the
/// name of its key.
type Known = (&'static str, &'static str, &'static str, &'static str);

/// What is known by a sentence. The first that is found counts.
const KNOWN: [Known; 19] = [
    (
        "HOST IDENTIFICATION HAS CHANGED",
        "ssh.host_key_changed",
        "HOST shows another key than the one that is pinned for it, so nothing was sent to it",
        "if it was set up anew, forget the pinned key with `petrel host-key delete PIN`; if not, another machine answers in its place",
    ),
    (
        "you have requested strict checking",
        "ssh.host_key_unknown",
        "the key of HOST is not pinned, and ssh.strict is set",
        "pin it with `petrel host-key pin PIN 'KIND BASE64'`, from the file /etc/ssh/ssh_host_ed25519_key.pub of that host",
    ),
    (
        "Could not resolve hostname",
        "ssh.unreachable",
        "the name HOST is not known",
        "correct the name, or write the address",
    ),
    (
        "Connection refused",
        "ssh.unreachable",
        "HOST refuses the connection",
        "start sshd there, or give the port on which it listens, as HOST:PORT or in port",
    ),
    (
        "timed out",
        "ssh.unreachable",
        "HOST does not answer",
        "check the address, the port and what filters traffic on the way; ssh.connect_timeout is how long it was waited for",
    ),
    (
        "No route to host",
        "ssh.unreachable",
        "there is no way to HOST",
        "check the address, the network and the firewalls",
    ),
    (
        "etwork is unreachable",
        "ssh.unreachable",
        "there is no way to HOST",
        "check the address, and the network of the machine that Petrel runs on",
    ),
    (
        "bad passphrase given",
        "ssh.passphrase",
        "the passphrase does not open the private key for HOST",
        "give the passphrase of this key in passphrase",
    ),
    (
        "incorrect passphrase supplied",
        "ssh.passphrase",
        "the passphrase does not open the private key for HOST",
        "give the passphrase of this key in passphrase",
    ),
    (
        "ssh_askpass",
        "ssh.start",
        "ssh for HOST could not ask for the password or the passphrase",
        "let the host run programs from memory: sysctl vm.memfd_noexec=0",
    ),
    (
        "invalid format",
        "ssh.private_key",
        "the private key for HOST is not one that ssh can read",
        "give it as its file has it, with all its lines; `ssh-keygen -p -f FILE` writes it anew",
    ),
    (
        "error in libcrypto",
        "ssh.private_key",
        "the private key for HOST is not one that ssh can read",
        "give it as its file has it, with all its lines; `ssh-keygen -p -f FILE` writes it anew",
    ),
    (
        "Too many authentication failures",
        "ssh.denied",
        "HOST has refused too many keys",
        "name the key in private_key, so that no other is offered",
    ),
    (
        "no matching",
        "ssh.algorithms",
        "HOST and ssh have no algorithm in common",
        "update sshd there; or name what it needs in the file of ssh.config, as in: HostkeyAlgorithms +ssh-rsa",
    ),
    (
        "onfiguration option",
        "ssh.config",
        "ssh for HOST does not take its configuration",
        "correct the file of ssh.config",
    ),
    (
        "Timeout, server",
        "ssh.lost",
        "HOST was silent for a minute, and the connection was ended",
        "whether the command has ended there is not known; see whether the host is up",
    ),
    (
        "rtype exit-signal",
        "ssh.ended",
        "what ran on HOST was ended there by a signal",
        "see the log there for who ended it, as the kernel does when memory is short",
    ),
    (
        "kex_exchange_identification",
        "ssh.closed",
        "HOST has closed the connection before it began",
        "see whether sshd listens on this port, and its MaxStartups and the rules of the firewall, where many connect at once",
    ),
    (
        "Connection closed by",
        "ssh.closed",
        "HOST has closed the connection",
        "the log of sshd there says why (`journalctl -u ssh`)",
    ),
];

impl Trouble {
    /// What went wrong, from the messages of ssh.
    pub(super) fn of(log: &str, tried: Tried<'_>) -> Self {
        let Tried { host, pin, .. } = tried;
        if let Some(methods) =
            denied(log).filter(|_| !log.contains("bad passphrase") && !log.contains("Load key"))
        {
            return tried.denied(methods);
        }
        let said = messages(log);
        if let Some((sentence, code, error, hint)) =
            KNOWN.iter().find(|(sentence, ..)| log.contains(*sentence))
        {
            let named = |text: &str| text.replace("HOST", host);
            let fingerprint = log.lines().map(str::trim).find(|line| line.starts_with("SHA256:"));
            let detail = match *code {
                "ssh.host_key_changed" => fingerprint.map(|one| format!(": {}", one.trim_end_matches('.'))),
                "ssh.host_key_unknown" | "ssh.passphrase" => None,
                _ => said.iter().find(|line| line.contains(*sentence)).map(|line| format!(": {line}")),
            };
            return Self {
                code,
                error: named(error) + &detail.unwrap_or_default(),
                // Quoted, since a shell would read brackets as a pattern.
                hint: hint.replace("PIN", &format!("'{pin}'")),
            };
        }
        if said.is_empty() && was_let_in(log) {
            return Self {
                code: "ssh.lost",
                error: format!("the connection to {host} was lost before the command had ended"),
                hint: "it is ended there as soon as the connection is known to be gone; see whether the host is up".into(),
            };
        }
        let why =
            said.last().map_or_else(|| "ssh has ended without a word".to_owned(), |last| (*last).to_owned());
        Self {
            code: "ssh.failed",
            error: format!("the connection to {host} has failed: {why}"),
            hint: format!("try it by hand as the user of the host: ssh -v {host}"),
        }
    }

    /// A trouble that ssh itself has no word for.
    pub(super) fn new(code: &'static str, error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { code, error: error.into(), hint: hint.into() }
    }
}

impl Tried<'_> {
    /// The user was not let in. `methods` are those that the host would take.
    fn denied(self, methods: &str) -> Trouble {
        let Self { host, user, proof, .. } = self;
        let user = user.map_or_else(|| "the user of the host".to_owned(), |user| format!("the user {user}"));
        let takes = |method: &str| methods.split(',').any(|one| one.trim() == method);
        let (why, hint) = match proof {
            Proof::Password if !takes("password") && !takes("keyboard-interactive") => (
                format!("it takes no password, only {methods}"),
                "give a private key in private_key, or set PasswordAuthentication yes in its sshd_config".to_owned(),
            ),
            Proof::Password => {
                ("the password is not right".to_owned(), "correct username and password".to_owned())
            }
            Proof::Key { is_encrypted: true, .. } => (
                "it does not take the key, or the passphrase does not open it".to_owned(),
                "correct the passphrase; or add the public key to ~/.ssh/authorized_keys of this user there".to_owned(),
            ),
            Proof::Key { .. } => (
                "it does not take the key".to_owned(),
                "add the public key to ~/.ssh/authorized_keys of this user there, which others may not write to; or correct username and private_key".to_owned(),
            ),
            Proof::Own => (
                "no key of the host's own was taken".to_owned(),
                "give private_key or password; or set ssh.private_key, or start the host with an agent (SSH_AUTH_SOCK)".to_owned(),
            ),
        };
        Trouble { code: "ssh.denied", error: format!("{host} does not let {user} in: {why}"), hint }
    }
}

/// The methods in the last message by which a host has refused somebody.
fn denied(log: &str) -> Option<&str> {
    let line = messages(log).into_iter().rev().find(|line| line.contains("Permission denied ("))?;
    let (_, methods) = line.split_once("Permission denied (")?;
    Some(methods.trim_end().trim_end_matches(").").trim_end_matches(')'))
}

/// Whether the log says that the user was let in.
pub(super) fn was_let_in(log: &str) -> bool {
    log.contains("Authenticated to ")
}

/// Whether ssh has failed, and not the command: both may end with 255.
pub(super) fn has_failed(log: &str) -> bool {
    // It has heard of the end of the command, and nothing is lost. An old one tells nothing that goes well.
    if log.contains("rtype exit-status") {
        return false;
    }
    was_let_in(log) || log.contains("rtype exit-signal") || !messages(log).is_empty()
}

/// The message that a host on the way does not reach the next one.
pub(super) fn refused_way(log: &str) -> Option<&str> {
    messages(log).into_iter().find(|line| line.contains("open failed: "))
}

/// The lines that are for people, and no trace.
fn messages(log: &str) -> Vec<&str> {
    let is_trace = |line: &str| {
        line.is_empty()
            || line.starts_with("debug")
            || line.contains("Authenticated to ")
            || line.starts_with("@@@")
    };
    log.lines().map(str::trim).filter(|line| !is_trace(line)).map(without_place).collect()
}

/// A message without the place in ssh's source that it is from, which stands before those that were asked for.
fn without_place(line: &str) -> &str {
    let behind = line.split_once("():").and_then(|(_, behind)| behind.split_once(" (pid="));
    behind.and_then(|(_, behind)| behind.split_once("): ")).map_or(line, |(_, message)| message)
}

#[cfg(test)]
mod tests;
