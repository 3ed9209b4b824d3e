//! The admin's token. It is stored in a file that only the owner of the host can read, and is the way in when every
//! password is forgotten. It can be replaced while the host runs; copies of the old token are refused from then on.

use std::sync::{PoisonError, RwLock};

use subtle::ConstantTimeEq as _;

/// Creates a new token and writes it to the file.
type Renew = dyn Fn() -> Result<String, String> + Send + Sync;

/// The admin's token, with the function that replaces it.
pub struct AdminToken {
    current: RwLock<String>,
    renew: Box<Renew>,
}

impl AdminToken {
    /// Takes the token as it stands in the file. `renew` writes a new one there and returns it, or the reason why it
    /// cannot.
    pub fn new(current: String, renew: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self { current: RwLock::new(current), renew: Box::new(renew) }
    }

    /// Whether `secret` is the token. The comparison takes constant time: its duration tells nobody how much of a
    /// guess is right.
    pub(crate) fn is(&self, secret: &str) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        bool::from(secret.as_bytes().ct_eq(current.as_bytes()))
    }

    /// Replaces the token, in memory and in the file. Blocks.
    ///
    /// # Errors
    /// The reason why the file cannot be written. The old token stays valid then.
    pub(crate) fn replace(&self) -> Result<(), String> {
        // The lock is held while the file is written, so that two concurrent calls leave the same token in both
        // places.
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = (self.renew)()?;
        Ok(())
    }
}
