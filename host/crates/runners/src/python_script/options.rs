//! The settings of what runs Python.

use std::path::PathBuf;

use crate::program;
use crate::upkeep::Upkeep;

/// Settings of the runner of Python actions.
#[derive(Debug, Clone)]
pub struct Options {
    /// Environment of every process, before the additions of the call.
    pub environment: Vec<(String, String)>,
    /// Directory in which a process starts.
    pub working_directory: PathBuf,
    /// The address of the API, for actions that call back.
    pub api_url: String,
    /// Bytes of each stream that are kept.
    pub output_limit: usize,
    /// Largest result, in bytes of JSON. A larger one fails the action.
    pub result_limit: usize,
    /// The interpreter: a path, or a name that is looked up on `PATH`.
    pub interpreter: String,
    /// The directory that [`lay_out`](super::library::lay_out) has filled.
    pub library: PathBuf,
    /// Lays out files of the host that are missing.
    pub upkeep: Upkeep,
}

impl Options {
    /// The path of the interpreter, if it exists.
    pub fn find_interpreter(&self) -> Option<PathBuf> {
        program::find(&self.interpreter, program::folders(&self.environment))
    }
}
