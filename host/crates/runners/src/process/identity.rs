//! The identity of a data directory, by which a host distinguishes its own processes from those of another host. It is
//! part of each [`seal`](super::seal) and of the proof in each environment. So a host over a copy of the store, which
//! knows the same executions, does not take processes of the original for its own, and nobody can forge a mark from the
//! id of an execution.
//!
//! The identity is stored by whoever starts the host.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::OnceLock;

use petrel_model::hexadecimal;
use sha2::{Digest as _, Sha256};

/// The identity of this process.
static OWN: OnceLock<Identity> = OnceLock::new();
/// The identity before one was set.
static NOBODY: Identity = Identity(String::new());

/// The identity of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity(String);

impl Identity {
    /// The identity of the host with this data directory, in which `text` is stored. Device and inode of the directory
    /// are part of it, so that a copy of the directory is another identity.
    ///
    /// # Errors
    /// If the directory does not exist.
    pub(super) fn of(text: &str, data_dir: &Path) -> io::Result<Self> {
        let place = fs::metadata(data_dir)?;
        Ok(Self(format!("{text} {:x} {:x}", place.dev(), place.ino())))
    }

    /// The identity of this process.
    pub(super) fn own() -> &'static Self {
        OWN.get().unwrap_or(&NOBODY)
    }

    /// Makes this the identity of this process, for the rest of its life.
    pub(super) fn become_own(self) {
        // A process is the host of one data directory, so a second call changes nothing.
        let _ = OWN.set(self);
    }

    /// The value of the environment variable that proves that this host started the process for `execution`.
    pub(super) fn proof(&self, execution: &str) -> String {
        let digest = self.digest("environment", execution);
        hexadecimal(digest.get(..16).unwrap_or(&digest))
    }

    /// A number for `usage` that nobody can compute without the identity.
    pub(super) fn number(&self, usage: &str, text: &str) -> u64 {
        self.digest(usage, text).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }

    fn digest(&self, usage: &str, text: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for part in [self.0.as_str(), usage, text] {
            hasher.update(part);
            // A separator after each part, which no part contains: so ("ab", "c") and ("a", "bc") differ.
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
