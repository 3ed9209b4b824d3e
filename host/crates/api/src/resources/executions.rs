//! `/executions`: requests, shows and cancels executions. [`children`] has those inside a workflow, [`again`] runs
//! one again, and [`output`] shows the lines that one has written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_access::Behalf;
use petrel_api_types as wire;
use petrel_api_types::Refusal;
use petrel_engine::executions::{Canceled, Request};
use petrel_engine::reads::{ExecutionFilter, Page, ReadError, RowKind};
use petrel_engine::triggers::Claim;
use petrel_model::id::InvalidId;
use petrel_model::{Execution, ExecutionId, Id, Object};
use serde::{Deserialize, Serialize, Serializer};

use super::mistaken::{no_execution, no_execution_id};
use super::traces;
use crate::extensions::{SignedIn, User};
use crate::extract::{Body, JsonBody, Pair, Secrets, Segment, Target};
use crate::page::{Asked, ListRequest, Listed as _, PageRequest, lists, read_each};
use crate::said::{ATTRIBUTES, Nothing, Said};
use crate::traceparent::Named;
use crate::{Api, ApiError, listing, views};

pub(crate) mod again;
pub(crate) mod cancellation;
pub(crate) mod children;
mod new;
pub(crate) mod output;

use new::NewExecution;

/// The longest time that a client may wait in one request.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The number of executions that are read at once where the oldest come first.
const RISING: usize = 100;

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::EXECUTIONS)?);
    let filter = in_store(&asked);
    let from = |at, limit| read(&api, &asked, &filter, at, limit);
    let heads = |at, limit| skim(&api, &asked, &filter, at, limit);
    let mut found = asked.collect_past(&api, from, heads).await?;
    asked.count_whole(&api, &mut found, heads).await?;
    let viewer = Viewer { api: api.clone(), secrets, page: asked.page.clone(), inside: BTreeMap::new() };
    Ok(asked.answer_part(found, Arc::new(viewer).items()))
}

/// The view of the executions of a list.
struct Viewer {
    api: Api,
    secrets: Secrets,
    page: PageRequest,
    /// The children of workflows, for the lists that show them.
    inside: BTreeMap<ExecutionId, Vec<ExecutionId>>,
}

impl Viewer {
    /// Turns executions into items of the list.
    fn items(self: Arc<Self>) -> impl Fn(Execution) -> Item + Send + Unpin + 'static {
        move |execution| Item { execution, viewer: Arc::clone(&self) }
    }
}

/// An execution of a list, serialized when its turn comes to be sent.
struct Item {
    execution: Execution,
    viewer: Arc<Viewer>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Viewer { api, secrets, page, inside } = self.viewer.as_ref();
        let children = inside.get(&self.execution.id).cloned().unwrap_or_default();
        shown(api, &self.execution, *secrets, |shown| {
            page.narrowed(wire::Execution { children, ..shown }).serialize(serializer)
        })
    }
}

/// The filters that the store applies by itself. The others are applied here.
fn in_store(asked: &ListRequest) -> ExecutionFilter {
    let (after, before) = asked.times();
    let parent = asked.wanted("parent").and_then(|id| id.parse().ok()).map(Some);
    ExecutionFilter {
        status: asked.wanted("status").and_then(|status| status.parse().ok()),
        action: asked.wanted("action").and_then(|action| action.parse().ok()),
        rule: asked.wanted("rule").and_then(|rule| rule.parse().ok()),
        trigger_instance: asked.wanted("trigger_instance").and_then(|id| id.parse().ok()),
        user: asked.wanted("user").map(str::to_owned),
        runner: asked.wanted("runner").map(str::to_owned),
        after,
        before,
        parent: parent.or_else(|| asked.is_wanted_missing("parent").then_some(None)),
    }
}

/// Executions after `at`, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    filter: &ExecutionFilter,
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Execution, Id>, ReadError> {
    let reads = api.engine.reads();
    let one = move |id: Id| async move {
        let found = reads.execution(ExecutionId(id)).await;
        found.map(|found| found.filter(|execution| asked.admits(execution)))
    };
    // A filter by id names its items, so each is read by itself instead of through the index.
    if let Some(ids) = asked.ids_from(at) {
        return read_each(RowKind::Execution, ids, limit, true, one).await;
    }
    let at = at.map(ExecutionId);
    if asked.is_rising {
        let ages = reads.oldest_executions(at, RISING).await?;
        let ids: Vec<_> = ages.into_iter().map(|age| age.id.0).collect();
        let is_last = ids.len() < RISING;
        return read_each(RowKind::Execution, ids, limit, is_last, one).await;
    }
    let page = reads.executions(filter, at, limit).await?;
    Ok(Page { items: page.items, unreadable: page.unreadable, next: page.next.map(|id| id.0) })
}

/// As [`read`], of each execution perhaps no more than filters look at.
async fn skim(
    api: &Api,
    asked: &ListRequest,
    filter: &ExecutionFilter,
    at: Option<Id>,
    limit: usize,
) -> Result<Page<Execution, Id>, ReadError> {
    if asked.is_rising || asked.ids_from(at).is_some() {
        return read(api, asked, filter, at, limit).await;
    }
    let page = api.engine.reads().execution_heads(filter, at.map(ExecutionId), limit).await?;
    Ok(Page { items: page.items, unreadable: page.unreadable, next: page.next.map(|id| id.0) })
}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(signed_in): Extension<SignedIn>,
    Named(trace): Named,
    _: Nothing,
    JsonBody(mut new): JsonBody<NewExecution>,
) -> Result<Response, ApiError> {
    let notify = new.notify()?;
    let (trace, trace_tag) = match new.take_trace()? {
        // As in StackStorm, a trace that is there has its tag already.
        (Some(id), _) => traces::to_join(&api, &id).await?,
        (None, tag) => (trace, tag),
    };
    let request = Request {
        rendered: Object::new(),
        action: api.engine.catalog().content().action_reference(&new.action)?,
        parameters: new.parameters.unwrap_or_default(),
        behalf: behalf(&api, &signed_in, new.user.as_deref())?,
        context: new.context.unwrap_or_default(),
        rerun: None,
        delay: new.delay.map(Duration::from_millis),
        trace,
        notify: notify.clone(),
        trace_tag,
    };
    let execution = api.engine.executions().request(request).await?;
    let warnings = new::warnings(notify.as_ref(), &execution);
    Ok(made(&api, &execution, warnings))
}

/// The answer to a request for an execution, with `warnings` on what of it has no effect.
fn made(api: &Api, execution: &Execution, warnings: Vec<Cow<'static, str>>) -> Response {
    shown(api, execution, Secrets::Masked, |shown| {
        // StackStorm answers `requested` even with a delay, because its scheduler has not seen the execution yet.
        let shown = wire::Execution { status: execution.status, warnings, ..shown };
        (StatusCode::CREATED, Json(shown)).into_response()
    })
}

/// One execution. With `wait` the answer comes when it has ended, or after as many seconds.
pub(crate) async fn one(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    said: Said,
) -> Result<Response, ApiError> {
    let [only, without] = ATTRIBUTES;
    let said = said.only(&["wait", only, without])?;
    // The attributes are checked before the wait, so that a wrong name does not cost a minute.
    let page = said.attributes()?;
    let wait = said.parsed::<f64>("wait", "a number of seconds")?;
    let id = {
        // To find the `last` one, others are read.
        let _glance = api.glances.take(&user).await?;
        execution_id(&api, &id).await?
    };
    let patience = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    // Whoever waits for long must not keep others from reading meanwhile.
    let ended = match patience {
        Some(patience) => api.engine.executions().told(id, patience.min(LONGEST_WAIT)).await,
        None => None,
    };
    let (found, glance) = if ended.is_some() {
        (ended, None)
    } else {
        let glance = api.glances.take(&user).await?;
        (api.engine.reads().execution(id).await?.map(Arc::new), Some(glance))
    };
    let Some(execution) = found else { return Err(no_execution(&api, id).await) };
    let _glance = match glance {
        None => api.glances.take_for(&user, execution.bytes()).await?,
        taken => taken,
    };
    let held = held(&api, &execution)?;
    // A workflow may have many children, so they are listed only on request. StackStorm's client requests them while
    // it follows the output.
    let inside = if page.names("children") && api.engine.executions().queue().is_workflow(&execution) {
        children::ids(&api, id).await?
    } else {
        Vec::new()
    };
    let wait_reason = api.engine.executions().wait_reason(&execution).map(Into::into);
    shown(&api, &execution, secrets, |shown| {
        listing::one(&page.narrowed(wire::Execution { children: inside, wait_reason, ..shown }), held)
    })
}

/// A single attribute, as in StackStorm.
pub(crate) async fn attribute(
    State(api): State<Api>,
    secrets: Secrets,
    Pair(id, name): Pair,
    Extension(User(user)): Extension<User>,
    _: Nothing,
) -> Result<Response, ApiError> {
    if !["result", "trigger_instance", "status"].contains(&name.as_str()) {
        let message = format!("Attribute \"{name}\" is not supported.");
        return Err(ApiError::invalid(message, "ask for result, trigger_instance or status"));
    }
    let _glance = api.glances.take(&user).await?;
    let execution = found(&api, &id).await?;
    let held = held(&api, &execution)?;
    shown(&api, &execution, secrets, |shown| match name.as_str() {
        "status" => listing::one(&shown.status, held),
        "trigger_instance" => listing::one(&shown.trigger_instance, held),
        _ => listing::one(&shown.result, held),
    })
}

/// The result alone.
pub(crate) async fn result(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    _: Nothing,
) -> Result<Response, ApiError> {
    let _glance = api.glances.take(&user).await?;
    let execution = found(&api, &id).await?;
    let held = held(&api, &execution)?;
    let content = api.engine.catalog().content();
    let registered = content.action(&execution.action).ok().map(AsRef::as_ref);
    let result = wire::execution::shown_result(&execution, registered.map(views::registered_as), secrets);
    listing::one(&result, held)
}

/// Claims memory for an execution, for its view, and for the JSON text.
fn held(api: &Api, execution: &Execution) -> Result<Option<Claim>, ApiError> {
    let mut held = None;
    listing::hold(api, &mut held, execution.bytes().saturating_mul(3))?;
    Ok(held)
}

/// The body of a request to change a status.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    status: String,
}

impl Body for Wanted {
    const WITHOUT_EFFECT: &'static [&'static str] = &["id", "result"];
}

/// Pauses or resumes a workflow, or cancels any execution.
pub(crate) async fn change(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    Segment(id): Segment,
    _: Nothing,
    JsonBody(Wanted { status }): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let id = execution_id(&api, &id).await?;
    let execution = match status.as_str() {
        "pausing" | "paused" => api.engine.executions().pause(id).await?,
        "resuming" | "running" => api.engine.executions().resume(id).await?,
        "canceling" | "canceled" => match api.engine.executions().cancel(id, &user).await? {
            Canceled::Ends(execution) | Canceled::TooLate(execution) => execution,
        },
        other => {
            let message = format!("an execution cannot be set to `{other}`");
            return Err(ApiError::invalid(message, "set it to pausing, resuming or canceled"));
        }
    };
    Ok(shown(&api, &execution, Secrets::Masked, |shown| Json(shown).into_response()))
}

/// The user on whose behalf a request runs that names `wanted`. If the caller's token was issued by somebody else,
/// that user is recorded as well.
fn behalf(api: &Api, signed_in: &SignedIn, wanted: Option<&str>) -> Result<Behalf, ApiError> {
    let SignedIn { identity, .. } = signed_in;
    let behalf = api.engine.access().behalf(&identity.user, wanted)?;
    Ok(Behalf { api_user: behalf.api_user.or_else(|| identity.made_by.clone()), ..behalf })
}

async fn found(api: &Api, id: &str) -> Result<Execution, ApiError> {
    let id = execution_id(api, id).await?;
    match api.engine.reads().execution(id).await? {
        Some(execution) => Ok(execution),
        None => Err(no_execution(api, id).await),
    }
}

/// Cancels an execution. If it has ended already, the answer is no HTTP error but an object that says so, as in
/// StackStorm.
pub(crate) async fn cancel(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let id = execution_id(&api, &id).await?;
    Ok(match api.engine.executions().cancel(id, &user).await? {
        Canceled::Ends(execution) => {
            shown(&api, &execution, Secrets::Masked, |shown| Json(shown).into_response())
        }
        Canceled::TooLate(execution) => {
            let message = format!("Action cannot be canceled. State = {}.", execution.status);
            Json(Refusal::new(&message, "conflict", "the execution has ended already")).into_response()
        }
    })
}

/// Calls `write` with the view of an execution. The catalog is read meanwhile, so `write` must not wait for anything.
fn shown<R>(
    api: &Api,
    execution: &Execution,
    secrets: Secrets,
    write: impl FnOnce(wire::Execution<'_>) -> R,
) -> R {
    let content = api.engine.catalog().content();
    let registered = content.action(&execution.action).ok().map(AsRef::as_ref);
    let is_held = !execution.status.is_final() && api.engine.reads().is_held(execution.id);
    write(views::execution(execution, registered, secrets, is_held))
}

/// The id in `text`, or for `last` that of the newest execution outside of workflows.
async fn execution_id(api: &Api, text: &str) -> Result<ExecutionId, ApiError> {
    if text == "last" {
        let filter = ExecutionFilter { parent: Some(None), ..ExecutionFilter::default() };
        let mut before = None;
        // The newest may be unreadable, and then the one before it is the `last`.
        loop {
            let newest = api.engine.reads().executions(&filter, before, 1).await?;
            before = newest.next;
            if let Some(execution) = newest.items.first() {
                return Ok(execution.id);
            }
            if before.is_none() {
                let message = "execution `last` does not exist: nothing has run yet";
                let hint = "start one with `petrel run core.noop`";
                return Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", message, hint));
            }
            tokio::task::yield_now().await;
        }
    }
    text.parse().map_err(|error: InvalidId| no_execution_id(&error))
}
