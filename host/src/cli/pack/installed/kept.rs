//! A version of a pack that is installed, and the record of what it is: a file in its directory, in the form of the lock.

use std::fs;
use std::path::{Path, PathBuf};

use petrel_registry::card::Card;
use petrel_registry::reference::tag_of;
use petrel_registry::{Fetched, Lock, Locked, Reference};

use crate::exit::{Code, Failure};

/// The file in the directory of a version that says what it is.
const RECORD: &str = ".locked";

/// A version of a pack that is here.
#[derive(Debug, Clone)]
pub(in crate::cli::pack) struct Kept {
    /// Its directory.
    pub(in crate::cli::pack) path: PathBuf,
    /// What it is, as the lock has it when it is active.
    pub(in crate::cli::pack) locked: Locked,
}

impl Kept {
    /// The version of `name` in a directory, if it is there as a whole.
    pub(super) fn at(path: PathBuf, name: &str) -> Option<Self> {
        let digest = Fetched::digest_in(&path)?;
        let record = Lock::read(&path.join(RECORD)).unwrap_or_default();
        let known = record.of_pack(name).filter(|known| known.digest == digest).cloned();
        // One whose record is lost says itself what it is, and not where it came from, nor what its signatures were worth.
        let locked = known.or_else(|| {
            let (card, _) = Card::of(&path).ok()?;
            Some(Locked {
                name: name.to_owned(),
                version: card.version.clone(),
                reference: String::new(),
                resolved: String::new(),
                digest,
                native: card.native().next().is_some(),
                signature: None,
                key: None,
            })
        })?;
        Some(Self { path, locked })
    }

    /// Whether a reference names it: by its digest, or by the tag with which it came or that has its version.
    pub(super) fn is_named(&self, by: &Reference) -> bool {
        let Locked { reference, version, digest, .. } = &self.locked;
        if let Some(wanted) = &by.digest {
            return wanted == digest;
        }
        let came: Option<Reference> = reference.parse().ok();
        came.is_some_and(|came| {
            let is_place = came.registry == by.registry && came.repository == by.repository;
            let target = by.target();
            is_place && (came.target() == target || tag_of(version) == target)
        })
    }

    /// Removes it. What cannot be removed only takes space.
    pub(in crate::cli::pack) fn remove(&self) {
        drop(Fetched::remove(&self.path));
    }

    /// The bytes of its files.
    pub(in crate::cli::pack) fn size(&self) -> u64 {
        size(&self.path)
    }
}

/// The bytes of the files in a directory.
pub(in crate::cli::pack) fn size(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_gone) => 0,
    });
    sizes.sum()
}

/// Refuses a pack with a file that has the name of the record.
pub(super) fn refuse_record(made: &Path) -> Result<(), Failure> {
    if made.join(RECORD).symlink_metadata().is_err() {
        return Ok(());
    }
    let message = format!("the pack has a file `{RECORD}`, which is petrel's own");
    Err(Failure::new(
        Code::Failed,
        "registry.refused",
        message,
        "do not use it: it was not made by `petrel pack push`",
    ))
}

/// Writes the record of a version into its directory.
pub(super) fn record(directory: &Path, locked: &Locked) -> Result<(), Failure> {
    let mut record = Lock::default();
    record.put(locked.clone());
    Ok(record.write(&directory.join(RECORD))?)
}

/// Whether a version has its record.
pub(super) fn is_recorded(directory: &Path) -> bool {
    directory.join(RECORD).is_file()
}
