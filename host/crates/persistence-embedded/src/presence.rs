//! The check whether files are still where they were opened. A file that somebody deletes, moves or replaces
//! while it is open can be written and synced as before, without an error, and the next process does not find
//! it: so the store has to look.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The place of a file that is open.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    /// The file there. `None` if that could not be determined.
    file: Option<Identity>,
}

/// The identity of a file: its device and inode. The inode of an open file is not given to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(u64, u64);

impl Identity {
    fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|found| Self(found.dev(), found.ino()))
    }
}

impl Place {
    /// The place of the file that was just opened at `path`.
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_path_buf(), file: Identity::at(path).ok() }
    }

    /// Whether the file has left its place. If that cannot be determined, it counts as present.
    pub(crate) fn is_left(&self) -> bool {
        match Identity::at(&self.path) {
            Ok(found) => self.file.is_some_and(|file| file != found),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Whether the file is what `path` names, too.
    pub(crate) fn is_also(&self, path: &Path) -> bool {
        Identity::at(path).is_ok_and(|found| self.file == Some(found))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn replace_by_a_copy(path: &Path) -> io::Result<()> {
        let old = path.with_extension("old");
        fs::rename(path, &old)?;
        fs::copy(old, path).map(drop)
    }

    #[test]
    fn a_file_is_gone_when_it_is_deleted_moved_or_replaced() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(&str, Change, bool); 6] = [
            ("nothing", |_| Ok(()), false),
            ("written to", |path| fs::write(path, "more"), false),
            ("deleted", |path| fs::remove_file(path), true),
            ("moved", |path| fs::rename(path, path.with_extension("old")), true),
            ("replaced", |path| fs::remove_file(path).and_then(|()| fs::write(path, "another")), true),
            ("replaced by a copy", replace_by_a_copy, true),
        ];
        for (what, change, is_left) in changes {
            let directory = tempfile::TempDir::new().unwrap();
            let path = directory.path().join("file");
            fs::write(&path, "one").unwrap();
            let open = File::open(&path).unwrap();
            let place = Place::of(&path);
            change(&path).unwrap();
            assert_eq!(place.is_left(), is_left, "{what}");
            let is_moved = ["moved", "replaced by a copy"].contains(&what);
            assert_eq!(place.is_also(&path.with_extension("old")), is_moved, "{what}");
            drop(open);
        }
    }
}
