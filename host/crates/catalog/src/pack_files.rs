//! Packs whose files have gone from this machine, as after a restore on another one. They stay registered, since their files
//! may come back, and their actions fail until then.

use std::path::Path;

use petrel_model::Pack;

use crate::service::Catalog;

/// Largest number of packs that are named.
const MOST: usize = 20;

impl Catalog {
    /// A note for each registered pack whose directory is not there, with the remedy. This looks at the disk.
    pub async fn notes_on_files(&self) -> Vec<String> {
        let packs: Vec<_> = self.content().packs().cloned().collect();
        let look = move || -> Vec<String> {
            let gone: Vec<_> = packs.iter().filter(|pack| !Path::new(&pack.path).is_dir()).collect();
            let mut notes: Vec<_> = gone.iter().take(MOST).map(|pack| note(pack)).collect();
            let more = gone.len().saturating_sub(MOST);
            if more > 0 {
                notes.push(format!(
                    "the files of {more} more packs are not there; `petrel pack list` shows paths"
                ));
            }
            notes
        };
        // The thread is only lost when the host stops.
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
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
