//! Packs whose files have gone from this machine, as after a restore on another one. They stay registered, since their files
//! may come back, and their actions fail until then.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_model::Pack;
use petrel_model::count::counted;
use tokio::sync::Mutex as Turn;

use crate::service::Catalog;

/// Largest number of packs that are named.
const MOST: usize = 20;

/// Longest wait for a look. A disk that does not answer must hold up no page, and no second thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// The latest look at the files of packs.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    turn: Arc<Turn<()>>,
    latest: Arc<Mutex<Vec<String>>>,
}

impl Catalog {
    /// A note for each registered pack whose directory is not there, with the remedy. This looks at the disk, one at a time;
    /// whoever asks meanwhile, or finds the disk slow, gets the notes of the latest look.
    pub async fn notes_on_files(&self) -> Vec<String> {
        let Looks { turn, latest } = self.looks();
        if let Ok(turn) = Arc::clone(turn).try_lock_owned() {
            let packs: Vec<_> = self.content().packs().cloned().collect();
            let shown = Arc::clone(latest);
            let look = tokio::task::spawn_blocking(move || {
                *shown.lock() = look(&packs);
                drop(turn);
            });
            tokio::select! {
                // The thread is only lost when the host stops.
                _ = look => {}
                () = self.core().sleep(PATIENCE) => {}
            }
        }
        latest.lock().clone()
    }
}

fn look(packs: &[Arc<Pack>]) -> Vec<String> {
    let gone: Vec<_> = packs.iter().filter(|pack| !Path::new(&pack.path).is_dir()).collect();
    let mut notes: Vec<_> = gone.iter().take(MOST).map(|pack| note(pack)).collect();
    let more = gone.len().saturating_sub(MOST);
    if more > 0 {
        notes.push(format!(
            "and {} whose files are not there; `petrel pack list` shows paths",
            counted(more, "more pack")
        ));
    }
    notes
}

fn note(pack: &Pack) -> String {
    let (name, path) = (&pack.reference, &pack.path);
    let remedy = if pack.built_in {
        format!("`petrel pack install builtin:{name}` lays them out again")
    } else {
        format!(
            "put them there again, or register the pack where they are now, `petrel pack register DIRECTORY`, or remove it, \
             `petrel pack remove {name}`"
        )
    };
    format!("the files of the pack `{name}` are not there: {path}; its actions fail until they are; {remedy}")
}
