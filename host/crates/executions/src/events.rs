//! Tells who waits for an execution that it has reached a final status, and hands over the execution as it was stored.
//! After the commit only.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use petrel_engine_core::Core;
use petrel_engine_core::Error;
use petrel_model::{Execution, ExecutionId};
use tokio::sync::oneshot;

/// The waiters for each execution.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<HashMap<ExecutionId, Vec<oneshot::Sender<Arc<Execution>>>>>);

impl Events {
    fn listen(&self, id: ExecutionId) -> oneshot::Receiver<Arc<Execution>> {
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

    /// To be called with an execution as it is stored, after each commit that moved one. It is copied only for those who
    /// wait, once for all of them.
    pub(crate) fn tell(&self, execution: &Execution) {
        if !execution.status.is_final() {
            return;
        }
        let Some(senders) = self.0.lock().remove(&execution.id) else { return };
        let execution = Arc::new(execution.clone());
        for sender in senders {
            // Whoever waited may have gone a moment ago.
            let _ = sender.send(Arc::clone(&execution));
        }
    }

    /// The execution as soon as it is final; `None` if it is not open now, or still open after `patience`.
    pub(crate) async fn told(
        &self,
        core: &Core,
        id: ExecutionId,
        patience: Duration,
    ) -> Option<Arc<Execution>> {
        // Listening first, looking second: an end in between is not missed.
        let end = self.listen(id);
        let told = if core.store().is_active(id) {
            tokio::select! {
                biased;
                told = end => told.ok(),
                () = core.sleep(patience) => None,
            }
        } else {
            drop(end);
            None
        };
        if told.is_none() {
            self.tidy(id);
        }
        told
    }

    /// The execution once it is final, or in its state after `patience`. `None` if it does not exist. One that is open in
    /// memory is told when it ends, so it need not be read.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn wait(
        &self,
        core: &Core,
        id: ExecutionId,
        patience: Duration,
    ) -> Result<Option<Arc<Execution>>, Error> {
        match self.told(core, id, patience).await {
            Some(told) => Ok(Some(told)),
            None => Ok(core.store().execution(id).await?.map(Arc::new)),
        }
    }
}
