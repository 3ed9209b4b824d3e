//! `POST /executions/{id}/re_run`: runs an execution again.

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use petrel_engine::executions;
use petrel_model::Object;
use serde::Deserialize;

use super::{behalf, execution_id, made};
use crate::extensions::SignedIn;
use crate::extract::{Body, JsonBody, Segment};
use crate::said::Said;
use crate::{Api, ApiError};

/// The body of a request to run an execution again.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Again {
    #[serde(default)]
    parameters: Option<Object>,
    #[serde(default)]
    tasks: Option<Vec<String>>,
    #[serde(default)]
    reset: Option<Vec<String>>,
    #[serde(default)]
    user: Option<String>,
    /// The delay in milliseconds.
    #[serde(default)]
    delay: Option<u64>,
}

impl Body for Again {
    const IGNORES_OTHERS: bool = true;
}

/// Runs an execution again. With `no_merge=true` its old parameters are not used.
pub(crate) async fn rerun(
    State(api): State<Api>,
    Extension(signed_in): Extension<SignedIn>,
    Segment(id): Segment,
    said: Said,
    JsonBody(again): JsonBody<Again>,
) -> Result<Response, ApiError> {
    let said = said.only(&["no_merge"])?;
    let id = execution_id(&api, &id).await?;
    let again = executions::Again {
        parameters: again.parameters.unwrap_or_default(),
        merges: !said.flag("no_merge")?,
        tasks: again.tasks.unwrap_or_default(),
        reset: again.reset.unwrap_or_default(),
        behalf: behalf(&api, &signed_in, again.user.as_deref())?,
        delay: again.delay.map(Duration::from_millis),
    };
    let execution = api.engine.executions().rerun(id, again).await?;
    Ok(made(&api, &execution, Vec::new()))
}
