//! Sources of a pack's files: a directory, or the binary itself.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::limits::MOST_FILES;
use crate::plain_file;

/// The files of one pack. Paths are relative to the pack, with `/` as separator.
pub trait Source {
    /// The names of the files directly in a directory, sorted. Empty if there is no such directory.
    ///
    /// # Errors
    /// If the directory cannot be read, lies outside the pack, or has more than [`MOST_FILES`] files.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// The names of the directories directly in a directory, sorted. Empty if there is no such directory.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        let _ = folder;
        Ok(Vec::new())
    }

    /// Reads the text of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// If the file does not exist, is not a regular file, is larger, is not text, or lies outside the pack.
    fn read(&self, path: &str, limit: u64) -> io::Result<String>;

    /// The size of a file, in bytes.
    ///
    /// # Errors
    /// If the file does not exist, is not a regular file, or lies outside the pack.
    fn length(&self, path: &str) -> io::Result<u64>;

    /// The first bytes of a file: [`START`], or fewer if it is shorter.
    ///
    /// # Errors
    /// As [`length`](Self::length).
    fn start(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether a file is executable.
    fn is_executable(&self, path: &str) -> bool;
}

/// Number of bytes that [`Source::start`] returns: enough for the first line of a script.
pub const START: usize = 256;

/// A pack in a directory. Links that lead out of it are refused.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// Opens the pack in `root`.
    ///
    /// # Errors
    /// If there is no such directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        root.canonicalize().map(|root| Self { root })
    }

    fn inside(&self, path: &str) -> io::Result<PathBuf> {
        // Links and `..` are followed before the comparison, so that neither leads out of the pack.
        let path = self.root.join(path).canonicalize()?;
        if path.starts_with(&self.root) {
            Ok(path)
        } else {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is outside the pack"))
        }
    }

    /// The names directly in a directory, sorted: of its directories, or of everything else.
    fn names(&self, folder: &str, are_folders: bool) -> io::Result<Vec<String>> {
        let path = match self.inside(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            path => path?,
        };
        let mut names = Vec::new();
        for (number, entry) in std::fs::read_dir(path)?.enumerate() {
            if number >= MOST_FILES {
                let why = format!("it contains more than {MOST_FILES} files, which is the limit");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
            }
            let entry = entry?;
            if entry.path().is_dir() == are_folders
                && let Some(name) = entry.file_name().to_str()
            {
                names.push(name.to_owned());
            }
        }
        // A directory has no order of its own, and messages should not differ from machine to machine.
        names.sort();
        Ok(names)
    }
}

impl Source for Directory {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.names(folder, false)
    }

    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        self.names(folder, true)
    }

    fn read(&self, path: &str, limit: u64) -> io::Result<String> {
        plain_file::read_text(&self.inside(path)?, limit)
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        plain_file::length(&self.inside(path)?)
    }

    fn start(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        plain_file::open(&self.inside(path)?)?.take(START as u64).read_to_end(&mut start)?;
        Ok(start)
    }

    fn is_executable(&self, path: &str) -> bool {
        let mode = self.inside(path).and_then(|path| Ok(path.metadata()?.permissions().mode()));
        mode.is_ok_and(|mode| mode & 0o111 != 0)
    }
}

/// A pack embedded in the binary: paths and contents.
#[derive(Debug, Clone, Copy)]
pub struct Embedded<'a>(pub &'a [(&'a str, &'a [u8])]);

impl Embedded<'_> {
    fn bytes(&self, path: &str) -> io::Result<&[u8]> {
        let found = self.0.iter().find(|(known, _)| *known == path);
        found.map(|(_, bytes)| *bytes).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Source for Embedded<'_> {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let names = self.0.iter().filter_map(|(path, _)| path.strip_prefix(folder)?.strip_prefix('/'));
        let mut names: Vec<_> = names.filter(|name| !name.contains('/')).map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn read(&self, path: &str, limit: u64) -> io::Result<String> {
        let bytes = self.bytes(path)?;
        if bytes.len() as u64 > limit {
            return Err(plain_file::too_large(limit));
        }
        String::from_utf8(bytes.to_vec()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        Ok(self.bytes(path)?.len() as u64)
    }

    fn start(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = self.bytes(path)?;
        Ok(bytes.get(..START).unwrap_or(bytes).to_vec())
    }

    fn is_executable(&self, path: &str) -> bool {
        // Permissions are not embedded. Scripts become executable when they are laid out.
        self.start(path).is_ok_and(|start| start.starts_with(b"#!"))
    }
}
