//! Whether files are still where they were opened. A file that somebody deletes while it is open can be written and
//! synced as before, without an error, and is gone with the process: so the store has to look.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whether nothing is at `path`. What cannot be told counts as present.
pub(crate) fn is_missing(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whether `file`, which was opened at `path`, was deleted or moved away. What cannot be told counts as present.
pub(crate) fn is_gone(file: &File, path: &Path) -> bool {
    match fs::metadata(path) {
        // Another file in its place. Some file systems count no links at all, and then neither has any.
        Ok(named) => named.nlink() > 0 && file.metadata().is_ok_and(|open| open.nlink() == 0),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_gone_when_it_is_deleted_moved_or_replaced() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(&str, Change, bool); 5] = [
            ("nothing", |_| Ok(()), false),
            ("written to", |path| fs::write(path, "more"), false),
            ("deleted", |path| fs::remove_file(path), true),
            ("moved", |path| fs::rename(path, path.with_extension("old")), true),
            ("replaced", |path| fs::remove_file(path).and_then(|()| fs::write(path, "another")), true),
        ];
        for (what, change, is_gone_then) in changes {
            let place = tempfile::TempDir::new().unwrap();
            let path = place.path().join("file");
            fs::write(&path, "one").unwrap();
            let file = File::open(&path).unwrap();
            change(&path).unwrap();
            assert_eq!(is_gone(&file, &path), is_gone_then, "{what}");
        }
    }
}
