//! The description of a process to start, and of one that has ended.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use super::capture::Captured;
use super::input::Input;
use crate::upkeep::Upkeep;

/// The environment variable by which a later host finds processes of an execution.
pub const EXECUTION_VARIABLE: &str = "PETREL_EXECUTION_ID";
/// The environment variable that proves that this host has set [`EXECUTION_VARIABLE`].
pub const PROOF_VARIABLE: &str = "PETREL_EXECUTION_PROOF";

/// The description of a process to start.
#[derive(Debug)]
pub struct Spec {
    /// The execution. Every process that is started for it carries the id in [`EXECUTION_VARIABLE`], with a proof and a
    /// seal.
    pub execution: String,
    /// The program.
    pub program: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Its environment, without the marks of the execution.
    pub environment: Vec<(String, String)>,
    /// Directory in which it starts.
    pub working_directory: PathBuf,
    /// Standard input.
    pub input: Input,
    /// Longest duration.
    pub timeout: Duration,
    /// Bytes of each stream that are kept for the result, as stored.
    pub output_limit: usize,
    /// Lays the working directory out if it is the host's own and missing.
    pub upkeep: Upkeep,
}

/// The way in which a process ended.
#[derive(Debug)]
pub enum Exit {
    /// By itself, or by a signal from outside.
    Ended(ExitStatus),
    /// By itself, or by a signal from outside, and nobody knows how: who had forked it has ended before.
    Unknown,
    /// It exceeded its timeout and was ended.
    TimedOut,
    /// It was canceled.
    Canceled,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The way in which it ended.
    pub exit: Exit,
    /// Standard output.
    pub stdout: Captured,
    /// Standard error.
    pub stderr: Captured,
    /// The answer, if the input was an exchange.
    pub answer: Captured,
}

impl Finished {
    /// One that was canceled before it began.
    pub(super) fn canceled() -> Self {
        let nothing = Captured::default;
        Self { exit: Exit::Canceled, stdout: nothing(), stderr: nothing(), answer: nothing() }
    }
}
