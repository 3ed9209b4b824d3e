//! The sensors of packs.

use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Ref, Sensor};

use super::Content;
use super::named::Named;

impl Content {
    /// All sensors, by reference.
    pub fn sensors(&self) -> impl Iterator<Item = &Arc<Sensor>> {
        self.sensors.values()
    }

    /// A sensor.
    pub fn sensor(&self, name: &str) -> Result<&Arc<Sensor>, Error> {
        let found = name.parse::<Ref>().ok().and_then(|reference| self.sensors.get(&reference));
        let known = self.sensors.keys().map(Ref::as_str);
        found.ok_or_else(|| self.missing(Named::Sensor, name, known))
    }

    /// The directory of a pack; empty if the pack is not registered.
    pub fn pack_path(&self, pack: &str) -> PathBuf {
        self.packs.get(pack).map(|pack| PathBuf::from(&pack.path)).unwrap_or_default()
    }

    /// Registers a sensor.
    pub(crate) fn put_sensor(&mut self, sensor: Sensor) {
        Arc::make_mut(&mut self.sensors).insert(sensor.reference.clone(), Arc::new(sensor));
    }

    /// Removes a sensor that is no longer in its pack.
    pub(crate) fn delete_sensor(&mut self, reference: &Ref) {
        Arc::make_mut(&mut self.sensors).remove(reference);
    }
}
