//! `/packs`: what is registered, and registering: a directory, packs by name, and packs that came with the host.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use petrel_engine::registration::Report;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::extract::{JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::{Api, ApiError, views};

/// Where the name of a pack that came with the host says so.
const BUILTIN: &str = "builtin:";

/// Lays a pack out on the disk, and says where; what goes wrong in words.
type LayOut = dyn Fn(&str) -> Result<PathBuf, String> + Send + Sync;

/// The packs that came with the host.
pub struct Shipped {
    names: Vec<&'static str>,
    lay_out: Arc<LayOut>,
}

impl Shipped {
    /// Packs of these names, which `lay_out` lays out. It is called on a thread that may block.
    pub fn new(
        names: Vec<&'static str>,
        lay_out: impl Fn(&str) -> Result<PathBuf, String> + Send + Sync + 'static,
    ) -> Self {
        Self { names, lay_out: Arc::new(lay_out) }
    }

    /// The known name among them that `text` says with its prefix.
    fn named(&self, text: &str) -> Result<&'static str, ApiError> {
        let name = text.strip_prefix(BUILTIN);
        let known = self.names.iter().copied().find(|known| Some(*known) == name);
        known.ok_or_else(|| {
            let all: Vec<_> = self.names.iter().map(|name| format!("{BUILTIN}{name}")).collect();
            ApiError::invalid(
                format!(
                    "`{}` cannot be installed: only what came with petrel can",
                    petrel_model::quoted::quoted(text)
                ),
                format!(
                    "{}; register what lies in a directory: petrel pack register DIRECTORY",
                    all.join(" or ")
                ),
            )
        })
    }
}

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::PACKS)?;
    asked.answer(&api, api.engine.content().packs(), |pack| views::pack(pack))
}

pub(crate) async fn one(State(api): State<Api>, Segment(name): Segment) -> Result<Json<Value>, ApiError> {
    Ok(Json(views::pack(api.engine.content().pack(&name)?)))
}

/// Forgets a pack. StackStorm has an action for that.
pub(crate) async fn remove(State(api): State<Api>, Segment(name): Segment) -> Result<StatusCode, ApiError> {
    api.engine.remove_pack(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is to be registered: the pack in a directory on the machine of the host, or packs that are known, by name; all of
/// these where neither is given. StackStorm's `types` and `fail_on_failure` are taken: all types are registered, and what
/// cannot be is said.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    path: Option<PathBuf>,
    packs: Option<Vec<String>>,
}

pub(crate) async fn register(
    State(api): State<Api>,
    JsonBody(Registration { path, packs }): JsonBody<Registration>,
) -> Result<Json<Value>, ApiError> {
    if let Some(path) = path {
        return Ok(Json(registered(&[api.engine.register_pack(&path, false).await?])));
    }
    let packs = packs.filter(|packs| !packs.is_empty()).unwrap_or_else(|| {
        let content = api.engine.content();
        content.packs().map(|pack| pack.reference.clone()).collect()
    });
    let mut reports = Vec::new();
    for pack in packs {
        reports.push(api.engine.register_again(&pack).await?);
    }
    Ok(Json(registered(&reports)))
}

/// What is to be installed.
#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    packs: Vec<String>,
}

/// Lays packs out that came with the host, and registers them.
pub(crate) async fn install(
    State(api): State<Api>,
    JsonBody(Installation { packs }): JsonBody<Installation>,
) -> Result<Json<Value>, ApiError> {
    // What cannot be is said before anything is done.
    let names = packs.iter().map(|pack| api.shipped.named(pack)).collect::<Result<Vec<_>, _>>()?;
    let mut reports = Vec::new();
    for name in names {
        let lay_out = Arc::clone(&api.shipped.lay_out);
        let path = tokio::task::spawn_blocking(move || lay_out(name)).await?.map_err(|error| {
            let hint = "see that the data directory can be written to, and try again";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error, hint)
        })?;
        reports.push(api.engine.register_pack(&path, true).await?);
    }
    Ok(Json(registered(&reports)))
}

/// What was registered: the sums, and of a single pack the pack.
fn registered(reports: &[Report]) -> Value {
    let sum = |count: fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let packs: Vec<_> = reports.iter().map(|report| views::pack(&report.pack)).collect();
    let notes: Vec<_> = reports.iter().flat_map(|report| &report.notes).collect();
    let mut answer = json!({
        "actions": sum(|report| report.actions),
        "triggers": sum(|report| report.trigger_types),
        "rules": sum(|report| report.rules),
        "notes": notes,
    });
    if let Some(answer) = answer.as_object_mut() {
        match packs.as_slice() {
            [pack] => answer.insert("pack".into(), pack.clone()),
            _ => answer.insert("packs".into(), packs.into()),
        };
    }
    answer
}
