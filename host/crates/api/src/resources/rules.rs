//! `/rules`: creates, shows, changes, enables, disables and deletes rules.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_catalog::content::Content;
use petrel_catalog::rule_book::Written;
use petrel_model::{Ref, Rule};

use crate::extensions::{About, User};
use crate::extract::{By, JsonBody, Raw, Secrets, Segment, text};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(super) mod trial;

/// The largest text of a rule, in bytes.
const LARGEST_RULE: usize = 128 << 10;

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::RULES)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    asked.answer(&api, content.rules(), |rule| shown(&api, rule, &content, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    Ok(Json(shown(&api, content.rule(&name)?, &content, secrets)).into_response())
}

/// Creates a rule from YAML or JSON. The answer has advice under `warnings`.
pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    By(giver): By,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let written = api.engine.catalog().create_rule_by(giver, text(&bytes)?, &user).await?;
    Ok((StatusCode::CREATED, about(&written.rule.reference), Json(answer(&api, &written))).into_response())
}

pub(crate) async fn update(
    State(api): State<Api>,
    By(giver): By,
    Segment(name): Segment,
    _: Nothing,
    Raw(bytes): Raw,
) -> Result<Response, ApiError> {
    refuse_large(&bytes)?;
    let written = api.engine.catalog().update_rule(&name, text(&bytes)?, giver).await?;
    Ok((about(&written.rule.reference), Json(answer(&api, &written))).into_response())
}

pub(crate) async fn set_enabled(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(enabled): JsonBody<bool>,
) -> Result<Response, ApiError> {
    let rule = api.engine.catalog().set_rule_enabled(&name, enabled).await?;
    if enabled {
        api.engine.executions().resume_rule(rule.id).await?;
    }
    let view = shown(&api, &rule, &api.engine.catalog().content(), Secrets::Masked);
    Ok((about(&rule.reference), Json(view)).into_response())
}

/// Lets a rule fire that its circuit breaker pauses.
pub(crate) async fn resume(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let rule = content.rule(&name)?;
    api.engine.executions().resume_rule(rule.id).await?;
    Ok((about(&rule.reference), Json(shown(&api, rule, &content, Secrets::Masked))).into_response())
}

/// The view of a rule, with the standing of its circuit breaker.
fn shown<'a>(api: &Api, rule: &'a Rule, content: &Content, secrets: Secrets) -> wire::Rule<'a> {
    let standing = api.engine.executions().queue().breaker_standing(rule, api.engine.now());
    let breaker = standing.map(|standing| wire::rule::Breaker {
        state: standing.state.into(),
        failures: standing.failures,
        until: standing.until,
        trial: standing.trial,
    });
    wire::Rule { breaker, ..views::rule(rule, content, secrets) }
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let known = api.engine.catalog().content().rule(&name).ok().map(|rule| rule.id);
    let reference = api.engine.catalog().delete_rule(&name).await?;
    if let Some(id) = known {
        // Nothing is left of its circuit breaker. The rule is gone in any case, and the next start would see to it, too.
        if let Err(error) = api.engine.executions().resume_rule(id).await {
            tracing::warn!(rule = %reference, %error, "failed to forget the circuit breaker of a rule that is gone; the next start does");
        }
    }
    Ok((about(&reference), StatusCode::NO_CONTENT).into_response())
}

/// Refuses a long text: its values take hundreds of times its length in memory.
fn refuse_large(bytes: &[u8]) -> Result<(), ApiError> {
    if bytes.len() <= LARGEST_RULE {
        return Ok(());
    }
    let message = format!("a rule of {} bytes is too large; {LARGEST_RULE} is the limit", bytes.len());
    let hint = "keep large values in the datastore, or in the action";
    Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message, hint))
}

/// The reference of a rule, for the audit log: the path may have its id, which means nothing once the rule is gone.
fn about(reference: &Ref) -> Extension<About> {
    Extension(About(reference.to_string()))
}

fn answer<'a>(api: &Api, written: &'a Written) -> wire::Rule<'a> {
    let warnings = written.warnings.iter().map(|warning| warning.as_str().into()).collect();
    wire::Rule { warnings, ..shown(api, &written.rule, &api.engine.catalog().content(), Secrets::Masked) }
}
