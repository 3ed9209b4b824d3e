//! `/policies`: creates, shows, changes, enables, disables and deletes policies of actions. `/policytypes`: their types.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_catalog::policy_book::WrittenPolicy;
use petrel_model::Ref;
use petrel_model::policy::kinds::TYPES;

use crate::extensions::About;
use crate::extract::{JsonBody, Raw, Segment, text};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

/// The largest text of a policy, in bytes.
const LARGEST_POLICY: usize = 64 << 10;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::POLICIES)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.policies(), |policy| wire::Policy::from(&**policy))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let policy = content.policy(&name)?;
    Ok(Json(wire::Policy::from(&**policy)).into_response())
}

/// Creates a policy from YAML or JSON. The answer has advice under `warnings`.
pub(crate) async fn create(
    State(api): State<Api>,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let written = api.engine.catalog().create_policy(text(&bytes)?).await?;
    Ok(answer(StatusCode::CREATED, &written))
}

pub(crate) async fn update(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let written = api.engine.catalog().update_policy(&name, text(&bytes)?).await?;
    Ok(answer(StatusCode::OK, &written))
}

pub(crate) async fn set_enabled(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(enabled): JsonBody<bool>,
) -> Result<Response, ApiError> {
    let written = api.engine.catalog().set_policy_enabled(&name, enabled).await?;
    Ok(answer(StatusCode::OK, &written))
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let reference = api.engine.catalog().delete_policy(&name).await?;
    Ok((about(&reference), StatusCode::NO_CONTENT).into_response())
}

pub(crate) async fn list_types(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::POLICY_TYPES)?;
    let _glance = asked.glance(&api).await?;
    asked.answer(&api, TYPES.iter(), wire::PolicyType::from)
}

pub(crate) async fn one_type(Segment(reference): Segment, _: Nothing) -> Result<Response, ApiError> {
    let found = TYPES.iter().find(|kind| kind.reference == reference);
    let kind = found.ok_or_else(|| {
        let known = TYPES.iter().map(|kind| kind.reference);
        petrel_engine::Error::not_found("policy-type", reference.as_str(), known)
    })?;
    Ok(Json(wire::PolicyType::from(kind)).into_response())
}

fn refuse_large(bytes: &[u8]) -> Result<(), ApiError> {
    if bytes.len() <= LARGEST_POLICY {
        return Ok(());
    }
    let message = format!("a policy of {} bytes is too large; {LARGEST_POLICY} is the limit", bytes.len());
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, "leave out what is no policy"))
}

/// The reference of a policy, for the audit log: the path may have its id, which means nothing once the policy is gone.
fn about(reference: &Ref) -> Extension<About> {
    Extension(About(reference.to_string()))
}

fn answer(status: StatusCode, written: &WrittenPolicy) -> Response {
    let warnings = written.warnings.iter().map(|warning| warning.as_str().into()).collect();
    let view = wire::Policy { warnings, ..wire::Policy::from(&written.policy) };
    (status, about(&written.policy.reference), Json(view)).into_response()
}
