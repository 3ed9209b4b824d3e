//! The free space on the disk of a store, and the commits that wait for some.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::remedy;

/// Space that an engine may need in addition to the rows that are written, in bytes.
const BASE_MARGIN: u64 = 4 << 20;
/// Bytes written after which the free space is checked again.
const LOOK_AFTER: u64 = 1 << 20;

/// The free space on the disk.
#[derive(Debug)]
pub(crate) struct Room {
    directory: PathBuf,
    /// Free bytes, as of the latest check.
    left: AtomicU64,
    /// Bytes written since then.
    written: AtomicU64,
    /// Bytes below which nothing new is accepted.
    reserve: u64,
    /// The commits that the committer has put off for want of room, and those whose large values wait to be written.
    postponed: AtomicUsize,
    unwritten: AtomicUsize,
    /// Tells of commits that are put off.
    putting_off: Notify,
}

/// A commit whose large values wait to be written, until it is dropped.
pub(crate) struct Waiting<'a>(&'a Room);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.unwritten.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Room {
    pub(crate) fn new(directory: &Path, reserve: u64) -> Self {
        let (left, written) = (AtomicU64::new(0), AtomicU64::new(0));
        let (postponed, unwritten) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let directory = directory.to_path_buf();
        let room =
            Self { directory, left, written, reserve, postponed, unwritten, putting_off: Notify::new() };
        room.look();
        room
    }

    /// Checks the disk. If the system does not tell, the space counts as unlimited.
    pub(crate) fn look(&self) -> u64 {
        let left = rustix::fs::statvfs(&self.directory)
            .map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        self.left.store(left, Ordering::Relaxed);
        self.written.store(0, Ordering::Relaxed);
        left
    }

    /// Notes that so many bytes were written. After some of them the disk is checked: by time alone the reserve might be
    /// used up between two checks.
    pub(crate) fn note(&self, bytes: u64) {
        if self.written.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) >= LOOK_AFTER {
            self.look();
        }
    }

    /// Notes that the committer has put off so many commits, all in all.
    pub(crate) fn postpone(&self, commits: usize) {
        self.postponed.store(commits, Ordering::SeqCst);
        if commits > 0 {
            self.putting_off.notify_waiters();
        }
    }

    /// Waits until the committer has put off a commit for want of room.
    pub(crate) async fn has_postponed(&self) {
        // Asked for before the look, so that nothing is missed in between.
        let told = self.putting_off.notified();
        if self.postponed.load(Ordering::SeqCst) == 0 {
            told.await;
        }
    }

    /// Notes that the large values of a commit wait to be written, until what is returned is dropped.
    pub(crate) fn wait(&self) -> Waiting<'_> {
        self.unwritten.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// The number of commits that wait until they can be written.
    pub(crate) fn waiting(&self) -> usize {
        self.postponed.load(Ordering::Relaxed) + self.unwritten.load(Ordering::Relaxed)
    }

    /// Free bytes, as of the latest check.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// Bytes below which nothing new is accepted.
    pub(crate) fn reserve(&self) -> u64 {
        self.reserve
    }

    /// Whether nothing new is accepted.
    pub(crate) fn is_short(&self) -> bool {
        self.left() < self.reserve
    }

    /// Whether `bytes` of rows can be written to the base, including the engine's own overhead.
    pub(crate) fn is_enough_for(&self, bytes: usize) -> bool {
        self.look() >= Self::for_slice(bytes)
    }

    /// The free space that a checkpoint asks for before it writes `bytes` of rows, in bytes.
    pub(crate) const fn for_slice(bytes: usize) -> u64 {
        BASE_MARGIN + 4 * bytes as u64
    }

    /// The message when something new is refused after a write has failed for want of room, by a quota or a limit perhaps.
    pub(crate) fn refusal_after(&self, error: &impl std::fmt::Display) -> String {
        if self.is_short() {
            return self.refusal();
        }
        let directory = self.directory.display();
        // Space would not help there.
        let too_large = remedy::in_words(&error.to_string()).filter(remedy::is_too_large);
        match too_large.and_then(|error| remedy::of_error(&error)) {
            Some(remedy) => format!("{directory} cannot be written: {error}; {remedy}"),
            None => {
                format!("the disk of {directory} is full, or a quota is used up: {error}; free some space")
            }
        }
    }

    /// The message when something new is refused.
    pub(crate) fn refusal(&self) -> String {
        format!(
            "the disk of {} is full ({} MiB left, {} MiB are reserved to finish what has begun); free some space",
            self.directory.display(),
            self.left.load(Ordering::Relaxed) >> 20,
            self.reserve >> 20
        )
    }
}
