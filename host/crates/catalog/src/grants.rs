//! Grants to packs: the operator gives and takes them back here. What a pack may do follows at once
//! (`content/rights.rs`); components are checked against it at each call.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_engine_core::{Decided, Error};
use petrel_model::capabilities::{Capability, Granted, InvalidCapability, Request, Rights, Wanted};
use petrel_model::{Pack, PackGrant, Timestamp};
use petrel_persistence::Change;
use petrel_runners::Runs;

use crate::content::Content;
use crate::service::Catalog;

/// The most words of one change.
const MOST_WORDS: usize = 200;

/// A change of the grant to a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantChange {
    /// The words for what is granted.
    pub grant: Vec<String>,
    /// Whether all that the pack asks for is granted, apart from directories.
    pub all: bool,
    /// The words for what is taken back, which happens first.
    pub revoke: Vec<String>,
    /// Whether all is taken back first.
    pub revoke_all: bool,
}

/// What a pack asks for, what it is granted, and what it has needed of that.
#[derive(Debug, Clone, PartialEq)]
pub struct Capabilities {
    /// The pack.
    pub pack: Arc<Pack>,
    /// The grant of the operator.
    pub grant: Option<Arc<PackGrant>>,
    /// What the settings grant.
    pub by_settings: Granted,
    /// The rights that follow.
    pub rights: Arc<Rights>,
    /// How often each of what it asks for was used since the host began, by kind and name.
    pub uses: BTreeMap<String, u64>,
}

impl Catalog {
    /// What a pack asks for and may do.
    ///
    /// # Errors
    /// When it does not exist.
    pub fn capabilities(&self, name: &str) -> Result<Capabilities, Error> {
        let content = self.content();
        let pack = Arc::clone(content.pack(name)?);
        let mut uses = BTreeMap::new();
        content.runners().values().filter_map(Runs::runner).for_each(|runner| uses.extend(runner.uses(name)));
        Ok(Capabilities {
            pack,
            grant: content.grant(name).cloned(),
            by_settings: content.granted_by_settings(name).cloned().unwrap_or_default(),
            rights: content.rights(name),
            uses,
        })
    }

    /// Changes the grant to a pack on behalf of `user`. It counts from the answer on, also for calls in progress.
    ///
    /// # Errors
    /// When the pack does not exist or does not ask for what is granted, or something is taken back that is not granted.
    pub async fn change_grant(&self, name: &str, user: &str, change: GrantChange) -> Result<(), Error> {
        let (name, by) = (name.to_owned(), user.to_owned());
        let now = self.core().now();
        let (gone, new) = self.change(move |content| decided(content, &name, &by, &change, now)).await?;
        for (event, capabilities) in [("cap.revoked", gone), ("cap.granted", new)] {
            for (pack, capability) in capabilities {
                tracing::info!(target: "petrel_audit", event, user, pack, %capability, "changed");
            }
        }
        Ok(())
    }
}

/// Capabilities, each with its pack.
type Told = Vec<(String, Capability)>;

fn decided(
    content: &Content,
    name: &str,
    by: &str,
    change: &GrantChange,
    now: Timestamp,
) -> Result<Decided<Content, (Told, Told)>, Error> {
    let pack = content.pack(name)?;
    if change.grant.len().max(change.revoke.len()) > MOST_WORDS {
        let message =
            format!("more than {MOST_WORDS} capabilities of the pack `{name}` are to change at once");
        return Err(Error::invalid(message, "change fewer at a time"));
    }
    let grants_some = change.all || !change.grant.is_empty();
    let none = Request::default();
    let request = match pack.capabilities.as_deref() {
        Some(request) => request,
        None if grants_some => return Err(without_request(name)),
        None => &none,
    };
    let before = content.grant(name).map(|grant| grant.granted.clone()).unwrap_or_default();
    let invalid = |error: InvalidCapability| refused(name, &error);
    let mut granted = if change.revoke_all { Granted::default() } else { before.clone() };
    for text in &change.revoke {
        granted.take(&Wanted::parse(text).map_err(invalid)?, request).map_err(invalid)?;
    }
    if change.all {
        for one in request.grantable() {
            granted.add(one).map_err(invalid)?;
        }
    }
    for text in &change.grant {
        for one in request.named(&Wanted::parse(text).map_err(invalid)?).map_err(invalid)? {
            granted.add(absolute(one).map_err(invalid)?).map_err(invalid)?;
        }
    }
    let told = |some: &Granted, others: &Granted| -> Told {
        let others: Vec<_> = others.all().collect();
        some.all().filter(|one| !others.contains(one)).map(|one| (name.to_owned(), one)).collect()
    };
    let answer = (told(&before, &granted), told(&granted, &before));
    let grant = (!granted.is_empty()).then(|| PackGrant {
        pack: name.to_owned(),
        granted,
        hash: request.hash(),
        granted_by: by.to_owned(),
        granted_at: now,
    });
    let changes = match &grant {
        Some(grant) => vec![Change::put(grant.clone())],
        None => vec![Change::delete::<PackGrant>(name.to_owned())],
    };
    let name = name.to_owned();
    Ok(Decided::new(changes, answer, move |content: &mut Content| content.put_grant(&name, grant)))
}

/// Refuses a directory that is another one depending on where the host was started.
fn absolute(capability: Capability) -> Result<Capability, InvalidCapability> {
    if let Capability::Files(mount) = &capability {
        let is_plain = mount
            .host_path
            .components()
            .all(|part| matches!(part, std::path::Component::RootDir | std::path::Component::Normal(_)));
        if !is_plain || !mount.host_path.is_absolute() {
            return Err(InvalidCapability {
                text: capability.to_string(),
                reason: "names a directory of the host by a path that is not absolute".to_owned(),
                remedy: "write the whole path, without ..".to_owned(),
            });
        }
    }
    Ok(capability)
}

fn refused(pack: &str, error: &InvalidCapability) -> Error {
    let InvalidCapability { text, reason, remedy } = error;
    Error::invalid(format!("pack `{pack}`: `{text}` {reason}"), remedy.clone())
}

fn without_request(pack: &str) -> Error {
    Error::invalid(
        format!("the pack `{pack}` does not say what it asks for, so nothing can be granted to it"),
        "its author writes `capabilities` in its pack.yaml; until then runners.grant_urls and runners.grant_directories grant",
    )
}
