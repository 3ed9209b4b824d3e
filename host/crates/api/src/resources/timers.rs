//! `/timers`: the timers that rules listen to. They are triggers, which `/triggers` lists too; here each says when it is due.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use petrel_model::quoted::quoted;
use petrel_model::trigger::TIMERS;

use crate::extract::{Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::TIMERS)?;
    let kind = asked.other("timer_type").filter(|kind| !kind.is_empty());
    if let Some(kind) = kind.filter(|kind| !TIMERS.contains(kind)) {
        let message = format!("Timer type {} is not among the supported types", quoted(kind));
        return Err(ApiError::invalid(message, format!("the types of timers are {}", TIMERS.join(", "))));
    }
    let _glance = asked.glance(&api).await?;
    let (timers, content) = (api.engine.triggers().timers().await?, api.engine.catalog().content());
    let timers = timers.iter().filter(|timer| kind.is_none_or(|kind| timer.trigger.kind.as_str() == kind));
    asked.answer(&api, timers, |timer| views::timer(timer, &content, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    secrets: Secrets,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let (timers, content) = (api.engine.triggers().timers().await?, api.engine.catalog().content());
    let found = timers.iter().find(|timer| timer.reference.as_str() == reference);
    let timer = found.ok_or_else(|| {
        let known = timers.iter().map(|timer| timer.reference.as_str());
        petrel_engine::Error::not_found("timer", reference.as_str(), known)
    })?;
    Ok(Json(views::timer(timer, &content, secrets)).into_response())
}
