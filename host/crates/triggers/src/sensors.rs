//! Sensors: the task that supervises them.
//!
//! It follows the catalog: each sensor that is registered and enabled has its turns, one after the other, and no sensor has
//! two at once. One that polls has a turn whenever its interval is over; a stream has one that lasts; one that is given
//! requests has none. What a turn brings is stored in one commit with the new state of the sensor, so that the next process
//! goes on where this one was, and no event is lost or taken twice. A sensor that fails is tried again without end.
//!
//! | | |
//! |---|---|
//! | `board`, `hub` | the sensors in memory, in the order in which they are due |
//! | `turn`, `taking` | one turn: the call of the runner, and what becomes of its events |
//! | `stream`, `received` | sensors that go on, and those that are given requests |
//! | `apart`, `attending` | sensors with processes of their own: orders to them, and what they ask for |
//! | `emission` | an event as a sensor emits it, checked; the contract's [`Emitter`](petrel_runners::sensors::Emitter) |
//! | `pace`, `lines`, `failure` | when a sensor is due next; what it has logged; what has failed |
//! | `shown`, `orders` | sensors as people see them, and what operators have them do |

mod apart;
mod attending;
mod board;
mod emission;
mod failure;
pub(crate) mod hub;
mod lines;
mod orders;
mod pace;
mod received;
mod shown;
mod stream;
mod taking;
mod told;
mod turn;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_engine_core::Error;
use petrel_model::{Ref, SensorState};
use petrel_persistence::Change;

use crate::alarm::sleep_until;
use crate::left_behind::left_behind;
use crate::service::Triggers;
use board::Subject;
pub use hub::SensorRunners;
pub use lines::ShownLine;
pub use received::Answer;
pub use shown::{Health, Shown};

/// How long the supervisor waits before it tries again to read or write the store: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// The longest sleep until a sensor is due: a machine that was suspended meanwhile does not count that as sleep.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

impl Triggers {
    /// Has sensors run when they are due, until the host stops.
    pub async fn run_sensors(self) {
        let stop = self.core().stop_starting().clone();
        stop.run_until_cancelled(Supervisor::new(self).run()).await;
    }
}

/// The task that supervises sensors.
struct Supervisor {
    triggers: Triggers,
    /// The states that an earlier process has left and that are not taken up yet.
    left: BTreeMap<Ref, SensorState>,
    /// The version of the catalog that is followed.
    seen: Option<u64>,
    /// When it is tried again to follow the catalog, after a failure, and the pause after the next one.
    again_at: Option<Instant>,
    pause: Duration,
}

impl Supervisor {
    fn new(triggers: Triggers) -> Self {
        Self { triggers, left: BTreeMap::new(), seen: None, again_at: None, pause: AGAIN.0 }
    }

    async fn run(mut self) {
        self.left = left_behind(&self.triggers, "sensors").await;
        let triggers = self.triggers.clone();
        let (core, catalog) = (triggers.core(), triggers.catalog());
        loop {
            let version = catalog.version();
            let may_follow = self.again_at.is_none_or(|at| at <= core.monotonic());
            if self.seen != Some(version) && may_follow {
                self.follow_to(version).await;
            }
            self.start_due();
            let alarm = self.alarm();
            tokio::select! {
                biased;
                () = catalog.changed_since(version) => {}
                () = triggers.sensors().woken.notified() => {}
                () = sleep_until(core, alarm) => {}
            }
        }
    }

    /// Follows the catalog to this version, or tries again later.
    async fn follow_to(&mut self, version: u64) {
        match self.follow().await {
            // Sensors that are gone and have not ended yet are looked at again when they have.
            Ok(is_whole) => {
                (self.seen, self.again_at, self.pause) = (is_whole.then_some(version), None, AGAIN.0);
            }
            Err(error) => {
                let core = self.triggers.core();
                if let Some(left_out) = core.may_log("the sensors of the catalog") {
                    tracing::warn!(%error, hint = error.hint(), left_out, "failed to begin or end sensors; trying again");
                }
                self.again_at = core.monotonic().checked_add(self.pause);
                self.pause = (self.pause * 2).min(AGAIN.1);
            }
        }
    }

    /// Takes over the sensors of the catalog, and ends those that are gone. Gives whether all of these have ended.
    async fn follow(&mut self) -> Result<bool, Error> {
        let (content, now) = (self.triggers.content(), self.triggers.core().now());
        let sensors = self.triggers.sensors();
        let (ended, are_there_others) = {
            let mut board = sensors.board();
            for sensor in content.sensors() {
                let subject = Subject {
                    sensor: Arc::clone(sensor),
                    runner: sensors.runner_of(&sensor.entry_point),
                    config: content.configuration(sensor.reference.pack()),
                    triggers: told::triggers_of(&content, sensor),
                    rights: content.rights(sensor.reference.pack()),
                };
                if !board.renew(&subject, now) {
                    let state = self.left.remove(&sensor.reference);
                    let state = state.unwrap_or_else(|| SensorState::new(sensor.reference.clone()));
                    board.put(subject, state, now);
                }
            }
            board.gone(|reference| content.sensor(reference.as_str()).is_ok())
        };
        // A snapshot that is kept for long makes the next change copy the catalog.
        drop(content);
        let mut are_all_removed = !are_there_others;
        let gone: Vec<Ref> = self.left.keys().chain(&ended).cloned().collect();
        if !gone.is_empty() {
            let changes = gone.into_iter().map(Change::delete::<SensorState>).collect();
            self.triggers.core().commit(Vec::new(), changes).await?;
            self.left.clear();
            let mut board = sensors.board();
            for reference in &ended {
                // Somebody may have its turn meanwhile, to reset it for example, and store its state once more.
                are_all_removed &= board.remove(reference);
            }
        }
        Ok(are_all_removed)
    }

    /// Begins the turns of all sensors that are due.
    fn start_due(&self) {
        let (core, at_once) = (self.triggers.core(), self.triggers.options().sensors_at_once);
        loop {
            let turn = self.triggers.sensors().board().take_due(core.now(), at_once, core.stop_starting());
            let Some(turn) = turn else { return };
            core.spawn("sensor", self.triggers.clone().run_turn(turn));
        }
    }

    /// When the next sensor is due, or the catalog is followed again.
    fn alarm(&self) -> Option<Instant> {
        let (core, at_once) = (self.triggers.core(), self.triggers.options().sensors_at_once);
        let first = self.triggers.sensors().board().first(at_once);
        let until_first = first.map(|first| first.since(core.now()).min(LONGEST_SLEEP));
        let first = until_first.and_then(|left| core.monotonic().checked_add(left));
        first.into_iter().chain(self.again_at).min()
    }
}
