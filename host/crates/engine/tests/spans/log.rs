//! The log of a test's thread, as lines of JSON, with the beginnings of spans. The tests read spans and
//! traces from these lines, as an operator does who follows an event in the log of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::Level;
use tracing::subscriber::{DefaultGuard, set_default};
use tracing_subscriber::fmt::format::FmtSpan;

/// The log of a test.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// A log of what this thread does until the guard is dropped.
    pub(crate) fn begin() -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_span_events(FmtSpan::NEW)
            .with_writer(move || writer.clone())
            .json()
            .finish();
        (log, set_default(subscriber))
    }

    /// Forgets what was logged so far.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }

    /// The spans that have begun in each trace. Those that belong to none are left out.
    pub(crate) fn spans(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut spans: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for line in self.lines() {
            let begun = line.pointer("/fields/message").is_some_and(|message| message == "new");
            let name = line.pointer("/span/name").and_then(Value::as_str);
            if let (true, Some(name), Some(trace)) = (begun, name, trace(&line)) {
                spans.entry(trace.to_owned()).or_default().insert(name.to_owned());
            }
        }
        spans
    }

    /// The lines that name one of these ids, and no trace.
    pub(crate) fn without_trace(&self, ids: &[String]) -> Vec<String> {
        let lines =
            self.lines().into_iter().filter(|line| trace(line).is_none()).map(|line| line.to_string());
        lines.filter(|line| ids.iter().any(|id| line.contains(id))).collect()
    }

    /// The fields of the lines that warn of something in these words.
    pub(crate) fn warnings(&self, message: &str) -> Vec<Value> {
        let is_warning = |line: &Value| {
            let says = line.pointer("/fields/message").is_some_and(|said| said == message);
            says && line.get("level").is_some_and(|level| level == "WARN")
        };
        let warnings = self.lines().into_iter().filter(is_warning);
        warnings.filter_map(|line| line.get("fields").cloned()).collect()
    }

    fn lines(&self) -> Vec<Value> {
        self.to_string().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// The trace that a line belongs to: that of the innermost of its spans that names one.
fn trace(line: &Value) -> Option<&str> {
    let around = line.get("spans").and_then(Value::as_array).into_iter().flatten().rev();
    let mut spans = line.get("span").into_iter().chain(around);
    spans.find_map(|span| span.get("trace").and_then(Value::as_str))
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0.lock().unwrap()))
    }
}
