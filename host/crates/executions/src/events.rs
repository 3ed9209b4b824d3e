//! Tells who waits for an execution that it has reached a final status. After the commit only.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Core;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status};
use tokio::sync::oneshot;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<HashMap<ExecutionId, Vec<oneshot::Sender<()>>>>);

impl Events {
    fn listen(&self, id: ExecutionId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().entry(id).or_default().push(sender);
        receiver
    }

    /// Forgets those who have gone away without being told.
    fn tidy(&self, id: ExecutionId) {
        let mut waiting = self.0.lock();
        if let Some(senders) = waiting.get_mut(&id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.remove(&id);
            }
        }
    }

    /// To be called after each commit that moved an execution.
    pub(crate) fn tell(&self, id: ExecutionId, status: Status) {
        if status.is_final() {
            for sender in self.0.lock().remove(&id).unwrap_or_default() {
                // Whoever waited may have gone a moment ago.
                let _ = sender.send(());
            }
        }
    }

    /// The execution once it is final, or as it stands after `patience`. `None` if there is none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn wait(
        &self,
        core: &Core,
        id: ExecutionId,
        patience: Duration,
    ) -> Result<Option<Execution>, Error> {
        // Listening first, reading second: an end in between is not missed.
        let end = self.listen(id);
        let execution = core.store().execution(id).await?;
        if execution.as_ref().is_none_or(|execution| execution.status.is_final()) {
            drop(end);
            self.tidy(id);
            return Ok(execution);
        }
        let told = tokio::select! {
            biased;
            _ = end => true,
            () = core.sleep(patience) => false,
        };
        if !told {
            self.tidy(id);
        }
        Ok(core.store().execution(id).await?)
    }
}
