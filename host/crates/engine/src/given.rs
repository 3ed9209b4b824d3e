//! Executions that were given much have room in memory while they run: those that wait for it hold nothing.

use std::sync::Arc;

use petrel_model::{Execution, Object, size};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::service::Engine;

/// Parameters of no more bytes need no room of their own.
const SMALL: usize = 256 << 10;
/// How often parameters are in memory while they are used: as they are stored, as they are final, and as text.
const COPIES: usize = 3;
/// What is counted, in bytes.
const UNIT: usize = 1 << 10;

/// Room for the parameters of all that runs.
#[derive(Debug)]
pub(crate) struct GivenRoom {
    free: Arc<Semaphore>,
    /// In units.
    all: u32,
}

impl GivenRoom {
    /// Room for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let all = units(limit).max(1);
        Self { free: Arc::new(Semaphore::new(all as usize)), all }
    }

    /// How many units these parameters take, or all there are if that is less; none if they are small.
    fn needed(&self, parameters: &Object) -> Option<u32> {
        let bytes: usize = parameters.values().map(size::of_value).sum();
        (bytes > SMALL).then(|| units(bytes.saturating_mul(COPIES)).min(self.all))
    }
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// The execution, which was claimed, with room for its parameters. When it has to wait for that it is read again
/// afterwards; `None` when it does not wait any more, or the host is to stop.
pub(crate) async fn with_room(
    engine: &Engine,
    execution: Execution,
) -> Option<(Execution, Option<OwnedSemaphorePermit>)> {
    let room = &engine.0.given;
    let Some(needed) = room.needed(&execution.parameters) else { return Some((execution, None)) };
    if let Ok(permit) = Arc::clone(&room.free).try_acquire_many_owned(needed) {
        return Some((execution, Some(permit)));
    }
    let id = execution.id;
    drop(execution);
    let permit = tokio::select! {
        permit = Arc::clone(&room.free).acquire_many_owned(needed) => permit.ok()?,
        () = engine.0.stop_starting.cancelled() => return None,
    };
    match engine.store().execution(id).await {
        Ok(execution) => {
            let execution = execution.filter(|execution| execution.status.is_waiting())?;
            Some((execution, Some(permit)))
        }
        Err(error) => {
            tracing::error!(execution.id = %id, %error, "it waits and cannot be read");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_large_needs_room_and_never_more_than_there_is() {
        let room = GivenRoom::new(4 << 20);
        for (length, needed) in [(10, None), (SMALL / 2, None), (1 << 20, Some(3073)), (2 << 20, Some(4096))]
        {
            let parameters = json!({"text": "x".repeat(length)}).as_object().cloned().unwrap();
            assert_eq!(room.needed(&parameters), needed, "{length} bytes");
        }
    }
}
