//! The standard error of a process, kept in a file to explain failures.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Stdio;

/// The bytes at the end of a log that are shown.
const SHOWN: u64 = 64 << 10;

/// The log of a process.
#[derive(Debug)]
pub(crate) struct Log(File);

impl Log {
    /// A log that appends to the file at `path`; without one, to a file that is deleted with its process.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            Some(path) => File::options().create(true).append(true).read(true).open(path)?,
            None => tempfile::tempfile()?,
        };
        Ok(Self(file))
    }

    /// The handle by which a process writes to the log.
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        Ok(self.0.try_clone()?.into())
    }

    /// The last 64 KiB of the log; empty if it cannot be read.
    pub(crate) fn end(&self) -> String {
        // Read at an offset, because the process shares the position in the file with this program.
        let read = || -> io::Result<Vec<u8>> {
            let length = self.0.metadata()?.len();
            let shown = length.min(SHOWN);
            let mut bytes = vec![0; usize::try_from(shown).unwrap_or_default()];
            self.0.read_exact_at(&mut bytes, length - shown)?;
            Ok(bytes)
        };
        String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn the_end_is_shown_of_a_long_log() {
        let log = Log::open(None).unwrap();
        assert_eq!(log.end(), "");
        let mut writer = &log.0;
        writer.write_all(&vec![b'a'; 100_000]).unwrap();
        writer.write_all(b"the end").unwrap();
        let end = log.end();
        assert_eq!((end.len(), end.ends_with("aathe end")), (64 << 10, true));
    }

    #[test]
    fn a_log_with_a_name_goes_on_where_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        for word in ["one ", "two "] {
            let log = Log::open(Some(&path)).unwrap();
            (&log.0).write_all(word.as_bytes()).unwrap();
        }
        assert_eq!(Log::open(Some(&path)).unwrap().end(), "one two ");
    }
}
