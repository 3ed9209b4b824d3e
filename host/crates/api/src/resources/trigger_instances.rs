//! `/triggerinstances`: the accepted events, and the reasons why rules did or did not match them.

pub(super) mod sent;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_api_types as wire;
use petrel_api_types::Why;
use petrel_api_types::trigger::Enforcements;
use petrel_engine::reads::{Page, ReadError, RowKind};
use petrel_model::id::InvalidId;
use petrel_model::reference::InvalidRef;
use petrel_model::secrets::masked_payload;
use petrel_model::trigger::INTERNAL;
use petrel_model::{Id, Ref, TriggerInstance, TriggerInstanceId};
use serde::{Serialize, Serializer};

use super::enforcements::Lookup;
use super::mistaken::{no_event, no_event_id};
use crate::extract::{Secrets, Target};
use crate::page::{Asked, ListRequest, Listed as _, PageRequest, lists, read_each};
use crate::said::{Nothing, Said};
use crate::{Api, ApiError, listing, views};

/// The greatest number of events among which the `last` one is looked for that is not of the platform itself.
const LONGEST_LOOK: usize = 1_000;
/// The number of events that are read at once where the oldest come first.
const RISING: usize = 100;

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = Arc::new(asked.of(&lists::TRIGGER_INSTANCES)?);
    let kind: Option<Ref> = asked.wanted("trigger_type").and_then(|kind| kind.parse().ok());
    let from = |at, limit| read(&api, &asked, kind.as_ref(), at, limit);
    let mut found = asked.collect(&api, from).await?;
    asked.count_whole(&api, &mut found, from).await?;
    let viewer = Arc::new(Viewer { api: api.clone(), secrets, page: asked.page.clone() });
    Ok(asked.answer_part(found, move |event| Item { event, viewer: Arc::clone(&viewer) }))
}

/// The view of the events of a list.
struct Viewer {
    api: Api,
    secrets: Secrets,
    page: PageRequest,
}

/// An event of a list, serialized when its turn comes to be sent.
struct Item {
    event: TriggerInstance,
    viewer: Arc<Viewer>,
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Viewer { api, secrets, page } = self.viewer.as_ref();
        page.narrowed(shown(api, &self.event, *secrets)).serialize(serializer)
    }
}

/// Events from `at` on, in the order of the list.
async fn read(
    api: &Api,
    asked: &ListRequest,
    kind: Option<&Ref>,
    at: Option<Id>,
    limit: usize,
) -> Result<Page<TriggerInstance, Id>, ReadError> {
    let reads = api.engine.triggers().reads();
    let one = move |id: Id| async move {
        let found = reads.trigger_instance(TriggerInstanceId(id)).await;
        found.map(|found| found.filter(|event| asked.admits(event)))
    };
    if let Some(ids) = asked.ids_from(at) {
        return read_each(RowKind::TriggerInstance, ids, limit, true, one).await;
    }
    let at = at.map(TriggerInstanceId);
    if asked.is_rising {
        let ages = reads.oldest_trigger_instances(at, RISING).await?;
        let ids: Vec<_> = ages.into_iter().map(|age| age.id.0).collect();
        let is_last = ids.len() < RISING;
        return read_each(RowKind::TriggerInstance, ids, limit, is_last, one).await;
    }
    let page = reads.trigger_instances(kind, at, limit).await?;
    Ok(Page { items: page.items, unreadable: page.unreadable, next: page.next.map(|id| id.0) })
}

/// An event. Values that its trigger type declares secret are masked unless secrets are to be shown.
fn shown<'a>(api: &Api, event: &'a TriggerInstance, secrets: Secrets) -> wire::TriggerInstance<'a> {
    let schema = match secrets {
        Secrets::Shown => None,
        Secrets::Masked => api.engine.catalog().content().payload_secrets(&event.trigger_type),
    };
    let payload = match schema {
        Some(schema) => masked_payload(&event.payload, &schema),
        None => event.payload.clone(),
    };
    wire::TriggerInstance::of(event, payload)
}

pub(crate) async fn one(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    _: Nothing,
) -> Result<Response, ApiError> {
    let _glance = api.glances.take(&user).await?;
    let instance = find(&api, &id).await?;
    whole(&api, &instance, secrets).await
}

/// An event with its whole enforcements.
pub(super) async fn whole(
    api: &Api,
    instance: &TriggerInstance,
    secrets: Secrets,
) -> Result<Response, ApiError> {
    let mut held = None;
    listing::hold(api, &mut held, 2 * instance.bytes())?;
    let mut found = Vec::new();
    for id in &instance.enforcements {
        found.push(super::enforcements::find(api, *id).await?);
    }
    let enforcements = Enforcements::Whole(found.iter().filter_map(Lookup::shown).collect());
    let event = shown(api, instance, secrets);
    listing::one(&wire::TriggerInstance { enforcements: Some(enforcements), ..event }, held)
}

/// Evaluates the rules of a stored event again, and explains the verdict of each, criterion by criterion.
pub(crate) async fn why(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    said: Said,
) -> Result<Response, ApiError> {
    let said = said.only(&["trigger_type"])?;
    let kind = said.text("trigger_type").map(str::parse::<Ref>).transpose();
    let kind: Option<Ref> =
        kind.map_err(|error: InvalidRef| ApiError::invalid(error.to_string(), "write it as pack.name"))?;
    let glance = api.glances.take(&user).await?;
    let instance = find_of(&api, &id, kind.as_ref()).await?;
    // Rules may be evaluated for long, behind the workers.
    drop(glance);
    let mut held = None;
    // The rules claim the memory of the values that they read where they read them.
    listing::hold(&api, &mut held, 2 * instance.bytes())?;
    let rules = api.engine.triggers().explain(&instance, secrets == Secrets::Masked).await?;
    // The caller may be looking for an event that came after this one and was refused.
    let refused = api.trail.since(Some(instance.occurrence_time));
    let why = Why {
        trigger_instance: shown(&api, &instance, secrets),
        rules: rules.iter().map(views::explanation).collect(),
        refused: refused.iter().map(views::refused).collect(),
    };
    listing::one(&why, held)
}

/// The error for a host without events. It names the latest refused request, if there is one.
fn none_yet(api: &Api) -> ApiError {
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
        "post one to a webhook; `petrel rule list` shows the webhooks",
    )
}

/// The error for a trigger type without events.
fn none_of(api: &Api, kind: &Ref) -> ApiError {
    match api.engine.catalog().content().trigger_type(kind) {
        Err(unknown) => unknown.into(),
        Ok(_) => ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("trigger instance `last` does not exist: no event of {kind} has come in yet"),
            "`petrel trigger instances` shows the events that came in",
        ),
    }
}

/// The event with an id, or the `last` one.
pub(super) async fn find(api: &Api, text: &str) -> Result<TriggerInstance, ApiError> {
    find_of(api, text, None).await
}

/// As [`find`], but the `last` one of a trigger type if that is given.
pub(super) async fn find_of(api: &Api, text: &str, kind: Option<&Ref>) -> Result<TriggerInstance, ApiError> {
    if text == "last" {
        let last = last(api, kind).await?;
        return last.ok_or_else(|| kind.map_or_else(|| none_yet(api), |kind| none_of(api, kind)));
    }
    if kind.is_some() {
        let hint = "leave out the trigger type, or name the event `last`";
        return Err(ApiError::invalid("a trigger type chooses among the events for `last` alone", hint));
    }
    let id: TriggerInstanceId = text.parse().map_err(|error: InvalidId| no_event_id(&error))?;
    match api.engine.triggers().reads().trigger_instance(id).await? {
        Some(event) => Ok(event),
        None => Err(no_event(api, id).await),
    }
}

/// The newest event, of a trigger type if that is given. Rules that listen to what the platform does have it come in all the
/// time, and nobody means that: it is the last one only where nothing else came in.
async fn last(api: &Api, kind: Option<&Ref>) -> Result<Option<TriggerInstance>, ReadError> {
    let reads = api.engine.triggers().reads();
    let (mut newest, mut before) = (None, None);
    for _ in 0..LONGEST_LOOK {
        // One at a time, since each may be large.
        let page = reads.trigger_instances(kind, before, 1).await?;
        if let Some(event) = page.items.into_iter().next() {
            if kind.is_some() || !INTERNAL.contains(&event.trigger_type.as_str()) {
                return Ok(Some(event));
            }
            newest.get_or_insert(event);
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(newest)
}
