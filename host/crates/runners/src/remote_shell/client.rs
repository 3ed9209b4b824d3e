//! The command line of the system's ssh for one connection: a pure function. It has names and paths, and no secret.
//!
//! What the host decides on comes before what a file of the operator says (`ssh.config`): the first value counts for ssh. So
//! hosts are recognized by what the host has pinned, and by nothing else, and no connection is shared, forwarded or left
//! behind.

use crate::local_shell::identity::quoted;

use super::hosts::Host;

/// What ssh has to tell apart from errors, as far as it can be asked for it (since 8.5): that it was let in, that the command
/// has ended, that the other side is silent, that a passphrase was wrong, and that a host on the way does not reach the next. At a higher level it would also mix the greeting
/// of the server into the output.
const TELL: &str = "LogVerbose=*:ssh_userauth2():*,*:client_input_channel_req():*,*:server_alive_check():*,*:load_identity_file():*,*:channel_input_open_failure():*";

/// What holds for all connections.
const FIXED: [&str; 26] = [
    // Younger than the oldest ssh that will do.
    "IgnoreUnknown=LogVerbose,KnownHostsCommand,ForkAfterAuthentication,SessionType,StdinNull",
    "LogLevel=ERROR",
    TELL,
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "CheckHostIP=no",
    "VerifyHostKeyDNS=no",
    "HashKnownHosts=no",
    "NumberOfPasswordPrompts=1",
    "ControlMaster=no",
    "ControlPath=none",
    "KnownHostsCommand=none",
    "ForkAfterAuthentication=no",
    "SessionType=default",
    "StdinNull=no",
    "RemoteCommand=none",
    "CanonicalizeHostname=no",
    "AddKeysToAgent=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RequestTTY=no",
    "EscapeChar=none",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
];

/// The command that is run there: the program comes by standard input.
const SHELL: &str = "exec /bin/sh -s";

/// The way in which a user proves who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// By a password, which ssh asks for.
    Password,
    /// By the key in this file, with its certificate.
    Key {
        /// The path of the key.
        path: String,
        /// The path of its certificate.
        certificate: Option<String>,
        /// Whether ssh asks for its passphrase.
        is_encrypted: bool,
        /// Whether no other key is offered.
        is_only: bool,
    },
    /// By what the agent and ssh's own configuration have.
    Own,
}

/// What all connections of a call have in common.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The path of ssh.
    pub(super) program: String,
    /// The configuration of ssh to read.
    pub(super) config: Option<String>,
    /// The user to sign in as.
    pub(super) user: Option<String>,
    /// The port of hosts that come without one.
    pub(super) port: Option<u16>,
    /// How the user is proved.
    pub(super) proof: Proof,
    /// Seconds until a connection must stand.
    pub(super) connect_seconds: u64,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    /// The host.
    pub(super) host: &'a Host,
    /// The file with the keys of hosts, which ssh adds to at a first contact.
    pub(super) known: String,
    /// The file that ssh writes its messages to.
    pub(super) log: String,
}

/// The purpose of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To learn the host's key. Nothing is proved, and nothing is run.
    Meet,
    /// To run a program.
    Run,
}

impl Way {
    /// The arguments of ssh for a connection, by way of another host if there is one.
    pub(super) fn arguments(
        &self,
        to: &Connection<'_>,
        through: Option<&Connection<'_>>,
        purpose: Purpose,
    ) -> Vec<String> {
        let mut words = self.options(to, purpose);
        words.push("-T".into());
        if let Some(through) = through {
            let mut proxy = self.options(through, Purpose::Run);
            proxy.extend(["-W", "[%h]:%p", "--", &through.host.name].map(str::to_owned));
            // ssh hands it to a shell, after it has put host and port in. Its other words have no percent sign of their own.
            let quoted_word = |word: &String| match word.as_str() {
                "[%h]:%p" => "'[%h]:%p'".to_owned(),
                other => quoted(other).replace('%', "%%"),
            };
            let proxy: Vec<_> = std::iter::once(&self.program).chain(&proxy).map(quoted_word).collect();
            words.extend(["-o".into(), format!("ProxyCommand={}", proxy.join(" "))]);
        }
        words.extend(["--".into(), to.host.name.clone()]);
        words.push(if purpose == Purpose::Meet { "exit".into() } else { SHELL.into() });
        words
    }

    /// The options for a connection.
    fn options(&self, to: &Connection<'_>, purpose: Purpose) -> Vec<String> {
        let mut words = vec!["-F".into(), self.config.clone().unwrap_or_else(|| "none".into())];
        words.extend(["-E".into(), to.log.clone()]);
        if let Some(port) = to.host.port.or(self.port) {
            words.extend(["-p".into(), port.to_string()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".into(), user.clone()]);
        }
        let mut set = |option: String| words.extend(["-o".into(), option]);
        FIXED.iter().for_each(|option| set((*option).into()));
        set(format!("UserKnownHostsFile={}", to.known));
        set(format!("HostKeyAlias={}", to.host.pin(self.port)));
        set(format!("ConnectTimeout={}", self.connect_seconds));
        match purpose {
            Purpose::Meet => {
                for option in
                    ["StrictHostKeyChecking=accept-new", "PreferredAuthentications=none", "BatchMode=yes"]
                {
                    set(option.into());
                }
            }
            Purpose::Run => {
                set("StrictHostKeyChecking=yes".into());
                self.proof.options().into_iter().for_each(set);
            }
        }
        words
    }
}

impl Proof {
    /// Whether ssh asks for a secret.
    pub(super) fn asks(&self) -> bool {
        matches!(self, Self::Password | Self::Key { is_encrypted: true, .. })
    }

    fn options(&self) -> Vec<String> {
        let mut options: Vec<String> = match self {
            Self::Password => vec![
                "PreferredAuthentications=password,keyboard-interactive".into(),
                "PubkeyAuthentication=no".into(),
            ],
            Self::Key { path, certificate, is_only, .. } => {
                let mut options =
                    vec![format!("IdentityFile={path}"), "PreferredAuthentications=publickey".into()];
                options.extend(certificate.iter().map(|path| format!("CertificateFile={path}")));
                if *is_only {
                    options.extend(["IdentitiesOnly=yes".into(), "IdentityAgent=none".into()]);
                }
                options
            }
            Self::Own => Vec::new(),
        };
        if !self.asks() {
            options.push("BatchMode=yes".into());
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(proof: Proof) -> Way {
        Way {
            program: "/usr/bin/ssh".into(),
            config: None,
            user: Some("deploy".into()),
            port: Some(2222),
            proof,
            connect_seconds: 7,
        }
    }

    fn key(is_encrypted: bool) -> Proof {
        Proof::Key { path: "/proc/1/fd/5".into(), certificate: None, is_encrypted, is_only: true }
    }

    /// Whether the option has this value.
    fn has(words: &[String], option: &str) -> bool {
        words.windows(2).any(|two| two[0] == "-o" && two[1] == option)
    }

    #[test]
    fn a_host_is_only_let_in_by_its_pinned_key() {
        let host = Host::parse("web1").unwrap();
        let to = Connection { host: &host, known: "/proc/1/fd/6".into(), log: "/proc/1/fd/7".into() };
        for (purpose, strict, last) in [
            (Purpose::Meet, "StrictHostKeyChecking=accept-new", "exit"),
            (Purpose::Run, "StrictHostKeyChecking=yes", "exec /bin/sh -s"),
        ] {
            let words = way(key(false)).arguments(&to, None, purpose);
            for option in [
                strict,
                "HostKeyAlias=[web1]:2222",
                "UserKnownHostsFile=/proc/1/fd/6",
                "GlobalKnownHostsFile=/dev/null",
                "ConnectTimeout=7",
                "BatchMode=yes",
            ] {
                assert!(has(&words, option), "{option}: {words:?}");
            }
            assert!(words.starts_with(
                &["-F", "none", "-E", "/proc/1/fd/7", "-p", "2222", "-l", "deploy"].map(String::from)
            ));
            assert!(words.ends_with(&["--".into(), "web1".into(), last.into()]), "{words:?}");
            // A host that is only met is shown no key.
            assert_eq!(has(&words, "IdentityFile=/proc/1/fd/5"), purpose == Purpose::Run);
        }
    }

    #[test]
    fn a_user_is_proved_by_what_was_given() {
        let host = Host::parse("web1").unwrap();
        let to = Connection { host: &host, known: "k".into(), log: "l".into() };
        for (proof, options) in [
            (
                Proof::Password,
                &["PubkeyAuthentication=no", "PreferredAuthentications=password,keyboard-interactive"][..],
            ),
            (key(false), &["IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes"]),
            (key(true), &["IdentityFile=/proc/1/fd/5", "PreferredAuthentications=publickey"]),
            (Proof::Own, &["BatchMode=yes"]),
        ] {
            let asks = proof.asks();
            let words = way(proof.clone()).arguments(&to, None, Purpose::Run);
            assert!(options.iter().all(|option| has(&words, option)), "{proof:?}: {words:?}");
            assert_eq!(has(&words, "BatchMode=yes"), !asks, "{proof:?}");
        }
    }

    #[test]
    fn another_host_may_be_on_the_way() {
        let (host, bastion) = (Host::parse("web1:22").unwrap(), Host::parse("fe80::1%eth0").unwrap());
        let to = Connection { host: &host, known: "k".into(), log: "l".into() };
        let through = Connection { host: &bastion, known: "k2".into(), log: "/a b/l2".into() };
        let words = way(key(false)).arguments(&to, Some(&through), Purpose::Meet);
        let proxy = words.iter().find_map(|word| word.strip_prefix("ProxyCommand=")).unwrap();
        assert!(proxy.starts_with("/usr/bin/ssh -F none -E '/a b/l2' -p 2222 -l deploy -o "), "{proxy}");
        assert!(proxy.ends_with(" -W '[%h]:%p' -- fe80::1%%eth0"), "{proxy}");
        // The way is proved, also when the host at its end is only met.
        assert!(proxy.contains("StrictHostKeyChecking=yes") && proxy.contains("IdentityFile=/proc/1/fd/5"));
        assert!(has(&words, "HostKeyAlias=web1"));
    }
}
