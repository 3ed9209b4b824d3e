//! `/packs/{name}/grants`: what a pack asks for, is granted, and has needed. The admin changes it. StackStorm has none.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types::capabilities::{Ask, Capabilities, Ceiling, Grant};
use petrel_catalog::grants::{self, GrantChange};
use petrel_model::capabilities::{Granted, Named, Request, Rights};
use serde::Deserialize;

use crate::extensions::User;
use crate::extract::{Body, JsonBody, Segment};
use crate::said::{Nothing, Said};
use crate::{Api, ApiError};

/// What only the admin may do.
pub(super) const GRANTING: &str = "grant anything to packs, or take it back";

pub(crate) async fn show(
    State(api): State<Api>,
    Segment(name): Segment,
    said: Said,
) -> Result<Response, ApiError> {
    let said = said.only(&["unused"])?;
    let known = api.engine.catalog().capabilities(&name)?;
    let mut shown = view(&known);
    if said.flag("unused")? {
        shown.asks.retain(|ask| ask.uses == Some(0));
    }
    Ok(Json(shown).into_response())
}

/// The body of a request to change what a pack is granted. What is revoked goes first.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    /// Words for what is granted: `http=https://HOST/PATH`, `files=HOST-DIR:GUEST-PATH`, `env=NAME`, `kv=STORE` and the like.
    #[serde(default)]
    grant: Vec<String>,
    /// Whether all that it asks for is granted, apart from directories.
    #[serde(default)]
    all: bool,
    /// Words for what is taken back.
    #[serde(default)]
    revoke: Vec<String>,
    /// Whether all is taken back.
    #[serde(default)]
    revoke_all: bool,
}

impl Body for Change {}

pub(crate) async fn change(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    Segment(name): Segment,
    _: Nothing,
    JsonBody(Change { grant, all, revoke, revoke_all }): JsonBody<Change>,
) -> Result<Response, ApiError> {
    changed(&api, &user, &name, GrantChange { grant, all, revoke, revoke_all }).await
}

/// Takes all back.
pub(crate) async fn revoke(
    State(api): State<Api>,
    Extension(User(user)): Extension<User>,
    Segment(name): Segment,
    _: Nothing,
) -> Result<Response, ApiError> {
    changed(&api, &user, &name, GrantChange { revoke_all: true, ..GrantChange::default() }).await
}

async fn changed(api: &Api, user: &str, name: &str, change: GrantChange) -> Result<Response, ApiError> {
    api.engine.access().refuse_others_than_admin(user, GRANTING)?;
    api.engine.catalog().change_grant(name, user, change).await?;
    Ok(Json(view(&api.engine.catalog().capabilities(name)?)).into_response())
}

fn view(known: &grants::Capabilities) -> Capabilities<'_> {
    let grants::Capabilities { pack, grant, by_settings, rights, uses } = known;
    let of = |granted: &Granted, source: &'static str| -> Vec<Grant<'static>> {
        let grants = granted
            .all()
            .map(|one| Grant { capability: Cow::Owned(one.to_string()), source: Cow::Borrowed(source) });
        grants.collect()
    };
    let by_operator = grant.as_ref().map(|grant| of(&grant.granted, "grant")).unwrap_or_default();
    let used =
        |kind: &str, name: &str| Some(uses.get(&format!("{kind} {name}")).copied().unwrap_or_default());
    let asks = pack.capabilities.as_deref().map(|request| asks(request, rights, &used)).unwrap_or_default();
    Capabilities {
        id: Cow::Borrowed(&pack.reference),
        pack: Cow::Borrowed(&pack.reference),
        declared: pack.capabilities.is_some(),
        hash: pack.capabilities.as_deref().map(|request| Cow::Owned(request.hash())),
        asks,
        grants: by_operator.into_iter().chain(of(by_settings, "settings")).collect(),
        granted_by: grant.as_ref().map(|grant| Cow::Borrowed(grant.granted_by.as_str())),
        granted_at: grant.as_ref().map(|grant| grant.granted_at),
        ceiling: ceiling(rights),
    }
}

fn asks<'a>(request: &'a Request, rights: &Rights, used: &dyn Fn(&str, &str) -> Option<u64>) -> Vec<Ask<'a>> {
    let http = request.http.iter().map(|wish| Ask {
        kind: "http".into(),
        name: Cow::Borrowed(&wish.id),
        what: Cow::Owned(wish.rule.to_string()),
        reason: Cow::Borrowed(&wish.reason),
        granted: rights.extent_of_http(&wish.rule).as_str().into(),
        uses: used("http", &wish.id),
    });
    let files = request.files.iter().map(|wish| Ask {
        kind: "files".into(),
        name: Cow::Borrowed(&wish.path),
        what: Cow::Owned(wish.to_string()),
        reason: Cow::Borrowed(&wish.reason),
        granted: rights.extent_of_files(wish).as_str().into(),
        uses: used("files", &wish.path),
    });
    let named = |kind: &'static str, name: &'a str, granted: &'static str, uses: Option<u64>| Ask {
        kind: kind.into(),
        name: Cow::Borrowed(name),
        what: Cow::Borrowed(name),
        reason: Cow::Borrowed(""),
        granted: granted.into(),
        uses,
    };
    // Nobody sees a component read a variable: it is given all of them at its start.
    let env = request.env.iter().map(|name| named("env", name, rights.extent_of_env(name).as_str(), None));
    let names = request.names.all().map(|(kind, name): (Named, &'a String)| {
        named(kind.as_str(), name, rights.extent_of_name(kind, name).as_str(), used(kind.as_str(), name))
    });
    http.chain(files).chain(env).chain(names).collect()
}

/// The ceiling, if there is one.
fn ceiling(rights: &Rights) -> Option<Ceiling<'_>> {
    let most = &rights.ceiling;
    let http =
        most.http.as_ref().map(|rules| rules.iter().map(|rule| Cow::Owned(rule.to_string())).collect());
    let directories = most.directories.as_ref().map(|all| {
        let all = all.iter().map(|(path, access)| format!("{}:{}", path.display(), access.as_str()));
        all.map(Cow::Owned).collect()
    });
    let env = most.env.as_ref().map(|names| names.iter().map(|name| Cow::Borrowed(name.as_str())).collect());
    let never = most.never.iter().map(|kind| Cow::Borrowed(kind.as_str())).collect();
    let ceiling = Ceiling { http, directories, env, never };
    (ceiling != Ceiling::default()).then_some(ceiling)
}
