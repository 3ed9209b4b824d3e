//! `/packs`: shows packs and registers them: from a directory, by name, or from those that come with the host.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types as wire;
use petrel_catalog::Giver;
use petrel_catalog::registration::{OnBehalf, Parts, Report};
use petrel_model::PackArtifact;
use petrel_model::quoted::listed;
use serde::Deserialize;
use serde_json::Value;

use super::content_types::Wanted;
use super::grants::GRANTING;
use crate::extensions::{About, User};
use crate::extract::{Body, By, JsonBody, Segment};
use crate::page::{Asked, lists};
use crate::said::{Nothing, Said};
use crate::{Api, ApiError};

/// The number of packs that a refusal names.
const MOST_SHOWN: usize = 5;
/// The longest text about an artifact, in bytes.
const LONGEST_TEXT: usize = 1024;

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::PACKS)?;
    let _glance = asked.glance(&api).await?;
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

/// What is being made for packs that are registered at the moment, line by line.
pub(crate) async fn progress(State(api): State<Api>, said: Said) -> Result<Response, ApiError> {
    let said = said.only(&["after"])?;
    let lines = api.engine.catalog().progress(said.parsed("after", "the number of a line")?.unwrap_or(0));
    let lines = lines.iter().map(|line| wire::PackProgressLine {
        number: line.number,
        pack: line.pack.as_str().into(),
        text: line.text.as_str().into(),
        age_seconds: line.at.elapsed().as_secs(),
    });
    Ok(Json(wire::PackProgress { lines: lines.collect() }).into_response())
}

/// Removes a pack, and reports what went with it. In StackStorm this is an action.
pub(crate) async fn remove(
    State(api): State<Api>,
    By(giver): By,
    Extension(User(user)): Extension<User>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    let removed = api.engine.catalog().remove_pack(&name, giver, &user).await?;
    let removal = wire::Removal {
        reference: Cow::Borrowed(&removed.pack),
        deleted: true,
        actions: removed.actions,
        triggers: removed.trigger_types,
        rules: removed.rules,
        policies: removed.policies,
        sensors: removed.sensors,
        notes: removed.notes.iter().map(|note| note.as_str().into()).collect(),
    };
    Ok(Json(removal).into_response())
}

/// The body of a request to register: a pack in a directory of the host's machine, or registered packs by name, or
/// all registered packs. `types` chooses parts of them. StackStorm's `fail_on_failure` is accepted, and without
/// effect: the answer names every failure.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    path: Option<PathBuf>,
    packs: Option<Vec<String>>,
    types: Option<Vec<String>>,
    /// Whether what the packs ask for is granted.
    grant: Option<bool>,
    /// The artifact that the pack in the directory was installed from.
    artifact: Option<PackArtifact>,
}

impl Body for Registration {
    const WITHOUT_EFFECT: &'static [&'static str] = &["fail_on_failure"];
    const IGNORES_OTHERS: bool = true;
}

pub(crate) async fn register(
    State(api): State<Api>,
    By(giver): By,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(Registration { path, packs, types, grant, artifact }): JsonBody<Registration>,
) -> Result<Response, ApiError> {
    let Wanted { parts, notes } = Wanted::of(types.as_deref().unwrap_or_default())?;
    let is_admin = api.engine.access().is_admin(&user);
    let by = on_behalf(&api, giver, user, grant)?;
    if let Some(path) = path {
        artifact.as_ref().map_or(Ok(()), refuse_long)?;
        let artifact = artifact.map(|artifact| believed(artifact, is_admin));
        let report = api.engine.catalog().register_artifact(by, &path, (false, artifact), parts).await?;
        return answer(&api, &[report], notes).await;
    }
    let packs = packs.filter(|packs| !packs.is_empty()).unwrap_or_else(|| {
        let content = api.engine.catalog().content();
        content.packs().map(|pack| pack.reference.clone()).collect()
    });
    let mut reports = Vec::new();
    for pack in packs {
        reports.push(api.engine.catalog().register_again(by.clone(), &pack, parts).await?);
    }
    answer(&api, &reports, notes).await
}

/// Refuses what no reference and no digest is as long as.
fn refuse_long(artifact: &PackArtifact) -> Result<(), ApiError> {
    let texts = [("reference", &artifact.reference), ("digest", &artifact.digest), ("key", &artifact.key)];
    match texts.into_iter().find(|(_, text)| text.len() > LONGEST_TEXT) {
        None => Ok(()),
        Some((name, text)) => {
            let message =
                format!("artifact.{name} has {} bytes, and at most {LONGEST_TEXT} are taken", text.len());
            Err(ApiError::invalid(message, "leave `artifact` out for a pack that was not installed from one"))
        }
    }
}

/// What is believed of an artifact: from others than the admin not that somebody has looked at its signatures.
fn believed(artifact: PackArtifact, by_admin: bool) -> PackArtifact {
    if by_admin { artifact } else { PackArtifact { signature: None, key: String::new(), ..artifact } }
}

/// The caller who registers packs, and grants what they ask for if that is said, which only the admin may.
fn on_behalf(api: &Api, giver: Giver, user: String, grant: Option<bool>) -> Result<OnBehalf, ApiError> {
    let grants = grant == Some(true);
    if grants {
        api.engine.access().refuse_others_than_admin(&user, GRANTING)?;
    }
    Ok(OnBehalf { giver, grants: grants.then_some(user) })
}

/// The body of a request to install.
#[derive(Debug, Deserialize)]
pub(crate) struct Installation {
    packs: Vec<String>,
    /// Whether what the packs ask for is granted.
    grant: Option<bool>,
    /// StackStorm's client always sends this, and expects an execution in return.
    force: Option<Value>,
    skip_dependencies: Option<Value>,
}

impl Body for Installation {
    const WITHOUT_EFFECT: &'static [&'static str] = &["python3"];
    const IGNORES_OTHERS: bool = true;
}

impl Installation {
    /// Refuses the request of a StackStorm client. It could not read the answer, and would report a failure although
    /// everything was done.
    fn refuse_original(&self) -> Result<(), ApiError> {
        let sent = [("force", &self.force), ("skip_dependencies", &self.skip_dependencies)];
        let Some((name, _)) = sent.iter().find(|(_, value)| value.is_some()) else { return Ok(()) };
        let packs = listed(self.packs.iter().map(String::as_str), MOST_SHOWN);
        let message = format!(
            "nothing was installed of {packs}: StackStorm's client waits for an execution that installs packs, and this host \
             has none. Put the files of the pack on the host's machine and use `petrel pack register DIRECTORY`; \
             `petrel pack install` lays out those that came with the host"
        );
        let hint =
            format!("a client of your own leaves out `{name}`: the answer then says what was registered");
        Err(ApiError::invalid(message, hint))
    }
}

/// Lays out packs that come with the host, and registers them.
pub(crate) async fn install(
    State(api): State<Api>,
    By(giver): By,
    Extension(User(user)): Extension<User>,
    _: Nothing,
    JsonBody(wanted): JsonBody<Installation>,
) -> Result<Response, ApiError> {
    // Every reason to refuse is checked before anything is done.
    wanted.refuse_original()?;
    let by = on_behalf(&api, giver, user, wanted.grant)?;
    let names = wanted.packs.iter().map(|pack| api.shipped.named(pack)).collect::<Result<Vec<_>, _>>()?;
    let mut reports = Vec::new();
    for name in names {
        let lay_out = Arc::clone(&api.shipped.lay_out);
        let path = tokio::task::spawn_blocking(move || lay_out(name)).await?.map_err(|error| {
            let hint = "make its place in the data directory free and writable, and try again";
            ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error, hint)
        })?;
        reports.push(api.engine.catalog().register_by(by.clone(), &path, true, Parts::ALL).await?);
    }
    answer(&api, &reports, Vec::new()).await
}

/// Answers once the components are compiled, so that the first event after the answer finds them ready.
async fn answer(api: &Api, reports: &[Report], notes: Vec<String>) -> Result<Response, ApiError> {
    // A pack in a directory was compiled when it was checked.
    for report in reports.iter().filter(|report| report.pack.built_in) {
        api.engine.catalog().prepared(&report.pack.reference).await;
    }
    let names: Vec<_> = reports.iter().map(|report| report.pack.reference.as_str()).collect();
    Ok((Extension(About(names.join(","))), Json(registered(reports, notes))).into_response())
}

/// The answer to a registration: the sums, the pack if it is a single one, and the `notes` on the request.
fn registered(reports: &[Report], notes: Vec<String>) -> wire::Registration<'_> {
    let sum = |count: fn(&Report) -> usize| reports.iter().map(count).sum::<usize>();
    let of_packs = reports.iter().flat_map(|report| &report.notes);
    let notes = notes.into_iter().map(Cow::Owned).chain(of_packs.map(|note| note.as_str().into()));
    let sums = wire::Registration {
        actions: sum(|report| report.actions),
        triggers: sum(|report| report.trigger_types),
        rules: sum(|report| report.rules),
        policies: sum(|report| report.policies),
        sensors: sum(|report| report.sensors),
        notes: notes.collect(),
        ..wire::Registration::default()
    };
    sums.of_packs(reports.iter().map(|report| wire::Pack::from(&report.pack)).collect())
}

#[cfg(test)]
mod tests {
    use petrel_model::Signed;

    use super::*;

    #[test]
    fn the_worth_of_signatures_is_believed_from_the_admin_alone() {
        let said = PackArtifact {
            reference: "r.example.com/mine:1".to_owned(),
            digest: "sha256:0".to_owned(),
            signature: Some(Signed::Verified),
            key: "sha256:1".to_owned(),
        };
        assert_eq!(believed(said.clone(), true), said);
        let of_others = believed(said.clone(), false);
        assert_eq!((of_others.signature, of_others.key.as_str()), (None, ""));
        assert_eq!((&of_others.reference, &of_others.digest), (&said.reference, &said.digest));
    }

    #[test]
    fn what_is_said_of_an_artifact_has_a_bound() {
        let said = |length: usize| PackArtifact {
            reference: String::new(),
            digest: "d".repeat(length),
            signature: None,
            key: String::new(),
        };
        assert!(refuse_long(&said(LONGEST_TEXT)).is_ok());
        assert!(refuse_long(&said(LONGEST_TEXT + 1)).is_err());
    }
}
