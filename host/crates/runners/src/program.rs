//! Where a program is: looked for in the environment that a process will have, so that it is started by its path. That
//! takes no copy of the host's memory map, which looking for a name in a changed environment would.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The `PATH` of an environment; empty if it has none.
pub(crate) fn folders(environment: &[(String, String)]) -> &str {
    let path = environment.iter().find(|(name, _)| name == "PATH");
    path.map(|(_, folders)| folders.as_str()).unwrap_or_default()
}

/// The program `name`: a path, or a name that is looked for in `folders`.
pub(crate) fn find(name: &str, folders: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return runnable(Path::new(name));
    }
    std::env::split_paths(folders).find_map(|folder| runnable(&folder.join(name)))
}

/// The file, if it can be run. From the root: it is started in another directory than this process.
fn runnable(file: &Path) -> Option<PathBuf> {
    let mode = file.metadata().ok().filter(Metadata::is_file)?.permissions().mode();
    if mode & 0o111 == 0 {
        return None;
    }
    std::path::absolute(file).ok()
}
