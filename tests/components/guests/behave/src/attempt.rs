//! The parameters of an attempt to escape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an attempt to escape takes; each looks at what it needs.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Attempt {
    /// The attempt.
    pub(crate) what: String,
    /// A directory or an address.
    pub(crate) at: String,
    /// A name in the directory, or of a secret.
    pub(crate) name: String,
    /// Another directory, or the place of a secret in a request.
    pub(crate) to: String,
    /// A text. In a request `{}` stands for the placeholder of the secret.
    pub(crate) value: String,
    /// The form in which the placeholder is written.
    pub(crate) form: String,
    /// A number of times, of bytes or of things.
    pub(crate) count: u64,
}
