//! `/actions` and `/runnertypes`: the registered actions and the runners of this host.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::action::ActionParameters;

use crate::extract::Segment;
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError, views};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::ACTIONS)?;
    let _glance = asked.glance(&api).await?;
    asked.answer(&api, api.engine.catalog().content().actions(), |registered| views::action(registered))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    Ok(Json(views::action(content.action(&content.action_reference(&reference)?)?)).into_response())
}

/// The parameters of an action and of its runner, merged.
pub(crate) async fn parameters(
    State(api): State<Api>,
    Segment(reference): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let parameters = Cow::Borrowed(&content.action(&content.action_reference(&reference)?)?.parameters);
    Ok(Json(ActionParameters { parameters }).into_response())
}

pub(crate) async fn runner_types(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let (asked, content) = (asked.of(&lists::RUNNER_TYPES)?, api.engine.catalog().content());
    let found = content.runners().values().map(petrel_catalog::content::Runs::runner_type);
    asked.answer(&api, found, views::runner_type)
}

pub(crate) async fn runner_type(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let runner = content.runners().get(&name).ok_or_else(|| {
        let known: Vec<_> = content.runners().keys().map(String::as_str).collect();
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("runner `{}` does not exist", petrel_model::quoted::quoted(&name)),
            format!("this host has: {}", known.join(", ")),
        )
    })?;
    Ok(Json(views::runner_type(runner.runner_type())).into_response())
}
