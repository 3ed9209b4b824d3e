//! The private key of a call. As in StackStorm it is text, or the path of a file. Either way ssh reads it from memory, so
//! that the path, which is a secret parameter as well, is on no command line.
//!
//! What would only be told as a refused login is looked for before: a key that is no key, one that needs a passphrase.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Outcome;

/// The largest file of a key, in bytes.
const LARGEST: u64 = 64 << 10;
/// What the first line of every private key ends with, in small letters. StackStorm tells a key from a path by it.
const HEADER: &str = "private key-----";
/// The beginning of what is in a key in OpenSSH's own format (`PROTOCOL.key`); the name of the cipher follows.
const OPENSSH: &[u8] = b"openssh-key-v1\0";

/// The place that a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The parameter `private_key`.
    Parameter,
    /// The setting `ssh.private_key`.
    Setting,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Parameter => "the parameter private_key",
            Self::Setting => "the setting ssh.private_key",
        }
    }
}

/// A private key.
pub(super) struct PrivateKey {
    /// The key, as its file has it.
    pub(super) text: Vec<u8>,
    /// Whether it takes a passphrase.
    pub(super) is_encrypted: bool,
    /// The certificate that lies beside it, if there is one.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Reads a key, or the file that `given` names. A path that begins with `~/` is one in `home`.
///
/// # Errors
/// The outcome of a call whose key cannot be read. It does not quote the parameter, which is secret.
pub(super) async fn read(given: &str, source: Source, home: &Path) -> Result<PrivateKey, Outcome> {
    if given.to_ascii_lowercase().contains(HEADER) {
        return Ok(of_text(given, None));
    }
    let path = match given.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => PathBuf::from(given),
    };
    let name = source.name();
    let refused = |reason: String, hint: &str| {
        Outcome::failed("ssh.private_key", format!("the file that {name} names {reason}"), hint)
    };
    let unreadable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => refused(
            "does not exist".into(),
            "give the path of a private key on the host that Petrel runs on, or the key itself, with its line BEGIN ... PRIVATE KEY",
        ),
        _ => refused(
            format!("cannot be read: {error}"),
            "let the user of the host read it, as in: setfacl -m u:USER:r FILE",
        ),
    };
    let metadata = tokio::fs::metadata(&path).await.map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > LARGEST {
        let reason = format!("is no plain file of at most {} KiB", LARGEST >> 10);
        return Err(refused(reason, "name the file of a private key"));
    }
    let bytes = tokio::fs::read(&path).await.map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes);
    if !text.to_ascii_lowercase().contains(HEADER) {
        return Err(refused(
            "is no private key".into(),
            "name the file without .pub; a key of another program is converted by `ssh-keygen -i` or `puttygen -O private-openssh`",
        ));
    }
    let mut certificate = path.into_os_string();
    certificate.push("-cert.pub");
    let certificate = tokio::fs::read(&certificate).await.ok();
    Ok(of_text(&text, certificate.filter(|bytes| bytes.len() as u64 <= LARGEST)))
}

fn of_text(given: &str, certificate: Option<Vec<u8>>) -> PrivateKey {
    // As it comes out of documents of other formats: lines that end as on Windows or as written escapes, or the last one not.
    let mut text = given.replace("\r\n", "\n");
    if !text.trim().contains('\n') {
        text = text.replace("\\n", "\n");
    }
    let text = format!("{}\n", text.trim());
    PrivateKey { is_encrypted: is_encrypted(&text), text: text.into_bytes(), certificate }
}

/// Whether a key takes a passphrase.
fn is_encrypted(text: &str) -> bool {
    let mut head = text.lines().take(3);
    if head.any(|line| line.contains("ENCRYPTED")) {
        return true;
    }
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let Ok(bytes) = STANDARD.decode(body) else { return false };
    let cipher = bytes.strip_prefix(OPENSSH).and_then(|rest| {
        let (length, rest) = rest.split_first_chunk::<4>()?;
        rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
    });
    cipher.is_some_and(|cipher| cipher != b"none")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beginnings of keys that `ssh-keygen` has made; only those are looked at.
    const PLAIN: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\n-----END OPENSSH PRIVATE KEY-----";
    const SEALED: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAGYmNyeXB0\n-----END OPENSSH PRIVATE KEY-----";

    #[test]
    fn it_is_known_whether_a_key_takes_a_passphrase() {
        for (text, expected) in [
            (PLAIN, false),
            (SEALED, true),
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", false),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIE\n-----END RSA PRIVATE KEY-----",
                true,
            ),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIE\n-----END ENCRYPTED PRIVATE KEY-----", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n?\n-----END OPENSSH PRIVATE KEY-----", false),
        ] {
            assert_eq!(is_encrypted(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_taken_as_documents_give_them() {
        let expected = format!("{PLAIN}\n");
        for text in [
            PLAIN.to_owned(),
            format!("\n  {PLAIN}\n\n"),
            PLAIN.replace('\n', "\r\n"),
            PLAIN.replace('\n', "\\n"),
        ] {
            assert_eq!(String::from_utf8(of_text(&text, None).text).unwrap(), expected, "{text:?}");
        }
    }
}
