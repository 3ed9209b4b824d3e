//! `/executions/{id}/children`: the executions inside a workflow.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use petrel_engine::reads::ReadError;
use petrel_model::{Execution, ExecutionId};

use super::{Viewer, found};
use crate::extract::Target;
use crate::page::Part;
use crate::said::{ATTRIBUTES, Said};
use crate::{Api, ApiError};

/// The greatest number of executions in one answer.
const MOST: usize = 10_000;
/// The number of ids that are read from the store at once. Executions may be large, and are read one by one.
const IDS_AT_ONCE: usize = 1000;

/// A workflow whose children are being read.
struct Level {
    workflow: ExecutionId,
    /// The last child whose id was read.
    after: Option<ExecutionId>,
    /// Children that were not read yet.
    ahead: VecDeque<ExecutionId>,
}

impl Level {
    fn of(workflow: ExecutionId, after: Option<ExecutionId>) -> Self {
        Self { workflow, after, ahead: VecDeque::new() }
    }

    /// The next child that can be read, oldest first.
    async fn next(&mut self, api: &Api) -> Result<Option<Execution>, ApiError> {
        let reads = api.engine.reads();
        loop {
            if self.ahead.is_empty() {
                self.ahead = reads.children_ids(self.workflow, self.after, IDS_AT_ONCE).await?.into();
                self.after = self.ahead.back().copied().or(self.after);
            }
            let Some(child) = self.ahead.pop_front() else { return Ok(None) };
            tokio::task::yield_now().await;
            match reads.execution(child).await {
                Ok(Some(execution)) => return Ok(Some(execution)),
                // Retention has deleted it meanwhile.
                Ok(None) => {}
                Err(error @ (ReadError::Damaged { .. } | ReadError::Sealed { .. })) => {
                    tracing::error!(execution.id = %child, %error, "failed to read an execution; leaving it out");
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// The executions of a workflow's tasks, each followed by the executions inside it, as in StackStorm's
/// `get_descendants`. `depth` limits the levels: 1 is the workflow's own tasks, and -1 or none is all. With
/// `result_fmt=sorted` the oldest come first. An answer with depth 1 that ends early has the `after` to go on from in
/// `X-Next-After`.
pub(crate) async fn list(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    said: Said,
) -> Result<Response, ApiError> {
    let [only, without] = ATTRIBUTES;
    let said = said.only(&["depth", "result_fmt", "after", only, without])?;
    let page = said.attributes()?;
    let depth = said.parsed::<i64>("depth", "a whole number")?.unwrap_or(-1);
    let depth = usize::try_from(depth).ok().filter(|depth| *depth > 0).unwrap_or(usize::MAX);
    let after: Option<ExecutionId> = said.parsed("after", "the id of an execution")?;
    let is_sorted = match said.text("result_fmt") {
        None | Some("default") => false,
        Some("sorted") => true,
        Some(_) => {
            let message = "`result_fmt` is neither default nor sorted";
            return Err(ApiError::invalid(message, "write result_fmt=sorted for the oldest first"));
        }
    };
    let mut part = Part::default();
    part.take_glance(&api, &user, true).await?;
    let workflow = found(&api, &id).await?;
    while !descendants(&api, &mut part, (workflow.id, after), depth).await? {
        part.begin_in_turn(&api, &user, MOST).await?;
    }
    part.give_back();
    if is_sorted {
        // Ids are in the order of time.
        part.sort_by_age();
    }
    if after.is_none() {
        part.count();
    } else {
        // The total means the whole list, for a client that goes on from a page as well.
        let own = ids(&api, workflow.id).await?.len();
        part.is_of(own, depth == 1 && own < MOST);
    }
    // StackStorm shows the children in every execution of this list, and its client recognizes workflows by them.
    let mut inside: BTreeMap<ExecutionId, Vec<ExecutionId>> = BTreeMap::new();
    for child in part.items() {
        if let Some(parent) = &child.parent {
            inside.entry(parent.execution).or_default().push(child.id);
        }
    }
    Ok(part.answer(Arc::new(Viewer { api, secrets, page, inside }).items()))
}

/// The ids of the executions of a workflow's tasks, oldest first, up to the greatest number in one answer.
pub(super) async fn ids(api: &Api, workflow: ExecutionId) -> Result<Vec<ExecutionId>, ApiError> {
    let mut ids: Vec<ExecutionId> = Vec::new();
    while ids.len() < MOST {
        let step = IDS_AT_ONCE.min(MOST - ids.len());
        let more = api.engine.reads().children_ids(workflow, ids.last().copied(), step).await?;
        if more.is_empty() {
            break;
        }
        ids.extend(more);
        tokio::task::yield_now().await;
    }
    Ok(ids)
}

/// Adds the executions inside `workflow` down to `depth`, as far as there is memory; `false` if they must be read in
/// turn.
async fn descendants(
    api: &Api,
    part: &mut Part<Execution>,
    (workflow, after): (ExecutionId, Option<ExecutionId>),
    depth: usize,
) -> Result<bool, ApiError> {
    let mut levels = vec![Level::of(workflow, after)];
    while let Some(level) = levels.last_mut() {
        let Some(child) = level.next(api).await? else {
            levels.pop();
            continue;
        };
        let is_workflow = api.engine.executions().queue().is_workflow(&child);
        let below = (is_workflow && levels.len() < depth).then(|| Level::of(child.id, None));
        part.add(std::iter::once(child), true);
        if part.needs_turn() {
            return Ok(false);
        }
        part.hold(api)?;
        if part.len() == MOST {
            part.end_here();
        }
        if part.is_full() || part.len() >= MOST {
            break;
        }
        levels.extend(below);
    }
    Ok(true)
}
