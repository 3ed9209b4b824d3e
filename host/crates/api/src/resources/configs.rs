//! `/configs` and `/config_schemas`: the configurations of packs and their schemas.

use std::borrow::Cow;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use petrel_api_types::{PackConfig, PackConfigSchema};
use petrel_catalog::configuration::GivenConfig;
use petrel_catalog::content::Content;
use petrel_catalog::pack_configs::not_configured_by_file;
use petrel_model::{Object, Pack};

use crate::extract::{By, JsonBody, Secrets, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

pub(crate) async fn list(
    State(api): State<Api>,
    secrets: Secrets,
    asked: Asked,
) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::CONFIGS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    let given = content.packs().filter_map(|pack| Some((pack, content.given_config(&pack.reference)?)));
    asked.answer(&api, given, |(pack, given)| view(pack, given, secrets))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    secrets: Secrets,
    _: Nothing,
) -> Result<Response, ApiError> {
    let notes = api.engine.catalog().config_notes(&name).await;
    shown(&api.engine.catalog().content(), &name, secrets, notes)
}

pub(crate) async fn configure(
    State(api): State<Api>,
    By(giver): By,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(values): JsonBody<Object>,
) -> Result<Response, ApiError> {
    api.engine.catalog().configure_pack(&name, values, giver).await?;
    let mut notes = api.engine.catalog().config_notes(&name).await;
    notes.extend(api.engine.catalog().ungiven_note(&name));
    shown(&api.engine.catalog().content(), &name, Secrets::Masked, notes)
}

pub(crate) async fn forget(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<StatusCode, ApiError> {
    api.engine.catalog().forget_pack_config(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The configuration of a pack, with `notes` on it and its file.
fn shown(content: &Content, name: &str, secrets: Secrets, notes: Vec<String>) -> Result<Response, ApiError> {
    let pack = content.pack(name)?;
    content.refuse_lost_config(name)?;
    let given = content.given_config(name).ok_or_else(|| not_configured_by_file(name, &notes))?;
    let notes = notes.into_iter().map(Cow::Owned).collect();
    Ok(Json(PackConfig { notes, ..view(pack, given, secrets) }).into_response())
}

fn view<'a>(pack: &'a Pack, given: &'a GivenConfig, secrets: Secrets) -> PackConfig<'a> {
    PackConfig::new(&pack.reference, secrets.among(&given.values, pack.config_schema.as_ref()))
}

pub(crate) async fn schemas(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::CONFIG_SCHEMAS)?;
    let _glance = asked.glance(&api).await?;
    let content = api.engine.catalog().content();
    let with_schema = content.packs().filter_map(|pack| Some((pack, pack.config_schema.as_ref()?)));
    asked.answer(&api, with_schema, |(pack, schema)| PackConfigSchema::new(&pack.reference, schema))
}

pub(crate) async fn schema(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    let pack = content.pack(&name)?;
    let schema = pack.config_schema.as_ref().ok_or_else(|| {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            format!("pack `{name}` has no schema of its configuration"),
            "it takes any configuration; its author adds config.schema.yaml to check it",
        )
    })?;
    Ok(Json(PackConfigSchema::new(&pack.reference, schema)).into_response())
}
