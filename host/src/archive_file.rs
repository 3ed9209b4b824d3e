//! The file of an archive, or standard output and input as `-`.
//!
//! A file appears only when it is complete: it is written as `NAME.part`, readable by its owner only, and renamed
//! once it is on the disk. `petrel_persistence_embedded::archive` defines the content.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use petrel_persistence::store::Archived;
use petrel_persistence_embedded::archive;
use serde_json::{Value, json};

use crate::exit::{Code, Failure};
use crate::print;

/// The bytes at the beginning of a file by which an archive is recognized.
const HEAD: u64 = 32;
/// The name of standard output and standard input.
const STANDARD: &str = "-";

/// The destination of an archive.
pub(crate) enum Target {
    /// A file, which appears when it is complete.
    File(Part),
    /// Standard output.
    Standard(io::Stdout),
}

/// A file that is not complete yet. On drop it is removed.
pub(crate) struct Part {
    file: BufWriter<File>,
    path: PathBuf,
    name: PathBuf,
    is_whole: bool,
}

impl Target {
    /// Begins the file `name`, or standard output for `-`.
    ///
    /// # Errors
    /// When the file cannot be created, or the existing file is not an archive.
    pub(crate) fn begin(name: &str) -> Result<Self, Failure> {
        if name == STANDARD {
            return Ok(Self::Standard(io::stdout()));
        }
        spare(Path::new(name))?;
        let path = PathBuf::from(format!("{name}.part"));
        let failed = |error| unwritten(name, &error);
        // An old part is not reused: a process that has it open might have more rights than the new file allows.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
        Ok(Self::File(Part { file: BufWriter::new(file), path, name: name.into(), is_whole: false }))
    }

    /// Whether the destination is standard output, where nothing else may be printed.
    pub(crate) fn is_standard(&self) -> bool {
        matches!(self, Self::Standard(_))
    }

    /// Makes the file durable and renames it, if `check` accepts its content. Standard output is not checked.
    ///
    /// # Errors
    /// When the file cannot be written, or `check` refuses it. No file remains then.
    pub(crate) fn end(
        self,
        check: impl FnOnce(&mut dyn Read) -> Result<Archived, Failure>,
    ) -> Result<Option<Archived>, Failure> {
        match self {
            Self::Standard(mut out) => {
                out.flush().map_err(|error| unwritten("standard output", &error))?;
                Ok(None)
            }
            Self::File(mut part) => {
                let name = part.name.display().to_string();
                let failed = |error| unwritten(&name, &error);
                part.file.flush().and_then(|()| part.file.get_ref().sync_all()).map_err(failed)?;
                // Read from the file again, so that what is on the disk is checked.
                let held = check(&mut BufReader::new(File::open(&part.path).map_err(failed)?))?;
                let is_replaced = part.name.exists();
                part.keep().map_err(failed)?;
                if is_replaced {
                    print::note(&format!("the existing file {name} was replaced"));
                }
                Ok(Some(held))
            }
        }
    }
}

/// Refuses to overwrite a file that is not an archive.
fn spare(name: &Path) -> Result<(), Failure> {
    let Ok(found) = fs::metadata(name) else { return Ok(()) };
    let is_archive = || {
        let mut head = Vec::new();
        let read = File::open(name).and_then(|file| file.take(HEAD).read_to_end(&mut head));
        // An empty file has nothing to lose.
        read.is_ok() && (head.is_empty() || archive::is_begun(&head))
    };
    if found.is_file() && is_archive() {
        return Ok(());
    }
    let message = format!("{} exists already, and is not an archive of petrel", name.display());
    Err(Failure::new(Code::Conflict, "exists", message, "name another file, or remove this one"))
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(part) => part.file.write(bytes),
            Self::Standard(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(part) => part.file.flush(),
            Self::Standard(out) => out.flush(),
        }
    }
}

impl Part {
    fn keep(&mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.name)?;
        self.is_whole = true;
        // Without this, the new name may be lost when the machine loses power, although the contents are on disk.
        let parent = self.name.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            // If this fails, the name `.part` shows that the file is incomplete.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// The failure for a file that cannot be written.
pub(crate) fn unwritten(name: &str, error: &io::Error) -> Failure {
    Failure::usage(
        format!("{name} cannot be written: {error}"),
        "name a file in a directory that you can write to, on a disk with room",
    )
}

/// Opens the archive in the file `name`, or on standard input for `-`.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn open(name: &str) -> Result<Box<dyn Read>, Failure> {
    if name == STANDARD {
        return Ok(Box::new(io::stdin()));
    }
    // A directory can be opened, and fails only when it is read.
    let opened = File::open(name).and_then(|file| {
        if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
    });
    let file = opened.map_err(|error| {
        Failure::usage(format!("{name} cannot be read: {error}"), "check the name of the file")
    })?;
    Ok(Box::new(BufReader::new(file)))
}

/// The content of an archive, for people.
pub(crate) fn in_words(held: &Archived) -> String {
    let Archived { rows, blobs, files, bytes } = held;
    let [rows, blobs, files] = [(*rows, "row"), (*blobs, "large value"), (*files, "file")]
        .map(|(count, what)| print::counted(count, what));
    format!("{rows}, {blobs}, {files}, {}", size(*bytes))
}

/// The content of an archive, for programs.
pub(crate) fn as_json(held: &Archived) -> Value {
    let Archived { rows, blobs, files, bytes } = held;
    json!({"rows": rows, "blobs": blobs, "files": files, "bytes": bytes})
}

/// A number of bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const BEFORE: &str = "petrel-archive 1\nthe one before";

    #[test]
    fn a_file_appears_when_it_is_whole_and_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("backup");
        let name = name.to_str().unwrap();
        let files = || fs::read_dir(directory.path()).unwrap().count();
        fs::write(name, BEFORE).unwrap();
        fs::write(format!("{name}.part"), "left over").unwrap();
        let mut target = Target::begin(name).unwrap();
        target.write_all(b"new").unwrap();
        let failed = target.end(|_| Err(Failure::usage("broken", ""))).unwrap_err();
        assert_eq!((failed.message.as_str(), files()), ("broken", 1));
        assert_eq!(fs::read_to_string(name).unwrap(), BEFORE);
        let mut target = Target::begin(name).unwrap();
        target.write_all(b"new").unwrap();
        let read = |from: &mut dyn Read| {
            let bytes = io::copy(from, &mut io::sink()).unwrap();
            Ok(Archived { bytes, ..Archived::default() })
        };
        assert_eq!(target.end(read).unwrap().unwrap().bytes, 3);
        assert_eq!((fs::read_to_string(name).unwrap().as_str(), files()), ("new", 1));
        assert_eq!(fs::metadata(name).unwrap().permissions().mode() & 0o777, 0o600);
        let missing = Target::begin(&format!("{name}/below")).err().unwrap();
        assert!(missing.to_string().contains("cannot be written"), "{missing}");
    }

    #[test]
    fn what_is_no_archive_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let name = directory.path().join("notes");
        for (content, is_replaced) in
            [("", true), ("petrel-archive 1\n", true), ("petrel-archive 2\nx", true), ("my notes", false)]
        {
            fs::write(&name, content).unwrap();
            let refused = Target::begin(name.to_str().unwrap()).err();
            assert_eq!(refused.is_none(), is_replaced, "{content}");
            assert!(refused.is_none_or(|refused| refused.message.contains("is not an archive of petrel")));
            assert_eq!(fs::read_to_string(&name).unwrap(), content);
        }
        assert!(Target::begin(directory.path().to_str().unwrap()).is_err());
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        for (bytes, told) in [
            (0, "0 bytes"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (1_600_000, "1.5 MiB"),
            (u64::MAX, "17179869183.9 GiB"),
        ] {
            assert_eq!(size(bytes), told);
        }
    }
}
