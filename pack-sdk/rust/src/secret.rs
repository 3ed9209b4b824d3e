//! Secrets that the host sends for a component: [`Services::secret`](crate::Services::secret) has them.

use std::fmt;

use crate::Error;
#[cfg(not(target_family = "wasm"))]
use crate::Services;

/// A secret that the operator has granted.
pub struct Secret {
    #[cfg(target_family = "wasm")]
    pub(crate) handle: crate::component::asked::Handle,
    #[cfg(not(target_family = "wasm"))]
    pub(crate) name: String,
    #[cfg(not(target_family = "wasm"))]
    pub(crate) services: Services,
}

impl Secret {
    /// A text that stands for the secret, in this call. The host puts the secret in its place in requests that
    /// [`fetch`](crate::Services::fetch) makes, where the pack asks for that.
    pub fn placeholder(&self) -> String {
        #[cfg(target_family = "wasm")]
        let placeholder = self.handle.placeholder();
        #[cfg(not(target_family = "wasm"))]
        let placeholder = format!("petrel-secret-{}", self.name);
        placeholder
    }

    /// Its name.
    pub fn name(&self) -> String {
        #[cfg(target_family = "wasm")]
        return self.handle.name();
        #[cfg(not(target_family = "wasm"))]
        self.name.clone()
    }

    /// Its text. That is another right, and the host's audit log has a line on it.
    ///
    /// # Errors
    ///
    /// If it is not granted.
    pub fn reveal(&self) -> Result<String, Error> {
        #[cfg(target_family = "wasm")]
        return crate::component::asked::reveal(&self.handle);
        #[cfg(not(target_family = "wasm"))]
        self.services.host.reveal(&self.name)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").field("name", &self.name()).finish_non_exhaustive()
    }
}
