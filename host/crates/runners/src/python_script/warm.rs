//! Interpreters that are kept warm: each has imported the file of one action (`petrel_warm.py`), and forks a child for each
//! execution. One file has one of its own, since what a file changes while it is imported (paths, settings of libraries)
//! must not reach another action of its pack.
//!
//! An action that is run again within a while gets one, in the background: no execution waits for that. Until then, and
//! whenever something is in the way, it begins cold, as a process of its own. One that nobody uses ends.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use petrel_model::quoted::quoted;
use serde_json::Value;
use tokio::time::Instant;

use crate::process::{Forker, NotForked, Spec};

/// The most files that are remembered without an interpreter.
const MOST_NOTED: usize = 1000;
/// Beginnings of the names of variables that an interpreter, or what it consists of, reads when it starts.
const OF_THE_START: [&str; 6] = ["PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_"];

/// Settings of interpreters that are kept warm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmOptions {
    /// The greatest number of them. None are kept if it is 0.
    pub most: usize,
    /// The time without use after which one ends.
    pub idle: Duration,
}

/// What an interpreter is kept for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// The interpreter.
    pub(super) interpreter: PathBuf,
    /// The file of the action.
    pub(super) file: PathBuf,
}

/// What is known of a file.
#[derive(Debug)]
enum Kept {
    /// It was run at this time.
    Noted(Instant),
    /// An interpreter is starting.
    Starting,
    /// An interpreter has imported it.
    Ready(Forker),
    /// It begins cold each time, as long as the file is the same.
    Cold { why: String, stamp: Option<SystemTime>, is_told: bool },
}

type Table = HashMap<Key, Kept>;

/// The interpreters that are kept warm. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Warm {
    options: WarmOptions,
    table: Arc<Mutex<Table>>,
}

/// What an execution finds.
#[derive(Debug)]
pub(super) enum Found {
    /// An interpreter.
    Warm(Forker),
    /// None yet.
    Nothing,
    /// None ever, with the reason, once for each file.
    Cold(Option<String>),
}

impl Warm {
    pub(super) fn new(options: WarmOptions) -> Self {
        Self { options, table: Arc::default() }
    }

    /// An interpreter for `key`. One that is missing is started by `spec`, with the line that it begins with, if the file
    /// is run again within a while.
    pub(super) fn find(&self, key: &Key, spec: impl FnOnce() -> (Spec, Value)) -> Found {
        let mut table = self.table();
        let is_due = match table.get_mut(key) {
            Some(Kept::Ready(forker)) if forker.is_open() => return Found::Warm(forker.clone()),
            Some(Kept::Starting) => return Found::Nothing,
            Some(Kept::Cold { why, stamp, is_told }) if *stamp == stamp_of(&key.file) => {
                let told = (!std::mem::replace(is_told, true)).then(|| why.clone());
                return Found::Cold(told);
            }
            Some(Kept::Noted(at)) => at.elapsed() < self.options.idle,
            // One that has ended was not used for a while, or another takes its place.
            Some(Kept::Ready(_) | Kept::Cold { .. }) | None => false,
        };
        if !is_due || !make_room(&mut table, self.options.most) {
            if table.len() >= MOST_NOTED {
                table.retain(|_, kept| matches!(kept, Kept::Starting | Kept::Ready(_)));
            }
            table.insert(key.clone(), Kept::Noted(Instant::now()));
            return Found::Nothing;
        }
        table.insert(key.clone(), Kept::Starting);
        drop(table);
        let (spec, begin_with) = spec();
        tokio::spawn(self.clone().start(key.clone(), spec, begin_with));
        Found::Nothing
    }

    /// Takes the place of one that is of no use any more, when the file is run the next time.
    pub(super) fn replace(&self, key: &Key, why: &NotForked) {
        tracing::debug!(file = %key.file.display(), why = why.why, "an interpreter is started anew");
        self.table().insert(key.clone(), Kept::Noted(Instant::now()));
    }

    /// Ends those for files below `path`, and forgets what was found about these.
    pub(super) fn forget(&self, path: &Path) {
        let real = path.canonicalize().unwrap_or_else(|_gone| path.to_owned());
        self.table().retain(|key, kept| {
            let is_below = key.file.starts_with(&real) || key.file.starts_with(path);
            if let Kept::Ready(forker) = kept
                && is_below
            {
                forker.retire();
            }
            !is_below
        });
    }

    async fn start(self, key: Key, spec: Spec, begin_with: Value) {
        let stamp = stamp_of(&key.file);
        let started = Forker::start(spec, &begin_with, self.options.idle).await;
        let mut table = self.table();
        // It may have been forgotten meanwhile.
        let is_wanted = matches!(table.get(&key), Some(Kept::Starting));
        match started {
            Ok(forker) if is_wanted => {
                table.insert(key, Kept::Ready(forker));
            }
            Ok(forker) => forker.retire(),
            Err(why) if is_wanted => {
                let file = key.file.display().to_string();
                tracing::info!(
                    file,
                    why,
                    "a Python action begins anew each time; `cold: true` in its metadata says so"
                );
                let why = format!("this action starts a Python of its own each time: {}", quoted(&why));
                table.insert(key, Kept::Cold { why, stamp, is_told: false });
            }
            Err(_forgotten) => {}
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether there is room for one more. The one that was not used for the longest time makes it.
fn make_room(table: &mut Table, most: usize) -> bool {
    table.retain(|_, kept| !matches!(kept, Kept::Ready(forker) if !forker.is_open()));
    let count = table.values().filter(|kept| matches!(kept, Kept::Starting | Kept::Ready(_))).count();
    if count < most {
        return true;
    }
    let unused = table.iter().filter_map(|(key, kept)| match kept {
        Kept::Ready(forker) if forker.is_unused() => Some((forker.used_at(), key.clone())),
        _ => None,
    });
    let Some((_, key)) = unused.min_by_key(|(at, _)| *at) else { return false };
    if let Some(Kept::Ready(forker)) = table.remove(&key) {
        forker.retire();
    }
    count == most
}

/// Whether a variable has to be there when an interpreter starts.
pub(super) fn is_of_the_start(name: &str) -> bool {
    OF_THE_START.iter().any(|beginning| name.starts_with(beginning))
}

fn stamp_of(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|found| found.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never() -> (Spec, Value) {
        panic!("nothing is started")
    }

    #[test]
    fn what_was_run_once_gets_no_interpreter() {
        let warm = Warm::new(WarmOptions { most: 4, idle: Duration::from_secs(300) });
        let key = |name: &str| Key { interpreter: "/bin/python".into(), file: name.into() };
        for name in ["/p/a.py", "/p/b.py"] {
            assert!(matches!(warm.find(&key(name), never), Found::Nothing), "{name}");
        }
        assert_eq!(warm.table().len(), 2);
        warm.forget(Path::new("/p"));
        assert!(warm.table().is_empty());
        let none = Warm::new(WarmOptions { most: 0, idle: Duration::from_secs(300) });
        for _ in 0..3 {
            assert!(matches!(none.find(&key("/p/a.py"), never), Found::Nothing), "none is allowed");
        }
    }

    #[test]
    fn why_a_file_begins_cold_is_told_once() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a.py");
        std::fs::write(&file, "").unwrap();
        let warm = Warm::new(WarmOptions { most: 4, idle: Duration::from_secs(300) });
        let key = Key { interpreter: "/bin/python".into(), file: file.clone() };
        let cold = Kept::Cold { why: "a thread".into(), stamp: stamp_of(&file), is_told: false };
        warm.table().insert(key.clone(), cold);
        let told = |found: Found| match found {
            Found::Cold(told) => told,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(warm.find(&key, never)).as_deref(), Some("a thread"));
        assert_eq!(told(warm.find(&key, never)), None);
        std::fs::remove_file(&file).unwrap();
        assert!(matches!(warm.find(&key, never), Found::Nothing), "a file that has changed");
    }

    #[test]
    fn what_an_interpreter_reads_at_its_start_needs_one_of_its_own() {
        for (name, expected) in [
            ("PYTHONPATH", true),
            ("LD_PRELOAD", true),
            ("LC_ALL", true),
            ("LANG", true),
            ("PATH", false),
            ("MY_PYTHON", false),
            ("TZ", false),
        ] {
            assert_eq!(is_of_the_start(name), expected, "{name}");
        }
    }
}
