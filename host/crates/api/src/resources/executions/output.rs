//! `/executions/{id}/output`: the lines that an execution has written.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use petrel_model::output::Stream;

use super::found;
use crate::extract::Target;
use crate::said::Said;
use crate::{Api, ApiError, views};

/// The parameters of a request for output: the number of the first line, and StackStorm's choices.
const OF_OUTPUT: [&str; 4] = ["from", "output_type", "output_format", "existing_only"];

/// The output as plain text, as in StackStorm, from the line `from` on.
pub(crate) async fn show(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    said: Said,
) -> Result<Response, ApiError> {
    let said = said.only(&OF_OUTPUT)?;
    // The output is always raw and complete up to now, so these have no effect; but their values must be valid.
    said.flag("existing_only")?;
    if said.text("output_format").is_some_and(|format| format != "raw") {
        return Err(ApiError::invalid("`output_format` is not raw", "leave it out: output is plain text"));
    }
    let stream = stream(&said)?;
    let from = said.parsed("from", "the number of a line")?;
    let _glance = api.glances.take(&user).await?;
    let execution = found(&api, &id).await?;
    let mut lines = api.engine.reads().output(execution.id, from.unwrap_or(0)).await?;
    lines.retain(|line| stream.is_none_or(|stream| line.stream == stream));
    views::hide_output(&mut lines, &execution, &api.engine.catalog().content(), secrets);
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok((headers, views::output(&lines)).into_response())
}

/// The stream that is asked for; `None` means all streams.
fn stream(said: &Said) -> Result<Option<Stream>, ApiError> {
    match said.text("output_type") {
        None | Some("all") => Ok(None),
        Some("stdout") => Ok(Some(Stream::Stdout)),
        Some("stderr") => Ok(Some(Stream::Stderr)),
        Some("output") => Ok(Some(Stream::Output)),
        Some(_) => {
            let message = "`output_type` is not a kind of output";
            Err(ApiError::invalid(message, "it is one of all, stdout, stderr, output"))
        }
    }
}
