//! Notes about one call while it runs: its CPU time, its output, and the capabilities that it was denied.
//!
//! Shared by the call's instance (`linker::CallState`), the streams and checks that WASI holds, and the runner, which
//! reads it after the call.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::limits::CpuMeter;
use crate::output::Output;

/// The notes about one call.
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
    /// Network access, with the attempted operation, for example `connect to 192.0.2.1:80`.
    Network(String),
    /// A path outside the mounted directories.
    Files(String),
    /// A request to an address that is not granted, with its method.
    Http(String),
    /// An event that the component may not emit.
    Emit(String),
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

    /// Records a denial. Only the latest one is kept, since it is the likeliest cause of a failure that follows.
    pub(crate) fn denied(&self, denial: Denial) {
        *self.denial.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial);
    }

    /// Records that the component listed its directories and there were none. That alone is no denial, since the
    /// runtimes of some languages always list them.
    pub(crate) fn found_no_files(&self) {
        self.found_no_files.store(true, Ordering::Relaxed);
    }

    /// The denial behind an error that says that something was not found or not allowed. Without a mounted directory
    /// the component resolves paths by itself and finds nothing, so the host never sees the attempt.
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
    /// The stable error code of an execution that fails for this reason.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Network(_) => "denied.network",
            Self::Files(_) => "denied.files",
            Self::Http(_) => "denied.http",
            Self::Emit(_) => "denied.emit",
        }
    }

    /// Advice for the author of the pack or the operator.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Network(_) => {
                "components have no sockets; make a request over wasi:http, to an address that runners.grant_urls \
                 allows, or use an action with another runner"
            }
            Self::Files(_) => {
                "only directories that are mounted for the pack can be opened, and nothing outside of them; \
                 mount the directory with runners.grant_directories, or open a path within one"
            }
            Self::Http(_) => {
                "allow the address with runners.grant_urls (--grant-url PACK=https://HOST/PATH; PACK=private+https://HOST/PATH \
                 if the host's name leads into a private network)"
            }
            Self::Emit(_) => {
                "actions and sensors that stream emit events of trigger types of their own pack; the other sensors return theirs"
            }
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(what) => write!(f, "network: {what}"),
            Self::Files(what) => write!(f, "files: {what}"),
            Self::Http(what) => write!(f, "http: {what}"),
            Self::Emit(what) => write!(f, "events: {what}"),
        }
    }
}
