//! The health of the host: whether it accepts events, and the figures that are measured by looking.

use petrel_engine_core::Error;

use crate::service::Engine;

impl Engine {
    /// The reasons why no events are accepted now; empty if they are.
    pub async fn not_ready(&self) -> Vec<String> {
        let mut reasons = Vec::new();
        if let Err(error) = self.executions().queue().check_room() {
            reasons.push(error.to_string());
        }
        // Only a failure that has happened already counts; the future would wait for one.
        let failed = tokio::select! {
            biased;
            error = self.store().failed() => Some(error),
            () = std::future::ready(()) => None,
        };
        reasons.extend(failed.map(|error| error.to_string()));
        let figures = self.store().figures();
        if let Some(room) = figures.short_of_room() {
            reasons.push(format!(
                "the disk is full: {} MiB are left, and {} MiB are kept back",
                room >> 20,
                figures.reserve_bytes >> 20
            ));
        }
        reasons
    }

    /// Updates the figures that are measured by looking: waiting and running executions, and free space.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn measure_now(&self) -> Result<(), Error> {
        let runners: Vec<_> = self.catalog().content().runners().keys().cloned().collect();
        let due = self.store().next_due(&runners).await?;
        let age = due.map_or(0.0, |due| self.now().since(due).as_secs_f64());
        metrics::gauge!("petrel_queue_waiting").set(as_figure(self.store().waiting()));
        metrics::gauge!("petrel_queue_oldest_seconds").set(age);
        metrics::gauge!("petrel_executions_running").set(as_figure(self.executions().running()));
        if let Some(room) = self.store().figures().room_bytes {
            metrics::gauge!("petrel_store_room_bytes").set(as_figure(room));
        }
        Ok(())
    }
}

/// A figure above 2^53 loses its last digits.
#[expect(clippy::cast_precision_loss, reason = "nothing here is counted so far, and a gauge may be rounded")]
fn as_figure<T: TryInto<u64>>(number: T) -> f64 {
    number.try_into().map_or(f64::INFINITY, |number| number as f64)
}
