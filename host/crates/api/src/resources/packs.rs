//! `/packs`: what is registered, and registering: a directory, packs by name, and packs that came with the host.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_catalog::registration::Report;
use serde::Deserialize;
use serde_json::Value;

use super::content_types::Wanted;
use crate::extensions::About;
use crate::extract::{By, JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::said::Nothing;
use crate::{Api, ApiError};

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::PACKS)?;
    asked.answer(&api, api.engine.catalog().content().packs(), |pack| wire::Pack::from(pack.as_ref()))
}

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let content = api.engine.catalog().content();
    Ok(Json(wire::Pack::from(content.pack(&name)?.as_ref())).into_response())
}

/// Forgets a pack, and says what went with it. StackStorm has an action for that.
pub(crate) async fn remove(State(api): State<Api>, Segment(name): Segment) -> Result<Response, ApiError> {
    let removed = api.engine.catalog().remove_pack(&name).await?;
    let removal = wire::Removal {
        reference: Cow::Borrowed(&removed.pack),
        deleted: true,
        actions: removed.actions,
        triggers: removed.trigger_types,
        rules: removed.rules,
        notes: removed.notes.iter().map(|note| note.as_str().into()).collect(),
    };
    Ok(Json(removal).into_response())
}

/// What is to be registered: the pack in a directory on the machine of the host, or packs that are known, by name; all of
/// these where neither is given. Of these, the parts that `types` names. StackStorm's `fail_on_failure` is taken: what
/// cannot be registered is said.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    path: Option<PathBuf>,
    packs: Option<Vec<String>>,
    types: Option<Vec<String>>,
}

pub(crate) async fn register(
    State(api): State<Api>,
    By(giver): By,
    JsonBody(Registration { path, packs, types }): JsonBody<Registration>,
) -> Result<Response, ApiError> {
    let Wanted { parts, notes } = Wanted::of(types.as_deref().unwrap_or_default())?;
    if let Some(path) = path {
        let report = api.engine.catalog().register_by(giver, &path, false, parts).await?;
        return answer(&api, &[report], notes).await;
    }
    let packs = packs.filter(|packs| !packs.is_empty()).unwrap_or_else(|| {
        let content = api.engine.catalog().content();
        content.packs().map(|pack| pack.reference.clone()).collect()
    });
    let mut reports = Vec::new();
    for pack in packs {
        reports.push(api.engine.catalog().register_again(giver, &pack, parts).await?);
    }
    answer(&api, &reports, notes).await
}

/// What is to be installed.
#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    packs: Vec<String>,
    /// StackStorm's client sends these, whatever they are, and waits for an execution then.
    force: Option<Value>,
    skip_dependencies: Option<Value>,
}

impl Installation {
    /// Refuses what a client of StackStorm sends: it would fail at the answer although all was done.
    fn refuse_original(&self) -> Result<(), ApiError> {
        let sent = [("force", &self.force), ("skip_dependencies", &self.skip_dependencies)];
        let Some((name, _)) = sent.iter().find(|(_, value)| value.is_some()) else { return Ok(()) };
        let message = format!(
            "`{name}`: packs are not installed by an execution that could be waited for; nothing was installed. \
             `petrel pack install` lays out what came with the host, `petrel pack register DIRECTORY` takes any other"
        );
        Err(ApiError::invalid(message, "send `packs` alone: the answer says what was registered"))
    }
}

/// Lays packs out that came with the host, and registers them.
pub(crate) async fn install(
    State(api): State<Api>,
    JsonBody(wanted): JsonBody<Installation>,
) -> Result<Response, ApiError> {
    // What cannot be is said before anything is done.
    wanted.refuse_original()?;
    let names = wanted.packs.iter().map(|pack| api.shipped.named(pack)).collect::<Result<Vec<_>, _>>()?;
    let mut reports = Vec::new();
    for name in names {
        let lay_out = Arc::clone(&api.shipped.lay_out);
        let path = tokio::task::spawn_blocking(move || lay_out(name)).await?.map_err(|error| {
            let hint = "see that the data directory can be written to, and try again";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error, hint)
        })?;
        reports.push(api.engine.catalog().register_pack(&path, true).await?);
    }
    answer(&api, &reports, Vec::new()).await
}

/// Says what was registered, once its components are compiled: whoever sends the first event then sees what comes of it.
async fn answer(api: &Api, reports: &[Report], notes: Vec<String>) -> Result<Response, ApiError> {
    // What lay in a directory was compiled to be looked at.
    for report in reports.iter().filter(|report| report.pack.built_in) {
        api.engine.catalog().prepared(&report.pack.reference).await;
    }
    let names: Vec<_> = reports.iter().map(|report| report.pack.reference.as_str()).collect();
    Ok((Extension(About(names.join(","))), Json(registered(reports, notes))).into_response())
}

/// What was registered: the sums, and of a single pack the pack; with `notes` on what was asked for.
fn registered(reports: &[Report], notes: Vec<String>) -> wire::Registration<'_> {
    let sum = |count: fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let of_packs = reports.iter().flat_map(|report| &report.notes);
    let notes = notes.into_iter().map(Cow::Owned).chain(of_packs.map(|note| note.as_str().into()));
    let sums = wire::Registration {
        actions: sum(|report| report.actions),
        triggers: sum(|report| report.trigger_types),
        rules: sum(|report| report.rules),
        notes: notes.collect(),
        ..wire::Registration::default()
    };
    sums.of_packs(reports.iter().map(|report| wire::Pack::from(&report.pack)).collect())
}
