//! Lookup of programs on the `PATH` that a process will have, so that it can be started by its path. The standard
//! library then uses `posix_spawn`; a name together with a changed environment would make it fork, which copies the
//! host's memory map.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The value of `PATH` in an environment. Empty if it has none.
pub(crate) fn folders(environment: &[(String, String)]) -> &str {
    let path = environment.iter().find(|(name, _)| name == "PATH");
    path.map(|(_, folders)| folders.as_str()).unwrap_or_default()
}

/// The program `name`: a path, or a name that is looked up in `folders`.
pub(crate) fn find(name: &str, folders: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return runnable(Path::new(name));
    }
    std::env::split_paths(folders).find_map(|folder| runnable(&folder.join(name)))
}

/// The file as an absolute path, if it is executable. Absolute, since the process starts in another directory.
fn runnable(file: &Path) -> Option<PathBuf> {
    let mode = file.metadata().ok().filter(Metadata::is_file)?.permissions().mode();
    if mode & 0o111 == 0 {
        return None;
    }
    std::path::absolute(file).ok()
}
