//! The checkpoint: a thread that brings the base up to date with the journal, in the background.
//!
//! It takes a layer that the committer has frozen and writes it to the base in slices, each of which is synced. The
//! last slice contains the number of the last group; after it, earlier segments of the journal are no longer needed.
//! Rows that were written and deleted again within one layer never reach the base. An interrupted checkpoint is
//! repeated from the journal: writing the same rows twice is harmless.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use petrel_persistence::Error;
use tokio::sync::watch;

use crate::base::{BaseError, Write};
use crate::image::{Image, Layer};
use crate::journal::Segments;
use crate::keys;
use crate::room::Room;
use crate::value;
use crate::watchdog::Work;

/// Bytes that are written to the base between two syncs: few enough that the journal's syncs do not wait long behind
/// them.
pub(crate) const SLICE_BYTES: usize = 256 * 1024;
/// Pause between checks for free space.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(200);

/// A layer on its way to the base.
pub(crate) struct Task {
    pub(crate) layer: Arc<Layer>,
    /// The number of the last group in it.
    pub(crate) sequence: u64,
    /// The first segment of the journal that is needed afterwards.
    pub(crate) needed_from: u64,
}

/// The state that the thread owns.
pub(crate) struct Checkpointer {
    pub(crate) image: Arc<Image>,
    pub(crate) segments: Arc<Segments>,
    pub(crate) failure: Arc<watch::Sender<Option<Error>>>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) room: Arc<Room>,
}

/// The progress of checkpoints.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    is_busy: Mutex<bool>,
    idle: Condvar,
    /// Whether the store is being closed, so that nobody waits for free space any more.
    pub(crate) is_closing: AtomicBool,
    /// The present work of the thread, for the watchdog. Waiting for free space does not count.
    pub(crate) work: Arc<Work>,
}

impl Progress {
    fn begin(&self) {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    fn end(&self) {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.idle.notify_all();
    }

    pub(crate) fn is_busy(&self) -> bool {
        *self.is_busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until no checkpoint is in progress, for at most `patience`.
    pub(crate) fn wait_for(&self, patience: Duration) {
        let busy = self.is_busy.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.idle.wait_timeout_while(busy, patience, |is_busy| *is_busy);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits until no checkpoint is in progress.
    pub(crate) fn wait(&self) {
        let busy = self.is_busy.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.idle.wait_while(busy, |is_busy| *is_busy).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Passes tasks to the thread.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) tasks: Sender<Task>,
    pub(crate) progress: Arc<Progress>,
}

impl Handle {
    /// Passes a layer on. A call of [`wait`](Progress::wait) after this waits for it.
    pub(crate) fn begin(&self, task: Task) {
        self.progress.begin();
        if self.tasks.send(task).is_err() {
            // The thread has failed and has logged that.
            self.progress.end();
        }
    }
}

impl Checkpointer {
    /// Serves `tasks` until all senders are gone, or the base fails.
    pub(crate) fn run(self, tasks: &Receiver<Task>) {
        for task in tasks {
            // A panic must not end this thread in silence: commits wait for it.
            let made = catch_unwind(AssertUnwindSafe(|| self.make(&task)))
                .unwrap_or_else(|_panic| Err(Stopped::Failed("the storage engine has panicked".into())));
            match made {
                Ok(()) => self.finish(&task),
                Err(Stopped::NoRoom) => {}
                Err(Stopped::Failed(reason)) => {
                    let error = Error::Unavailable(format!("a checkpoint cannot be made: {reason}"));
                    tracing::error!(%error, "store failed; it accepts no more commits");
                    self.failure.send_replace(Some(error));
                }
            }
            self.progress.end();
        }
    }

    fn finish(&self, task: &Task) {
        let _busy = self.progress.work.begin();
        self.image.thaw();
        if let Err(error) = self.segments.drop_before(task.needed_from) {
            tracing::warn!(%error, "failed to remove segments of the journal that are no longer needed");
        }
        metrics::counter!("petrel_store_checkpoints_total").increment(1);
    }

    fn make(&self, task: &Task) -> Result<(), Stopped> {
        let mut slice: Vec<Write> = Vec::new();
        let mut bytes = 0;
        for (key, value) in task.layer.iter() {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            slice.push((key.clone(), value.clone()));
            if bytes >= SLICE_BYTES {
                self.write(&slice, bytes)?;
                slice.clear();
                bytes = 0;
            }
        }
        let sequence = task.sequence.to_string();
        // In the last slice, so that the number never claims more than the base has.
        slice.push(value::row(keys::meta(keys::SEQUENCE), sequence.as_bytes()));
        self.write(&slice, bytes)
    }

    fn write(&self, slice: &[Write], bytes: usize) -> Result<(), Stopped> {
        // An engine may not recover from a full disk in the middle of a write, so it waits. The journal is safe
        // meanwhile.
        while !self.room.is_enough_for(bytes) {
            if self.progress.is_closing.load(Ordering::Relaxed) || self.failure.borrow().is_some() {
                return Err(Stopped::NoRoom);
            }
            std::thread::sleep(NO_ROOM_PAUSE);
        }
        let _busy = self.progress.work.begin();
        let base = self.image.base();
        base.apply(slice).and_then(|()| base.sync()).map_err(failed)?;
        metrics::counter!("petrel_store_checkpoint_rows_total").increment(slice.len() as u64);
        Ok(())
    }
}

/// Converts an error of the base. No commit is lost: the journal has them all.
fn failed(BaseError { reason, is_damage }: BaseError) -> Stopped {
    Stopped::Failed(if is_damage {
        format!("{reason}; `petrel store check --repair` rebuilds the store from its intact rows")
    } else {
        reason
    })
}

/// Reasons why a checkpoint stopped.
enum Stopped {
    /// The disk is full and the store is being closed. The next process replays the journal.
    NoRoom,
    Failed(String),
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;
    use std::time::Instant;

    use super::*;
    use crate::base::Reads as _;
    use crate::base::simulated::SimulatedMachine;

    /// `/proc` is a file system that reports no free space.
    #[test]
    fn without_room_nothing_is_written_to_the_base_and_a_close_does_not_wait_for_it() {
        let machine = SimulatedMachine::default();
        let image = Arc::new(Image::new(Box::new(machine.clone())));
        let progress = Arc::new(Progress::default());
        let checkpointer = Checkpointer {
            image: Arc::clone(&image),
            segments: Arc::new(Segments::new(Arc::new(machine.clone())).unwrap()),
            failure: Arc::new(watch::channel(None).0),
            progress: Arc::clone(&progress),
            room: Arc::new(Room::new(Path::new("/proc"), 0)),
        };
        let (tasks, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || checkpointer.run(&receiver));
        image.show(vec![(b"key".to_vec(), Some(b"value".to_vec()))]);
        let layer = image.freeze().unwrap();
        let handle = Handle { tasks, progress: Arc::clone(&progress) };
        handle.begin(Task { layer, sequence: 1, needed_from: 1 });
        progress.wait_for(NO_ROOM_PAUSE * 2);
        assert!(progress.is_busy(), "it waits for room");
        progress.is_closing.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        while progress.is_busy() && begun.elapsed() < Duration::from_secs(60) {
            progress.wait_for(NO_ROOM_PAUSE);
        }
        assert!(!progress.is_busy(), "it has given up");
        drop(handle);
        thread.join().unwrap();
        assert_eq!(machine.keys(), Vec::<Vec<u8>>::new());
        assert_eq!(image.get(b"key").unwrap(), Some(b"value".to_vec()), "readers still see it");
    }
}
