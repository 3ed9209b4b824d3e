//! The admin's token. It lies in a file of the host that only its owner can read, and is the way in when passwords are
//! forgotten. It can be replaced while the host runs: copies of the old one are worth nothing from then on.

use std::sync::{PoisonError, RwLock};

use subtle::ConstantTimeEq as _;

/// Makes another token and writes it to the file.
type Renew = dyn Fn() -> Result<String, String> + Send + Sync;

/// The admin's token, and how it is replaced.
pub struct AdminToken {
    current: RwLock<String>,
    renew: Box<Renew>,
}

impl AdminToken {
    /// The token as it is in the file; `renew` makes another one there and gives it, or says why it cannot.
    pub fn new(current: String, renew: impl Fn() -> Result<String, String> + Send + Sync + 'static) -> Self {
        Self { current: RwLock::new(current), renew: Box::new(renew) }
    }

    /// Whether `secret` is the token. Compared without telling by the time it takes how much of it is right.
    pub(crate) fn is(&self, secret: &str) -> bool {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        bool::from(secret.as_bytes().ct_eq(current.as_bytes()))
    }

    /// Replaces the token, here and in the file. It blocks.
    ///
    /// # Errors
    /// Why the file cannot be written; the old token stays then.
    pub(crate) fn replace(&self) -> Result<(), String> {
        // Held while the file is written, so that two that come together leave the same token in both places.
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = (self.renew)()?;
        Ok(())
    }
}
