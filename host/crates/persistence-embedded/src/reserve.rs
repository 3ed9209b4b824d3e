//! The part of the reserve that is a file. Free space belongs to everybody: outcomes, or another process, may
//! use it up to the last byte, and then a store could not even be opened. The file holds room that only
//! openings give up, a part each as a rule, so that a host can be killed and started several times on a disk that stays
//! full. [`room`](crate::room) watches the free space.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

use crate::remedy;
use crate::room::Room;

/// Its name in the directory of the store.
const NAME: &str = "reserve";
/// Its largest size, in bytes: [`FOR_CHECKPOINT`] and two parts more. Where the reserve is smaller than the former, it never
/// pays for a checkpoint.
const LARGEST: u64 = 8 << 20;
/// The part of it that is given up at a time, in bytes. An opening writes a few KiB (its segment of the journal), and what
/// is recovered after it a few hundred bytes for each execution.
const PART: u64 = 1 << 20;
/// The space given up at once, if there is so much, where the journal is [`LONG`], in bytes: a part to open with, and
/// the 5 MiB that a checkpoint asks for before a full slice. With parts alone none would ever run on a disk that stays full,
/// and each opening would replay more. One of many new rows needs more than this, and waits for space.
const FOR_CHECKPOINT: u64 = (5 << 20) + PART;
/// The length of a journal that a checkpoint should shorten, in bytes: that of a layer, by default.
const LONG: u64 = 16 << 20;
/// Free space below which an opening is given a part, in bytes. What the one before has left of its part is enough.
const LEAST_TO_OPEN: u64 = PART / 2;

/// The file of a store in use.
#[derive(Debug)]
pub(crate) struct Reserve {
    path: PathBuf,
    /// Its size, in bytes.
    bytes: u64,
    /// Whether the file system can hold room for a file.
    is_possible: bool,
}

impl Reserve {
    /// The file of the store in `directory`, of which `reserve` bytes are kept free. It is not made yet.
    pub(crate) fn new(directory: &Path, reserve: u64) -> Self {
        Self { path: directory.join(NAME), bytes: reserve.min(LARGEST), is_possible: true }
    }

    /// Makes the file if it is not there and there is room for it beside the free reserve. One that is too small was given
    /// up in part, or was not finished, and is made whole.
    pub(crate) fn keep(&mut self, room: &Room) {
        let needed = room.reserve().saturating_add(self.bytes);
        if !self.is_possible || room.left() < needed || self.is_there() {
            return;
        }
        if let Err(error) = self.make() {
            // An interrupted call or a lack of files passes; a file system that cannot do it does not.
            let passes = matches!(error.raw_os_error(), Some(4 | 11 | 23 | 24));
            if !remedy::is_no_room(&error) && !passes {
                self.is_possible = false;
                tracing::warn!(%error, file = %self.path.display(), "no room can be held back for the next start of the store");
            }
        }
        room.look();
    }

    fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok_and(|found| found.is_file() && found.len() >= self.bytes)
    }

    /// Makes the file whole. What there was of it remains if that fails.
    fn make(&self) -> io::Result<()> {
        let held =
            fs::symlink_metadata(&self.path).ok().filter(fs::Metadata::is_file).map(|found| found.len());
        let file = match held {
            Some(_) => OpenOptions::new().write(true).open(&self.path)?,
            None => self.create()?,
        };
        fallocate(&file, FallocateFlags::empty(), 0, self.bytes).map_err(|error| {
            // Some file systems have taken part of the room by then.
            drop(match held {
                Some(length) if length > 0 => file.set_len(length),
                _ => fs::remove_file(&self.path),
            });
            error.into()
        })
    }

    /// The file, new and empty, in the place of anything else.
    fn create(&self) -> io::Result<File> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)
    }
}

/// Gives up a part of the file of the store in `directory` if the disk has so little left that opening the store might
/// fail.
pub(crate) fn give_up_if_short(directory: &Path) {
    if Room::new(directory, 0).left() < LEAST_TO_OPEN {
        give_up(directory);
    }
}

/// Gives up a part of the file of the store in `directory`. Returns whether there was one.
pub(crate) fn give_up(directory: &Path) -> bool {
    let was_there = cut(&directory.join(NAME), is_long(&directory.join("journal"))).is_ok();
    if was_there {
        tracing::warn!(
            store = %directory.display(),
            "the disk is full: the store is opened with the room that was held back for that; free some space"
        );
    }
    was_there
}

/// Shortens a file by a part, or by what a checkpoint takes if that is wanted and there is so much, or removes it with its
/// last one.
fn cut(file: &Path, is_for_checkpoint: bool) -> io::Result<()> {
    let found = fs::symlink_metadata(file)?;
    let part = if is_for_checkpoint && found.len() >= FOR_CHECKPOINT { FOR_CHECKPOINT } else { PART };
    if !found.is_file() || found.len() <= part {
        return fs::remove_file(file);
    }
    OpenOptions::new().write(true).open(file)?.set_len(found.len() - part)
}

/// Whether the segments of a journal are so long that a checkpoint should be made.
fn is_long(journal: &Path) -> bool {
    let segments = fs::read_dir(journal).into_iter().flatten().flatten();
    // A spare one is not replayed.
    let replayed = segments.filter(|entry| Path::new(&entry.file_name()).extension() == Some("log".as_ref()));
    let lengths = replayed.filter_map(|entry| entry.metadata().ok()).map(|found| found.len());
    lengths.sum::<u64>() > LONG
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;
    use crate::checkpoint::SLICE_BYTES;

    #[test]
    fn it_is_made_where_there_is_room_for_it_and_really_takes_that() {
        let place = tempfile::TempDir::new().unwrap();
        let path = place.path().join(NAME);
        for (reserve, size) in [(u64::MAX, None), (1 << 20, Some(1 << 20))] {
            Reserve::new(place.path(), reserve).keep(&Room::new(place.path(), reserve));
            let found = fs::metadata(&path).ok();
            assert_eq!(found.as_ref().map(fs::Metadata::len), size, "{reserve}");
            assert!(found.is_none_or(|found| found.blocks() * 512 >= found.len()), "it has no holes");
        }
        assert_eq!((give_up(place.path()), give_up(place.path())), (true, false));
        assert!(!path.exists());
    }

    #[test]
    fn it_is_given_up_in_parts_and_made_whole_again() {
        let place = tempfile::TempDir::new().unwrap();
        let length = || fs::metadata(place.path().join(NAME)).map_or(0, |found| found.len());
        let mut reserve = Reserve::new(place.path(), LARGEST);
        let room = Room::new(place.path(), LARGEST);
        reserve.keep(&room);
        for left in (0..LARGEST / PART).rev() {
            assert!(give_up(place.path()));
            assert_eq!(length(), left * PART);
            if left == 3 {
                reserve.keep(&room);
                assert_eq!(length(), LARGEST);
                File::options().write(true).open(place.path().join(NAME)).unwrap().set_len(3 * PART).unwrap();
            }
        }
        assert!(!give_up(place.path()));
    }

    #[test]
    fn where_the_journal_is_long_a_checkpoint_is_paid_for_and_then_parts_are_given_up() {
        const { assert!(FOR_CHECKPOINT >= Room::for_slice(SLICE_BYTES) + PART) };
        for (name, is_long) in [("1.log", true), ("spare", false)] {
            let place = tempfile::TempDir::new().unwrap();
            let journal = place.path().join("journal");
            fs::create_dir(&journal).unwrap();
            // Both together are too long.
            for (segment, length) in [("0.log", LONG), (name, 1)] {
                File::create(journal.join(segment)).unwrap().set_len(length).unwrap();
            }
            fs::write(place.path().join(NAME), vec![0; usize::try_from(LARGEST).unwrap()]).unwrap();
            let first = if is_long { LARGEST - FOR_CHECKPOINT } else { LARGEST - PART };
            for left in [first, first - PART] {
                assert!(give_up(place.path()));
                assert_eq!(fs::metadata(place.path().join(NAME)).unwrap().len(), left, "{name}");
            }
        }
    }

    #[test]
    fn one_that_a_killed_process_has_not_finished_is_made_again() {
        let place = tempfile::TempDir::new().unwrap();
        let (path, size) = (place.path().join(NAME), 1 << 20);
        for half in [0, size / 2] {
            fs::write(&path, vec![0_u8; half]).unwrap();
            Reserve::new(place.path(), size as u64).keep(&Room::new(place.path(), size as u64));
            assert_eq!(fs::metadata(&path).unwrap().len(), size as u64, "{half}");
        }
    }

    #[test]
    fn a_directory_that_has_gone_is_not_made_again() {
        let place = tempfile::TempDir::new().unwrap();
        let gone = place.path().join("gone");
        let mut reserve = Reserve::new(&gone, 1 << 20);
        reserve.keep(&Room::new(place.path(), 1 << 20));
        assert!(!gone.exists() && !reserve.is_possible);
    }
}
