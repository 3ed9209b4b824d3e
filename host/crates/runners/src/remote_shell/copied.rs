//! The files that are copied to another host for a script: itself, and the directory `lib` beside it, as in StackStorm.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::Outcome;

use super::program::Copied;

/// The greatest size of all files together, in bytes. They are in memory for each host until they are sent.
const MOST_BYTES: u64 = 1 << 20;
/// The greatest number of files and directories.
const MOST_FILES: usize = 500;
/// The directory with what a script uses.
const LIBRARY: &str = "lib";

/// Reads the script at `path` and its library. The script comes first.
///
/// # Errors
/// The outcome of a call whose files cannot be read, or are too large.
pub(super) async fn read(path: PathBuf) -> Result<Vec<Copied>, Outcome> {
    let name = path.display().to_string();
    let hint = "let the user of the host read it and what is in lib beside it";
    let unreadable = |error: String| {
        Outcome::failed("script.unreadable", format!("the script {name} cannot be read: {error}"), hint)
    };
    let read = tokio::task::spawn_blocking(move || all(&path))
        .await
        .map_err(|error| unreadable(error.to_string()))?;
    read.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => Outcome::failed(
            "script.too_large",
            format!(
                "the script {name} and lib beside it are more than {} MiB or {MOST_FILES} files, and that is the limit for what is copied to a host",
                MOST_BYTES >> 20
            ),
            "bring large files there in another way, and have the script use them",
        ),
        _ => unreadable(error.to_string()),
    })
}

fn all(script: &Path) -> io::Result<Vec<Copied>> {
    let name = script.file_name().and_then(|name| name.to_str()).unwrap_or("script");
    let mut left = MOST_BYTES;
    let mut files = vec![one(script, name.to_owned(), &mut left)?];
    if let Some(script) = files.first_mut() {
        script.is_program = true;
    }
    let mut waiting = vec![(script.with_file_name(LIBRARY), LIBRARY.to_owned())];
    let mut seen = 0;
    while let Some((folder, name)) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        let mut entries = entries.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        seen += entries.len();
        if seen > MOST_FILES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        for entry in entries {
            let path = entry.file_name().to_str().map(|entry| format!("{name}/{entry}"));
            let (Some(path), kind) = (path, entry.file_type()?) else { continue };
            // Links are left out: they could lead out of the pack.
            if kind.is_dir() {
                waiting.push((entry.path(), path));
            } else if kind.is_file() {
                files.push(one(&entry.path(), path, &mut left)?);
            }
        }
    }
    Ok(files)
}

fn one(file: &Path, path: String, left: &mut u64) -> io::Result<Copied> {
    let metadata = fs::metadata(file)?;
    *left = left.checked_sub(metadata.len()).ok_or(io::ErrorKind::FileTooLarge)?;
    let is_program = metadata.permissions().mode() & 0o111 != 0;
    Ok(Copied { path, content: fs::read(file)?, is_program })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_comes_with_the_library_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |path: &str| place.path().join(path);
        fs::create_dir_all(at("actions/lib/deep")).unwrap();
        for (path, content) in [
            ("actions/run.sh", "#!/bin/sh\n"),
            ("actions/other.sh", "#!/bin/sh\n"),
            ("actions/lib/a.sh", "a\n"),
            ("actions/lib/deep/b.sh", "b\n"),
        ] {
            fs::write(at(path), content).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", at("actions/lib/link")).unwrap();
        let files = all(&at("actions/run.sh")).unwrap();
        let found: Vec<_> = files.iter().map(|file| (file.path.as_str(), file.is_program)).collect();
        assert_eq!(found, [("run.sh", true), ("lib/a.sh", false), ("lib/deep/b.sh", false)]);
        fs::write(at("actions/lib/large"), vec![0; 2 << 20]).unwrap();
        assert_eq!(all(&at("actions/run.sh")).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(all(&at("actions/none.sh")).is_err());
    }
}
