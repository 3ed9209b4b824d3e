//! The handle of the service, and its state.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use petrel_catalog::Catalog;
use petrel_catalog::content::Content;
use petrel_datastore::Keys;
use petrel_engine_core::{Core, Error, Evaluations};
use petrel_executions::Queue;
use petrel_persistence::Store;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::correlation::held::Held;
use crate::crowd::Crowd;
use crate::intake::Intake;
use crate::options::{Misfire, Options};
use crate::reads::Reads;
use crate::sensors::hub::{SensorRunners, Sensors};

/// The service that takes in events and explains them. Cheap to clone.
#[derive(Clone)]
pub struct Triggers(Arc<Inner>);

struct Inner {
    queue: Queue,
    options: Options,
    /// The turns of events on their way to the store.
    accepting: Semaphore,
    intake: Intake,
    /// The turn of the reader of large events: one after the other, so that they leave a processor to all others.
    reading: Arc<Semaphore>,
    sensors: Sensors,
    held: Held,
    crowd: Crowd,
}

impl Triggers {
    /// The service over the queue into which rules put executions. `runners` run the sensors of packs.
    pub fn new(queue: Queue, options: Options, runners: SensorRunners) -> Self {
        let accepting = Semaphore::new(options.accepting_limit);
        let intake = Intake::new(options.bytes_in_flight);
        queue.core().limit_depth_of_events(options.max_depth);
        let sensors = Sensors::new(runners, options.sensors_at_once);
        let reading = Arc::new(Semaphore::new(1));
        let triggers = Self(Arc::new(Inner {
            queue,
            options,
            accepting,
            intake,
            reading,
            sensors,
            held: Held::default(),
            crowd: Crowd::default(),
        }));
        // The queue must not keep this service, which has the queue itself.
        triggers.queue().emit_to(Arc::new(triggers.downgrade()));
        triggers
    }

    /// A handle that does not keep the service.
    pub(crate) fn downgrade(&self) -> WeakTriggers {
        WeakTriggers(Arc::downgrade(&self.0))
    }

    /// The stored events and enforcements, for reading.
    pub fn reads(&self) -> Reads<'_> {
        Reads::of(self.store())
    }

    /// A turn to bring an event to the store. It lasts until it is dropped.
    ///
    /// # Errors
    /// When all turns are taken.
    pub(crate) fn accepting_turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        let limit = self.0.options.accepting_limit;
        let busy = || Error::Busy(format!("{limit} events are being stored, and that is the limit"));
        self.0.accepting.try_acquire().map_err(|_none_left| busy())
    }

    /// Waits for the turn to read a large event. It lasts until it is dropped.
    pub(crate) async fn reading_turn(&self) -> Result<OwnedSemaphorePermit, Error> {
        // It fails only when the semaphore is closed, and nobody closes it.
        Arc::clone(&self.0.reading).acquire_owned().await.map_err(|_closed| Error::Stopping)
    }

    /// The least time for which the keys of events are remembered; `None`: for ever.
    pub fn dedup_window(&self) -> Option<Duration> {
        self.0.options.dedup_window
    }

    pub(crate) fn misfire(&self) -> Misfire {
        self.0.options.misfire
    }

    pub(crate) fn options(&self) -> &Options {
        &self.0.options
    }

    pub(crate) fn sensors(&self) -> &Sensors {
        &self.0.sensors
    }

    /// What correlations hold.
    pub(crate) fn held(&self) -> &Held {
        &self.0.held
    }

    /// The events of traces.
    pub(crate) fn crowd(&self) -> &Crowd {
        &self.0.crowd
    }

    pub(crate) fn intake(&self) -> &Intake {
        &self.0.intake
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn core(&self) -> &Core {
        self.0.queue.core()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.0.queue.store()
    }

    pub(crate) fn keys(&self) -> &Keys {
        self.0.queue.keys()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        self.0.queue.catalog()
    }

    /// A snapshot of the catalog.
    pub(crate) fn content(&self) -> Arc<Content> {
        self.catalog().content()
    }

    pub(crate) fn evaluations(&self) -> &Evaluations {
        self.0.queue.evaluations()
    }
}

/// A handle that does not keep the service.
pub(crate) struct WeakTriggers(Weak<Inner>);

impl WeakTriggers {
    /// The service, unless it is gone.
    pub(crate) fn upgrade(&self) -> Option<Triggers> {
        self.0.upgrade().map(Triggers)
    }
}

impl fmt::Debug for WeakTriggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeakTriggers")
    }
}

impl fmt::Debug for Triggers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Triggers").field("options", &self.0.options).finish_non_exhaustive()
    }
}
