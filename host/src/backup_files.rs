//! The files of the data directory that belong to a backup: the admin's token, configurations of packs, the keys for secrets
//! if they are asked for, and packs
//! that do not come with the binary. [`collect`] reads them, [`Layout`] writes them into another data directory. The
//! store is archived by `petrel_persistence_embedded`; everything else can be created again.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Component, Path, PathBuf};

use petrel_packs::plain_file;
use petrel_persistence::store::ArchivedFile;

use crate::bundled;
use crate::data_directory;
use crate::vault_file;

/// The files and directories that belong to a backup.
const PARTS: [&str; 3] = [TOKEN, "configs", PACKS];
const TOKEN: &str = "admin-token";
/// The file with the keys for secrets, which is in a backup only if that is asked for.
const KEYS: &str = vault_file::NAME;
/// The bytes of all files together, which are in memory when a backup begins.
const LARGEST: u64 = 512 << 20;
/// The number of files and directories.
const MOST_FILES: usize = 100_000;
/// The depth of directories.
const DEEPEST: usize = 64;
const PACKS: &str = "packs";

/// The files of `data_dir` that belong to a backup, sorted by path, with the file of the keys for secrets if one is asked
/// for: that may be elsewhere.
///
/// # Errors
/// When a file cannot be read, or has a name that an archive cannot contain.
pub(crate) fn collect(data_dir: &Path, keys: Option<&Path>) -> io::Result<Vec<ArchivedFile>> {
    let (mut files, mut room) = (Vec::new(), LARGEST);
    files.extend(keys.map(archived_keys).transpose()?);
    let mut ahead: Vec<PathBuf> = PARTS.into_iter().map(PathBuf::from).collect();
    let mut seen = ahead.len();
    while let Some(path) = ahead.pop() {
        match look(&data_dir.join(&path), &path, room) {
            Ok(DirectoryEntry::Nothing) => {}
            Ok(DirectoryEntry::Directory(names)) => {
                seen += names.len();
                if seen > MOST_FILES || path.components().count() > DEEPEST {
                    return Err(named(&path, &too_much(MOST_FILES, DEEPEST)));
                }
                ahead.extend(
                    names.into_iter().map(|name| path.join(name)).filter(|path| !is_bundled(data_dir, path)),
                );
            }
            Ok(DirectoryEntry::File(file)) => {
                room = room.saturating_sub(file.content.len() as u64);
                files.push(file);
            }
            Err(error) => return Err(named(&path, &error)),
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// The file with the keys for secrets, under the name that it has in the data directory. Who asks for it gets no backup
/// without it.
fn archived_keys(file: &Path) -> io::Result<ArchivedFile> {
    let content = plain_file::read(file, vault_file::LARGEST).map_err(|error| {
        let why =
            format!("the file {} with the keys for secrets cannot be backed up: {error}", file.display());
        io::Error::new(error.kind(), why)
    })?;
    Ok(ArchivedFile { path: KEYS.to_owned(), mode: 0o600, content })
}

fn too_much(files: usize, depth: usize) -> io::Error {
    let why = format!(
        "a backup takes {files} files, {depth} directories deep, and not more; move others elsewhere"
    );
    io::Error::new(io::ErrorKind::QuotaExceeded, why)
}

fn too_large() -> io::Error {
    let limit = LARGEST >> 20;
    let why =
        format!("with it the files of a backup have more than {limit} MiB; move what is large elsewhere");
    io::Error::new(io::ErrorKind::FileTooLarge, why)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    let what = format!("{} in the data directory cannot be backed up: {error}", path.display());
    io::Error::new(error.kind(), what)
}

/// The entry at a path.
enum DirectoryEntry {
    Nothing,
    Directory(Vec<std::ffi::OsString>),
    File(ArchivedFile),
}

/// Looks at `path`; a file may have up to `room` bytes.
fn look(place: &Path, path: &Path, room: u64) -> io::Result<DirectoryEntry> {
    let read = || -> io::Result<DirectoryEntry> {
        // A link to a file stands for the file. A link to a directory is not followed, since it could lead in a
        // circle; only the parts of a backup themselves may be such links.
        if fs::symlink_metadata(place)?.is_dir() || (is_part(path) && fs::metadata(place)?.is_dir()) {
            let entries = fs::read_dir(place)?.take(MOST_FILES + 1).map(|entry| Ok(entry?.file_name()));
            return Ok(DirectoryEntry::Directory(entries.collect::<io::Result<_>>()?));
        }
        let metadata = fs::metadata(place)?;
        // A FIFO, a socket or a device could not be laid out again.
        if !metadata.is_file() {
            return Ok(DirectoryEntry::Nothing);
        }
        let name = path.to_str().ok_or_else(|| io::Error::other("its name is not UTF-8; rename it"))?;
        let mode = metadata.permissions().mode() & 0o777;
        let content = plain_file::read(place, room).map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => too_large(),
            _ => error,
        })?;
        Ok(DirectoryEntry::File(ArchivedFile { path: name.to_owned(), mode, content }))
    };
    match read() {
        // The file was deleted meanwhile, or is a dangling link.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(DirectoryEntry::Nothing),
        found => found,
    }
}

fn is_part(path: &Path) -> bool {
    PARTS.iter().any(|part| path == Path::new(part))
}

/// Whether `path` is a pack from the binary, which the next host lays out again.
fn is_bundled(data_dir: &Path, path: &Path) -> bool {
    let found = bundled::PACKS.iter().find(|pack| path == Path::new(PACKS).join(pack.name));
    found.is_some_and(|pack| !data_directory::is_foreign(data_dir, pack))
}

/// Files that are being written into a data directory. On drop everything that was created is removed again, unless
/// the layout is [kept](Layout::keep).
pub(crate) struct Layout {
    data_dir: PathBuf,
    /// Created files and directories, in order.
    made: Vec<Made>,
}

enum Made {
    Directory(PathBuf),
    File(PathBuf),
}

impl Layout {
    /// Begins a layout in `data_dir`, which is created if it does not exist.
    ///
    /// # Errors
    /// When the directory cannot be created.
    pub(crate) fn begin(data_dir: &Path) -> io::Result<Self> {
        let mut layout = Self { data_dir: data_dir.to_path_buf(), made: Vec::new() };
        layout.make_directory(data_dir)?;
        Ok(layout)
    }

    /// Writes a file, durably and as a whole. An existing file with the same content stays.
    ///
    /// # Errors
    /// When the file belongs to no backup, a different one exists, or it cannot be written.
    pub(crate) fn add(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        if !belongs(path) {
            let why = "it belongs to no backup; take an archive that `petrel backup` has made";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let file = self.data_dir.join(path);
        match plain_file::read(&file, LARGEST) {
            Ok(found) if found == content => return Ok(()),
            Ok(_) => {
                let why = format!("{} is there already, and another one; move it away first", file.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let parent = file.parent().unwrap_or(&self.data_dir).to_path_buf();
        self.make_directory(&parent)?;
        let mut handle = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?;
        self.made.push(Made::File(file));
        handle.write_all(content)?;
        // Not at its creation, where the umask would take rights away.
        handle.set_permissions(fs::Permissions::from_mode(mode & 0o777))?;
        handle.sync_all()?;
        File::open(parent)?.sync_all()
    }

    /// Creates a directory for its owner only, with missing parents.
    fn make_directory(&mut self, directory: &Path) -> io::Result<()> {
        // The parent of a relative path with one part is empty.
        if directory.as_os_str().is_empty() || directory.is_dir() {
            return Ok(());
        }
        if let Some(parent) = directory.parent() {
            self.make_directory(parent)?;
        }
        DirBuilder::new().mode(0o700).create(directory)?;
        self.made.push(Made::Directory(directory.to_path_buf()));
        Ok(())
    }

    /// Keeps all files.
    pub(crate) fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        for made in self.made.iter().rev() {
            // A directory stays if somebody else has put a file into it.
            drop(match made {
                Made::Directory(path) => fs::remove_dir(path),
                Made::File(path) => fs::remove_file(path),
            });
        }
    }
}

/// Whether a file with this path may be laid out in the data directory.
fn belongs(path: &str) -> bool {
    let path = Path::new(path);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    let below = |part: &&str| path.starts_with(part) && path != Path::new(part);
    let is_file = [TOKEN, KEYS].iter().any(|file| path == Path::new(file));
    is_plain && (is_file || PARTS.iter().filter(|part| **part != TOKEN).any(below))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, path: &str, content: &str) {
        let file = directory.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    #[test]
    fn a_backup_holds_what_cannot_be_made_anew_and_it_is_laid_out_with_its_rights() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["admin-token", "configs/packs/own.yaml", "packs/own/actions/run.sh"] {
            write(directory.path(), path, path);
        }
        let others = ["packs/core/pack.yaml", "components/a.cwasm", "work/left", "store/lock", "other", KEYS];
        for path in others {
            write(directory.path(), path, path);
        }
        fs::set_permissions(directory.path().join("admin-token"), fs::Permissions::from_mode(0o600)).unwrap();
        let script = directory.path().join("packs/own/actions/run.sh");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("own.yaml", directory.path().join("configs/packs/link.yaml")).unwrap();
        std::os::unix::fs::symlink("..", directory.path().join("configs/packs/round")).unwrap();
        std::os::unix::fs::symlink("nowhere", directory.path().join("configs/packs/broken")).unwrap();
        let files = collect(directory.path(), None).unwrap();
        let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
        // They may be in another place, and are not left out silently.
        let keys = directory.path().join("other");
        let with_keys = collect(directory.path(), Some(&keys)).unwrap();
        assert_eq!(with_keys.len(), files.len() + 1);
        let archived = with_keys.iter().find(|file| file.path == KEYS).unwrap();
        assert!(archived.content == b"other" && archived.mode == 0o600 && belongs(KEYS));
        let refused = collect(directory.path(), Some(&directory.path().join("gone"))).unwrap_err();
        assert!(refused.to_string().contains("gone with the keys for secrets"), "{refused}");
        assert_eq!(
            paths,
            ["admin-token", "configs/packs/link.yaml", "configs/packs/own.yaml", "packs/own/actions/run.sh"]
        );
        let place = tempfile::tempdir().unwrap();
        let target = place.path().join("new/data");
        let lay_out = |files: &[ArchivedFile]| {
            let mut layout = Layout::begin(&target).unwrap();
            files.iter().try_for_each(|file| layout.add(&file.path, file.mode, &file.content))?;
            Ok::<_, io::Error>(layout)
        };
        drop(lay_out(&files).unwrap());
        assert!(fs::read_dir(place.path()).unwrap().next().is_none(), "what is not kept leaves nothing");
        lay_out(&files).unwrap().keep();
        assert_eq!(collect(&target, None).unwrap(), files);
        // A second time it stays as it is, whatever comes of it.
        drop(lay_out(&files).unwrap());
        assert_eq!(collect(&target, None).unwrap(), files);
        write(&target, "admin-token", "another one");
        let refused = lay_out(&files).err().unwrap();
        assert!(refused.to_string().contains("is there already"), "{refused}");
        assert_eq!(fs::read_to_string(target.join("admin-token")).unwrap(), "another one");
    }

    #[test]
    fn a_pack_in_the_place_of_one_of_the_binary_is_held_if_it_is_somebody_else_s() {
        let directory = tempfile::tempdir().unwrap();
        for path in ["packs/json/.digest", "packs/json/pack.yaml", "packs/slack/pack.yaml"] {
            write(directory.path(), path, path);
        }
        let files = collect(directory.path(), None).unwrap();
        assert_eq!(
            files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["packs/slack/pack.yaml"]
        );
    }

    #[test]
    fn what_is_no_plain_file_is_left_out_and_what_is_too_large_is_named() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "configs/packs/own.yaml", "own");
        let _socket =
            std::os::unix::net::UnixListener::bind(directory.path().join("configs/packs/socket")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", directory.path().join("configs/packs/device")).unwrap();
        let fifo = std::process::Command::new("mkfifo").arg(directory.path().join("configs/fifo")).status();
        assert!(fifo.unwrap().success());
        let files = collect(directory.path(), None).unwrap();
        assert_eq!(files.len(), 1, "{files:?}");
        let hole = directory.path().join("packs/own/image");
        fs::create_dir_all(hole.parent().unwrap()).unwrap();
        File::create(&hole).unwrap().set_len(1 << 40).unwrap();
        let refused = collect(directory.path(), None).unwrap_err().to_string();
        assert!(refused.contains("packs/own/image") && refused.contains("512 MiB"), "{refused}");
        fs::remove_file(&hole).unwrap();
        let deep = directory.path().join("packs").join("d/".repeat(70));
        fs::create_dir_all(deep).unwrap();
        let refused = collect(directory.path(), None).unwrap_err().to_string();
        assert!(refused.contains("64 directories deep"), "{refused}");
    }

    #[test]
    fn only_what_belongs_to_a_backup_is_laid_out() {
        for path in ["admin-token", "configs/packs/own.yaml", "packs/own/pack.yaml"] {
            assert!(belongs(path), "{path}");
        }
        for path in [
            "",
            "store/format",
            "configs",
            "packs",
            "admin-token/x",
            "configs/../store/format",
            "packs/own/../../../x",
            "/etc/passwd",
            "./admin-token",
            "configsx/own.yaml",
        ] {
            assert!(!belongs(path), "{path}");
            let directory = tempfile::tempdir().unwrap();
            let refused = Layout::begin(directory.path()).unwrap().add(path, 0o600, b"").unwrap_err();
            assert!(refused.to_string().contains("belongs to no backup"), "{path}: {refused}");
        }
    }
}
