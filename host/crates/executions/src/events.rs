//! The clients that wait for the end of an execution. They are woken only after the commit, so that no answer
//! tells of an end that a crash could undo.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Core;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId, Status};
use tokio::sync::oneshot;

/// The senders to those who wait, by execution.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<HashMap<ExecutionId, Vec<oneshot::Sender<()>>>>);

impl Events {
    fn listen(&self, id: ExecutionId) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().entry(id).or_default().push(sender);
        receiver
    }

    /// Drops the senders of those who have stopped waiting.
    fn tidy(&self, id: ExecutionId) {
        let mut waiting = self.0.lock();
        if let Some(senders) = waiting.get_mut(&id) {
            senders.retain(|sender| !sender.is_closed());
            if senders.is_empty() {
                waiting.remove(&id);
            }
        }
    }

    /// Wakes those who wait for `id`, if `status` is final. To be called after each commit that changes an
    /// execution.
    pub(crate) fn tell(&self, id: ExecutionId, status: Status) {
        if status.is_final() {
            for sender in self.0.lock().remove(&id).unwrap_or_default() {
                // The receiver may be gone by now.
                let _ = sender.send(());
            }
        }
    }

    /// The execution once it is final, or in its state after `patience`. `None` if it does not exist.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn wait(
        &self,
        core: &Core,
        id: ExecutionId,
        patience: Duration,
    ) -> Result<Option<Execution>, Error> {
        // Listen first and read second, so that an end in between is not missed.
        let end = self.listen(id);
        let execution = core.store().execution(id).await?;
        if execution.as_ref().is_none_or(|execution| execution.status.is_final()) {
            drop(end);
            self.tidy(id);
            return Ok(execution);
        }
        let told = tokio::select! {
            // The end counts even if the time is up at the same moment.
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
