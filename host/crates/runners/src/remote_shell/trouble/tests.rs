//! What OpenSSH 9.2 says, and what is told of it.

use super::*;

fn told(log: &str, proof: &Proof) -> Trouble {
    Trouble::of(log, Tried { host: "web1", pin: "[web1]:2222", user: Some("deploy"), proof })
}

const KEY: Proof = Proof::Key { path: String::new(), certificate: None, is_encrypted: false, is_only: true };
const SEALED: Proof =
    Proof::Key { path: String::new(), certificate: None, is_encrypted: true, is_only: true };

/// Messages of ssh, how the user was proved, and what is told: the code, and parts of the message and the remedy.
const SAID: &[(&str, Proof, &str, &str, &str)] = &[
    (
        "@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@\nThe fingerprint for the ED25519 key sent by the remote host is\nSHA256:abc.\nHost key verification failed.\n",
        KEY,
        "ssh.host_key_changed",
        "web1 shows another key than the one that is pinned for it, so nothing was sent to it: SHA256:abc",
        "petrel host-key delete '[web1]:2222'",
    ),
    (
        "No ED25519 host key is known for [web1]:2222 and you have requested strict checking.\nHost key verification failed.\n",
        KEY,
        "ssh.host_key_unknown",
        "the key of web1 is not pinned",
        "petrel host-key pin '[web1]:2222' ",
    ),
    (
        "ssh: Could not resolve hostname web1: Name or service not known\n",
        KEY,
        "ssh.unreachable",
        "the name web1 is not known",
        "the address",
    ),
    (
        "ssh: connect to host web1 port 2222: Connection refused\n",
        KEY,
        "ssh.unreachable",
        "web1 refuses the connection: ssh: connect",
        "start sshd",
    ),
    (
        "ssh: connect to host web1 port 22: Connection timed out\n",
        KEY,
        "ssh.unreachable",
        "web1 does not answer",
        "ssh.connect_timeout",
    ),
    (
        "debug2: sshconnect2.c:load_identity_file():1742 (pid=1): bad passphrase given, try again...\ndeploy@web1: Permission denied (publickey).\n",
        SEALED,
        "ssh.passphrase",
        "the passphrase does not open the private key for web1",
        "in passphrase",
    ),
    (
        "sshconnect2.c:load_identity_file():1752 (pid=1): Load key \"/proc/1/fd/5\": error in libcrypto\ndeploy@web1: Permission denied (publickey).\n",
        KEY,
        "ssh.private_key",
        "is not one that ssh can read: Load key ",
        "all its lines",
    ),
    (
        "deploy@web1: Permission denied (publickey,password).\n",
        KEY,
        "ssh.denied",
        "web1 does not let the user deploy in: it does not take the key",
        "authorized_keys",
    ),
    (
        "deploy@web1: Permission denied (publickey).\n",
        Proof::Password,
        "ssh.denied",
        "it takes no password, only publickey",
        "private_key",
    ),
    (
        "deploy@web1: Permission denied (publickey,password).\n",
        Proof::Password,
        "ssh.denied",
        "the password is not right",
        "correct",
    ),
    (
        "deploy@web1: Permission denied (publickey).\n",
        Proof::Own,
        "ssh.denied",
        "no key of the host's own",
        "SSH_AUTH_SOCK",
    ),
    (
        "kex_exchange_identification: Connection closed by remote host\nConnection closed by 10.0.0.1 port 22\n",
        KEY,
        "ssh.closed",
        "web1 has closed the connection before it began",
        "MaxStartups",
    ),
    (
        "sshconnect2.c:ssh_userauth2():580 (pid=1): Authenticated to web1 ([10.0.0.1]:22) using \"publickey\".\n",
        KEY,
        "ssh.lost",
        "the connection to web1 was lost",
        "whether the host is up",
    ),
    ("something new\n", KEY, "ssh.failed", "the connection to web1 has failed: something new", "ssh -v web1"),
    ("", KEY, "ssh.failed", "without a word", "ssh -v web1"),
];

#[test]
fn what_ssh_says_is_told_with_the_host_and_the_remedy() {
    for (log, proof, code, error, hint) in SAID {
        let trouble = told(log, proof);
        assert_eq!(trouble.code, *code, "{log}");
        assert!(trouble.error.contains(*error) && trouble.hint.contains(*hint), "{log}: {trouble:?}");
    }
}

#[test]
fn an_exit_of_the_command_is_no_failure_of_ssh() {
    let ended = "sshconnect2.c:ssh_userauth2():580 (pid=1): Authenticated to web1 ([10.0.0.1]:22) using \"publickey\".\ndebug1: clientloop.c:client_input_channel_req():1821 (pid=1): client_input_channel_req: channel 0 rtype exit-status reply 0\n";
    for (log, expected) in [
        (ended, false),
        // An old ssh, which tells nothing of what went well.
        ("", false),
        ("ssh: connect to host web1 port 22: Connection refused\n", true),
        (
            "Authenticated to web1 ([10.0.0.1]:22) using \"publickey\".\nclient_loop: send disconnect: Broken pipe\n",
            true,
        ),
        (
            "debug1: clientloop.c:client_input_channel_req():1821 (pid=1): channel 0 rtype exit-signal reply 0\n",
            true,
        ),
    ] {
        assert_eq!(has_failed(log), expected, "{log}");
    }
}
