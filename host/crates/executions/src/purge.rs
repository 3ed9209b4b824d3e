//! Purges: executions that ended long ago are deleted because somebody asks for it, in bounded steps, oldest first.
//! [`retention`](super::retention) does it by itself. Executions inside a workflow go with that and never by themselves, and
//! nothing goes of a workflow inside which anything is unfinished.

use std::collections::{BTreeMap, BTreeSet};

use petrel_engine_core::Error;
use petrel_model::{ExecutionId, Ref, Status, Timestamp};
use petrel_persistence::store::ExecutionAge;
use petrel_persistence::{Change, Error as ReadError};

use super::retention::deletion;
use super::service::Executions;

/// The greatest number of executions that a step looks at.
const STEP: usize = 500;

/// The executions to delete. All conditions must hold; those beside the time are of the outermost workflow.
#[derive(Debug, Clone)]
pub struct Purge {
    /// The time before which they ended.
    pub before: Timestamp,
    /// Their status.
    pub status: Option<Status>,
    /// Their action.
    pub action: Option<Ref>,
}

/// One step of a purge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purged {
    /// The number of executions that were deleted, or would be.
    pub executions: usize,
    /// The place at which the next step goes on, if there may be more.
    pub next: Option<ExecutionId>,
}

impl Purge {
    fn is_old(&self, ended_at: Option<Timestamp>) -> bool {
        ended_at.is_some_and(|ended_at| ended_at < self.before)
    }

    fn fits(&self, status: Status, action: &Ref) -> bool {
        self.status.is_none_or(|wanted| status == wanted)
            && self.action.as_ref().is_none_or(|wanted| action == wanted)
    }
}

impl Executions {
    /// Deletes those of the next executions after `after` that `purge` means. A step with `is_trial` only counts them.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn purge(
        &self,
        purge: &Purge,
        after: Option<ExecutionId>,
        is_trial: bool,
    ) -> Result<Purged, Error> {
        let found = self.store().oldest_executions(after, STEP).await?;
        let (mut fates, mut inside) = (BTreeMap::new(), BTreeSet::new());
        let (mut changes, mut executions) = (Vec::new(), 0);
        for one in &found {
            // It has gone with its workflow.
            if inside.contains(&one.id) || !self.goes(one, purge, &mut fates).await? {
                continue;
            }
            executions += 1;
            changes.extend(deletion(one));
            if one.parent.is_none() && !is_trial {
                let gone = self.delete_inside(one.id).await?;
                executions += gone.len();
                inside.extend(gone);
            }
        }
        if !is_trial && executions > 0 {
            self.core().commit(Vec::new(), changes).await?;
        }
        // Who was created after that time has not ended before it.
        let is_full = found.len() == STEP;
        let last = found.last().filter(|last| is_full && last.id.0.created_at() < purge.before);
        Ok(Purged { executions, next: last.map(|last| last.id) })
    }

    /// Deletes what is inside a workflow that has ended, the latest first, and returns what it was. It goes before the workflow,
    /// so that a purge that is stopped leaves nothing of which the workflow is gone.
    async fn delete_inside(&self, workflow: ExecutionId) -> Result<Vec<ExecutionId>, Error> {
        let (mut inside, mut looked_at) = (vec![workflow], 0);
        while let Some(id) = inside.get(looked_at).copied() {
            looked_at += 1;
            let mut after = None;
            loop {
                let children = self.store().children_ids(id, after, STEP).await?;
                let is_last = children.len() < STEP;
                after = children.last().copied();
                inside.extend(children);
                if is_last {
                    break;
                }
            }
        }
        inside.remove(0);
        for some in inside.rchunks(STEP) {
            let mut changes = Vec::new();
            for id in some {
                match self.store().execution_head(*id).await {
                    Ok(Some(head)) => changes.extend(deletion(&ExecutionAge::from(head))),
                    Ok(None) => {}
                    // Its links stay, and lead to nothing.
                    Err(ReadError::Damaged { .. }) => changes.push(Change::DeleteExecution(*id)),
                    Err(error) => return Err(error.into()),
                }
            }
            self.core().commit(Vec::new(), changes).await?;
        }
        Ok(inside)
    }

    /// Whether an execution goes. `fates` has those that were asked about in this step.
    async fn goes(
        &self,
        one: &ExecutionAge,
        purge: &Purge,
        fates: &mut BTreeMap<ExecutionId, bool>,
    ) -> Result<bool, Error> {
        let goes = purge.is_old(one.ended_at)
            && match one.parent {
                None => purge.fits(one.status, &one.action) && self.store().inside(one.id) == 0,
                Some(parent) => self.workflow_goes(parent, purge, fates).await?,
            };
        fates.insert(one.id, goes);
        Ok(goes)
    }

    /// Whether a workflow goes, or has gone: then what it has asked for goes too.
    async fn workflow_goes(
        &self,
        workflow: ExecutionId,
        purge: &Purge,
        fates: &mut BTreeMap<ExecutionId, bool>,
    ) -> Result<bool, Error> {
        let (mut at, mut inside) = (workflow, Vec::new());
        let goes = loop {
            if let Some(known) = fates.get(&at) {
                break *known;
            }
            inside.push(at);
            let execution = match self.store().execution_head(at).await {
                Ok(Some(execution)) => execution,
                Ok(None) => break true,
                // Nobody knows whether it is finished.
                Err(ReadError::Damaged { .. }) => break false,
                Err(error) => return Err(error.into()),
            };
            if !purge.is_old(execution.ended_at) {
                break false;
            }
            let Some(parent) = &execution.parent else {
                break purge.fits(execution.status, &execution.action) && self.store().inside(at) == 0;
            };
            at = parent.execution;
        };
        fates.extend(inside.into_iter().map(|id| (id, goes)));
        Ok(goes)
    }
}
