//! What a workflow's status means for what runs inside it: a cancel ends all of it, a pause and a resume reach
//! the workflows among it. Plain actions are not interrupted by a pause.

use petrel_workflows::Status;

use super::live::Live;
use super::{is_workflow, requests};
use crate::service::Engine;

/// Hands the status of a workflow on to what runs inside it. It is not waited for: what came of it is
/// reported to the workflow like anything else. Workflows inside it are resumed only when somebody asked it to go
/// on.
pub(super) fn hand_on(engine: &Engine, live: &Live, goes_on: bool) {
    let status = live.conductor.status();
    let user = live.execution.context.user.clone();
    // What runs inside a workflow that has taken too long ends with it.
    let status = if live.is_expired { Status::Canceling } else { status };
    for (id, runner) in &live.active {
        let (engine, id, user) = (engine.clone(), *id, user.clone());
        let conducts = is_workflow(runner);
        let work = async move {
            let result = match status {
                Status::Canceling | Status::Canceled => engine.cancel(id, &user).await.map(drop),
                Status::Pausing | Status::Paused if conducts => requests::pause(&engine, id).await.map(drop),
                Status::Resuming | Status::Running if conducts => {
                    requests::resume(&engine, id).await.map(drop)
                }
                _ => Ok(()),
            };
            if let Err(error) = result {
                // It has ended meanwhile, most often.
                tracing::debug!(execution.id = %id, %error, "not told of its workflow's status");
            }
        };
        let is_meant = match status {
            Status::Canceling | Status::Canceled => true,
            Status::Pausing | Status::Paused => conducts,
            Status::Resuming | Status::Running => conducts && goes_on,
            _ => false,
        };
        if is_meant {
            tokio::spawn(work);
        }
    }
}
