//! The contract of what keeps the keys by which hosts are recognized: who is met for the first time is pinned, and from then
//! on nobody else is taken for it. The catalog implements it, with a row for each host.

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use petrel_model::ExecutionId;
use sha2::{Digest as _, Sha256};

use crate::asked::Unserved;

/// The greatest length of a key as text. One of RSA with 16,384 bits has less than 3,000.
const LONGEST: usize = 8 << 10;

/// A key that a host has shown at the first contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstContact {
    /// The name under which it is pinned: the host, or `[host]:port` for another port than 22.
    pub host: String,
    /// The key.
    pub key: PublicKey,
    /// The execution that met it.
    pub execution: ExecutionId,
    /// The user on whose behalf that ran.
    pub user: String,
}

/// What keeps the keys of hosts.
#[async_trait]
pub trait HostKeys: Send + Sync {
    /// The key that is pinned for a host, as `KIND BASE64`. `None` for one that was never met.
    fn pinned(&self, host: &str) -> Option<String>;

    /// Pins a key. Returns once it is stored.
    ///
    /// # Errors
    /// When another key is pinned for the host meanwhile, or it cannot be stored.
    async fn pin(&self, contact: FirstContact) -> Result<(), Unserved>;
}

/// The public key of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Its kind and itself, as `ssh-ed25519 AAAA...`, without a comment.
    pub text: String,
    /// Its digest, as `SHA256:...`, as all programs of OpenSSH show it.
    pub fingerprint: String,
}

impl PublicKey {
    /// Reads `KIND BASE64`, with or without a comment behind it, as a file `ssh_host_ed25519_key.pub` has it.
    ///
    /// # Errors
    /// The reason, as the end of a sentence that begins with the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
            return Err("is not of the form `KIND BASE64`".into());
        };
        if text.len() > LONGEST {
            return Err(format!("is longer than {LONGEST} bytes"));
        }
        let bytes = STANDARD.decode(encoded).map_err(|error| format!("is not base64: {error}"))?;
        // Its first field, with the length before it, is the kind again (RFC 4253, 6.6).
        let named = bytes
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?));
        if named != Some(kind.as_bytes()) {
            return Err(format!("is not a key of the kind {kind}"));
        }
        let fingerprint = format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&bytes)));
        Ok(Self { text: format!("{kind} {encoded}"), fingerprint })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_fingerprint_that_openssh_shows() {
        // By `ssh-keygen -l -f`.
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICTeijHjQLsdRkXPzSnUonwSXuyjFYyyNlLXqOVK//W8";
        for text in [key.to_owned(), format!(" {key} root@host\n")] {
            let read = PublicKey::parse(&text).unwrap();
            assert_eq!(read.text, key);
            assert_eq!(read.fingerprint, "SHA256:0K1KXZzYUk/tGRibinyRRVT1vAzPpbVm2+6O7apmZk0");
        }
        for (text, why) in [
            ("", "is not of the form"),
            ("ssh-ed25519", "is not of the form"),
            ("ssh-ed25519 ?", "is not base64"),
            ("ssh-ed25519 AAAA", "is not a key of the kind ssh-ed25519"),
            (&key.replace("ssh-ed25519", "ssh-rsa"), "is not a key of the kind ssh-rsa"),
        ] {
            let refused = PublicKey::parse(text).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
    }
}
