//! `/triggerinstances`: the events that were accepted, and why rules did or did not match them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_engine::explanation::Explanation;
use petrel_engine::reads::{Page, ReadError};
use petrel_model::secrets::masked_payload;
use petrel_model::{Id, Ref, TriggerInstance, TriggerInstanceId};
use serde::Serialize;
use serde_json::Value;

use super::enforcements::Found;
use crate::extract::{Secrets, Segment};
use crate::page::{Asked, ListRequest, Listed as _, lists, read_each};
use crate::said::Nothing;
use crate::trail::Refused;
use crate::views::{self, EventView};
use crate::{Api, ApiError, listing};

/// How many events are looked at at once where the oldest come first.
const RISING: usize = 100;

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::TRIGGER_INSTANCES)?);
    let kind: Option<Ref> = asked.wanted("trigger_type").and_then(|kind| kind.parse().ok());
    let found = asked.collect(&api, |at, limit| read(&api, &asked, kind.as_ref(), at, limit)).await?;
    let (of_api, of_list) = (api.clone(), Arc::clone(&asked));
    Ok(asked.answer_part(found, move |event| {
        EventView::new(shown(&of_api, event, secrets), |view| of_list.page.narrow(view))
    }))
}

/// Events from `at` on, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    kind: Option<&Ref>,
    at: Option<Id>,
    limit: usize,
) -> Result<Page<TriggerInstance, Id>, ReadError> {
    let reads = api.engine.reads();
    let one = move |id: Id| async move {
        let found = reads.trigger_instance(TriggerInstanceId(id)).await;
        found.map(|found| found.filter(|event| asked.admits(event)))
    };
    if let Some(ids) = asked.ids_from(at) {
        return read_each("trigger instance", ids, limit, true, one).await;
    }
    let at = at.map(TriggerInstanceId);
    if asked.is_rising {
        let ages = reads.oldest_trigger_instances(at, RISING).await?;
        let ids: Vec<_> = ages.into_iter().map(|age| age.id.0).collect();
        let is_last = ids.len() < RISING;
        return read_each("trigger instance", ids, limit, is_last, one).await;
    }
    let page = reads.trigger_instances(kind, at, limit).await?;
    Ok(Page { items: page.items, unreadable: page.unreadable, next: page.next.map(|id| id.0) })
}

/// The event, with what its trigger type calls secret in it masked unless it is to be shown.
fn shown(api: &Api, mut event: TriggerInstance, secrets: Secrets) -> TriggerInstance {
    let schema = match secrets {
        Secrets::Shown => None,
        Secrets::Masked => api.engine.content().payload_secrets(&event.trigger_type),
    };
    if let Some(schema) = schema {
        event.payload = masked_payload(&event.payload, &schema);
    }
    event
}

pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let instance = find(&api, &id).await?;
    let mut held = None;
    listing::hold(&api, &mut held, 2 * instance.bytes())?;
    let mut enforcements = Vec::new();
    for id in &instance.enforcements {
        enforcements.extend(match super::enforcements::find(&api, *id).await? {
            Found::Whole(enforcement) => enforcement.as_ref().map(views::enforcement),
            Found::Unreadable(lost) => Some(views::unreadable(&lost)),
        });
    }
    let view = EventView::new(shown(&api, instance, secrets), std::convert::identity);
    listing::one(&view.with("enforcements", Value::Array(enforcements)), held)
}

/// An event, and what each of its rules makes of it.
#[derive(Serialize)]
pub(crate) struct Why {
    trigger_instance: EventView,
    rules: Vec<Explanation>,
    refused: Vec<Refused>,
}

/// Evaluates the rules of a stored event again, and says criterion by criterion why.
pub(crate) async fn why(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(id): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let instance = find(&api, &id).await?;
    let mut held = None;
    // What the rules read of it is claimed where it is read.
    listing::hold(&api, &mut held, 2 * instance.bytes())?;
    let rules = api.engine.explain(&instance, secrets == Secrets::Masked).await?;
    // Somebody may be looking for an event that came after this one, and was refused.
    let refused = api.trail.since(Some(instance.occurrence_time));
    let trigger_instance = EventView::new(shown(&api, instance, secrets), std::convert::identity);
    listing::one(&Why { trigger_instance, rules, refused }, held)
}

/// That there is no event, and whether somebody has tried to send one.
fn no_event(api: &Api) -> ApiError {
    let said = |message: &str, hint: &str| ApiError::new(StatusCode::NOT_FOUND, "not_found", message, hint);
    if let Some(refused) = api.trail.since(None).last() {
        let address = refused.address.map_or_else(String::new, |address| format!(" from {address}"));
        let hint = format!(
            "a request to {}{address} was refused with {} at {}",
            refused.path, refused.status, refused.at
        );
        return said("no event was accepted yet", &hint);
    }
    said(
        "trigger instance `last` does not exist: no event has come in yet",
        "post one to a webhook; `petrel rule list` shows which there are",
    )
}

/// An event by its id, or the `last` one.
async fn find(api: &Api, text: &str) -> Result<TriggerInstance, ApiError> {
    let hint = "`petrel trigger instances` shows what there is";
    let no_such = || {
        let message = format!("trigger instance `{text}` does not exist");
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message, hint)
    };
    if text == "last" {
        let newest = api.engine.reads().trigger_instances(None, None, 1).await?;
        return newest.items.into_iter().next().ok_or_else(|| no_event(api));
    }
    let id: TriggerInstanceId = text
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    api.engine.reads().trigger_instance(id).await?.ok_or_else(no_such)
}
