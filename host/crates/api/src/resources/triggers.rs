//! `/triggertypes`: the kinds of events that packs declare. `/triggers`: the triggers that rules listen to, with
//! their parameters. [`made`] makes and changes those of both that are made by hand.

pub(crate) mod made;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::TriggerType;
use petrel_model::{Ref, Timestamp};

use crate::extract::{Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// The number of rules that the view of a trigger type names.
const MOST_RULES: usize = 20;
/// The number of times that the store is asked for the last event of a type.
const MOST_PAGES: usize = 10;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TRIGGER_TYPES)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.trigger_types(), |registered| {
        TriggerType::of(&registered.kind, content.listeners_of(&registered.kind.reference))
    })
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let registered = content.trigger_type(&content.trigger_reference(&reference)?)?;
    let kind = &registered.kind.reference;
    let rules = content.rules_listening(|trigger| trigger.kind == *kind).take(MOST_RULES);
    let view = TriggerType {
        rules: Some(rules.map(|rule| rule.reference.as_str().into()).collect()),
        last_event_at: last_event_at(&api, kind).await?,
        ..TriggerType::of(&registered.kind, content.listeners_of(kind))
    };
    Ok(Json(view).into_response())
}

/// The time of the last event of a type. It is looked for among the latest only, as there may be very many others.
async fn last_event_at(api: &Api, kind: &Ref) -> Result<Option<Timestamp>, ApiError> {
    let mut before = None;
    for _ in 0..MOST_PAGES {
        let page = api.engine.triggers().reads().trigger_instances(Some(kind), before, 1).await?;
        if let Some(last) = page.items.first() {
            return Ok(Some(last.occurrence_time));
        }
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(None)
}

pub(crate) async fn list_triggers(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TRIGGERS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.triggers(), |(reference, trigger)| {
        views::whole_trigger(reference, trigger, &content, secrets)
    })
}

pub(crate) async fn one_trigger(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let found = content.triggers().find(|(known, _)| known.as_str() == reference);
    let (reference, trigger) = found.ok_or_else(|| {
        let known = content.triggers().map(|(known, _)| known.as_str());
        petrel_engine::Error::not_found("trigger", reference.as_str(), known)
    })?;
    Ok(Json(views::whole_trigger(reference, trigger, &content, secrets)).into_response())
}
