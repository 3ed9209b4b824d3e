//! The packs that were installed from artifacts, in the data directory: `packs/installed/NAME/DIGEST`, one directory a version.
//! A version is made beside its place and renamed into it, and the one before stays where it is: executions that run go on with
//! it, and a registration that fails changes nothing.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use petrel_registry::card::Card;
use petrel_registry::{Digest, Error, Fetched, Limits};

use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print;

/// The digits of a digest in the name of a directory.
const DIGITS: usize = 16;

/// The place of installed packs.
pub(super) struct Installed {
    root: PathBuf,
    /// Held as long as this value lives: one installation at a time.
    _turn: File,
}

/// A version of a pack in its place.
pub(super) struct Version {
    /// Its directory.
    pub(super) path: PathBuf,
    /// Whether it was made just now.
    pub(super) is_new: bool,
}

impl Version {
    /// Removes a version that was not registered.
    pub(super) fn withdraw(&self) {
        if self.is_new {
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

impl Installed {
    /// Opens the place in a data directory, and waits until no other installation is under way.
    ///
    /// # Errors
    /// When there is no host over this directory, or it cannot be written.
    pub(super) fn open(data_dir: &Path) -> Result<Self, Failure> {
        if !data_directory::store(data_dir).is_dir() {
            let message = format!("{} is not the data directory of a host", data_dir.display());
            let hint =
                "run this on the machine of the host, as its user, with its directory in PETREL_DATA_DIR";
            return Err(Failure::new(Code::Usage, "usage", message, hint));
        }
        let root = data_dir.join("packs").join("installed");
        let failed = |error: io::Error| Error::of_file("written", &root, &error);
        fs::create_dir_all(&root).map_err(failed)?;
        let file = root.join(".lock");
        let turn = OpenOptions::new().write(true).create(true).truncate(false).open(&file);
        let turn = turn.map_err(|error| Error::of_file("written", &file, &error))?;
        if turn.try_lock().is_err() {
            print::note("another installation is under way; this one begins when it has ended");
            turn.lock().map_err(failed)?;
        }
        Ok(Self { root, _turn: turn })
    }

    /// The place for blobs that are being fetched, with a directory for each artifact.
    pub(super) fn downloads(&self) -> PathBuf {
        self.root.join(".fetched")
    }

    /// Removes what was fetched of all artifacts, or of all but this one, with which the fetching goes on.
    pub(super) fn clear_downloads(&self, keep: Option<&Digest>) {
        for entry in fs::read_dir(self.downloads()).into_iter().flatten().flatten() {
            if keep.is_none_or(|keep| entry.file_name() != keep.hex()) {
                // What cannot be removed only takes space.
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }

    /// The directory of a version of a pack.
    pub(super) fn place(&self, name: &str, digest: &Digest) -> PathBuf {
        self.root.join(name).join(digest.hex().get(..DIGITS).unwrap_or_default())
    }

    /// The directory of a version that is there as a whole.
    pub(super) fn find(&self, name: &str, digest: &Digest) -> Option<PathBuf> {
        Some(self.place(name, digest)).filter(|path| Fetched::is_laid_out(path, digest))
    }

    /// Makes a version of an artifact that `admit` admits by what is in it.
    ///
    /// # Errors
    /// When the artifact is not what it says, is not admitted, or the disk is full. Nothing has changed then.
    pub(super) fn lay_out(
        &self,
        fetched: &Fetched,
        limits: &Limits,
        admit: impl FnOnce(&Card) -> Result<(), Failure>,
    ) -> Result<(Version, Card), Failure> {
        let made = self.root.join(".new");
        let removed = |path: &Path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::of_file("removed", path, &error))
            }
            _ => Ok(()),
        };
        removed(&made)?;
        let card = match fetched
            .lay_out(&made, limits)
            .map_err(Failure::from)
            .and_then(|card| admit(&card).map(|()| card))
        {
            Ok(card) => card,
            Err(failure) => {
                drop(removed(&made));
                return Err(failure);
            }
        };
        let path = self.place(&card.reference, &fetched.digest);
        if Fetched::is_laid_out(&path, &fetched.digest) {
            removed(&made)?;
            return Ok((Version { path, is_new: false }, card));
        }
        // Half of one, from a process that was killed.
        removed(&path)?;
        let above = path.parent().unwrap_or(&self.root);
        let moved = fs::create_dir_all(above).and_then(|()| fs::rename(&made, &path));
        moved.map_err(|error| Error::of_file("made", &path, &error))?;
        // The name is as durable as the content.
        drop(File::open(above).and_then(|directory| directory.sync_all()));
        Ok((Version { path, is_new: true }, card))
    }

    /// Removes all versions of a pack but these two: the one that is registered now, and the one before, with which
    /// executions may still go on.
    pub(super) fn prune(&self, name: &str, keep: [Option<&Digest>; 2]) {
        let kept: Vec<PathBuf> = keep.into_iter().flatten().map(|digest| self.place(name, digest)).collect();
        for entry in fs::read_dir(self.root.join(name)).into_iter().flatten().flatten() {
            if !kept.contains(&entry.path()) {
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }
}
