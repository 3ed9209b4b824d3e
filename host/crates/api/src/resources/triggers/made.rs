//! Trigger types and triggers that are made, changed and deleted by hand.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types::{self as wire, TriggerType};
use petrel_catalog::trigger_book;
use petrel_model::{MadeTrigger, Object, Ref};
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::{Body, By, JsonBody, Raw, Secrets, Segment, text};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

/// The largest text of a trigger type, in bytes.
const LARGEST_TYPE: usize = 64 << 10;

/// Makes a trigger type from YAML or JSON.
pub(crate) async fn create(
    State(api): State<Api>,
    By(giver): By,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let made = api.engine.catalog().create_trigger_type(giver, text(&bytes)?, &user).await?;
    Ok((StatusCode::CREATED, about(&made.reference), Json(TriggerType::of(&made, 0))).into_response())
}

pub(crate) async fn update(
    State(api): State<Api>,
    By(giver): By,
    Segment(name): Segment,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let made = api.engine.catalog().update_trigger_type(giver, &name, text(&bytes)?).await?;
    let listeners = api.engine.catalog().content().listeners_of(&made.reference);
    Ok((about(&made.reference), Json(TriggerType::of(&made, listeners))).into_response())
}

pub(crate) async fn delete(
    State(api): State<Api>,
    By(giver): By,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let reference = api.engine.catalog().delete_trigger_type(giver, &name).await?;
    Ok((about(&reference), StatusCode::NO_CONTENT).into_response())
}

/// The body of a request for a trigger. Its name and its pack follow from the rest, and may be said.
#[derive(Debug, Deserialize)]
pub(crate) struct NewTrigger {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    parameters: Object,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    pack: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

impl Body for NewTrigger {
    const WITHOUT_EFFECT: &'static [&'static str] = &["id", "ref", "uid", "made_by", "listeners"];
}

impl From<NewTrigger> for trigger_book::NewTrigger {
    fn from(body: NewTrigger) -> Self {
        let NewTrigger { kind, parameters, description, pack, name } = body;
        Self { kind, parameters, description: description.unwrap_or_default(), named: (pack, name) }
    }
}

pub(crate) async fn create_trigger(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(body): JsonBody<NewTrigger>,
) -> Result<Response, ApiError> {
    let made = api.engine.catalog().create_trigger(body.into(), &user).await?;
    Ok(answer(&api, StatusCode::CREATED, &made))
}

pub(crate) async fn update_trigger(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(body): JsonBody<NewTrigger>,
) -> Result<Response, ApiError> {
    let made = api.engine.catalog().update_trigger(&name, body.into()).await?;
    Ok(answer(&api, StatusCode::OK, &made))
}

pub(crate) async fn delete_trigger(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let reference = api.engine.catalog().delete_trigger(&name).await?;
    Ok((about(&reference), StatusCode::NO_CONTENT).into_response())
}

fn answer(api: &Api, status: StatusCode, made: &MadeTrigger) -> Response {
    let content = api.engine.catalog().content();
    let view = views::whole_trigger(&made.reference, &made.trigger, &content, Secrets::Masked);
    // It may be gone again.
    let view = wire::Trigger {
        description: Some(made.description.as_str().into()),
        made_by: Some(made.made_by.as_str().into()),
        ..view
    };
    (status, about(&made.reference), Json(view)).into_response()
}

/// The reference, for the audit log.
fn about(reference: &Ref) -> Extension<About> {
    Extension(About(reference.to_string()))
}

fn refuse_large(bytes: &[u8]) -> Result<(), ApiError> {
    if bytes.len() <= LARGEST_TYPE {
        return Ok(());
    }
    let message =
        format!("a trigger type of {} bytes is too large; {LARGEST_TYPE} is the limit", bytes.len());
    Err(ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
        message,
        "leave out what is no trigger type",
    ))
}
