//! The settings of the runners for other hosts.

use std::path::PathBuf;

use crate::Upkeep;

/// Settings of the runners for other hosts.
#[derive(Debug, Clone)]
pub struct Options {
    /// The environment that the host passes on to its processes. ssh gets what it needs of it.
    pub environment: Vec<(String, String)>,
    /// The socket of the agent for calls without a key and a password of their own.
    pub agent: Option<String>,
    /// The directory in which ssh starts.
    pub working_directory: PathBuf,
    /// The address of the API, for scripts that call back.
    pub api_url: String,
    /// Bytes of each stream that are kept for the result, as stored, of all hosts of a call together.
    pub output_limit: usize,
    /// Whether output is decoded if it is a JSON scalar.
    pub decode_scalars: bool,
    /// Lays out files of the host that are missing.
    pub upkeep: Upkeep,
    /// The user to sign in as, if the call names none.
    pub user: Option<String>,
    /// The path of the private key for calls that bring none.
    pub private_key: Option<String>,
    /// The configuration of ssh to read. Default: none.
    pub config: Option<PathBuf>,
    /// Whether hosts whose keys are not pinned are refused.
    pub is_strict: bool,
    /// Whether a call succeeds if some of its hosts do.
    pub allows_partial_failure: bool,
    /// The number of hosts of a call that work at the same time.
    pub most_at_once: usize,
    /// Seconds until a connection must stand.
    pub connect_seconds: u64,
    /// The directory of other hosts below which scripts are copied.
    pub remote_directory: String,
}
