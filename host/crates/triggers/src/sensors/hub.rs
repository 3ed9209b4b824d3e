//! The state that the parts of the service share about sensors: the sensors in memory, and their runners.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use petrel_engine_core::Error;
use petrel_runners::sensors::SensorRunner;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};

use super::board::Board;

/// What runs the sensors of packs on this host.
pub type SensorRunners = Arc<[Arc<dyn SensorRunner>]>;

/// The sensors of the service.
pub(crate) struct Sensors {
    runners: SensorRunners,
    board: Mutex<Board>,
    /// Tells the supervisor that something is due.
    pub(super) woken: Notify,
    /// Tells those who wait for it that a turn has ended.
    pub(super) ended: Notify,
    /// The turns of requests to sensors.
    answering: Semaphore,
}

impl Sensors {
    /// No sensors yet. So many answer requests at once.
    pub(crate) fn new(runners: SensorRunners, at_once: usize) -> Self {
        Self {
            runners,
            board: Mutex::default(),
            woken: Notify::new(),
            ended: Notify::new(),
            answering: Semaphore::new(at_once),
        }
    }

    /// The sensors in memory. Nobody waits while they hold this.
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock()
    }

    /// What runs files such as `entry_point` on this host.
    pub(super) fn runner_of(&self, entry_point: &str) -> Option<Arc<dyn SensorRunner>> {
        self.runners.iter().find(|runner| runner.runs(entry_point)).map(Arc::clone)
    }

    /// The turn of a request to a sensor. It lasts until it is dropped.
    ///
    /// # Errors
    /// When all turns are taken.
    pub(super) fn answering_turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.answering.try_acquire().map_err(|_none_left| {
            Error::Busy(
                "as many requests to sensors are being answered as may be (`sensors.concurrency`)".into(),
            )
        })
    }

    /// Wakes the supervisor, and those who wait for the end of a turn.
    pub(super) fn tell(&self) {
        self.woken.notify_one();
        self.ended.notify_waiters();
    }
}
