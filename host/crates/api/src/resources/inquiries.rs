//! `/inquiries`: questions that wait for the answer of a person, and their answers.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_engine::executions::Answer;
use petrel_engine::reads::{Page, ReadError, RowKind};
use petrel_model::inquiry::Question;
use petrel_model::quoted::quoted;
use petrel_model::{Execution, ExecutionId, Id, Status};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::extensions::SignedIn;
use crate::extract::{Body, JsonBody, Secrets, Segment};
use crate::page::{Asked, ListRequest, PageRequest, lists, read_each};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::INQUIRIES)?);
    let from = |at, limit| read(&api, &asked, at, limit);
    let mut found = asked.collect(&api, from).await?;
    asked.count_whole(&api, &mut found, from).await?;
    let viewer = Arc::new(Viewer { api: api.clone(), secrets, page: asked.page.clone() });
    Ok(asked.answer_part(found, move |execution| Item { execution, viewer: Arc::clone(&viewer) }))
}

/// The view of the inquiries of a list.
struct Viewer {
    api: Api,
    secrets: Secrets,
    page: PageRequest,
}

/// An inquiry of a list, serialized when its turn comes to be sent.
struct Item {
    execution: Execution,
    viewer: Arc<Viewer>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Viewer { api, secrets, page } = self.viewer.as_ref();
        page.narrowed(shown(api, &self.execution, *secrets)).serialize(serializer)
    }
}

fn shown(api: &Api, execution: &Execution, secrets: Secrets) -> wire::Inquiry {
    let content = api.engine.catalog().content();
    let registered = content.action(&execution.action).ok().map(AsRef::as_ref);
    views::inquiry(execution, registered, secrets)
}

/// Open inquiries after `at`, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Execution, Id>, ReadError> {
    let reads = api.engine.reads();
    let one = move |id: Id| async move {
        let found = reads.execution(ExecutionId(id)).await;
        // It may have ended a moment ago.
        let is_shown = |one: &Execution| one.status == Status::Pending && asked.admits(one);
        found.map(|found| found.filter(is_shown))
    };
    let ids = asked.ids_from(at).unwrap_or_else(|| {
        let is_left = |id: &Id| at.is_none_or(|at| if asked.is_rising { *id > at } else { *id < at });
        let open = api.engine.executions().inquiries().into_iter().map(|id| id.0);
        let mut open: Vec<Id> = open.filter(is_left).collect();
        if !asked.is_rising {
            open.reverse();
        }
        open
    });
    read_each(RowKind::Execution, ids, limit, true, one).await
}

pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let execution = api.engine.executions().inquiry(inquiry_id(&id)?).await?;
    Ok(Json(shown(&api, &execution, secrets)).into_response())
}

/// The body of an answer.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    #[serde(default)]
    id: Option<String>,
    response: Value,
}

impl Body for New {
    const WITHOUT_EFFECT: &'static [&'static str] = &["schema", "roles", "users", "route", "ttl"];
    const IGNORES_OTHERS: bool = true;
}

/// Answers an inquiry.
pub(crate) async fn respond(
    State(api): State<Api>,
    Extension(SignedIn { identity, .. }): Extension<SignedIn>,
    Segment(id): Segment,
    _: Nothing,
    JsonBody(new): JsonBody<New>,
) -> Result<Response, ApiError> {
    if let Some(other) = new.id.filter(|other| !other.is_empty() && *other != id) {
        let (id, other) = (quoted(&id), quoted(&other));
        let message = format!("the inquiry is `{id}` in the path and `{other}` in the body");
        return Err(ApiError::invalid(message, "write the same id in both, or leave it out of the body"));
    }
    let id = inquiry_id(&id)?;
    let answer = Answer { response: new.response.clone(), user: identity.user, issuer: identity.made_by };
    let execution = api.engine.executions().respond(id, answer).await?;
    let response = match Question::of(&execution) {
        Some(question) => question.masked(&new.response),
        None => new.response,
    };
    Ok(Json(wire::Answered { id, response }).into_response())
}

fn inquiry_id(text: &str) -> Result<ExecutionId, ApiError> {
    text.parse().map_err(|_no_id| {
        let hint = "`petrel inquiry list` shows the open ones".to_owned();
        petrel_engine::Error::NotFound { what: "inquiry", name: text.to_owned(), hint }.into()
    })
}
