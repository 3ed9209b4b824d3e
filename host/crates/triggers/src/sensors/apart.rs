//! What the host knows of the process of a sensor while it runs, and how it gives it orders.

use std::sync::Arc;

use petrel_model::{Ref, Timestamp};
use petrel_runners::sensors::SensorTrigger;
use tokio::sync::{Notify, watch};

use super::board::Board;

/// A sensor with a process of its own.
pub(super) struct Apart {
    triggers: watch::Sender<Arc<[SensorTrigger]>>,
    hurry: Arc<Notify>,
    /// The number of its process, once that has begun.
    pub(super) process: Option<u32>,
    /// Whether it is set up.
    pub(super) is_ready: bool,
    /// Whether it polls by itself, and can be told to do so at once.
    pub(super) polls: bool,
}

/// The orders to a sensor, for what attends to it.
pub(super) struct Orders {
    /// The triggers that it is to have events for.
    pub(super) triggers: watch::Receiver<Arc<[SensorTrigger]>>,
    /// Tells it to poll at once.
    pub(super) hurry: Arc<Notify>,
}

impl Apart {
    /// A sensor whose process is to begin, with these triggers.
    pub(super) fn new(triggers: &Arc<[SensorTrigger]>) -> (Self, Orders) {
        let ((sender, receiver), hurry) = (watch::channel(Arc::clone(triggers)), Arc::new(Notify::new()));
        let orders = Orders { triggers: receiver, hurry: Arc::clone(&hurry) };
        (Self { triggers: sender, hurry, process: None, is_ready: false, polls: false }, orders)
    }

    /// Tells it of these triggers.
    pub(super) fn tell(&self, triggers: &Arc<[SensorTrigger]>) {
        self.triggers.send_replace(Arc::clone(triggers));
    }

    /// Has it poll at once. `false` if it does not poll.
    pub(super) fn hurry(&self) -> bool {
        if self.polls {
            self.hurry.notify_one();
        }
        self.polls
    }
}

impl Board {
    /// Begins to attend to the process of a sensor.
    pub(super) fn attend(&mut self, reference: &Ref) -> Option<Orders> {
        let live = self.get_mut(reference)?;
        let (apart, orders) = Apart::new(&live.subject.triggers);
        live.apart = Some(apart);
        Some(orders)
    }

    /// What is known of the process of a sensor.
    fn apart(&mut self, reference: &Ref) -> Option<&mut Apart> {
        self.get_mut(reference)?.apart.as_mut()
    }

    /// Notes the number of the process of a sensor.
    pub(super) fn began(&mut self, reference: &Ref, process: u32) {
        if let Some(apart) = self.apart(reference) {
            apart.process = Some(process);
        }
    }

    /// Notes that a sensor is set up, and whether it polls in its process and can be hurried.
    pub(super) fn ready(&mut self, reference: &Ref, polls: bool) {
        if let Some(apart) = self.apart(reference) {
            (apart.is_ready, apart.polls) = (true, polls);
        }
    }

    /// Counts a poll of a sensor in its process.
    pub(super) fn polled(&mut self, reference: &Ref, now: Timestamp) {
        if let Some(live) = self.get_mut(reference) {
            live.state.polls = live.state.polls.saturating_add(1);
            live.state.last_success_at = Some(now);
        }
    }
}
