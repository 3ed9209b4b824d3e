//! Sources of a pack's files: a directory, or the binary itself.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
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

    /// Writes a file of the pack, as a whole or not at all, and makes the directories above it. A link in its place gives way to it,
    /// and what that leads to stays as it is. A file that has this text already is not touched, since somebody may be watching.
    ///
    /// # Errors
    /// If it cannot be written, or a directory above it is a link that leads out of the pack.
    pub fn write(&self, path: &str, text: &str) -> io::Result<()> {
        let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
        let folder = self.folder(folder)?;
        let is_file = folder.symlink_metadata(name).is_ok_and(|found| found.is_file());
        if is_file && folder.read(name).is_ok_and(|found| found == text.as_bytes()) {
            return Ok(());
        }
        // Hidden, so that nobody who watches sees it; one that is left of a process with this number is none's any more.
        let beside = format!(".petrel.{}.new", std::process::id());
        drop(folder.remove_file(&beside));
        let opened = folder.open_with(&beside, OpenOptions::new().write(true).create_new(true));
        let written = opened.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            folder.rename(&beside, &folder, name)
        });
        if written.is_err() {
            drop(folder.remove_file(&beside));
        }
        written
    }

    /// A directory of the pack, which is made if it is not there.
    fn folder(&self, folder: &str) -> io::Result<Dir> {
        let open = || self.within(folder, |path| self.inside.open_dir(path));
        match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.inside.create_dir_all(folder)?;
                open()
            }
            opened => opened,
        }
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_written_stays_in_the_pack() {
        let place = tempfile::tempdir().unwrap();
        let (root, outside) = (place.path().join("pack"), place.path().join("outside"));
        for directory in [&root, &outside, &root.join("more")] {
            fs::create_dir(directory).unwrap();
        }
        let kept = outside.join("a.yaml");
        fs::write(&kept, "somebody else's").unwrap();
        fs::create_dir(root.join("actions")).unwrap();
        symlink(&kept, root.join("actions/a.yaml")).unwrap();
        symlink("nowhere", root.join("actions/b.yaml")).unwrap();
        symlink(&outside, root.join("sensors")).unwrap();
        symlink("more", root.join("rules")).unwrap();
        let pack = Directory::open(&root).unwrap();
        // A link gives way, and directories are made or followed within the pack.
        for path in ["pack.yaml", "actions/a.yaml", "actions/b.yaml", "rules/a.yaml", "new/deep/a.yaml"] {
            pack.write(path, "mine").unwrap();
            assert!(root.join(path).symlink_metadata().unwrap().is_file(), "{path}");
            assert_eq!(pack.read(path, 10).unwrap(), "mine");
        }
        assert_eq!(fs::read_to_string(root.join("more/a.yaml")).unwrap(), "mine");
        for path in ["sensors/a.yaml", "../outside/a.yaml"] {
            let refused = pack.write(path, "mine").unwrap_err();
            assert_eq!(refused.to_string(), "it is outside the pack", "{path}");
        }
        pack.write("new/deep", "mine").unwrap_err();
        assert_eq!(fs::read_to_string(&kept).unwrap(), "somebody else's");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
        // What is the same is not touched, and nothing is left beside it.
        let before = fs::metadata(root.join("actions/a.yaml")).unwrap().modified().unwrap();
        pack.write("actions/a.yaml", "mine").unwrap();
        assert_eq!(fs::metadata(root.join("actions/a.yaml")).unwrap().modified().unwrap(), before);
        for (folder, count) in [("actions", 2), ("new", 1), ("more", 1)] {
            assert_eq!(fs::read_dir(root.join(folder)).unwrap().count(), count, "{folder}");
        }
    }
}
