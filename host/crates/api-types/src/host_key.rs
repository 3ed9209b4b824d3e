//! Keys by which other hosts are recognized.

use std::borrow::Cow;

use petrel_model::{ExecutionId, Timestamp, host_key};
use serde::{Deserialize, Serialize};

/// The key that is pinned for a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey<'a> {
    /// The host again.
    #[serde(default)]
    pub id: Cow<'a, str>,
    /// The host; `[host]:port` for another port than 22.
    pub host: Cow<'a, str>,
    /// The public key, as `KIND BASE64`.
    pub key: Cow<'a, str>,
    /// Its digest, as `SHA256:...`.
    pub fingerprint: Cow<'a, str>,
    /// The time at which it was pinned.
    pub pinned_at: Timestamp,
    /// The user who pinned it, or on whose behalf the execution ran that met the host first.
    #[serde(default)]
    pub pinned_by: Cow<'a, str>,
    /// The execution that met the host first.
    #[serde(default)]
    pub execution: Option<ExecutionId>,
}

impl<'a> HostKey<'a> {
    /// The view of a pinned key.
    pub fn of(pinned: &'a host_key::HostKey) -> Self {
        Self {
            id: Cow::Borrowed(&pinned.host),
            host: Cow::Borrowed(&pinned.host),
            key: Cow::Borrowed(&pinned.key),
            fingerprint: Cow::Borrowed(&pinned.fingerprint),
            pinned_at: pinned.pinned_at,
            pinned_by: Cow::Borrowed(&pinned.pinned_by),
            execution: pinned.execution,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::round_trip::{assert_shown_as, noun};

    #[test]
    fn a_pinned_key_says_who_met_the_host() {
        let stored: host_key::HostKey = noun(json!({
            "host": "[web1]:2222", "key": "ssh-ed25519 AAAA", "fingerprint": "SHA256:a",
            "pinned_at": "2026-11-20T12:00:00Z", "pinned_by": "ada", "execution": "65a000000000000000000001",
        }));
        assert_shown_as::<HostKey<'static>>(
            &HostKey::of(&stored),
            &json!({
                "id": "[web1]:2222",
                "host": "[web1]:2222",
                "key": "ssh-ed25519 AAAA",
                "fingerprint": "SHA256:a",
                "pinned_at": "2026-11-20T12:00:00.000000Z",
                "pinned_by": "ada",
                "execution": "65a000000000000000000001",
            }),
        );
    }
}
