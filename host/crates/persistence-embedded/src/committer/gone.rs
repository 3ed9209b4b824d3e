//! The committer's answer to files of the store that somebody has deleted, moved or replaced under it. This
//! process would go on as before, and the next one would not find its work. So all acknowledged commits are
//! brought to safety, and then the store fails.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use petrel_persistence::Error;

use crate::backup;
use crate::committer::Committer;

/// Longest wait for a checkpoint.
const PATIENCE: Duration = Duration::from_secs(30);

impl Committer {
    /// Fails the store if its files are not where they were. Nothing is answered meanwhile.
    pub(super) fn look_for_files(&mut self) {
        if self.has_failed() {
            return;
        }
        let deleted = if let Some(moved) = self.moved() {
            moved
        } else if self.rows.image.base().is_gone() {
            let base = self.directory.path().join(self.directory.engine().name());
            format!(
                "its rows in {} were deleted, moved or replaced while it was in use; {}",
                base.display(),
                self.rescue()
            )
        } else if self.journal.is_gone() {
            let journal = self.directory.path().join("journal");
            let saved = self.save_in_base();
            if saved.is_ok() && !self.journal.is_gone() {
                tracing::error!(journal = %journal.display(), "a segment of the journal was deleted, replaced or cut; nothing is lost, and a new one is used");
                return;
            }
            let saved = saved.err().unwrap_or(
                "what was acknowledged is saved in the base, and the next start goes on from there",
            );
            format!(
                "its journal in {} was deleted, moved or replaced while it was in use; {saved}",
                journal.display()
            )
        } else {
            return;
        };
        self.fail(Error::Unavailable(deleted));
    }

    /// The message to the operator if the store was moved as a whole. Its files are open, so nothing is
    /// missing there.
    fn moved(&self) -> Option<String> {
        let now = self.directory.moved_to()?;
        let is_whole = ["journal", self.directory.engine().name()].iter().all(|part| now.join(part).is_dir());
        is_whole.then(|| {
            format!(
                "its directory {} was moved to {} while it was in use; all that was acknowledged is there: move it \
                 back, or name the data directory that it is in now with --data-dir",
                self.directory.path().display(),
                now.display()
            )
        })
    }

    /// Brings the base up to date, without the journal.
    fn save_in_base(&mut self) -> Result<(), &'static str> {
        self.wait_for_checkpoint();
        self.hand_over();
        self.wait_for_checkpoint();
        if self.rows.image.is_in_base() {
            Ok(())
        } else {
            Err(
                "the last commits could not be saved in the base; put the journal back, or restore from a backup",
            )
        }
    }

    fn wait_for_checkpoint(&self) {
        self.work.pause(|| self.checkpoint.progress.wait_for(PATIENCE));
    }

    /// Writes all rows to an archive, since this process is the last that can read the base. Returns the
    /// message to the operator.
    fn rescue(&self) -> String {
        // Paused for the watchdog: a large store takes a while.
        match self.work.pause(|| self.write_archive()) {
            Ok((path, lost)) => {
                let but = if lost == 0 { String::new() } else { format!(", but for {lost} large values,") };
                format!(
                    "all that was acknowledged{but} is saved in {}: move this store away, and make a new one with `petrel store import`",
                    path.display()
                )
            }
            Err(error) => format!("they could not be saved ({error}); restore from a backup"),
        }
    }

    /// Writes the archive beside the other files of the store, or beside the store if that is gone as a whole. Returns its
    /// path and the number of rows without their large values, which are left out.
    fn write_archive(&self) -> io::Result<(PathBuf, u64)> {
        let store = self.directory.path();
        let place = if store.is_dir() { store } else { store.parent().unwrap_or(store) };
        let path = place.join(format!("rescued-{}.archive", self.sequence));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut to = BufWriter::new(file);
        let written = backup::rescue(&self.rows, &mut to).map_err(io::Error::other);
        let kept = written.and_then(|(_archived, lost)| {
            to.flush()?;
            to.get_ref().sync_all()?;
            File::open(place)?.sync_all()?;
            Ok(lost)
        });
        if kept.is_err() {
            // Half an archive is of no use.
            drop(fs::remove_file(&path));
        }
        kept.map(|lost| (path, lost))
    }
}
