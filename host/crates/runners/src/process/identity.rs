//! By what a host tells its own processes from those of another one: the identity of its data directory. What
//! [`seal`](super::seal) and environment carry is made with it, so that a host over a copy of the store, which knows the
//! same executions, takes nothing of the original for its own, and nobody makes a mark up for an execution by its id.
//!
//! Where the identity is kept is the business of whoever starts the host.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::OnceLock;

use petrel_model::hexadecimal;
use sha2::{Digest as _, Sha256};

/// Whose this process is.
static OWN: OnceLock<Identity> = OnceLock::new();
/// What is used before it is anybody's.
static NOBODY: Identity = Identity(String::new());

/// Who has started a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity(String);

impl Identity {
    /// That of the host with this data directory, in which `text` is kept. Where the directory lies counts too: a copy of
    /// it is another one.
    ///
    /// # Errors
    /// When there is no such directory.
    pub(super) fn of(text: &str, data_dir: &Path) -> io::Result<Self> {
        let place = fs::metadata(data_dir)?;
        Ok(Self(format!("{text} {:x} {:x}", place.dev(), place.ino())))
    }

    /// That of this process.
    pub(super) fn own() -> &'static Self {
        OWN.get().unwrap_or(&NOBODY)
    }

    /// Makes it that of this process, which is the host over one data directory to its end.
    pub(super) fn become_own(self) {
        // The first one stays.
        let _ = OWN.set(self);
    }

    /// What proves in an environment that it was made for this execution.
    pub(super) fn proof(&self, execution: &str) -> String {
        let digest = self.digest("environment", execution);
        hexadecimal(digest.get(..16).unwrap_or(&digest))
    }

    /// A number that nobody else can tell, of some use.
    pub(super) fn number(&self, usage: &str, text: &str) -> u64 {
        self.digest(usage, text).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    fn digest(&self, usage: &str, text: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [self.0.as_str(), usage, text] {
            hasher.update(part);
            // No part holds it, so that each has an end.
            hasher.update([0]);
        }
        hasher.finalize().into()
    }
}

#[cfg(test)]
impl Identity {
    /// One for a test.
    pub(super) fn named(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_data_directory_has_another_identity() {
        let (one, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let of = |text: &str, place: &tempfile::TempDir| Identity::of(text, place.path()).unwrap();
        assert_eq!(of("a", &one), of("a", &one));
        assert_ne!(of("a", &one), of("a", &copy));
        assert_ne!(of("a", &one), of("b", &one));
        assert!(Identity::of("a", Path::new("/no/such/directory")).is_err());
    }

    #[test]
    fn what_is_made_with_it_differs_by_identity_execution_and_use() {
        let identity = Identity::named("a");
        let proofs =
            [("a", "1"), ("a", "2"), ("b", "1")].map(|(name, text)| Identity::named(name).proof(text));
        for (number, proof) in proofs.iter().enumerate() {
            assert_eq!(proof.len(), 32);
            assert_eq!(proofs.iter().filter(|other| *other == proof).count(), 1, "{number}");
        }
        assert_eq!(identity.proof("1"), identity.proof("1"));
        assert_ne!(identity.number("seal", "1"), identity.number("check", "1"));
        assert_ne!(identity.number("seal", "1"), identity.number("sea", "l1"));
    }
}
