//! `/maintenance`: makes, shows and deletes maintenance windows. StackStorm has none.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_model::action::Tag;
use petrel_model::reference::InvalidRef;
use petrel_model::{MaintenanceMode, MaintenanceWindow};
use serde::Deserialize;

use crate::extensions::{About, User};
use crate::extract::{Body, JsonBody, Segment, time};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::MAINTENANCE)?;
    let _glance = asked.glance(&api).await?;
    let (content, now) = (api.engine.catalog().content(), api.engine.now());
    asked.answer(&api, content.windows(), |window| wire::MaintenanceWindow::of(window, now))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    Ok(Json(wire::MaintenanceWindow::of(content.window(&name)?, api.engine.now())).into_response())
}

/// The body of a request for a maintenance window.
#[derive(Debug, Deserialize)]
pub(crate) struct NewWindow {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    packs: Vec<String>,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    /// Its beginning; now if it is left out.
    #[serde(default)]
    from: Option<String>,
    until: String,
    mode: MaintenanceMode,
}

impl Body for NewWindow {}

pub(crate) async fn create(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(new): JsonBody<NewWindow>,
) -> Result<Response, ApiError> {
    let now = api.engine.now();
    let rules = new.rules.iter().map(|rule| rule.parse());
    let rules = rules.collect::<Result<Vec<_>, InvalidRef>>();
    let window = MaintenanceWindow {
        name: new.name,
        description: new.description,
        packs: new.packs,
        rules: rules.map_err(|error| ApiError::invalid(error.to_string(), "write rules as pack.name"))?,
        tags: new.tags,
        from: new.from.as_deref().map_or(Ok(now), |from| time("from", from))?,
        until: time("until", &new.until)?,
        mode: new.mode,
        made_by: user,
    };
    let made = api.engine.catalog().create_window(window).await?;
    let about = Extension(About(made.name.clone()));
    Ok((StatusCode::CREATED, about, Json(wire::MaintenanceWindow::of(&made, now))).into_response())
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    api.engine.catalog().delete_window(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
