//! What is noted about one call while it runs: its CPU time, its output, and what it was denied.
//!
//! Shared between the call's instance (`linker::CallState`), the streams and checks that WASI holds, and
//! the runner, which reads it when the call has ended.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::limits::CpuMeter;
use crate::output::Output;

/// The notes on one call.
#[derive(Debug)]
pub(crate) struct CallRecord {
    pub(crate) cpu: CpuMeter,
    pub(crate) output: Output,
    denial: Mutex<Option<Denial>>,
    found_no_files: AtomicBool,
}

/// A capability that a call asked for and was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Network; what it wanted to do: `connect to 192.0.2.1:80`.
    Network(String),
    /// A path outside of the mounted directories.
    Files(String),
}

impl CallRecord {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            cpu: CpuMeter::default(),
            output,
            denial: Mutex::default(),
            found_no_files: AtomicBool::new(false),
        }
    }

    /// Notes a denial; the latest one counts.
    pub(crate) fn denied(&self, denial: Denial) {
        *self.denial.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial);
    }

    /// Notes that the component looked which directories it has, and there were none. That alone is no
    /// denial: some languages always look.
    pub(crate) fn found_no_files(&self) {
        self.found_no_files.store(true, Ordering::Relaxed);
    }

    /// The denial behind an error that says that something was not found or not allowed: without a mounted
    /// directory a path is looked up, and not found, within the component, so the host never sees it.
    pub(crate) fn denial_behind_absence(&self) -> Option<Denial> {
        let no_files = || {
            self.found_no_files
                .load(Ordering::Relaxed)
                .then(|| Denial::Files("no directory is mounted".into()))
        };
        self.denial().or_else(no_files)
    }

    /// The latest denial.
    pub(crate) fn denial(&self) -> Option<Denial> {
        self.denial.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Denial {
    /// The stable code of a failure for this reason.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Network(_) => "denied.network",
            Self::Files(_) => "denied.files",
        }
    }

    /// What can be done.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Network(_) => {
                "components get no network in this version; do it in an action of another runner"
            }
            Self::Files(_) => {
                "only directories that are mounted for the pack can be opened, and nothing outside of them; \
                 mount the directory with runners.grant_directories, or open a path within one"
            }
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(what) => write!(f, "network: {what}"),
            Self::Files(what) => write!(f, "files: {what}"),
        }
    }
}
