//! Sensors are switched on and off by operators. Everything else about them is in the files of their packs.

use std::sync::Arc;

use petrel_engine_core::{Decided, Error};
use petrel_model::Sensor;
use petrel_persistence::Change;

use crate::content::Content;
use crate::service::Catalog;

impl Catalog {
    /// Switches a sensor on or off. That outlives registrations of its pack.
    ///
    /// # Errors
    /// When the sensor does not exist.
    pub async fn set_sensor_enabled(&self, name: &str, enabled: bool) -> Result<Arc<Sensor>, Error> {
        let name = name.to_owned();
        self.change(move |content: &Content| {
            let old = content.sensor(&name)?;
            let sensor = Sensor { switched: Some(enabled), ..Sensor::clone(old) };
            let (stored, answer) = (Change::put(sensor.clone()), Arc::new(sensor.clone()));
            Ok(Decided::new(vec![stored], answer, move |content: &mut Content| content.put_sensor(sensor)))
        })
        .await
    }
}
