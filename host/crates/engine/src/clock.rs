//! The one place that reads the clock. Everything else is given the time.

use std::time::{SystemTime, UNIX_EPOCH};

use petrel_model::Timestamp;

/// The time now, to the microsecond.
pub fn now() -> Timestamp {
    // A clock before 1970 is a broken one; the epoch is as good an answer as any.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
