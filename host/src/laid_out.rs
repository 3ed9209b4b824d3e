//! The upkeep of the files that the host has laid out for itself: the directory in which processes start, the
//! library of Python actions, the packs of the binary. If somebody deletes them while the host runs, they are
//! laid out again, because everything that needs them would fail until the next start: at the moment when a process
//! needs them ([`Files::upkeep`]), and whenever [`keep`] finds that they are missing.
//!
//! The store looks after its own files. [`data_directory`] and [`bundled`] lay the others out at the start.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use petrel_engine::Engine;
use petrel_runners::Upkeep;
use petrel_runners::python_script::library;
use tokio::time::Instant;

use crate::bundled::{self, BundledPack, PACKS};
use crate::data_directory;

/// The time between two checks.
const LOOK: Duration = Duration::from_secs(1);
/// The time until a failure to lay something out is logged again.
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// The files of a data directory.
pub(crate) struct Files {
    data_dir: PathBuf,
    /// Held while something is laid out: a check and a process may find it missing at the same moment.
    turn: Mutex<()>,
}

/// Something that was missing, and the result of laying it out again.
struct Missing {
    path: PathBuf,
    laid_out: anyhow::Result<()>,
}

/// Checks the files again and again, and lays missing ones out. Never returns.
pub(crate) async fn keep(engine: Engine, files: Arc<Files>) {
    let mut told_at: Option<Instant> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let (engine, files) = (engine.clone(), Arc::clone(&files));
        let missing = tokio::task::spawn_blocking(move || files.mend(&engine)).await.unwrap_or_default();
        let may_tell = told_at.is_none_or(|at| at.elapsed() >= TELL_AGAIN);
        // Each is told, also behind the first that could not be laid out.
        let is_whole = missing.iter().filter(|one| !one.tell(may_tell)).count() == 0;
        if is_whole {
            told_at = None;
        } else if may_tell {
            told_at = Some(Instant::now());
        }
    }
}

impl Files {
    /// The files of the data directory.
    pub(crate) fn of(data_dir: &Path) -> Arc<Self> {
        Arc::new(Self { data_dir: data_dir.to_path_buf(), turn: Mutex::new(()) })
    }

    /// The upkeep that lays them out again when something that runs finds one of them missing.
    pub(crate) fn upkeep(self: &Arc<Self>) -> Upkeep {
        let files = Arc::clone(self);
        Upkeep::by(move |missing| files.again(missing))
    }

    /// Lays out again what `missing` belongs to. Returns whether it is the host's own and there now.
    fn again(&self, missing: &Path) -> bool {
        if !self.has_its_store() {
            return false;
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let is_below = |path: PathBuf| missing.starts_with(path);
        let found = if is_below(data_directory::work(&self.data_dir)) {
            self.work()
        } else if is_below(data_directory::python(&self.data_dir)) {
            self.python()
        } else {
            // Whoever needs a file of a pack has it registered.
            let Some(pack) =
                PACKS.iter().find(|pack| is_below(data_directory::place_of(&self.data_dir, pack)))
            else {
                return false;
            };
            self.pack(pack)
        };
        match found {
            // A failure is told by what needs the file, and by the next check.
            Some(found) => found.tell(false),
            // The check, or another that needed it, was first.
            None => missing.exists(),
        }
    }

    /// Lays missing files out again. Returns what was missing.
    fn mend(&self, engine: &Engine) -> Vec<Missing> {
        if !self.has_its_store() {
            return Vec::new();
        }
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = PACKS.iter().filter(|pack| bundled::is_in_use(engine, &self.data_dir, pack));
        let packs = in_use.filter_map(|pack| self.pack(pack));
        self.work().into_iter().chain(self.python()).chain(packs).collect()
    }

    /// Whether the data directory is where it was: nothing is created in the place of one that somebody has moved away.
    fn has_its_store(&self) -> bool {
        data_directory::store(&self.data_dir).is_dir()
    }

    /// Lays out the directory in which processes start, if it is missing.
    fn work(&self) -> Option<Missing> {
        let path = data_directory::work(&self.data_dir);
        if path.is_dir() {
            return None;
        }
        let laid_out = data_directory::make_private(&path);
        Some(Missing { path, laid_out })
    }

    /// Lays out the library of Python actions, if something of it is missing.
    fn python(&self) -> Option<Missing> {
        let path = data_directory::python(&self.data_dir);
        if library::is_whole(&path) {
            return None;
        }
        let laid_out = library::lay_out(&path).map_err(anyhow::Error::from);
        Some(Missing { path, laid_out })
    }

    /// Lays out a pack of the binary, if something of it is missing.
    fn pack(&self, pack: &BundledPack) -> Option<Missing> {
        let is_whole = data_directory::is_whole(&self.data_dir, pack);
        if is_whole || data_directory::is_foreign(&self.data_dir, pack) {
            return None;
        }
        let path = data_directory::place_of(&self.data_dir, pack);
        let laid_out = data_directory::lay_out(&self.data_dir, pack).map(drop);
        Some(Missing { path, laid_out })
    }
}

impl Missing {
    /// Logs the result; a failure only if that is wanted. Returns whether the file is there.
    fn tell(&self, tells_failure: bool) -> bool {
        let path = self.path.display();
        match &self.laid_out {
            Ok(()) => tracing::error!(%path, "it was deleted under the host, and is laid out again"),
            Err(error) if tells_failure => {
                let error = format!("{error:#}");
                let hint = "remove what stands in its place; the host looks again every second";
                tracing::error!(%path, %error, hint, "it was deleted under the host, and cannot be laid out again");
            }
            Err(_told_before) => {}
        }
        self.laid_out.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_needed_and_missing_is_laid_out_if_it_is_the_hosts_own() {
        let place = tempfile::tempdir().unwrap();
        let data_dir = place.path();
        fs::create_dir(data_directory::store(data_dir)).unwrap();
        let files = Files::of(data_dir);
        for (missing, is_own) in [
            ("work", true),
            ("python/petrel_action.py", true),
            ("packs/core/actions/send_mail.sh", true),
            ("packs/mine/actions/act.sh", false),
            ("store/format", false),
        ] {
            let path = data_dir.join(missing);
            assert_eq!(files.again(&path), is_own, "{missing}");
            assert_eq!(path.exists(), is_own, "{missing}");
            assert_eq!(files.again(&path), is_own, "{missing}: somebody else was first");
        }
        assert!(!files.again(&data_dir.join("work/below")), "what its user has not made");
    }

    #[test]
    fn what_stands_in_the_way_is_left_and_nothing_is_made_in_a_directory_that_was_moved() {
        let place = tempfile::tempdir().unwrap();
        let work = data_directory::work(place.path());
        let files = Files::of(place.path());
        assert!(!files.again(&work) && !work.exists());
        fs::create_dir(data_directory::store(place.path())).unwrap();
        fs::write(&work, "").unwrap();
        assert!(!files.again(&work) && work.is_file());
        fs::remove_file(&work).unwrap();
        assert!(files.again(&work) && work.is_dir());
    }
}
