//! Secret values: sealed for their key, taken over from StackStorm, and opened for expressions.

use std::sync::Arc;

use petrel_engine_core::vault::VaultError;
use petrel_engine_core::{Error, Vault};
use petrel_scope::{KeyName, KeyScope, Opener};

use crate::key::{Form, KeyId, check_opened};

/// A value in both forms.
pub(crate) struct Given {
    /// As it is stored.
    pub(crate) stored: String,
    /// As it was before it was sealed, if it is secret.
    pub(crate) opened: Option<String>,
}

/// `value`, which was given in `form`, as it is stored for `id`.
pub(crate) fn given(vault: &Vault, id: &KeyId, value: String, form: Form) -> Result<Given, Error> {
    let opened = match form {
        Form::Open => return Ok(Given { stored: value, opened: None }),
        Form::Secret => value,
        Form::Encrypted => decrypted(vault, id, &value)?,
    };
    check_opened(id, &opened)?;
    let stored = vault.seal(&opened, &id.place()).map_err(|error| unsealed(id, &error))?;
    Ok(Given { stored, opened: Some(opened) })
}

fn decrypted(vault: &Vault, id: &KeyId, value: &str) -> Result<String, Error> {
    if Vault::is_sealed(value) {
        return vault.open(value, &id.place()).map_err(|error| refused(id, &error));
    }
    let Some(st2) = vault.st2_key() else {
        return Err(Error::invalid(
            format!("the encrypted value of {} is not one of this host", id.told()),
            "to take over values of a StackStorm, name its key file with the setting datastore.st2_key and start the host again; \
             or give the value itself, and it is encrypted",
        ));
    };
    st2.open(value).map_err(|error| {
        Error::invalid(
            format!("the encrypted value of {} cannot be taken over: {error}", id.told()),
            "the setting datastore.st2_key must name the key file of the StackStorm that has encrypted it",
        )
    })
}

fn refused(id: &KeyId, error: &VaultError) -> Error {
    // Which key it belongs to cannot be seen, nor whether it was changed.
    if *error == VaultError::Damaged {
        return Error::invalid(
            format!(
                "the encrypted value given for {} was sealed for another key, or was changed since: an encrypted value \
                 opens only under the name and the scope from which it was read",
                id.told()
            ),
            "give the value itself, and it is encrypted: `petrel key get KEY --decrypt` prints that of another key",
        );
    }
    Error::invalid(
        format!("the encrypted value of {} cannot be read: {error}", id.told()),
        "give the value itself, and it is encrypted",
    )
}

/// The error for a value that cannot be sealed.
pub(crate) fn unsealed(id: &KeyId, error: &VaultError) -> Error {
    Error::invalid(
        format!("{} cannot be kept secret: {error}", id.told()),
        "nothing was stored, least of all in clear",
    )
}

/// The text of a secret value.
pub(crate) fn opened(vault: &Vault, id: &KeyId, sealed: &str) -> Result<String, Error> {
    vault.open(sealed, &id.place()).map_err(|error| {
        Error::invalid(
            format!("{} cannot be decrypted: {error}", id.told()),
            format!(
                "without the host's key for secrets it is lost: `petrel key set {} --encrypt -{}` sets it again, from standard \
                 input",
                id.name,
                if id.owner.is_some() { " --scope user" } else { "" }
            ),
        )
    })
}

/// Opens keys that all share, and those of one user.
#[derive(Debug)]
pub(crate) struct Opening {
    vault: Vault,
    owner: Option<String>,
}

impl Opening {
    /// For expressions on behalf of `owner`, or of nobody.
    pub(crate) fn of(vault: &Vault, owner: Option<&str>) -> Arc<dyn Opener> {
        Arc::new(Self { vault: vault.clone(), owner: owner.map(str::to_owned) })
    }
}

impl Opener for Opening {
    fn open(&self, key: &KeyName, sealed: &str) -> Result<Option<String>, String> {
        if !Vault::is_sealed(sealed) {
            return Ok(None);
        }
        let id = match (key.scope, &self.owner) {
            (KeyScope::System, _) => KeyId::shared(key.name.as_str()),
            (KeyScope::User, Some(owner)) => KeyId::of(owner.as_str(), key.name.as_str()),
            (KeyScope::User, None) => return Ok(None),
        };
        self.vault.open(sealed, &id.place()).map(Some).map_err(|error| error.to_string())
    }
}
