//! The sources of a pack as the tools of languages get them.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::error::Error;
use crate::library::Library;

/// The sources of a pack, with all that they are built against.
pub(crate) struct Sources {
    /// The directory of the sources.
    pub(crate) directory: PathBuf,
    /// What they are built against.
    pub(crate) library: Library,
}

impl Sources {
    /// Directories of this name that belong to the pack, where its own tools are: beside the sources, and in the pack.
    pub(crate) fn beside(&self, name: &str) -> Vec<PathBuf> {
        self.directory.ancestors().take(2).map(|directory| directory.join(name)).collect()
    }

    /// The path of a file that is built, without what an earlier build has left there.
    ///
    /// # Errors
    /// That cannot be removed.
    pub(crate) fn target(&self, name: &str) -> Result<PathBuf, Error> {
        let file = self.library.built.join(name);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::of_file("written", &file, error)),
            _ => Ok(file),
        }
    }
}
