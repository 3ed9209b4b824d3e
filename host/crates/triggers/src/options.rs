//! Settings of the service.

use std::time::Duration;

/// Settings of events, with defaults that suit one small machine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of events on their way to the store from which new ones are refused. Default 4,096.
    pub accepting_limit: usize,
    /// The memory that requests may take while they are taken in, in bytes. Default 256 MiB.
    pub bytes_in_flight: usize,
    /// What becomes of times at which a timer was due and could not fire. Default: it fires once.
    pub misfire: Misfire,
    /// The greatest number of events of actions that lead to one, one after the other: a rule whose action sets it off again
    /// is stopped there. Default 32.
    pub max_depth: u32,
    /// The greatest number of events of one trace, of which more are refused that others led to. Default 100,000.
    pub max_events_per_trace: usize,
    /// The least time for which the keys of events are remembered that their senders may send again; `None`: for ever.
    /// Default 24 hours.
    pub dedup_window: Option<Duration>,
    /// The number of sensors that poll at once, and of requests to sensors that are answered at once. Default 8.
    pub sensors_at_once: usize,
    /// How long one poll of a sensor, or one request to it, may take. Default one minute.
    pub poll_timeout: Duration,
}

/// What becomes of times at which a timer was due and could not fire, as the host was down, suspended or overloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Misfire {
    /// The timer fires once, for the last of them.
    #[default]
    FireOnce,
    /// The same, but not for times at which the host was down.
    Skip,
    /// The timer fires for each of them, and at most for so many, the last ones.
    CatchUp(usize),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accepting_limit: 4096,
            bytes_in_flight: 256 << 20,
            misfire: Misfire::default(),
            max_depth: 32,
            max_events_per_trace: 100_000,
            dedup_window: Some(Duration::from_hours(24)),
            sensors_at_once: 8,
            poll_timeout: Duration::from_secs(60),
        }
    }
}
