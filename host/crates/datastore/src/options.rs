//! Settings of the service.

/// Settings of the datastore, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bytes that the names and the stored values of all keys may take together, as all of them are in memory. Default
    /// 64 MiB.
    pub most_bytes: usize,
    /// The number of keys. Default 100,000.
    pub most_keys: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { most_bytes: 64 << 20, most_keys: 100_000 }
    }
}
