//! The state that the parts of the service share about sensors: the sensors in memory, and their runners.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use petrel_engine_core::Error;
use petrel_model::Ref;
use petrel_runners::sensors::SensorRunner;
use tokio::sync::Notify;

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
    /// The number of requests that each sensor answers now, and how many there may be of all.
    answering: Mutex<BTreeMap<Ref, usize>>,
    at_once: usize,
}

/// The turn of a request to a sensor. It lasts until it is dropped.
pub(super) struct Answering<'a> {
    answering: &'a Mutex<BTreeMap<Ref, usize>>,
    sensor: Ref,
}

impl Drop for Answering<'_> {
    fn drop(&mut self) {
        let mut answering = self.answering.lock();
        let left = answering.get(&self.sensor).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            answering.remove(&self.sensor);
        } else {
            answering.insert(self.sensor.clone(), left);
        }
    }
}

impl Sensors {
    /// No sensors yet. So many answer requests at once.
    pub(crate) fn new(runners: SensorRunners, at_once: usize) -> Self {
        Self {
            runners,
            board: Mutex::default(),
            woken: Notify::new(),
            ended: Notify::new(),
            answering: Mutex::default(),
            at_once,
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

    /// The turn of a request to a sensor. A single sensor may have half of them: anybody may send requests, and one that is
    /// slow must not keep those of the others out.
    ///
    /// # Errors
    /// When all turns are taken.
    pub(super) fn answering_turn(&self, sensor: &Ref) -> Result<Answering<'_>, Error> {
        let mut answering = self.answering.lock();
        let (own, all) = (answering.get(sensor).copied().unwrap_or(0), answering.values().sum::<usize>());
        if all >= self.at_once || own >= self.at_once.div_ceil(2) {
            return Err(Error::Busy(format!(
                "as many requests to sensors are being answered as may be, {own} of them by {sensor} (`sensors.concurrency`)"
            )));
        }
        answering.insert(sensor.clone(), own + 1);
        Ok(Answering { answering: &self.answering, sensor: sensor.clone() })
    }

    /// Wakes the supervisor, and those who wait for the end of a turn.
    pub(super) fn tell(&self) {
        self.woken.notify_one();
        self.ended.notify_waiters();
    }
}
