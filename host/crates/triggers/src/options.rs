//! Settings of the service.

/// Settings of events, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of events on their way to the store from which new ones are refused. Default 4,096.
    pub accepting_limit: usize,
    /// The memory that requests may take while they are taken in, in bytes. Default 256 MiB.
    pub bytes_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { accepting_limit: 4096, bytes_in_flight: 256 << 20 }
    }
}
