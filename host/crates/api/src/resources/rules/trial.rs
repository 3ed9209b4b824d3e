//! `POST /rules/test` tries a rule on an event, and `GET /rules/{name}/why` says why one has not fired lately. Both change
//! nothing, and StackStorm has neither.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use petrel_engine::triggers::TriedEvent;
use petrel_model::Object;
use petrel_model::trigger::INTERNAL;
use serde::Deserialize;
use serde_json::Value;

use super::refuse_large;
use crate::extensions::User;
use crate::extract::{Body, By, JsonBody, Secrets, Target};
use crate::page::Listed as _;
use crate::resources::trigger_instances::find_of;
use crate::said::Nothing;
use crate::{Api, ApiError, listing, views};

/// The body of a request to try a rule.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// The reference or the id of a rule.
    #[serde(default)]
    rule: Option<String>,
    /// The text of a rule that need not be stored, YAML or JSON.
    #[serde(default)]
    definition: Option<String>,
    /// The id of an event, or `last`.
    #[serde(default)]
    trigger_instance: Option<String>,
    /// The payload of an event that did not come in.
    #[serde(default)]
    payload: Option<Object>,
}

impl Body for Wanted {}

/// Tries a rule on an event: which criteria hold, and what would be run.
pub(crate) async fn test(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    secrets: Secrets,
    By(giver): By,
    _: Nothing,
    JsonBody(wanted): JsonBody<Wanted>,
) -> Result<Response, ApiError> {
    let Wanted { rule, definition, trigger_instance, payload } = wanted;
    let (rule, warnings) = match (rule, definition) {
        (Some(name), None) => (api.engine.triggers().compiled_rule(&name)?, Vec::new()),
        (None, Some(text)) => {
            refuse_large(text.as_bytes())?;
            let draft = api.engine.catalog().draft_rule(giver, &text).await?;
            (draft.rule, draft.warnings)
        }
        _ => return Err(one_of("a rule", "rule", "definition")),
    };
    let mut held = None;
    let event = match (trigger_instance, payload) {
        (Some(id), None) => {
            let _glance = api.glances.take(&user).await?;
            // Of a rule that listens to the platform itself, such an event is meant by `last`.
            let kind = Some(&rule.rule().trigger.kind).filter(|kind| INTERNAL.contains(&kind.as_str()));
            let instance = find_of(&api, &id, kind.filter(|_| id == "last")).await?;
            listing::hold(&api, &mut held, 2 * instance.bytes())?;
            TriedEvent::Stored(instance)
        }
        (None, Some(payload)) => TriedEvent::Payload(Arc::new(Value::Object(payload))),
        _ => return Err(one_of("an event", "trigger_instance", "payload")),
    };
    let mut trial = api.engine.triggers().try_rule(rule, event, secrets == Secrets::Masked).await?;
    trial.notes.extend(warnings);
    listing::one(&views::trial(&trial), held)
}

/// Says why a rule has not fired lately.
pub(crate) async fn why(
    State(api): State<Api>,
    Target { id, user, secrets }: Target,
    _: Nothing,
) -> Result<Response, ApiError> {
    // It looks through many events, so nobody may have many of these at once.
    let _glance = api.glances.take(&user).await?;
    let standing = api.engine.triggers().standing(&id, secrets == Secrets::Masked).await?;
    listing::one(&views::standing(&standing), None)
}

/// The error for a body that has both of two fields, or neither.
fn one_of(what: &str, one: &str, other: &str) -> ApiError {
    ApiError::invalid(
        format!("a trial takes {what} as `{one}` or as `{other}`, and just one of them"),
        format!("give `{one}` or `{other}`"),
    )
}
