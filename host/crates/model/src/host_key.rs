//! Keys by which other hosts are recognized when commands are run there by SSH.

use serde::{Deserialize, Serialize};

use crate::{ExecutionId, Timestamp};

/// The key that is pinned for a host: whoever answers with another is not taken for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// The host, in small letters; `[host]:port` for another port than 22, as in a file `known_hosts`.
    pub host: String,
    /// The public key, as `KIND BASE64`.
    pub key: String,
    /// Its digest, as `SHA256:...`.
    pub fingerprint: String,
    /// The time at which it was pinned.
    pub pinned_at: Timestamp,
    /// The user who pinned it, or on whose behalf the execution ran that met the host first.
    #[serde(default)]
    pub pinned_by: String,
    /// The execution that met the host first. `None` if a user pinned the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
}
