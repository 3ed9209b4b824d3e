//! The sensors of packs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::{Ref, Sensor};
use petrel_persistence::{Store, StoreExt as _};

use super::Content;
use super::named::Named;

/// Sensors, by reference.
pub(super) type Sensors = Arc<BTreeMap<Ref, Arc<Sensor>>>;

/// The sensors in the store.
pub(super) async fn load(store: &dyn Store) -> Result<Sensors, Error> {
    let all = store.all::<Sensor>().await?;
    Ok(Arc::new(all.into_iter().map(|sensor| (sensor.reference.clone(), Arc::new(sensor))).collect()))
}

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
