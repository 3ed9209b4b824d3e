//! Notes about one call while it runs: its CPU time, its output, and the capabilities that it was denied.
//!
//! Shared by the call's instance (`linker::CallState`), the streams and checks that WASI holds, and the runner, which
//! reads it after the call.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use petrel_model::Ref;
use petrel_model::capabilities::{Mount, Named, Rights};
use petrel_runners::asked::KeyValues;

use crate::limits::CpuMeter;
use crate::output::Output;
use crate::secrets::Placeholders;
use crate::standing::{Standing, Waiting};

/// The notes about one call.
#[derive(Debug)]
pub(crate) struct CallRecord {
    pub(crate) cpu: CpuMeter,
    pub(crate) output: Output,
    /// The texts that stand for secrets.
    pub(crate) placeholders: Placeholders,
    denial: Mutex<Option<Denial>>,
    /// The action or sensor that is called, and the rights of all packs. Not set while nobody is, as for a component that
    /// describes itself.
    subject: OnceLock<(Ref, Arc<Standing>)>,
    found_no_files: AtomicBool,
}

/// A capability that a call asked for and was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Network access, with the attempted operation, for example `connect to 192.0.2.1:80`.
    Network(String),
    /// A path outside the mounted directories.
    Files(String),
    /// A request to an address that is not granted, with its method, and what would allow it.
    Http { what: String, hint: String },
    /// An event that the component may not emit.
    Emit(String),
    /// A key, a secret or an action that is not granted, and what would allow it.
    Named { kind: Named, what: String, hint: String },
}

impl CallRecord {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            cpu: CpuMeter::default(),
            output,
            placeholders: Placeholders::default(),
            denial: Mutex::default(),
            subject: OnceLock::new(),
            found_no_files: AtomicBool::new(false),
        }
    }

    /// Records a denial. Only the latest one is kept, since it is the likeliest cause of a failure that follows.
    /// The audit log has it too, unless there are many.
    pub(crate) fn denied(&self, denial: Denial) {
        if let Some((source, standing)) = self.subject.get()
            && let Some(left_out) = standing.denials.may_log(source.pack(), Instant::now())
        {
            let (source, code) = (source.as_str(), denial.code());
            tracing::info!(target: "petrel_audit", event = "cap.denied", source, code, what = %denial, left_out, "denied");
        }
        *self.denial.lock().unwrap_or_else(PoisonError::into_inner) = Some(denial);
    }

    /// Says who is called, by the rights in `standing`.
    pub(crate) fn begin(&self, source: &Ref, standing: &Arc<Standing>) {
        // It is said once, before the call.
        let _known = self.subject.set((source.clone(), Arc::clone(standing)));
    }

    /// The rights of the pack at this moment. Nobody has none.
    pub(crate) fn rights(&self) -> Arc<Rights> {
        self.subject.get().map(|(source, standing)| standing.of(source.pack())).unwrap_or_default()
    }

    /// Whether the pack still has all of these directories.
    pub(crate) fn has_still(&self, mounts: &[Mount]) -> bool {
        self.subject.get().is_none_or(|(source, standing)| standing.has_still(source.pack(), mounts))
    }

    /// The outermost directory around this one that components write to.
    pub(crate) fn written_around(&self, directory: &Path) -> Option<PathBuf> {
        self.subject.get().and_then(|(_, standing)| standing.written_around(directory))
    }

    /// What has the keys of the host, if it has any.
    pub(crate) fn keys(&self) -> Option<Arc<dyn KeyValues>> {
        self.subject.get().and_then(|(_, standing)| standing.keys())
    }

    /// A place among the calls that wait for others, of which there may be `most`. `None` if all are taken, or all that one
    /// pack may have.
    pub(crate) fn wait_for_others(&self, most: usize) -> Option<Waiting> {
        self.subject.get().and_then(|(source, standing)| Waiting::take(standing, source.pack(), most))
    }

    /// Writes a line of the audit log on a secret that is sent, unless there are many.
    pub(crate) fn sent(&self, secret: &str, host: &str, place: &str) {
        if let Some((source, standing)) = self.subject.get()
            && let Some(left_out) = standing.sent.may_log(source.pack(), Instant::now())
        {
            let source = source.as_str();
            tracing::info!(target: "petrel_audit", event = "secret.substituted", source, secret, host, place, left_out, "sent");
        }
    }

    /// Counts a use of what the pack asks for by this kind and name.
    pub(crate) fn used(&self, kind: &str, name: &str) {
        if let Some((source, standing)) = self.subject.get() {
            standing.uses.count(source.pack(), kind, name);
        }
    }

    /// Advice on a denial, for the author of the pack or the operator.
    pub(crate) fn hint(&self, denial: &Denial) -> String {
        denial.hint(&self.rights())
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
            Self::Http { .. } => "denied.http",
            Self::Emit(_) => "denied.emit",
            Self::Named { kind, .. } => match kind {
                Named::Call => "denied.call",
                Named::DatastoreRead => "denied.datastore_read",
                Named::DatastoreWrite => "denied.datastore_write",
                Named::Kv => "denied.kv",
                Named::Reveal => "denied.reveal",
                Named::Secrets => "denied.secrets",
            },
        }
    }

    /// Advice for the author of the pack or the operator, of a pack with these rights.
    fn hint(&self, rights: &Rights) -> String {
        match self {
            Self::Network(_) => {
                "components have no sockets; make a request over wasi:http, to an address that is granted (`petrel pack \
                 capabilities` shows them, runners.grant_urls has more), or use an action with another runner"
                    .to_owned()
            }
            Self::Files(_) => rights.files_hint(),
            Self::Http { hint, .. } | Self::Named { hint, .. } => hint.clone(),
            Self::Emit(_) => {
                "actions and sensors that stream emit events of trigger types of their own pack; the other sensors return theirs"
                    .to_owned()
            }
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(what) => write!(f, "network: {what}"),
            Self::Files(what) => write!(f, "files: {what}"),
            Self::Http { what, .. } => write!(f, "http: {what}"),
            Self::Emit(what) => write!(f, "events: {what}"),
            Self::Named { kind, what, .. } => write!(f, "{}: {what}", kind.as_str()),
        }
    }
}
