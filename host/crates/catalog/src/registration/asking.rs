//! What a pack asks for, when it is registered: an update that asks for more waits until the operator accepts it.

use petrel_engine_core::Error;
use petrel_model::capabilities::{Capability, HostPattern, HttpRule, Request, Rights};
use petrel_model::quoted::listed;
use petrel_model::{Pack, PackGrant, Timestamp};

use super::ready::Ready;
use crate::content::Content;
use crate::masked::Giver;

/// The words that grant one host, whichever it is.
const ONE_HOST: &str = "http=https://HOST/PATH";
/// The most capabilities that a note or a refusal lists.
const MOST_LISTED: usize = 20;

/// The person on whose behalf a pack is registered.
#[derive(Debug, Clone)]
pub struct OnBehalf {
    /// Whether they see secrets.
    pub giver: Giver,
    /// Their name, if they grant what the pack asks for.
    pub grants: Option<String>,
}

impl From<Giver> for OnBehalf {
    fn from(giver: Giver) -> Self {
        Self { giver, grants: None }
    }
}

/// The lines of the audit log on a pack that is registered, written once it is.
#[derive(Debug, Default)]
pub(super) struct Told {
    hash: Option<String>,
    granted: Vec<String>,
}

impl Told {
    /// Writes the lines.
    pub(super) fn write(self, pack: &str, user: Option<&str>) {
        if let Some(hash) = self.hash {
            tracing::info!(target: "petrel_audit", event = "cap.requested", pack, hash, "registered");
        }
        for capability in self.granted {
            tracing::info!(target: "petrel_audit", event = "cap.granted", user, pack, capability, "changed");
        }
    }
}

/// Compares what a pack asks for with what it is granted, and grants it if the user `grants` does.
pub(super) fn settle(
    content: &Content,
    ready: &mut Ready,
    grants: Option<&str>,
    now: Timestamp,
) -> Result<Told, Error> {
    let mut told = Told::default();
    match grants {
        Some(user) => ready.grant = accepted(content, &ready.pack, (user, now), &mut told)?,
        // The packs of the binary are the operator's own choice.
        None if ready.pack.built_in => {}
        None => refuse_wider(content, &ready.pack)?,
    }
    let known = content.grant(&ready.pack.reference).map(|grant| &**grant);
    let grant = ready.grant.as_ref().or(known);
    ready.notes.extend(not_granted(content, &ready.pack, grant));
    let request = ready.pack.capabilities.as_deref().filter(|request| !request.is_empty());
    told.hash = request.map(Request::hash);
    Ok(told)
}

/// Refuses an update that asks for more than the registered version, with the difference.
fn refuse_wider(content: &Content, pack: &Pack) -> Result<(), Error> {
    let name = &pack.reference;
    let nothing = Request::default();
    let before = match content.pack(name).ok().and_then(|known| known.capabilities.as_deref()) {
        Some(before) => before,
        // It said so once, was granted something, and then said no more. What it says now was accepted by nobody.
        None if content.grant(name).is_some() => &nothing,
        // One that did not say what it asks for had all that the settings grant. To say so makes that less.
        None => return Ok(()),
    };
    let (more, fewer) = match pack.capabilities.as_deref() {
        Some(now) => (now.beyond(before), before.beyond(now)),
        None if content.granted_by_settings(name).is_some() => (
            vec!["all that the settings grant it, since it no longer says what it asks for".to_owned()],
            Vec::new(),
        ),
        None => return Ok(()),
    };
    if more.is_empty() {
        return Ok(());
    }
    tracing::info!(target: "petrel_audit", event = "cap.widened", pack = name, more = listed(more.iter().map(String::as_str), MOST_LISTED), "refused");
    let lines = more.iter().map(|line| format!("\n  + {line}"));
    let lines = lines.chain(fewer.iter().map(|line| format!("\n  - {line}"))).take(2 * MOST_LISTED);
    Err(Error::Unaccepted {
        message: format!(
            "the pack `{name}` {} asks for more than the registered version, which stays as it is:{}",
            pack.version,
            lines.collect::<String>()
        ),
        // A version from a registry is taken away again, so that its directory is nothing to name here.
        hint: "repeat this with --grant to accept it (`\"grant\": true` in a request)".to_owned(),
    })
}

/// The grant of all that the pack asks for, apart from directories, beside what it is granted already.
fn accepted(
    content: &Content,
    pack: &Pack,
    (by, now): (&str, Timestamp),
    told: &mut Told,
) -> Result<Option<PackGrant>, Error> {
    let Some(request) = pack.capabilities.as_deref() else { return Ok(None) };
    let name = &pack.reference;
    let mut granted = content.grant(name).map(|grant| grant.granted.clone()).unwrap_or_default();
    for capability in request.grantable() {
        let text = capability.to_string();
        let is_new = granted.add(capability).map_err(|error| {
            Error::invalid(format!("pack `{name}`: `{}` {}", error.text, error.reason), error.remedy)
        })?;
        if is_new {
            told.granted.push(text);
        }
    }
    let grant = PackGrant {
        pack: name.clone(),
        granted,
        hash: request.hash(),
        granted_by: by.to_owned(),
        granted_at: now,
    };
    Ok((!grant.granted.is_empty()).then_some(grant))
}

/// The note on what a pack asks for and is not granted, with the command that grants it.
fn not_granted(content: &Content, pack: &Pack, grant: Option<&PackGrant>) -> Option<String> {
    let request = pack.capabilities.as_deref().filter(|request| !request.is_empty())?;
    let name = &pack.reference;
    let rights = content.rights_with(pack, grant);
    let (directly, directories) = missing(request, &rights);
    // Named one by one, since components see these.
    let apart =
        request.names.reveal.difference(&rights.names.reveal).map(|secret| format!("reveal={secret}"));
    let apart: Vec<_> = apart.collect();
    let all: Vec<_> = directly.iter().chain(&directories).chain(&apart).map(String::as_str).collect();
    if all.is_empty() {
        return None;
    }
    let mut commands = Vec::new();
    if !directly.is_empty() {
        commands.push(format!("`petrel pack grant {name} {}`", words(request, &rights)));
    }
    let places = directories.iter().map(|wish| {
        let (_, place) = wish.split_once(' ').unwrap_or_default();
        format!("`petrel pack grant {name} files=HOST-DIR:{place}`")
    });
    commands.extend(places);
    commands.extend(apart.iter().map(|one| format!("`petrel pack grant {name} {one}`")));
    Some(format!(
        "the pack `{name}` asks for what is not granted: {}; {} grants {}",
        listed(all, MOST_LISTED),
        commands.join(" and "),
        if commands.iter().any(|command| command.contains(ONE_HOST)) { "of it what you mean" } else { "it" }
    ))
}

/// The words that grant what can be granted as it stands and is not. What is asked for of any host is meant for the one that
/// the operator has, so that such a pack is not granted all at once.
fn words(request: &Request, rights: &Rights) -> String {
    let is_any = |rule: &HttpRule| rule.host == HostPattern::Any;
    if !request.http.iter().any(|wish| is_any(&wish.rule)) {
        return "--all".to_owned();
    }
    let mut words = Vec::new();
    for one in request.grantable().filter(|one| is_missing(one, rights)) {
        let word = match &one {
            Capability::Http(rule) if is_any(rule) => ONE_HOST.to_owned(),
            Capability::Env(_) => one.to_string(),
            _ => format!("'{one}'"),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(MOST_LISTED);
    words.join(" ")
}

/// Whether something of these addresses is granted.
fn is_granted(rights: &Rights, rule: &HttpRule) -> bool {
    rights.http.iter().any(|known| known.both(rule).is_some())
}

/// Whether nothing is granted of what can be granted as it stands.
fn is_missing(one: &Capability, rights: &Rights) -> bool {
    match one {
        Capability::Http(rule) => !is_granted(rights, rule),
        Capability::Env(name) => !rights.env.contains(name),
        Capability::Named(kind, name) => rights.names.covering(*kind, name).is_none(),
        Capability::Files(_) => false,
    }
}

/// What is asked for and not granted at all: what can be granted as it stands, and directories.
fn missing(request: &Request, rights: &Rights) -> (Vec<String>, Vec<String>) {
    let directly = request.grantable().filter(|one| is_missing(one, rights)).map(|one| one.to_string());
    let files = request.files.iter();
    let files = files.filter(|wish| !rights.mounts.iter().any(|mount| mount.guest_path == wish.path));
    (directly.collect(), files.map(|wish| format!("files {wish}")).collect())
}
