//! What the journal is written on: numbered segments. The seam that lets tests cut the power, and the
//! files that it is in earnest.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A segment that is longer than so many bytes is not kept as a spare.
const LARGEST_SPARE: u64 = 64 << 20;

/// Where segments are kept.
pub trait Media: Send + Sync + fmt::Debug {
    /// The numbers of the segments that there are, in order.
    fn list(&self) -> io::Result<Vec<u64>>;

    /// All bytes of a segment.
    fn read(&self, number: u64) -> io::Result<Vec<u8>>;

    /// Makes a segment whose name is durable once it was [synced](Segment::sync). It may hold bytes that
    /// an earlier one has left behind.
    fn create(&self, number: u64) -> io::Result<Box<dyn Segment>>;

    /// Makes durable what an earlier process has written to a segment: it may have been killed before its sync,
    /// or its sync may have failed.
    fn sync(&self, number: u64) -> io::Result<()>;

    /// Drops a segment.
    fn remove(&self, number: u64) -> io::Result<()>;
}

/// The segment that is being written.
pub trait Segment: Send {
    /// Writes `bytes` at `offset`.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes durable what was written. After an error nothing is known about it.
    fn sync(&mut self) -> io::Result<()>;

    /// Ends the segment after `length` bytes, since nothing more will come.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// Segments as files. One that is dropped is kept as a spare and written over: that costs the file
/// system no new room and no change of its own records, so a sync is faster and waits for nobody else.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    /// The segments in `directory`, which is made if need be.
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
            // With or without a spare.
            _ => {}
        }
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        Ok(Box::new(SegmentFile { file, unnamed_in: Some(self.directory.clone()) }))
    }

    fn sync(&self, number: u64) -> io::Result<()> {
        // After a sync that failed the system may take pages for written that are not: they are written again.
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
            // Somebody has tidied up; that must not keep the others from going.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

struct SegmentFile {
    file: File,
    /// The directory, until the file's name in it is durable.
    unnamed_in: Option<PathBuf>,
}

impl Segment for SegmentFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        if let Some(directory) = self.unnamed_in.take() {
            File::open(directory)?.sync_all()?;
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }
}
