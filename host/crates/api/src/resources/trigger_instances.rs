//! `/triggerinstances`: the events that were accepted, and why rules did or did not match them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_model::{Ref, TriggerInstance, TriggerInstanceId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{Params, Segment};
use crate::page::PageQuery;
use crate::{Api, ApiError, views};

#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    trigger_type: Option<Ref>,
}

pub(crate) async fn list(
    State(api): State<Api>,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let page = page.parse()?.within_reach()?;
    let (store, kind) = (api.engine.store(), filter.trigger_type.as_ref());
    let found = page.collect(|before, limit| store.trigger_instances(kind, before, limit)).await?;
    Ok(page.answer_part(found.iter().map(views::trigger_instance)))
}

pub(crate) async fn one(State(api): State<Api>, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    let instance = find(&api, &id).await?;
    let mut view = views::trigger_instance(&instance);
    let mut enforcements = Vec::new();
    for id in &instance.enforcements {
        enforcements.extend(api.engine.store().enforcement(*id).await?.as_ref().map(views::enforcement));
    }
    if let Some(view) = view.as_object_mut() {
        view.insert("enforcements".into(), Value::Array(enforcements));
    }
    Ok(Json(view))
}

/// Evaluates the rules of a stored event again, and says criterion by criterion why.
pub(crate) async fn why(State(api): State<Api>, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    let instance = find(&api, &id).await?;
    let rules = api.engine.explain(&instance).await?;
    Ok(Json(json!({"trigger_instance": views::trigger_instance(&instance), "rules": rules})))
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
        return newest.items.into_iter().next().ok_or_else(no_such);
    }
    let id: TriggerInstanceId = text
        .parse()
        .map_err(|error: petrel_model::id::InvalidId| ApiError::invalid(error.to_string(), hint))?;
    api.engine.store().trigger_instance(id).await?.ok_or_else(no_such)
}
