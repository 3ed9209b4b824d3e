//! The secrets that a call has asked for, and the texts that stand for them. `host_functions::secrets` gives these out, and
//! `requests::swap` puts the secrets in their places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

/// The texts that stand for secrets in one call, each with the name of its secret. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Placeholders(Arc<Mutex<BTreeMap<String, String>>>);

impl Placeholders {
    /// The text that stands for the secret `name`: the same throughout the call, and never to be guessed, since a text from
    /// elsewhere must not bring a secret into a request.
    pub(crate) fn of(&self, name: &str) -> Result<String, getrandom::Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(placeholder) = known.get(name) {
            return Ok(placeholder.clone());
        }
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes)?;
        let placeholder = format!("{MARK}{}", hexadecimal(&bytes));
        known.insert(name.to_owned(), placeholder.clone());
        Ok(placeholder)
    }

    /// All of them: the name of each secret, and the text that stands for it.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().map(|(name, placeholder)| (name.clone(), placeholder.clone())).collect()
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
        assert!(first.starts_with(MARK) && first.len() == MARK.len() + 32, "{first}");
    }
}
