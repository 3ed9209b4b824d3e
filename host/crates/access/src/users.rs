//! Creates and deletes users, and sets their passwords.

use petrel_engine_core::{Decided, Error};
use petrel_model::names::check_user;
use petrel_model::{ApiKey, Token, User};
use petrel_persistence::Change;

use crate::accounts::Accounts;
use crate::identity::ADMIN;
use crate::secrets;
use crate::service::Access;
use crate::sign_in::LONGEST_PASSWORD;

/// The shortest password, in characters.
const SHORTEST_PASSWORD: usize = 8;

impl Access {
    /// Creates the user [`ADMIN`] if there are no users. Returns the password, which is shown once and not stored.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ensure_admin(&self) -> Result<Option<String>, Error> {
        if self.accounts().users().next().is_some() {
            return Ok(None);
        }
        let password = secrets::random::<12>()?;
        self.create_user(ADMIN, ADMIN, &password).await?;
        Ok(Some(password))
    }

    /// Creates a user.
    ///
    /// # Errors
    /// When the name or the password is not valid, the name is taken, or it comes with rights and `caller` is not the
    /// admin: the name of the admin, which is free after a deletion, that of rules, and those in the settings. Nobody
    /// can create a name that looks like one of these.
    pub async fn create_user(&self, caller: &str, name: &str, password: &str) -> Result<User, Error> {
        check_name(name)?;
        if self.comes_with_rights(name) {
            self.refuse_others_than_admin(caller, &format!("make the user `{name}`"))?;
        }
        if let Some(known) = self.resembled(name) {
            let message = format!(
                "`{name}` cannot be the name of a user: people cannot tell it from `{known}`, which comes with rights"
            );
            return Err(Error::invalid(message, "choose a name that looks different"));
        }
        let password_hash = self.hashed(password).await?;
        let created_at = self.core().now();
        let user = User { name: name.to_owned(), password_hash, is_admin: name == ADMIN, created_at };
        self.change(move |accounts| {
            if accounts.user(&user.name).is_ok() {
                return Err(Error::Conflict {
                    message: format!("the user `{}` exists already", user.name),
                    hint: format!("`petrel user password {}` sets another password", user.name),
                    id: Some(user.name),
                });
            }
            let shown = user.clone();
            Ok(Decided::new(vec![Change::put(user.clone())], user, move |accounts: &mut Accounts| {
                accounts.put_user(shown);
            }))
        })
        .await
    }

    /// Sets the password of a user and revokes all of the user's tokens. API keys stay.
    ///
    /// # Errors
    /// When the user does not exist, the password is not valid, or `caller` may not act on behalf of the user: with
    /// the password the caller could sign in as that user.
    pub async fn set_password(&self, caller: &str, name: &str, password: &str) -> Result<User, Error> {
        self.accounts().user(name)?;
        self.refuse_impersonation(caller, name)?;
        let password_hash = self.hashed(password).await?;
        let name = name.to_owned();
        self.change(move |accounts| {
            let user = User { password_hash, ..accounts.user(&name)?.clone() };
            let tokens: Vec<_> = accounts.tokens_of(&name).map(|token| token.id).collect();
            let mut changes = vec![Change::put(user.clone())];
            changes.extend(tokens.iter().copied().map(Change::delete::<Token>));
            let shown = user.clone();
            Ok(Decided::new(changes, user, move |accounts: &mut Accounts| {
                accounts.put_user(shown);
                accounts.delete_tokens(&tokens);
            }))
        })
        .await
    }

    /// Deletes a user, with all tokens and API keys.
    ///
    /// # Errors
    /// When the user does not exist or is the only one, or `caller` may not act on behalf of the user: the name
    /// becomes free, and others may take it.
    pub async fn delete_user(&self, caller: &str, name: &str) -> Result<(), Error> {
        self.accounts().user(name)?;
        self.refuse_impersonation(caller, name)?;
        let name = name.to_owned();
        self.change(move |accounts| {
            accounts.user(&name)?;
            if accounts.users().count() == 1 {
                // Without any user the next start would create a new admin.
                return Err(Error::Conflict {
                    message: format!("`{name}` is the only user"),
                    hint: "create another user first".into(),
                    id: None,
                });
            }
            let tokens: Vec<_> = accounts.tokens_of(&name).map(|token| token.id).collect();
            let keys: Vec<_> = accounts.api_keys().filter(|key| key.user == name).map(|key| key.id).collect();
            let mut changes = vec![Change::delete::<User>(name.clone())];
            changes.extend(tokens.iter().copied().map(Change::delete::<Token>));
            changes.extend(keys.iter().copied().map(Change::delete::<ApiKey>));
            Ok(Decided::new(changes, (), move |accounts: &mut Accounts| {
                accounts.delete_user(&name);
                accounts.delete_tokens(&tokens);
                keys.into_iter().for_each(|id| accounts.delete_api_key(id));
            }))
        })
        .await
    }

    async fn hashed(&self, password: &str) -> Result<String, Error> {
        check_password(password)?;
        let password = password.to_owned();
        self.costly(move || secrets::hash_password(&password)).await?
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    check_user(name)?;
    // HTTP's Basic scheme, by which people sign in, ends a name at its first colon (RFC 7617).
    if name.contains(':') {
        let message =
            format!("`{name}` cannot be the name of a user: it holds a colon, and could not sign in");
        return Err(Error::invalid(message, "leave the colon out"));
    }
    Ok(())
}

fn check_password(password: &str) -> Result<(), Error> {
    if password.chars().count() < SHORTEST_PASSWORD {
        let message = format!("the password is shorter than {SHORTEST_PASSWORD} characters");
        return Err(Error::invalid(message, "choose a longer one"));
    }
    if password.len() > LONGEST_PASSWORD {
        let message = format!("the password is longer than {LONGEST_PASSWORD} bytes");
        return Err(Error::invalid(message, "choose a shorter one"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_that_will_not_do_are_refused() {
        assert!(
            ["ada", "a.b-c_d@e", "A1", "a b", "ä", "CORP/ada"]
                .into_iter()
                .all(|name| check_name(name).is_ok())
        );
        let long = "x".repeat(256);
        assert!(
            ["", "a:b", "a\nb", " a", "a ", "a\u{200b}", "\u{202e}a", &long]
                .into_iter()
                .all(|name| check_name(name).is_err())
        );
        assert!(check_password("12345678").is_ok() && check_password("1234567").is_err());
        assert!(check_password(&"x".repeat(1025)).is_err());
    }
}
