//! The keys of other hosts in the catalog at one moment.

use std::sync::Arc;

use petrel_engine_core::Error;
use petrel_model::HostKey;

use super::Content;

impl Content {
    /// All pinned keys, by host.
    pub fn host_keys(&self) -> impl ExactSizeIterator<Item = &Arc<HostKey>> {
        self.host_keys.values()
    }

    /// The key that is pinned for a host.
    pub fn host_key(&self, host: &str) -> Result<&Arc<HostKey>, Error> {
        let known = self.host_keys.keys().map(String::as_str);
        self.host_keys.get(host).ok_or_else(|| Error::not_found("host-key", host, known))
    }

    /// Pins a key.
    pub(crate) fn put_host_key(&mut self, key: HostKey) {
        Arc::make_mut(&mut self.host_keys).insert(key.host.clone(), Arc::new(key));
    }

    /// Forgets the key of a host.
    pub(crate) fn delete_host_key(&mut self, host: &str) {
        Arc::make_mut(&mut self.host_keys).remove(host);
    }
}
