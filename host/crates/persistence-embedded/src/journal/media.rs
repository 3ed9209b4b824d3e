//! The medium of the journal: numbered segments. A trait, so that tests can cut the power, and its implementation with
//! files.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::presence::Place;

/// Largest segment that is kept as a spare, in bytes.
const LARGEST_SPARE: u64 = 64 << 20;

/// Storage for segments.
pub trait Media: Send + Sync + fmt::Debug {
    /// The numbers of the existing segments, in order.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// Reads all bytes of a segment.
    fn read(&self, number: u64) -> io::Result<Vec<u8>>;

    /// Creates a segment. Its name is durable after its first [sync](Segment::sync). It may contain bytes of an earlier
    /// segment.
    fn create(&self, number: u64) -> io::Result<Box<dyn Segment>>;

    /// Makes durable what an earlier process has written to a segment. That process may have been killed before its
    /// sync, or its sync may have failed.
    fn sync(&self, number: u64) -> io::Result<()>;

    /// Removes a segment.
    fn remove(&self, number: u64) -> io::Result<()>;
}

/// The segment that is being written.
pub trait Segment: Send {
    /// Writes `bytes` at `offset`.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes all writes durable. After an error their state is unknown.
    fn sync(&mut self) -> io::Result<()>;

    /// Ends the segment after `length` bytes, since no more will be written.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Whether somebody has deleted, replaced or cut the segment, so that the next process will not find what is in it.
    fn is_gone(&self) -> bool {
        false
    }
}

/// Segments as files. A removed segment is kept as a spare and overwritten: the file system then allocates nothing and
/// changes no metadata of its own, so a sync is faster and waits for no other process.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    /// Opens the segments in `directory`, which is created if it does not exist.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        if let Some(parent) = directory.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(Self { directory: directory.to_path_buf() })
    }

    fn path(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:016x}.log"))
    }

    fn spare(&self) -> PathBuf {
        self.directory.join("spare")
    }
}

impl Media for Files {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
            numbers.extend(number.and_then(|number| u64::from_str_radix(number, 16).ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, number: u64) -> io::Result<Vec<u8>> {
        fs::read(self.path(number))
    }

    fn create(&self, number: u64) -> io::Result<Box<dyn Segment>> {
        let path = self.path(number);
        match fs::rename(self.spare(), &path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // There may be no spare, and then the segment is a new file.
            _ => {}
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        let place = Place::of(&path);
        Ok(Box::new(SegmentFile {
            file,
            place,
            end: 0,
            is_cut: false,
            unnamed_in: Some(self.directory.clone()),
        }))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        // After a failed sync Linux may mark pages as clean that are not on the disk, so a second sync alone would
        // succeed without writing them. The bytes are therefore written again.
        let bytes = self.read(number)?;
        let file = OpenOptions::new().write(true).open(self.path(number))?;
        file.write_all_at(&bytes, 0)?;
        file.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }

    fn remove(&self, number: u64) -> io::Result<()> {
        let path = self.path(number);
        let is_large = || fs::metadata(&path).is_ok_and(|metadata| metadata.len() > LARGEST_SPARE);
        let removed = if self.spare().exists() || is_large() {
            fs::remove_file(&path)
        } else {
            fs::rename(&path, self.spare())
        };
        match removed {
            // Somebody has removed the file; that must not keep other segments from being removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

struct SegmentFile {
    file: File,
    place: Place,
    /// Bytes of it that were written.
    end: u64,
    /// Whether it was found shorter than that. It may be as long again by now, with a hole.
    is_cut: bool,
    /// The directory, until the file's name in it is durable.
    unnamed_in: Option<PathBuf>,
}

impl SegmentFile {
    fn is_shorter(&self) -> bool {
        self.file.metadata().is_ok_and(|found| found.len() < self.end)
    }
}

impl Segment for SegmentFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        // Before each write, since that makes it as long as it should be.
        self.is_cut |= self.is_shorter();
        self.file.write_all_at(bytes, offset)?;
        self.end = self.end.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(directory) = self.unnamed_in.take() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.end = self.end.min(length);
        self.file.set_len(length)
    }

    fn is_gone(&self) -> bool {
        self.is_cut || self.is_shorter() || self.place.is_left()
    }
}
