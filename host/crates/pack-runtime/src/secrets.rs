//! The secrets that a call has asked for, and the texts that stand for them. `host_functions::secrets` gives these out, and
//! `requests::swap` puts the secrets in their places.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use petrel_model::hexadecimal;

/// The beginning of each text that stands for a secret.
const MARK: &str = "petrel-secret-";

/// A secret as a component has it.
#[derive(Debug, Clone)]
#[expect(unreachable_pub, reason = "the bindings have it under a name of their own, which is public")]
pub struct Handle {
    /// Its name.
    pub(crate) name: String,
    /// The text that stands for it in this call.
    pub(crate) placeholder: String,
}

/// The texts that stand for secrets in one call, by the names of these.
#[derive(Debug, Default)]
pub(crate) struct Placeholders(Mutex<BTreeMap<String, Known>>);

/// A secret that a call has asked for.
#[derive(Debug)]
struct Known {
    placeholder: String,
    is_revealed: bool,
}

impl Placeholders {
    /// The text that stands for the secret `name`: the same throughout the call, and never to be guessed, since a text from
    /// elsewhere must not bring a secret into a request.
    pub(crate) fn of(&self, name: &str) -> Result<String, getrandom::Error> {
        let mut secrets = self.locked();
        if let Some(known) = secrets.get(name) {
            return Ok(known.placeholder.clone());
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let placeholder = format!("{MARK}{}", hexadecimal(&bytes));
        let known = Known { placeholder: placeholder.clone(), is_revealed: false };
        secrets.insert(name.to_owned(), known);
        Ok(placeholder)
    }

    /// Notes that the secret `name` is revealed. Whether that is for the first time in the call.
    pub(crate) fn is_new_to_reveal(&self, name: &str) -> bool {
        let mut secrets = self.locked();
        secrets.get_mut(name).is_none_or(|known| !std::mem::replace(&mut known.is_revealed, true))
    }

    /// All of them: the name of each secret, and the text that stands for it.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        self.locked().iter().map(|(name, known)| (name.clone(), known.placeholder.clone())).collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The key of the datastore that has the secret `name` of a pack.
pub(crate) fn key_of(pack: &str, name: &str) -> String {
    format!("{pack}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_placeholder_in_a_call_and_another_one_in_the_next() {
        let (one, other) = (Placeholders::default(), Placeholders::default());
        let first = one.of("token").unwrap();
        assert_eq!(one.of("token").unwrap(), first);
        assert_ne!(one.of("key").unwrap(), first);
        assert_ne!(other.of("token").unwrap(), first);
        assert_eq!(one.all().len(), 2);
        assert_eq!((one.is_new_to_reveal("token"), one.is_new_to_reveal("token")), (true, false));
        assert!(one.is_new_to_reveal("key"));
        assert!(first.starts_with(MARK) && first.len() == MARK.len() + 32, "{first}");
    }
}
