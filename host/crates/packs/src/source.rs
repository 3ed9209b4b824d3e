//! Where the files of a pack come from: a directory, or the binary itself.

use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::limits::MOST_FILES;
use crate::plain_file;

/// The files of one pack. Paths are relative to it, with `/` between their parts.
pub trait Source {
    /// The names of what is directly in a folder and no folder itself, sorted; none if there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read, lies outside of the pack, or holds more than [`MOST_FILES`].
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// The names of the folders that are directly in a folder, sorted; none if there is no such folder.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        let _ = folder;
        Ok(Vec::new())
    }

    /// The text of a file of at most `limit` bytes.
    ///
    /// # Errors
    /// When there is no such file, it is no plain one, is larger, is no text, or lies outside of the pack.
    fn read(&self, path: &str, limit: u64) -> io::Result<String>;

    /// How large a file is, in bytes.
    ///
    /// # Errors
    /// When there is no such file, it is no plain one, or lies outside of the pack.
    fn length(&self, path: &str) -> io::Result<u64>;

    /// The first bytes of a file, [`START`] if it has so many.
    ///
    /// # Errors
    /// As [`length`](Self::length).
    fn start(&self, path: &str) -> io::Result<Vec<u8>>;

    /// Whether a file has the run bit.
    fn is_executable(&self, path: &str) -> bool;
}

/// How many bytes [`Source::start`] gives: the first line of a script.
pub const START: usize = 256;

/// A pack in a directory. A link that leads out of it is refused.
#[derive(Debug, Clone)]
pub struct Directory {
    root: PathBuf,
}

impl Directory {
    /// The pack in `root`.
    ///
    /// # Errors
    /// When there is no such directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        root.canonicalize().map(|root| Self { root })
    }

    fn inside(&self, path: &str) -> io::Result<PathBuf> {
        let path = self.root.join(path).canonicalize()?;
        if path.starts_with(&self.root) {
            Ok(path)
        } else {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it leads out of the pack"))
        }
    }

    /// The names of what is directly in a folder, sorted: of folders, or of all else.
    fn names(&self, folder: &str, are_folders: bool) -> io::Result<Vec<String>> {
        let path = match self.inside(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            path => path?,
        };
        let mut names = Vec::new();
        for (number, entry) in std::fs::read_dir(path)?.enumerate() {
            if number >= MOST_FILES {
                let why = format!("it holds more than {MOST_FILES} files, which is the limit");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
            }
            let entry = entry?;
            if entry.path().is_dir() == are_folders
                && let Some(name) = entry.file_name().to_str()
            {
                names.push(name.to_owned());
            }
        }
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

/// A pack inside the binary: paths and contents.
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
        // Scripts get the run bit when they are laid out.
        self.start(path).is_ok_and(|start| start.starts_with(b"#!"))
    }
}
