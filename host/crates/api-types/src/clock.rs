//! The time of the host.

use petrel_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The time by which the host runs what is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostTime {
    /// Now.
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::assert_shown_as;

    #[test]
    fn a_host_says_what_time_it_is() {
        let now = Timestamp::default();
        assert_shown_as::<HostTime>(&HostTime { now }, &json!({"now": now}));
    }
}
