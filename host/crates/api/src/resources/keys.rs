//! `/keys`: the keys of the datastore, those that all users share and those of the caller. The admin may name another user.
//! Secret values are shown encrypted, unless who may read them asks for `decrypt`.

use std::borrow::Cow;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use petrel_api_types::Key;
use petrel_engine::Error;
use petrel_engine::datastore::{End, Entry, Expected, Form, KeyId, New as NewKey};
use petrel_model::Timestamp;
use petrel_model::quoted::quoted;
use serde::Deserialize;

use crate::extensions::User;
use crate::extract::{Body, JsonBody, Segment, flag};
use crate::page::{Asked, lists};
use crate::said::Said;
use crate::{Api, ApiError};

/// The parameters that say where a key is looked up, and how.
const PLACE: [&str; 3] = ["scope", "user", "decrypt"];

/// The scopes that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    System,
    User,
    All,
}

impl Scope {
    fn of(text: Option<&str>) -> Result<Self, ApiError> {
        match text.unwrap_or_default() {
            "" | "system" | "st2kv.system" => Ok(Self::System),
            "user" | "st2kv.user" => Ok(Self::User),
            "all" => Ok(Self::All),
            other => {
                let message = format!("`{}` is no scope of the datastore", quoted(other));
                Err(ApiError::invalid(message, "the scopes are system and user; a list takes all as well"))
            }
        }
    }
}

/// The place that a request asks for.
struct Place {
    scope: Scope,
    /// The user whose keys those in the scope of users are.
    user: String,
}

impl Place {
    /// # Errors
    /// 403 if `caller` names somebody else without being the admin; 400 for a scope that does not exist, or a user of
    /// whom nothing is asked.
    fn of(api: &Api, caller: &str, scope: Option<&str>, user: Option<&str>) -> Result<Self, ApiError> {
        let scope = Scope::of(scope)?;
        let user = user.filter(|user| !user.is_empty());
        if let (Scope::System, Some(user)) = (scope, user) {
            let message =
                format!("keys of the scope system belong to nobody, and so not to `{}`", quoted(user));
            return Err(ApiError::invalid(message, "ask for scope=user with it, or leave the user out"));
        }
        if let Some(user) = user.filter(|user| *user != caller && !api.engine.access().is_admin(caller)) {
            let message = format!("`{}` may not use the keys of `{}`", quoted(caller), quoted(user));
            return Err(forbidden(message, "only the admin may; leave the user out for your own keys"));
        }
        Ok(Self { scope, user: user.unwrap_or(caller).to_owned() })
    }

    /// The one key of this name. As in StackStorm, all scopes together mean the one that all share.
    fn key(self, name: String) -> KeyId {
        match self.scope {
            Scope::System | Scope::All => KeyId::shared(name),
            Scope::User => KeyId::of(self.user, name),
        }
    }

    /// Refuses decryption to who may not see it: anybody but the admin, except of their own keys alone.
    fn refuse_decryption(&self, api: &Api, caller: &str) -> Result<(), ApiError> {
        if api.engine.access().is_admin(caller) || self.scope == Scope::User {
            return Ok(());
        }
        let hint = "leave decrypt out, or ask for scope=user, your own keys";
        Err(forbidden("Decrypt option requires administrator access", hint))
    }
}

fn forbidden(message: impl Into<String>, hint: &str) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "forbidden", message, hint)
}

/// A key as it is shown; `opened` is its decrypted value, if that is asked for.
fn shown(entry: Entry<'_>, opened: Option<String>) -> Key<'_> {
    let Entry { owner, name, value, secret, expires_at, .. } = entry;
    let encrypted = secret && opened.is_none();
    let key = Key::new(owner, name, opened.map_or(value, Cow::Owned));
    Key { secret, encrypted, expire_timestamp: expires_at, ..key }
}

/// The answer with one key, and the mark of its state for `If-Match`.
fn answer(entry: Entry<'_>, opened: Option<String>) -> Response {
    let mark = format!("\"{}\"", entry.mark());
    ([(header::ETAG, mark)], Json(shown(entry, opened))).into_response()
}

pub(crate) async fn list(State(api): State<Api>, asked: Asked) -> Result<Response, ApiError> {
    let asked = asked.of(&lists::KEYS)?;
    let place = Place::of(&api, &asked.user, asked.other("scope"), asked.other("user"))?;
    let decrypt = asked
        .other("decrypt")
        .filter(|text| !text.is_empty())
        .map_or(Ok(false), |text| flag("decrypt", text))?;
    if decrypt {
        place.refuse_decryption(&api, &asked.user)?;
    }
    let prefix = asked.other("prefix").unwrap_or_default();
    let snapshot = api.engine.keys().snapshot();
    let owners = match place.scope {
        Scope::System => vec![None],
        Scope::User => vec![Some(place.user.as_str())],
        Scope::All => vec![None, Some(place.user.as_str())],
    };
    let entries = || owners.iter().flat_map(|owner| snapshot.entries(*owner, prefix));
    let within = entries().skip(asked.page.offset).take(asked.page.limit);
    let bytes: usize = within.map(|entry| entry.name.len() + entry.value.len()).sum();
    let _turn = api.turns.take_for(&asked.user, bytes).await?;
    asked.answer(&api, entries(), |entry| {
        // One that cannot be decrypted is shown as it is stored, which says so: the others shall not fail with it.
        let is_asked = decrypt && entry.secret;
        let opened = if is_asked { api.engine.keys().opened(&entry).ok() } else { None };
        shown(entry, opened)
    })
}

pub(crate) async fn one(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
    said: Said,
) -> Result<Response, ApiError> {
    let said = said.only(&PLACE)?;
    let place = Place::of(&api, &caller, said.text("scope"), said.text("user"))?;
    let decrypt = said.flag("decrypt")?;
    if decrypt {
        place.refuse_decryption(&api, &caller)?;
    }
    let (id, snapshot) = (place.key(name), api.engine.keys().snapshot());
    let entry = snapshot.get(&id).ok_or_else(|| absent(&api, &caller, &id))?;
    let opened = if decrypt { Some(api.engine.keys().opened(&entry)?) } else { None };
    Ok(answer(entry, opened))
}

/// The body of a request to set a key.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    #[serde(default)]
    name: Option<String>,
    value: String,
    #[serde(default)]
    scope: Option<String>,
    #[serde(default)]
    user: Option<String>,
    /// Whether the value is to be encrypted.
    #[serde(default)]
    secret: Option<bool>,
    /// Whether the value is encrypted already.
    #[serde(default)]
    encrypted: Option<bool>,
    /// The lifetime in seconds.
    #[serde(default)]
    ttl: Option<i64>,
    #[serde(default)]
    expire_timestamp: Option<Timestamp>,
}

impl Body for New {
    const WITHOUT_EFFECT: &'static [&'static str] = &["id", "uid", "description"];
    const IGNORES_OTHERS: bool = true;
}

pub(crate) async fn set(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
    said: Said,
    headers: HeaderMap,
    JsonBody(new): JsonBody<New>,
) -> Result<Response, ApiError> {
    let said = said.only(&["scope", "user", "ttl"])?;
    if let Some(other) = new.name.as_ref().filter(|other| !other.is_empty() && **other != name) {
        let (name, other) = (quoted(&name), quoted(other));
        let message = format!("the key is `{name}` in the path and `{other}` in the body");
        return Err(ApiError::invalid(message, "write the same name in both, or leave it out of the body"));
    }
    let text = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (scope, user) = (text(&new.scope), text(&new.user));
    let scope = scope.as_deref().or_else(|| said.text("scope"));
    let place = Place::of(&api, &caller, scope, user.as_deref().or_else(|| said.text("user")))?;
    if place.scope == Scope::All {
        let message = "a key is set in one scope, and `all` is none";
        return Err(ApiError::invalid(message, "write scope=system, or scope=user for a key of your own"));
    }
    let form = match (new.encrypted, new.secret) {
        (Some(true), _) if !api.engine.access().is_admin(&caller) => {
            let hint = "give the value itself with `secret`, and it is encrypted";
            return Err(forbidden("Pre-encrypted option requires administrator access", hint));
        }
        (Some(true), _) => Form::Encrypted,
        (_, Some(true)) => Form::Secret,
        _ => Form::Open,
    };
    let ttl = match new.ttl {
        None => said.parsed("ttl", "a number of seconds")?,
        given => given,
    };
    let end = end(ttl, new.expire_timestamp);
    let new = NewKey { id: place.key(name), value: new.value, form, end, expected: expected(&headers)? };
    Ok(answer(api.engine.keys().put(new).await.map_err(refused)?, None))
}

/// The end of a key, by what is asked for: seconds, or a time.
fn end(ttl: Option<i64>, until: Option<Timestamp>) -> Option<End> {
    // What is negative cannot be kept, and is refused with what is too short.
    let after = |seconds: i64| End::After(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
    ttl.map(after).or_else(|| until.map(End::At))
}

/// The state in which alone a key is changed, by the conditions of the request (RFC 9110, 13.1).
fn expected(headers: &HeaderMap) -> Result<Expected, ApiError> {
    let condition =
        |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    match (condition(header::IF_NONE_MATCH), condition(header::IF_MATCH)) {
        (None, None) => Ok(Expected::Any),
        (Some("*"), None) => Ok(Expected::Absent),
        (None, Some("*")) => Ok(Expected::Present),
        (None, Some(marks)) => {
            let marks = marks.split(',').map(|mark| mark.trim().trim_matches('"').to_owned());
            Ok(Expected::OneOf(marks.collect()))
        }
        (Some(_), _) => Err(ApiError::invalid(
            "`If-None-Match` takes * alone here, and not together with `If-Match`",
            "send If-None-Match: * to set a key that must not exist yet, or If-Match with the ETag of its answer",
        )),
    }
}

/// The error for a key that does not exist. Mostly one of that name in the other scope is meant.
fn absent(api: &Api, caller: &str, id: &KeyId) -> Error {
    let other = match &id.owner {
        None => KeyId::of(caller, id.name.as_str()),
        Some(_) => KeyId::shared(id.name.as_str()),
    };
    let missing = api.engine.keys().missing(id);
    match missing {
        Error::NotFound { what, name, .. } if api.engine.keys().snapshot().get(&other).is_some() => {
            Error::NotFound { what, hint: elsewhere(&other), name }
        }
        missing => missing,
    }
}

/// The hint that a key is in another scope than the one that was asked.
fn elsewhere(found: &KeyId) -> String {
    let name = quoted(&found.name);
    if found.owner.is_some() {
        format!("there is a key of your own with this name: `petrel key get {name} --scope user` shows it")
    } else {
        format!("there is a key of this name that all users share: `petrel key get {name}` shows it")
    }
}

/// A condition that does not hold is told by the status for that.
fn refused(error: Error) -> ApiError {
    match error {
        Error::Conflict { message, hint, .. } => {
            ApiError::new(StatusCode::PRECONDITION_FAILED, "conflict", message, hint)
        }
        other => other.into(),
    }
}

pub(crate) async fn delete(
    State(api): State<Api>,
    Extension(User(caller)): Extension<User>,
    Segment(name): Segment,
    said: Said,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let said = said.only(&["scope", "user"])?;
    let place = Place::of(&api, &caller, said.text("scope"), said.text("user"))?;
    let id = place.key(name);
    let removed = api.engine.keys().remove(id.clone(), expected(&headers)?).await;
    removed.map_err(|error| match error {
        Error::NotFound { .. } => ApiError::from(absent(&api, &caller, &id)),
        error => refused(error),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_or_refused() {
        let of = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
        };
        let marks = |marks: &[&str]| Expected::OneOf(marks.iter().map(|mark| (*mark).to_owned()).collect());
        for (pairs, meant) in [
            (&[][..], Some(Expected::Any)),
            (&[("if-none-match", "*")], Some(Expected::Absent)),
            (&[("if-match", "*")], Some(Expected::Present)),
            (&[("if-match", "\"a\"")], Some(marks(&["a"]))),
            (&[("if-match", "\"a\", \"b\"")], Some(marks(&["a", "b"]))),
            (&[("if-none-match", "\"a\"")], None),
            (&[("if-none-match", "*"), ("if-match", "*")], None),
        ] {
            assert_eq!(expected(&of(pairs)).ok(), meant, "{pairs:?}");
        }
    }

    #[test]
    fn a_key_ends_after_seconds_or_at_a_time() {
        let later = Timestamp::from_micros(1_763_640_000_000_001);
        let after = |seconds| Some(End::After(Duration::from_secs(seconds)));
        for (ttl, until, meant) in [
            (None, None, None),
            (Some(5), None, after(5)),
            (Some(5), Some(later), after(5)),
            (None, Some(later), Some(End::At(later))),
            (Some(-5), None, after(0)),
        ] {
            assert_eq!(end(ttl, until), meant, "{ttl:?} {until:?}");
        }
    }

    #[test]
    fn a_scope_has_two_names() {
        for (text, scope) in [
            (None, Some(Scope::System)),
            (Some("st2kv.system"), Some(Scope::System)),
            (Some("user"), Some(Scope::User)),
            (Some("st2kv.user"), Some(Scope::User)),
            (Some("all"), Some(Scope::All)),
            (Some("users"), None),
        ] {
            assert_eq!(Scope::of(text).ok(), scope, "{text:?}");
        }
    }
}
