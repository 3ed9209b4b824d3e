//! Sources of a pack's files: a directory, or the binary itself.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

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

/// A pack in a directory. No path leads out of it, neither by `..` nor by a link, however fast it is replaced.
#[derive(Debug, Clone)]
pub struct Directory {
    inside: Arc<Dir>,
    root: PathBuf,
}

impl Directory {
    /// Opens the pack in `root`.
    ///
    /// # Errors
    /// If there is no such directory.
    pub fn open(root: &Path) -> io::Result<Self> {
        let inside = Arc::new(Dir::open_ambient_dir(root, ambient_authority())?);
        Ok(Self { inside, root: root.to_owned() })
    }

    /// Opens a regular file for reading.
    ///
    /// # Errors
    /// If it does not exist, is something else, or lies outside the pack.
    pub fn open_file(&self, path: &str) -> io::Result<File> {
        // Checked before opening, since opening a device may already have an effect.
        self.plain(path)?;
        let mut options = OpenOptions::new();
        // The opening of a FIFO that has come in between would wait for a writer.
        options.read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = self.within(path, |path| self.inside.open_with(path, &options))?.into_std();
        // Checked again, since the file may have been replaced in between.
        plain_file::refuse_other(&file.metadata()?)?;
        Ok(file)
    }

    /// Does `open` with a path in the pack. A path that leads out of it is followed and tried once more, as an absolute link
    /// may lead back: where that leads is opened as any other path, and stays inside.
    fn within<T>(&self, path: &str, open: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        let outside = match open(Path::new(path)) {
            Err(error) if is_outside(&error) => error,
            done => return done,
        };
        let root = self.root.canonicalize()?;
        let place = root.join(path).canonicalize().ok();
        match place.as_deref().and_then(|place| place.strip_prefix(&root).ok()) {
            Some(place) => open(place).map_err(told),
            None => Err(told(outside)),
        }
    }

    /// What is known of a regular file, which is not opened for it.
    fn plain(&self, path: &str) -> io::Result<Metadata> {
        let metadata = self.within(path, |path| self.inside.metadata(path))?;
        if !metadata.is_file() {
            plain_file::refuse_other(&std::fs::metadata(self.root.join(path))?)?;
        }
        Ok(metadata)
    }

    /// The names directly in a directory, sorted: of its directories, or of everything else.
    fn names(&self, folder: &str, are_folders: bool) -> io::Result<Vec<String>> {
        let listed = if folder.is_empty() { "." } else { folder };
        let entries = match self.within(listed, |path| self.inside.read_dir(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let place = self.root.join(folder);
        let mut names = Vec::new();
        for (number, entry) in entries.enumerate() {
            if number >= MOST_FILES {
                let why = format!("it contains more than {MOST_FILES} files, which is the limit");
                return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
            }
            let name = entry?.file_name();
            // Only to sort them: what is behind a link that leads out is refused when it is opened.
            if place.join(&name).is_dir() == are_folders
                && let Some(name) = name.to_str()
            {
                names.push(name.to_owned());
            }
        }
        // A directory has no order of its own, and messages should not differ from machine to machine.
        names.sort();
        Ok(names)
    }
}

/// Whether a path leads out of the pack. Such an error is not the system's, which has a number.
fn is_outside(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

/// The error, in words for the author of a pack if a path leads out of it.
fn told(error: io::Error) -> io::Error {
    if is_outside(&error) {
        return io::Error::new(io::ErrorKind::PermissionDenied, "it is outside the pack");
    }
    error
}

impl Source for Directory {
    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.names(folder, false)
    }

    fn folders(&self, folder: &str) -> io::Result<Vec<String>> {
        self.names(folder, true)
    }

    fn read(&self, path: &str, limit: u64) -> io::Result<String> {
        plain_file::text(plain_file::read_opened(self.open_file(path)?, limit)?)
    }

    fn length(&self, path: &str) -> io::Result<u64> {
        Ok(self.plain(path)?.len())
    }

    fn start(&self, path: &str) -> io::Result<Vec<u8>> {
        let mut start = Vec::new();
        self.open_file(path)?.take(START as u64).read_to_end(&mut start)?;
        Ok(start)
    }

    fn is_executable(&self, path: &str) -> bool {
        self.within(path, |path| self.inside.metadata(path))
            .is_ok_and(|metadata| metadata.mode() & 0o111 != 0)
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
