//! The stored output of an execution, line by line, in the order of arrival.

use serde::{Deserialize, Serialize};

/// The origin of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Remarks of the host about the run, and log messages of a component.
    Output,
}

/// One line of output, without its line end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputLine {
    /// The origin.
    pub stream: Stream,
    /// The text. Bytes that are not UTF-8 are replaced.
    pub text: String,
}
