//! `/triggerinstances`: the events that were accepted, and why rules did or did not match them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_engine::explanation::Explanation;
use petrel_model::secrets::masked_payload;
use petrel_model::{Ref, TriggerInstance, TriggerInstanceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::enforcements::Found;
use crate::extract::{Params, Secrets, Segment};
use crate::page::{Listed as _, PageQuery};
use crate::trail::Refused;
use crate::views::{self, EventView};
use crate::{Api, ApiError, listing};

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    trigger_type: Option<Ref>,
}

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let page = Arc::new(page.parse()?.within_reach()?);
    let (store, kind) = (api.engine.store(), filter.trigger_type.as_ref());
    let found = page.collect(&api, |before, limit| store.trigger_instances(kind, before, limit)).await?;
    let (of_api, of_page) = (api.clone(), Arc::clone(&page));
    Ok(page.answer_part(found, move |event| {
        EventView::new(shown(&of_api, event, secrets), |view| of_page.narrow(view))
    }))
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

/// An event by its id, or the `last` one.
async fn find(api: &Api, text: &str) -> Result<TriggerInstance, ApiError> {
    let hint = "`petrel trigger instances` shows what there is";
    let no_such = || {
        let message = format!("trigger instance `{text}` does not exist");
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message, hint)
    };
    if text == "last" {
        let newest = api.engine.store().trigger_instances(None, None, 1).await?;
        return newest.items.into_iter().next().ok_or_else(|| match api.trail.since(None).last() {
            Some(refused) => {
                let message = "no event was accepted yet";
                let address = refused.address.map_or_else(String::new, |address| format!(" from {address}"));
                let hint = format!(
                    "a request to {}{address} was refused with {} at {}",
                    refused.path, refused.status, refused.at
                );
                ApiError::new(StatusCode::NOT_FOUND, "not_found", message, hint)
            }
            None => no_such(),
        });
    }
    let id: TriggerInstanceId = text
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    api.engine.store().trigger_instance(id).await?.ok_or_else(no_such)
}
