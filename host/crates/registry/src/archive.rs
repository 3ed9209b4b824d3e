//! Tar: the files of a pack as one stream that is the same for the same files, and the rules for streams of others. What leads
//! out of its directory, comes twice, or is anything but a plain file or a directory is refused, whatever else is in it.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::rc::Rc;

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use petrel_model::quoted::quoted;
use tar::{EntryType, Header};

use crate::error::Error;
use crate::files::{PackFile, checked_path, make_directory, new_file, refuse_too_much};
use crate::settings::Limits;

/// The remedy for a stream that breaks the rules.
const TAMPERED: &str = "it was not made by petrel, or was tampered with: do not use it";

/// The bytes that may stand before an entry: its head, with a long name.
const LONGEST_HEAD: u64 = 64 << 10;

/// A stream that ends with an error where the head of an entry is too long: the library keeps names of any length in memory.
pub(crate) struct Metered<R> {
    inner: R,
    left: Meter,
}

/// What may still be read of a [`Metered`] stream.
#[derive(Clone)]
pub(crate) struct Meter(Rc<Cell<u64>>);

impl<R: Read> Metered<R> {
    pub(crate) fn of(inner: R) -> (Self, Meter) {
        let left = Meter(Rc::new(Cell::new(LONGEST_HEAD)));
        (Self { inner, left: left.clone() }, left)
    }
}

impl Meter {
    /// Allows for the content of an entry that has so many bytes, and the head of the next.
    pub(crate) fn allow(&self, bytes: u64) {
        self.0.set(bytes.saturating_add(LONGEST_HEAD));
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.0.get().checked_sub(count as u64);
        self.left.0.set(left.ok_or_else(|| io::Error::other("a name in it is too long"))?);
        Ok(count)
    }
}

/// Writes files as a compressed stream, sorted by path, without times, owners and names of users.
///
/// # Errors
/// When a file cannot be read.
pub(crate) fn write(files: &BTreeMap<String, PackFile>) -> Result<Vec<u8>, Error> {
    let failed = |error: &io::Error| Error::of_file("packed", Path::new("the pack"), error);
    let stream = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    let mut builder = tar::Builder::new(stream);
    for (path, PackFile { at, is_executable }) in files {
        let file = File::open(at).map_err(|error| Error::of_file("read", at, &error))?;
        let size = file.metadata().map_err(|error| Error::of_file("read", at, &error))?.len();
        let mode = if *is_executable { 0o755 } else { 0o644 };
        // As many bytes as the header says, also of a file that is being written.
        append(&mut builder, path, mode, size, file.take(size))
            .map_err(|error| Error::of_file("read", at, &error))?;
    }
    builder.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(|error| failed(&error))
}

/// Appends a file to a stream.
pub(crate) fn append(
    builder: &mut tar::Builder<impl Write>,
    path: &str,
    mode: u32,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    builder.append_data(&mut header, path, content)
}

/// Unpacks a compressed stream into a directory that was just made. `taken` has the paths that are there already.
///
/// # Errors
/// When the stream breaks a rule or a bound, or the disk is full. What was written so far stays.
pub(crate) fn unpack(
    stream: impl Read,
    into: &Path,
    limits: &Limits,
    mut taken: BTreeSet<String>,
) -> Result<(), Error> {
    // A few bytes of a stream can stand for gigabytes.
    let room = limits.unpacked.saturating_add(limits.files as u64 * 1536);
    let (stream, meter) = Metered::of(GzDecoder::new(stream).take(room));
    let mut archive = tar::Archive::new(stream);
    let (mut bytes, mut directories) = (0_u64, 0);
    for entry in archive.entries().map_err(|error| broken(&error))? {
        let mut entry = entry.map_err(|error| broken(&error))?;
        let kind = entry.header().entry_type();
        meter.allow(entry.size());
        // The head of what git writes; it is about no file.
        if kind.is_pax_global_extensions() {
            continue;
        }
        let path = path_of(&entry.path_bytes())?;
        if kind.is_dir() && path.is_empty() {
            continue;
        }
        checked_path(&path)?;
        let at = into.join(&path);
        if kind.is_dir() {
            directories += 1;
            refuse_too_much(directories, 0, limits)?;
            make_directory(&at).map_err(|error| Error::of_file("made", &at, &error))?;
            continue;
        }
        if !(kind.is_file() || kind.is_contiguous()) {
            return Err(Error::refused(
                format!("`{}` in the pack is {}", quoted(&path), word(kind)),
                TAMPERED,
            ));
        }
        let mode = entry.header().mode().unwrap_or_default();
        if !taken.insert(path.clone()) {
            return Err(Error::refused(format!("`{}` comes twice in the pack", quoted(&path)), TAMPERED));
        }
        bytes = bytes.saturating_add(entry.size());
        refuse_too_much(taken.len(), bytes, limits)?;
        copy(&mut entry, &at, mode & 0o111 != 0)?;
    }
    Ok(())
}

/// Writes one file with all its bytes.
fn copy(entry: &mut tar::Entry<'_, impl Read>, at: &Path, is_executable: bool) -> Result<(), Error> {
    if let Some(above) = at.parent() {
        make_directory(above).map_err(|error| Error::of_file("made", above, &error))?;
    }
    let mut file = new_file(at, is_executable).map_err(|error| Error::of_file("written", at, &error))?;
    let (size, mut copied, mut buffer) = (entry.size(), 0, vec![0; 64 << 10]);
    loop {
        // Whether the stream or the disk is at fault decides about the remedy.
        let count = entry.read(&mut buffer).map_err(|error| broken(&error))?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all(bytes).map_err(|error| Error::of_file("written", at, &error))?;
        copied += count as u64;
    }
    if copied == size { Ok(()) } else { Err(broken(&io::ErrorKind::UnexpectedEof.into())) }
}

/// The path of an entry, without the `./` and the `/` at its ends that tools write.
fn path_of(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::refused(format!("a path in the pack is not UTF-8: {error}"), TAMPERED))?;
    let text = text.strip_prefix("./").unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    Ok(if text == "." { String::new() } else { text.to_owned() })
}

fn word(kind: EntryType) -> &'static str {
    match kind {
        kind if kind.is_symlink() || kind.is_hard_link() => "a link",
        kind if kind.is_character_special() || kind.is_block_special() => "a device",
        kind if kind.is_fifo() => "a FIFO",
        _ => "no plain file",
    }
}

/// The error for a stream that cannot be read.
pub(crate) fn broken(error: &io::Error) -> Error {
    Error::refused(format!("the files of the pack cannot be unpacked: {error}"), TAMPERED)
}

/// Copies a component to its place in a pack.
pub(crate) fn place_component(from: &Path, into: &Path, path: &str) -> Result<(), Error> {
    let at = into.join(path);
    if let Some(above) = at.parent() {
        make_directory(above).map_err(|error| Error::of_file("made", above, &error))?;
    }
    let mut source = File::open(from).map_err(|error| Error::of_file("read", from, &error))?;
    let mut file = new_file(&at, false).map_err(|error| Error::of_file("written", &at, &error))?;
    io::copy(&mut source, &mut file).map(drop).map_err(|error| Error::of_file("written", &at, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    fn stream(entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzBuilder::new().write(Vec::new(), Compression::fast()));
        for (path, kind, content) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o4777);
            if kind.is_symlink() || kind.is_hard_link() {
                header.set_link_name("/etc/passwd").unwrap();
            }
            // Written by hand, since the library does not write what leads out of a directory.
            header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn unpacked(stream: &[u8], limits: &Limits) -> (tempfile::TempDir, Result<(), Error>) {
        let place = tempfile::tempdir().unwrap();
        let taken = BTreeSet::from(["wasm/a.wasm".to_owned()]);
        let result = unpack(stream, place.path(), limits, taken);
        (place, result)
    }

    #[test]
    fn the_same_files_are_the_same_stream_and_come_back() {
        let place = tempfile::tempdir().unwrap();
        let long = format!("{}/{}.yaml", "d".repeat(90), "f".repeat(90));
        for (file, text) in [("pack.yaml", "ref: a"), ("actions/run.sh", "#!/bin/sh"), (&long, "long")] {
            let file = place.path().join(file);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let limits = Limits::default();
        let mut found = files::of_pack(place.path(), &limits).unwrap();
        found.get_mut("actions/run.sh").unwrap().is_executable = true;
        let first = write(&found).unwrap();
        assert_eq!(first, write(&found).unwrap());
        let (back, result) = unpacked(&first, &limits);
        result.unwrap();
        let again = files::of_pack(back.path(), &limits).unwrap();
        assert_eq!(again.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>());
        assert_eq!(write(&again).unwrap(), first);
    }

    #[test]
    fn what_breaks_a_rule_is_refused() {
        let small = Limits { unpacked: 10, files: 3, ..Limits::default() };
        let (file, folder, long) = (EntryType::Regular, EntryType::Directory, "n".repeat(100_000));
        let name = long.as_str();
        for (entries, says) in [
            (&[("../a", file, "x")][..], "no path within a pack"),
            (&[("/etc/a", file, "x")], "no path within a pack"),
            (&[("a/../../b", file, "x")], "no path within a pack"),
            (&[("a", file, "x"), ("a", file, "y")], "`a` comes twice"),
            (&[("a", file, "x"), ("./a", file, "y")], "`a` comes twice"),
            (&[("wasm/a.wasm", file, "x")], "comes twice"),
            (&[("a", EntryType::Symlink, "")], "`a` in the pack is a link"),
            (&[("a", EntryType::Link, "")], "is a link"),
            (&[("a", EntryType::Char, "")], "is a device"),
            (&[("a", EntryType::Block, "")], "is a device"),
            (&[("a", EntryType::Fifo, "")], "is a FIFO"),
            (&[("a", EntryType::GNUSparse, "")], ""),
            (&[("a", file, "x"), ("a/b", file, "y")], "cannot be made"),
            (&[("a/b", file, "x"), ("a", file, "y")], "cannot be written"),
            (&[("a", file, "12345678901")], "more than 0 MiB"),
            (&[("a", file, "1"), ("b", file, "1"), ("c", file, "1")], "more than 3 files"),
            (
                &[("a", folder, ""), ("b", folder, ""), ("c", folder, ""), ("d", folder, "")],
                "more than 3 files",
            ),
            (&[("a", EntryType::GNULongName, name), ("b", file, "x")], "cannot be unpacked"),
            (&[("a", EntryType::XHeader, name), ("b", file, "x")], "cannot be unpacked"),
            (
                &[("a", EntryType::XGlobalHeader, "n"), ("b", EntryType::Fifo, "")],
                "`b` in the pack is a FIFO",
            ),
        ] {
            let (place, result) = unpacked(&stream(entries), &small);
            let refused = result.unwrap_err();
            assert!(refused.to_string().contains(says), "{entries:?}: {refused}");
            assert!(!place.path().parent().unwrap().join("b").exists());
        }
    }

    #[test]
    fn rights_are_those_of_plain_files_and_a_stream_that_is_cut_short_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let whole = stream(&[
            ("./", EntryType::Directory, ""),
            ("./d/", EntryType::Directory, ""),
            ("d/a", EntryType::Regular, "xyz"),
        ]);
        let (place, result) = unpacked(&whole, &Limits::default());
        result.unwrap();
        let mode = place.path().join("d/a").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755, "no set-user bit");
        let (_place, result) = unpacked(&whole[..whole.len() / 2], &Limits::default());
        assert!(result.unwrap_err().message.contains("cannot be unpacked"));
        let (_place, result) = unpacked(b"no archive", &Limits::default());
        assert!(result.is_err());
    }

    #[test]
    fn a_bomb_ends_at_its_bound() {
        let zeros = "0".repeat(4 << 20);
        let bomb = stream(&[("a", EntryType::Regular, &zeros)]);
        assert!(bomb.len() < 64 << 10);
        let (place, result) = unpacked(&bomb, &Limits { unpacked: 1 << 20, ..Limits::default() });
        assert!(result.unwrap_err().message.contains("more than 1 MiB"));
        assert!(!place.path().join("a").exists());
    }
}
