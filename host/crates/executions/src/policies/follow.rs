//! Keeps the state of policies right: after a start it is made from rows, and when policies change, those that wait ask
//! anew, so that nothing waits for a policy that is gone.

use std::collections::BTreeSet;

use petrel_catalog::content::PolicySet;
use petrel_engine_core::Error;
use petrel_model::policy::PolicyState;
use petrel_persistence::{Change, StoreExt as _};

use super::book::rests;
use super::passage::asker;
use super::words::policy;
use crate::service::Executions;

/// The number of rows that one commit deletes.
const FORGOTTEN_AT_ONCE: usize = 1_000;

impl Executions {
    /// Takes up what an earlier process remembered, and counts what runs. To be called before anything starts.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn take_up_policies(&self) -> Result<(), Error> {
        let (states, now) = (self.store().all::<PolicyState>().await?, self.core().now());
        // What a policy remembered that is gone is not for another one of its name.
        let content = self.queue().catalog().content();
        let names: BTreeSet<_> = content.policies().map(|policy| policy.reference.as_str()).collect();
        let is_over = |state: &PolicyState| state.until <= now || !names.contains(policy(&state.key));
        let (over, states): (Vec<_>, Vec<_>) = states.into_iter().partition(is_over);
        self.queue().policies().remember(states);
        self.forget_states(over.into_iter().map(|state| state.key).collect()).await;
        self.count_begun().await;
        Ok(())
    }

    /// Deletes what nobody needs any more. What comes deletes the others before it, but nothing may come.
    async fn forget_states(&self, over: Vec<String>) {
        let mut keys = over.into_iter().peekable();
        while keys.peek().is_some() {
            let changes = keys.by_ref().take(FORGOTTEN_AT_ONCE).map(Change::delete::<PolicyState>).collect();
            if let Err(error) = self.queue().commit(Vec::new(), changes).await {
                tracing::warn!(%error, "failed to delete what policies remembered of earlier executions; the next start tries again");
                return;
            }
        }
    }

    /// Follows changes of the policies, of which `known` are those of the start. Ends when the host stops.
    pub(crate) async fn follow_policies(self, mut known: PolicySet) {
        let (catalog, stop) = (self.queue().catalog().clone(), self.core().stop_starting().clone());
        loop {
            // Before the content, so that no change in between is missed.
            let version = catalog.version();
            let present = catalog.content().policy_set();
            if present != known {
                let deleted = known.deleted_in(&present);
                let limits = known.rate_limits();
                let gone = &(&limits - &present.rate_limits()) | &(&limits & &deleted);
                known = present;
                // A limit that is enabled again does not count starts that came early without it.
                let forgotten = &gone | &deleted;
                if !forgotten.is_empty() {
                    let is_gone = |key: &str| forgotten.iter().any(|one| one.as_str() == policy(key));
                    self.forget_states(self.queue().policies().forget_policies(is_gone)).await;
                }
                self.count_begun().await;
                self.queue().let_go_on(self.queue().policies().dissolve());
                if !gone.is_empty() {
                    self.start_early(&gone).await;
                }
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = catalog.changed_since(version) => {}
            }
        }
    }

    /// Counts the executions that have begun for the limits of concurrency.
    pub(crate) async fn count_begun(&self) {
        let (content, book) = (self.queue().catalog().content(), self.queue().policies());
        if content.policies().next().is_none() {
            return;
        }
        let mut ids = self.store().begun();
        // Those that are about to begin count too.
        ids.extend(book.holding());
        for id in ids {
            let execution = match self.store().execution(id).await {
                Ok(Some(execution)) if !execution.status.is_final() => execution,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(execution.id = %id, %error, "an execution that cannot be read does not count for policies");
                    continue;
                }
            };
            let (policies, kind) = (content.policies_of(&execution.action), self.queue().kind(&execution));
            let (Some(policies), Some(kind)) = (policies, kind) else { continue };
            let asker = asker(self.queue(), kind, &execution, policies).await;
            if asker.needs.is_empty() {
                continue;
            }
            book.count(asker, rests(execution.status));
            // One that has ended since it was read was told before it counted.
            if !self.store().is_active(id) {
                self.queue().let_go_on(book.forget(id));
            }
        }
    }
}
