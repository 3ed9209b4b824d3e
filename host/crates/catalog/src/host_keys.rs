//! The keys by which other hosts are recognized: pinned at the first contact, or by hand, and forgotten here. What runs
//! commands by SSH reads and pins them through `petrel_runners::host_keys`. Each change has a line in the audit log.

use async_trait::async_trait;
use petrel_engine_core::{Decided, Error};
use petrel_model::quoted::quoted;
use petrel_model::{ExecutionId, HostKey};
use petrel_persistence::Change;
use petrel_runners::asked::{Unserved, Why};
use petrel_runners::host_keys::{FirstContact, HostKeys, PublicKey};
use petrel_runners::remote_shell::pin_of;

use crate::content::Content;
use crate::service::{Catalog, WeakCatalog};

/// The greatest number of pinned keys.
const MOST_KEYS: usize = 20_000;

impl Catalog {
    /// Pins the key of a host on behalf of `user`. `key` is its text, as `ssh-ed25519 AAAA...`.
    ///
    /// # Errors
    /// When the host or the key is not one, or another key is pinned for the host.
    pub async fn pin_host_key(&self, host: &str, key: &str, user: &str) -> Result<HostKey, Error> {
        let name = pin_of(host).map_err(|why| {
            Error::invalid(
                format!("the host `{}` {why}", quoted(host)),
                "write its name or address, with the port if it is not 22, as [web1]:2222",
            )
        })?;
        let key = PublicKey::parse(key).map_err(|why| {
            Error::invalid(
                format!("the key of the host `{}` {why}", quoted(host)),
                "give the line of its file /etc/ssh/ssh_host_ed25519_key.pub, or of `ssh-keyscan -t ed25519 HOST` without the name",
            )
        })?;
        self.pin((name, key), user, None).await
    }

    /// Forgets the key of a host on behalf of `user`: the next contact is the first again.
    ///
    /// # Errors
    /// When none is pinned for it.
    pub async fn forget_host_key(&self, host: &str, user: &str) -> Result<(), Error> {
        let name = pin_of(host).unwrap_or_else(|_| host.to_owned());
        let gone = self
            .change(move |content| {
                let gone = HostKey::clone(content.host_key(&name)?);
                let changes = vec![Change::delete::<HostKey>(name.clone())];
                Ok(Decided::new(changes, gone, move |content: &mut Content| content.delete_host_key(&name)))
            })
            .await?;
        tell("host_key.forgotten", user, &gone);
        Ok(())
    }

    async fn pin(
        &self,
        (host, key): (String, PublicKey),
        user: &str,
        execution: Option<ExecutionId>,
    ) -> Result<HostKey, Error> {
        let PublicKey { text, fingerprint } = key;
        let pinned_at = self.core().now();
        let new = HostKey { host, key: text, fingerprint, pinned_at, pinned_by: user.to_owned(), execution };
        let (pinned, is_new) = self.change(move |content| decided(content, new)).await?;
        if is_new {
            tell("host_key.pinned", user, &pinned);
        }
        Ok(pinned)
    }
}

/// Pins `new`, unless the same key is pinned already.
fn decided(content: &Content, new: HostKey) -> Result<Decided<Content, (HostKey, bool)>, Error> {
    if let Ok(known) = content.host_key(&new.host) {
        if known.key == new.key {
            return Ok(Decided::new(Vec::new(), (HostKey::clone(known), false), |_: &mut Content| {}));
        }
        let host = quoted(&new.host);
        return Err(Error::Conflict {
            message: format!("another key is pinned for the host `{host}`: {}", known.fingerprint),
            hint: format!("if the host was set up anew, forget that first: petrel host-key delete '{host}'"),
            id: None,
        });
    }
    if content.host_keys().len() >= MOST_KEYS {
        return Err(Error::invalid(
            format!("there are {MOST_KEYS} pinned keys of hosts, and that is the limit"),
            "forget those of hosts that are gone with `petrel host-key delete HOST`",
        ));
    }
    let pinned = new.clone();
    let changes = vec![Change::put(new.clone())];
    Ok(Decided::new(changes, (pinned, true), move |content: &mut Content| content.put_host_key(new)))
}

/// Writes a line of the audit log.
fn tell(event: &str, user: &str, key: &HostKey) {
    let execution = key.execution.map(|id| id.to_string());
    tracing::info!(target: "petrel_audit", event, user, host = key.host, fingerprint = key.fingerprint, execution, "changed");
}

/// The pinned keys, for what runs commands on other hosts. It does not keep the catalog, which has that.
pub(crate) struct Pins(pub(crate) WeakCatalog);

#[async_trait]
impl HostKeys for Pins {
    fn pinned(&self, host: &str) -> Option<String> {
        let catalog = self.0.get()?;
        catalog.content().host_key(host).ok().map(|pinned| pinned.key.clone())
    }

    async fn pin(&self, contact: FirstContact) -> Result<(), Unserved> {
        let FirstContact { host, key, execution, user } = contact;
        let Some(catalog) = self.0.get() else {
            return Err(Unserved::new(Why::Failed, "the host is stopping", "try again when it is up"));
        };
        let pinned = catalog.pin((host, key), &user, Some(execution)).await;
        pinned.map(drop).map_err(|error| Unserved::new(Why::Failed, error.to_string(), error.hint()))
    }
}
