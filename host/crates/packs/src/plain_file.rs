//! Reads files that somebody else has provided. Only regular files of bounded size are read, so that reading never
//! blocks and always ends. [`source`](crate::source) does so within a
//! directory that no path leaves.

use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// The number of attempts to open a file while this process may open no more.
const TURNS: u32 = 50;
/// Pause between these attempts.
const NEXT_TURN: Duration = Duration::from_millis(200);

/// Opens a regular file for reading, following links.
///
/// # Errors
/// If it does not exist or is something else: a FIFO, a socket, a device, a directory.
pub fn open(path: &Path) -> io::Result<File> {
    // Checked before opening, since opening a device may already have an effect.
    refuse_other(&std::fs::metadata(path)?)?;
    // The opening of a FIFO that has come in between would wait for a writer.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    // Checked again, since the file may have been replaced in between.
    refuse_other(&file.metadata()?)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`open`], or if it is larger or cannot be read.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    read_opened(open(path)?, limit)
}

/// As [`read`], of a file that is open.
pub(crate) fn read_opened(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large(limit));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    // One byte more than allowed, since the file may have grown since its size was checked.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// Reads the text in a regular file of at most `limit` bytes.
///
/// # Errors
/// As [`read`], or if it is not text.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    text(read(path, limit)?)
}

/// The text in these bytes.
pub(crate) fn text(bytes: Vec<u8>) -> io::Result<String> {
    let no_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not text in UTF-8");
    String::from_utf8(bytes).map_err(no_text)
}

/// As [`read_text`], and waits for its turn while this process may open no more files. It blocks its thread for that.
///
/// # Errors
/// As [`read_text`], and when no file was closed for long.
pub fn read_text_in_turn(path: &Path, limit: u64) -> io::Result<String> {
    for _ in 0..TURNS {
        match read_text(path, limit) {
            Err(error) if is_starved(&error) => std::thread::sleep(NEXT_TURN),
            read => return read,
        }
    }
    read_text(path, limit)
}

fn is_starved(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|one| error.raw_os_error() == Some(one.raw_os_error()))
}

/// The size of a regular file, in bytes.
///
/// # Errors
/// As [`open`]. The file is not opened.
pub fn length(path: &Path) -> io::Result<u64> {
    let metadata = std::fs::metadata(path)?;
    refuse_other(&metadata)?;
    Ok(metadata.len())
}

/// The error for something larger than allowed.
pub fn too_large(limit: u64) -> io::Error {
    let limit = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {limit}, which is the limit"))
}

/// Refuses what is no regular file.
pub(crate) fn refuse_other(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = kind(metadata.file_type());
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}, and must be a plain file")))
}

fn kind(kind: FileType) -> &'static str {
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_block_device() || kind.is_char_device() => "a device",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, Mode, mkfifoat};

    use super::*;

    #[test]
    fn only_plain_files_are_read_and_nothing_is_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("plain"), "text").unwrap();
        std::os::unix::fs::symlink("plain", at("link")).unwrap();
        for name in ["plain", "link"] {
            assert_eq!(read_text(&at(name), 4).unwrap(), "text", "{name}");
            assert_eq!(length(&at(name)).unwrap(), 4, "{name}");
        }
        mkfifoat(CWD, at("fifo"), Mode::RUSR | Mode::WUSR).unwrap();
        std::os::unix::fs::symlink("fifo", at("link to fifo")).unwrap();
        let _socket = UnixListener::bind(at("socket")).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        for (path, says) in [
            (at("fifo"), "it is a FIFO"),
            (at("link to fifo"), "it is a FIFO"),
            (at("socket"), "it is a socket"),
            (at("directory"), "it is a directory"),
            ("/dev/zero".into(), "it is a device"),
        ] {
            for error in [read(&path, 10).unwrap_err(), length(&path).unwrap_err()] {
                assert!(error.to_string().starts_with(says), "{}: {error}", path.display());
            }
        }
        assert_eq!(read(&at("none"), 10).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn no_more_is_read_than_may_be() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        // A sparse file, which takes no space on the disk.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read(&path, 2 << 20).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 2 MiB, which is the limit");
        std::fs::write(&path, "12345").unwrap();
        assert!(read(&path, 4).unwrap_err().to_string().contains("4 bytes"));
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        std::fs::write(&path, b"\xff").unwrap();
        assert!(read_text(&path, 4).unwrap_err().to_string().contains("not text"));
    }
}
