//! `/keys`: the texts of the datastore that are shared by all.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_engine::Error;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{JsonBody, Params, Segment};
use crate::page::PageQuery;
use crate::{Api, ApiError};

/// The scope that is kept so far.
const SCOPE: &str = "st2kv.system";

fn view(name: &str, value: &str) -> Value {
    json!({
        "name": name,
        "value": value,
        "scope": SCOPE,
        "secret": false,
        "encrypted": false,
        "uid": format!("key_value_pair:{SCOPE}:{name}"),
    })
}

/// `prefix`: how the names begin.
#[derive(Debug, Deserialize)]
pub(crate) struct Filter {
    prefix: Option<String>,
}

pub(crate) async fn list(
    State(api): State<Api>,
    Params(Filter { prefix }): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Response, ApiError> {
    let (page, prefix) = (page.parse()?, prefix.unwrap_or_default());
    let datastore = api.engine.datastore();
    let keys = datastore.system.iter().filter(|(name, _)| name.starts_with(&prefix));
    Ok(page.answer(keys, |(name, value)| view(name, value)))
}

pub(crate) async fn one(State(api): State<Api>, Segment(name): Segment) -> Result<Json<Value>, ApiError> {
    let datastore = api.engine.datastore();
    match datastore.system.get(&name) {
        Some(value) => Ok(Json(view(&name, value))),
        None => Err(Error::not_found("key", name, datastore.system.keys().map(String::as_str)).into()),
    }
}

/// A value for a key.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    value: String,
}

pub(crate) async fn set(
    State(api): State<Api>,
    Segment(name): Segment,
    JsonBody(New { value }): JsonBody<New>,
) -> Result<Json<Value>, ApiError> {
    api.engine.set_key(&name, &value).await?;
    Ok(Json(view(&name, &value)))
}

pub(crate) async fn delete(State(api): State<Api>, Segment(name): Segment) -> Result<StatusCode, ApiError> {
    api.engine.delete_key(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
