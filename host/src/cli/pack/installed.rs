//! The packs that were installed from artifacts, in the data directory: `packs/installed/NAME/DIGEST`, one directory a version.
//! A version is made beside its place and renamed into it, and those before stay where they are: executions that run go on with
//! theirs, a registration that fails changes nothing, and each can be made the active one again. `.history` says in which order they
//! were active.

mod kept;

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use petrel_packs::plain_file;
use petrel_registry::card::Card;
use petrel_registry::{Digest, Error, Fetched, Limits, Locked, Reference};

use crate::data_directory;
use crate::exit::{Code, Failure};
use crate::print;
pub(super) use kept::Kept;
pub(super) use kept::size;
use kept::{is_recorded, record, refuse_record};

/// The digits of a digest in the name of a directory.
const DIGITS: usize = 16;
/// The versions of a pack that an installation leaves there.
const KEPT: usize = 5;
/// The digests in the history of a pack, and the bytes of its file.
const LONGEST_HISTORY: usize = 50;
const LARGEST_HISTORY: u64 = 64 << 10;

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
            drop(Fetched::remove(&self.path));
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
        let root = root(data_dir);
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

    /// What was left of downloads, and of installations and removals that broke off: names, paths and sizes.
    pub(super) fn broken_off(&self) -> Vec<(String, PathBuf, u64)> {
        let within =
            |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        let halves = self.packs().into_iter().flat_map(|name| within(self.root.join(name)));
        // What has another name, or is a link, somebody has put there.
        let halves = halves.filter(|path| is_named_as_version(path) && Fetched::digest_in(path).is_none());
        let all = within(self.downloads()).chain(halves).chain([self.root.join(".new")]);
        let all = all.filter(|path| path.is_dir());
        let named = all.map(|path| {
            let name = path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
            let size = size(&path);
            (name, path, size)
        });
        named.collect()
    }

    /// The directory of a version of a pack.
    pub(super) fn place(&self, name: &str, digest: &Digest) -> PathBuf {
        self.root.join(name).join(digest.hex().get(..DIGITS).unwrap_or_default())
    }

    /// The directory of a version that is there as a whole.
    pub(super) fn find(&self, name: &str, digest: &Digest) -> Option<PathBuf> {
        Some(self.place(name, digest)).filter(|path| Fetched::is_laid_out(path, digest))
    }

    /// Makes a version of an artifact that `admit` admits by what is in it, with its record: `pack`, and whether it may run as
    /// processes. So it has one from the beginning, whatever becomes of its registration.
    ///
    /// # Errors
    /// When the artifact is not what it says, is not admitted, or the disk is full. Nothing has changed then.
    pub(super) fn lay_out(
        &self,
        fetched: &Fetched,
        limits: &Limits,
        pack: Locked,
        admit: impl FnOnce(&Card) -> Result<(), Failure>,
    ) -> Result<(Version, Locked), Failure> {
        let made = self.root.join(".new");
        let removed = |path: &Path| match fs::remove_dir_all(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::of_file("removed", path, &error))
            }
            _ => Ok(()),
        };
        removed(&made)?;
        let done = fetched.lay_out(&made, limits).map_err(Failure::from).and_then(|card| {
            refuse_record(&made)?;
            admit(&card)?;
            let pack = Locked { native: card.native().next().is_some(), ..pack };
            record(&made, &pack)?;
            Ok(pack)
        });
        let pack = match done {
            Ok(pack) => pack,
            Err(failure) => {
                drop(removed(&made));
                return Err(failure);
            }
        };
        let path = self.place(&pack.name, &fetched.digest);
        if Fetched::is_laid_out(&path, &fetched.digest) {
            removed(&made)?;
            if !is_recorded(&path) {
                record(&path, &pack)?;
            }
            return Ok((Version { path, is_new: false }, pack));
        }
        // Half of one, from a process that was killed.
        removed(&path)?;
        let above = path.parent().unwrap_or(&self.root);
        // Names are as durable as the content: that of the record, and that of the directory.
        let synced = |directory: &Path| drop(File::open(directory).and_then(|opened| opened.sync_all()));
        synced(&made);
        let moved = fs::create_dir_all(above).and_then(|()| fs::rename(&made, &path));
        moved.map_err(|error| Error::of_file("made", &path, &error))?;
        synced(above);
        Ok((Version { path, is_new: true }, pack))
    }

    /// Removes the oldest versions of a pack beyond the number that is kept. The active one is the newest in this order.
    pub(super) fn prune(&self, name: &str, active: &Digest) {
        let versions = self.versions(name);
        let superfluous = versions.len().saturating_sub(KEPT);
        let old = versions.iter().filter(|version| version.locked.digest != *active).take(superfluous);
        old.for_each(Kept::remove);
    }

    /// Whether a pack has more versions than are kept.
    pub(super) fn is_crowded(&self, name: &str) -> bool {
        self.versions(name).len() > KEPT
    }

    /// The versions of a pack that are here, in the order in which they were last active.
    pub(super) fn versions(&self, name: &str) -> Vec<Kept> {
        if petrel_model::names::check_pack(name).is_err() {
            return Vec::new();
        }
        let history = self.history(name);
        let last = |digest: &Digest| history.iter().rposition(|known| known == digest);
        let entries = fs::read_dir(self.root.join(name)).into_iter().flatten().flatten();
        let mut versions: Vec<_> = entries.filter_map(|entry| Kept::at(entry.path(), name)).collect();
        versions.sort_by_key(|version| last(&version.locked.digest).map_or(0, |at| at + 1));
        versions
    }

    /// The version that a reference names, of those that are here; of several the one that was active last.
    pub(super) fn of_reference(&self, named: &Reference) -> Option<Locked> {
        let last =
            |name: String| self.versions(&name).into_iter().rev().find(|version| version.is_named(named));
        Some(self.packs().into_iter().find_map(last)?.locked)
    }

    /// The number of versions of a pack in a data directory. Nothing is made there, and no other installation waited for.
    pub(super) fn count(data_dir: &Path, name: &str) -> usize {
        let entries = fs::read_dir(root(data_dir).join(name)).into_iter().flatten().flatten();
        entries.filter(|entry| Fetched::digest_in(&entry.path()).is_some()).count()
    }

    /// Whether a directory is one of the versions that are installed in a data directory.
    pub(super) fn has(data_dir: &Path, path: &Path) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_gone| path.to_owned());
        real(path).starts_with(real(&root(data_dir)))
    }

    /// The packs of which versions are here.
    pub(super) fn packs(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| petrel_model::names::check_pack(name).is_ok()).collect();
        names.sort();
        names
    }

    /// The digests of the versions that were active, the last one last.
    pub(super) fn history(&self, name: &str) -> Vec<Digest> {
        let text = plain_file::read_text(&self.history_file(name), LARGEST_HISTORY).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    fn history_file(&self, name: &str) -> PathBuf {
        self.root.join(".history").join(name)
    }

    /// Notes that a version is active now, and what it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn remember(&self, locked: &Locked) -> Result<(), Failure> {
        let path = self.place(&locked.name, &locked.digest);
        record(&path, locked)?;
        let mut history = self.history(&locked.name);
        history.retain(|known| *known != locked.digest);
        history.push(locked.digest.clone());
        let first = history.len().saturating_sub(LONGEST_HISTORY);
        let text: String = history.iter().skip(first).map(|digest| format!("{digest}\n")).collect();
        let file = self.history_file(&locked.name);
        let made = file.with_extension("new");
        let written = fs::create_dir_all(self.root.join(".history"))
            .and_then(|()| fs::write(&made, text))
            .and_then(|()| fs::rename(&made, &file));
        Ok(written.map_err(|error| Error::of_file("written", &file, &error))?)
    }
}

/// Whether something has the name of a version's directory, and is a directory itself.
fn is_named_as_version(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit()) && !path.is_symlink()
}

/// The place of installed packs in a data directory.
fn root(data_dir: &Path) -> PathBuf {
    data_dir.join("packs").join("installed")
}

#[cfg(test)]
mod tests {
    use petrel_model::Signed;
    use petrel_registry::Artifact;

    use super::*;

    #[test]
    fn a_version_has_its_record_before_anybody_hears_of_it() {
        let place = tempfile::tempdir().unwrap();
        let (source, blobs) = (place.path().join("source"), place.path().join("blobs"));
        fs::create_dir_all(data_directory::store(place.path())).unwrap();
        for directory in [&source, &blobs] {
            fs::create_dir(directory).unwrap();
        }
        let text = "ref: mine\nname: mine\ndescription: d\nversion: 1.0.0\nauthor: a\n";
        fs::write(source.join("pack.yaml"), text).unwrap();
        let limits = Limits::default();
        let (artifact, _) = Artifact::of_directory(&source, &limits).unwrap();
        for (digest, blob) in &artifact.blobs {
            fs::write(blobs.join(digest.hex()), blob.read(1 << 20).unwrap()).unwrap();
        }
        let fetched = Fetched::of(artifact.bytes.clone(), &blobs, &limits).unwrap();
        let pack = Locked {
            name: "mine".into(),
            version: "1.0.0".into(),
            reference: "r.example.com/packs/mine:1.0.0".into(),
            resolved: String::new(),
            digest: fetched.digest.clone(),
            native: false,
            signature: Some(Signed::Unsigned),
            key: None,
        };
        let lay_out = || {
            let installed = Installed::open(place.path()).unwrap();
            installed.lay_out(&fetched, &limits, pack.clone(), |_| Ok(())).unwrap()
        };
        // Whoever has laid it out is gone before the host has answered.
        let found = || Installed::open(place.path()).unwrap().versions("mine").remove(0).locked;
        let (version, recorded) = lay_out();
        assert_eq!((version.is_new, &recorded, found()), (true, &pack, pack.clone()));
        // One without a record says itself what it is, and nothing about where it comes from.
        let kept = version.path.join(".locked");
        fs::remove_file(&kept).unwrap();
        let own = Locked { reference: String::new(), signature: None, ..pack.clone() };
        assert_eq!(found(), own);
        assert_eq!((lay_out().0.is_new, found()), (false, pack.clone()));
        // What is refused leaves nothing.
        Fetched::remove(&version.path).unwrap();
        let installed = Installed::open(place.path()).unwrap();
        let refused = installed.lay_out(&fetched, &limits, pack.clone(), |_| Err(Failure::usage("no", "")));
        assert!(refused.is_err() && installed.versions("mine").is_empty());
    }

    #[test]
    fn only_what_has_the_name_of_a_version_is_half_of_one() {
        let place = tempfile::tempdir().unwrap();
        let (version, link) = (place.path().join("0123456789abcdef"), place.path().join("0123456789abcdee"));
        fs::create_dir(&version).unwrap();
        std::os::unix::fs::symlink(&version, &link).unwrap();
        for (path, expected) in [
            (version, true),
            (link, false),
            (place.path().join("notes"), false),
            (place.path().join("0123456789abcdeg"), false),
            (place.path().join("0123456789abcde"), false),
        ] {
            assert_eq!(is_named_as_version(&path), expected, "{}", path.display());
        }
    }
}
