//! The upkeep of the files that the host has laid out for itself: the directory in which processes start, the
//! library of Python actions, the packs of the binary. If somebody deletes them while the host runs, they are
//! laid out again, because everything that needs them would fail until the next start.
//!
//! The store looks after its own files. [`data_directory`] and [`bundled`] lay the others out at the start.

use std::path::{Path, PathBuf};
use std::time::Duration;

use petrel_engine::Engine;
use petrel_runners::python_script::library;

use crate::bundled::{self, PACKS};
use crate::data_directory;

/// The time between two checks.
const LOOK: Duration = Duration::from_secs(1);
/// The time until the next check after a failure to lay something out.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Checks the files again and again, and lays missing ones out. Never returns.
pub(crate) async fn keep(engine: Engine, data_dir: PathBuf) {
    let mut pause = LOOK;
    loop {
        tokio::time::sleep(pause).await;
        let (engine, data_dir) = (engine.clone(), data_dir.clone());
        let is_whole = tokio::task::spawn_blocking(move || mend(&engine, &data_dir)).await;
        pause = if is_whole.unwrap_or(false) { LOOK } else { LOOK_AGAIN };
    }
}

/// Lays missing files out again. Returns whether all are there now.
fn mend(engine: &Engine, data_dir: &Path) -> bool {
    // Nothing is created in the place of a data directory that somebody has moved away.
    if !data_directory::store(data_dir).is_dir() {
        return true;
    }
    let mut is_whole = true;
    let work = data_directory::work(data_dir);
    if !work.is_dir() {
        is_whole &= tell(&work, data_directory::make_private(&work));
    }
    let python = data_directory::python(data_dir);
    if !library::is_whole(&python) {
        is_whole &= tell(&python, library::lay_out(&python).map_err(anyhow::Error::from));
    }
    for pack in PACKS.iter().filter(|pack| bundled::is_in_use(engine, data_dir, pack)) {
        if !data_directory::is_whole(data_dir, pack) {
            let path = data_directory::place_of(data_dir, pack);
            is_whole &= tell(&path, data_directory::lay_out(data_dir, pack).map(drop));
        }
    }
    is_whole
}

/// Logs the result of laying something out again. Returns whether it is there.
fn tell(path: &Path, laid_out: anyhow::Result<()>) -> bool {
    let (path, is_there) = (path.display(), laid_out.is_ok());
    match laid_out {
        Ok(()) => tracing::error!(%path, "it was deleted under the host, and is laid out again"),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::error!(%path, %error, "it was deleted under the host, and cannot be laid out again");
        }
    }
    is_there
}
