//! Purges: old events, enforcements and dead letters are deleted because somebody asks for it, in bounded steps, oldest
//! first. [`retention`](super::retention) does it by itself. Nothing goes whose execution is unfinished.

use petrel_engine_core::Error;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, Timestamp, TraceLink, TriggerInstanceId};
use petrel_persistence::store::TriggerInstanceAge;
use petrel_persistence::{self as persistence, Change};

use crate::retention::is_letter;
use crate::service::Triggers;

/// The greatest number of events that a step looks at.
const STEP: usize = 500;

/// What a purge deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Events, with their enforcements.
    Events,
    /// Enforcements, of this status if one is given. Their events stay.
    Enforcements(Option<EnforcementStatus>),
    /// Enforcements that failed and were not replayed. Their events stay.
    DeadLetters,
}

/// One step of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cleared {
    /// The number of events that were deleted, or would be.
    pub events: usize,
    /// The number of enforcements.
    pub enforcements: usize,
    /// The place at which the next step goes on, if there may be more.
    pub next: Option<TriggerInstanceId>,
}

impl Triggers {
    /// Deletes what is meant of the next events after `after`, of those from before `before`. A step with `is_trial` only
    /// counts it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn purge(
        &self,
        which: Which,
        before: Timestamp,
        after: Option<TriggerInstanceId>,
        is_trial: bool,
    ) -> Result<Cleared, Error> {
        let found = self.store().oldest_trigger_instances(after, STEP).await?;
        let is_full = found.len() == STEP;
        let last = found.last().filter(|last| is_full && last.occurred_at < before);
        let mut cleared = Cleared { next: last.map(|last| last.id), ..Cleared::default() };
        let mut changes = Vec::new();
        for event in found.iter().filter(|event| event.occurred_at < before) {
            self.clear(which, event, &mut changes, &mut cleared).await?;
        }
        if !is_trial && !changes.is_empty() {
            self.core().commit(Vec::new(), changes).await?;
        }
        Ok(cleared)
    }

    /// Adds what goes of an event.
    async fn clear(
        &self,
        which: Which,
        event: &TriggerInstanceAge,
        changes: &mut Vec<Change>,
        cleared: &mut Cleared,
    ) -> Result<(), Error> {
        let (mut gone, mut is_kept) = (Vec::new(), false);
        for id in &event.enforcements {
            let found = match self.store().enforcement(*id).await {
                Ok(found) => found,
                // Nobody knows what it led to.
                Err(persistence::Error::Damaged { .. }) => {
                    is_kept = true;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let Some(found) = found else { continue };
            if self.is_open(&found) {
                is_kept = true;
            } else if which.means(&found) {
                gone.push(Change::DeleteEnforcement(found.id));
            }
        }
        if which == Which::Events {
            if is_kept {
                return Ok(());
            }
            cleared.events += 1;
            let links = event.links.iter().map(|link| Change::delete::<TraceLink>(link.key.clone()));
            gone.extend(links);
            gone.push(Change::DeleteTriggerInstance(event.id));
        }
        let enforcements =
            gone.iter().filter(|change| matches!(change, Change::DeleteEnforcement(_))).count();
        cleared.enforcements += enforcements;
        changes.append(&mut gone);
        Ok(())
    }

    /// Whether the execution of an enforcement is unfinished.
    fn is_open(&self, enforcement: &Enforcement) -> bool {
        enforcement.execution_id.is_some_and(|id| self.store().is_active(id))
    }
}

impl Which {
    fn means(self, enforcement: &Enforcement) -> bool {
        match self {
            Self::Events => true,
            Self::Enforcements(status) => status.is_none_or(|status| enforcement.status == status),
            Self::DeadLetters => is_letter(enforcement),
        }
    }
}
