//! Sensors as people see them: how they are, and what they have logged.

use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Sensor, SensorState, Timestamp};
use petrel_runners::process::Usage;
use petrel_runners::sensors::SensorKind;

use super::board::Live;
use super::lines::ShownLine;
use crate::service::Triggers;

/// The health of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It is switched off.
    Disabled,
    /// This host has nothing that runs it.
    Unsupported,
    /// It has failed, and is tried again.
    Failing,
    /// Its events are held, as too much waits.
    Held,
    /// The last events that it brought were all refused, as they did not fit.
    Refusing,
    /// It has not run yet, or its process is not set up yet.
    New,
    /// It works.
    Ok,
}

impl Health {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Unsupported => "unsupported",
            Self::Failing => "failing",
            Self::Held => "held",
            Self::Refusing => "refusing",
            Self::New => "new",
            Self::Ok => "ok",
        }
    }
}

/// A sensor and how it is.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The sensor.
    pub sensor: Arc<Sensor>,
    /// The directory of its pack.
    pub pack_path: PathBuf,
    /// Its health.
    pub health: Health,
    /// The way in which it notices things, once that is known: `poll`, `webhook` or `stream`.
    pub kind: Option<&'static str>,
    /// Whether it has its turn now.
    pub is_running: bool,
    /// When it has its next turn.
    pub next_at: Option<Timestamp>,
    /// Why its events are held, if they are.
    pub held: Option<String>,
    /// The number of its process, while it has one of its own.
    pub process: Option<u32>,
    /// What that process takes, where a single sensor is shown.
    pub usage: Option<Usage>,
    /// How far it has come.
    pub state: SensorState,
}

impl Shown {
    fn of(sensor: &Arc<Sensor>, pack_path: PathBuf, live: Option<&Live>) -> Self {
        let state = || SensorState::new(sensor.reference.clone());
        let health = match live {
            _ if !sensor.is_enabled() => Health::Disabled,
            None => Health::New,
            Some(live) if live.subject.runner.is_none() => Health::Unsupported,
            Some(live) if live.held.is_some() => Health::Held,
            Some(live) if live.state.failures > 0 && !is_streaming(live) => Health::Failing,
            Some(live) if live.kind.is_none() || is_beginning(live) => Health::New,
            Some(live) if live.state.refusing => Health::Refusing,
            Some(_) => Health::Ok,
        };
        Self {
            sensor: Arc::clone(sensor),
            pack_path,
            health,
            kind: live.and_then(kind),
            is_running: live.is_some_and(|live| live.turn.is_some()),
            next_at: live.and_then(|live| live.due_at),
            held: live.and_then(|live| live.held.clone()),
            process: live.and_then(|live| live.apart.as_ref()?.process),
            usage: None,
            state: live.map_or_else(state, |live| live.state.clone()),
        }
    }
}

/// Whether it goes on as a stream, whatever has become of it before.
fn is_streaming(live: &Live) -> bool {
    live.kind == Some(SensorKind::Stream) && live.turn.is_some() && !is_beginning(live)
}

/// Whether it has a process of its own that is not set up yet. It may never be.
fn is_beginning(live: &Live) -> bool {
    live.apart.as_ref().is_some_and(|apart| !apart.is_ready)
}

/// The way in which a sensor notices things. One that polls in its own process does so, although it goes on.
fn kind(live: &Live) -> Option<&'static str> {
    let polls = live.apart.as_ref().is_some_and(|apart| apart.polls);
    Some(match live.kind? {
        SensorKind::Poll => "poll",
        SensorKind::Stream if polls => "poll",
        SensorKind::Webhook => "webhook",
        SensorKind::Stream => "stream",
    })
}

impl Triggers {
    /// All sensors, by reference.
    pub fn all_sensors(&self) -> Vec<Shown> {
        let (content, board) = (self.content(), self.sensors().board());
        let shown = content.sensors().map(|sensor| {
            let path = content.pack_path(sensor.reference.pack());
            Shown::of(sensor, path, board.get(&sensor.reference))
        });
        shown.collect()
    }

    /// A sensor.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn sensor(&self, name: &str) -> Result<Shown, Error> {
        let content = self.content();
        let sensor = content.sensor(name)?;
        let path = content.pack_path(sensor.reference.pack());
        let shown = Shown::of(sensor, path, self.sensors().board().get(&sensor.reference));
        Ok(Shown { usage: shown.process.and_then(Usage::of), ..shown })
    }

    /// The last lines that a sensor has logged since the host started, oldest first.
    ///
    /// # Errors
    /// When the sensor does not exist.
    pub fn sensor_lines(&self, name: &str) -> Result<Vec<ShownLine>, Error> {
        let reference = self.content().sensor(name)?.reference.clone();
        let now = self.core().now();
        Ok(self.sensors().board().lines(&reference, now))
    }
}
