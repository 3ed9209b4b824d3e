//! Settings of the service.

/// Settings of events, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many events may be on their way to the store before new ones are refused. Default 4,096.
    pub accepting_limit: usize,
    /// How much memory requests may take that are being taken in, in bytes. Default 256 MiB.
    pub bytes_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { accepting_limit: 4096, bytes_in_flight: 256 << 20 }
    }
}
