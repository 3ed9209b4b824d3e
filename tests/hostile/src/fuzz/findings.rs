//! What was found: said at once, counted by kind, and kept with the request so that it can be sent again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::kept::Request;

/// How many of a kind are said and kept.
const MOST: usize = 5;
/// How much of a request is said, in bytes; all of it is kept.
const SAID: usize = 600;

/// Collects what is found, from several threads.
#[derive(Debug)]
pub(crate) struct Findings {
    say: fn(&str),
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    counts: BTreeMap<String, usize>,
    file: Option<File>,
}

impl Findings {
    /// Says what is found by `say`, and keeps requests in the file at `keep`, behind what is there.
    pub(crate) fn new(keep: Option<&Path>, say: fn(&str)) -> anyhow::Result<Self> {
        let open = |path: &Path| {
            let file = File::options().create(true).append(true).open(path);
            file.with_context(|| format!("opening {} to keep requests in", path.display()))
        };
        let file = keep.map(open).transpose()?;
        Ok(Self { say, found: Mutex::new(Found { file, ..Found::default() }) })
    }

    /// A request has found something.
    pub(crate) fn request(&self, what: &str, number: u64, request: &Request) {
        let kind = format!("{} {}: {what}", request.method, request.route);
        let mut found = self.lock();
        if !found.is_worth_saying(&kind) {
            return;
        }
        let line = request.written(what);
        let shown: String = line.chars().take(SAID).collect();
        (self.say)(&format!("FOUND by request {number}: {kind}\n  {shown}"));
        if let Some(file) = &mut found.file
            && let Err(error) = writeln!(file, "{line}")
        {
            // Keeping is a service; what is found is said in any case.
            (self.say)(&format!("a request could not be kept: {error}"));
        }
    }

    /// Something was found that no single request has shown.
    pub(crate) fn other(&self, what: &str) {
        if self.lock().is_worth_saying(what) {
            (self.say)(&format!("FOUND: {what}"));
        }
    }

    /// Everything, a line each kind.
    pub(crate) fn all(&self) -> Vec<String> {
        self.lock().counts.iter().map(|(kind, count)| format!("{count} x {kind}")).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Found {
    /// Counts one of a kind.
    fn is_worth_saying(&mut self, kind: &str) -> bool {
        let count = self.counts.entry(kind.to_owned()).or_default();
        *count += 1;
        *count <= MOST
    }
}
