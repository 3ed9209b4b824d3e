//! Giving room back that the engine does not: the rows are copied to a new base, which takes the place of
//! the old one. Nobody may use the store meanwhile.
//!
//! The new base is whole and durable before the old one is moved aside, and the old one is only removed when
//! the new one is in its place; [`finish`] ends what was interrupted in between, in one direction or the
//! other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use petrel_persistence::Error;

use crate::base::{Base, BaseError, Engine, gaps};
use crate::directory::OpenError;
use crate::keys;
use crate::opening::{Options, Recovered};
use crate::value;

/// How many rows are copied at once.
const STEP: usize = 1000;

/// What a compaction came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Rows that were copied.
    pub rows: u64,
    /// What the store took before, in bytes.
    pub before: u64,
    /// What it takes now.
    pub after: u64,
    /// Large values that nothing referred to, in bytes.
    pub swept: u64,
}

/// Why a store was not compacted. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
    /// The new base cannot be written.
    #[error("the store in {0} cannot be compacted: {1}; it is as it was")]
    Write(PathBuf, String),
}

/// Compacts the store in `directory`.
///
/// # Errors
/// When somebody uses it, or it cannot be read, or there is not enough room for a second copy.
pub fn compact(directory: &Path, options: &Options) -> Result<Compacted, CompactError> {
    let before = size_of(directory);
    let recovered = Recovered::present(directory, options)?;
    let swept = recovered.rows.sweep()?;
    let rows = rewrite(directory, options, &recovered, OnGap::Refuse)?;
    drop(recovered);
    Ok(Compacted { rows, before, after: size_of(directory), swept })
}

/// What is done about rows that the engine cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnGap {
    /// Nothing is written then.
    Refuse,
    /// The new base does not have them.
    LeaveOut,
}

/// Puts a new base, with all rows that `recovered` shows, in the place of the old one. Returns how many those are.
pub(crate) fn rewrite(
    directory: &Path,
    options: &Options,
    recovered: &Recovered,
    on_gap: OnGap,
) -> Result<u64, CompactError> {
    let refused = |reason: String| CompactError::Write(directory.to_path_buf(), reason);
    let (base, new) = (options.engine.name(), directory.join(format!("{}.new", options.engine)));
    let scratch = new.join("scratch");
    if new.exists() {
        fs::remove_dir_all(&new).map_err(|error| refused(error.to_string()))?;
    }
    // The engine makes a directory of its own name in the one that it is given.
    let copied = copy(recovered, &scratch, options, on_gap).map_err(refused);
    if copied.is_err() {
        drop(fs::remove_dir_all(&new));
    }
    let rows = copied?;
    swap(directory, &scratch.join(base), &new, options.engine).map_err(|error| refused(error.to_string()))?;
    // The new base holds all of the journal. What is left of it must not be taken for a later one.
    let journal = directory.join("journal");
    fs::remove_dir_all(&journal).map_err(|error| refused(error.to_string()))?;
    Ok(rows)
}

/// Copies all rows to a new base in `directory` and makes it durable.
fn copy(recovered: &Recovered, directory: &Path, options: &Options, on_gap: OnGap) -> Result<u64, String> {
    let failed = |error: BaseError| error.reason;
    fs::create_dir_all(directory).map_err(|error| error.to_string())?;
    let base: Box<dyn Base> = options.engine.open(directory, options.cache_bytes, false).map_err(failed)?;
    let (mut from, mut rows) = (Vec::new(), 0);
    loop {
        let entries =
            recovered.rows.range(&(from, vec![u8::MAX]), false, STEP).map_err(|error| error.to_string())?;
        let Some((last, _)) = entries.last() else { break };
        from = [last.as_slice(), &[0]].concat();
        if on_gap == OnGap::Refuse
            && let Some(reason) = entries.iter().find_map(|(_, value)| gaps::reason(value))
        {
            return Err(format!("{reason}; `petrel store check --repair` makes it of what is whole"));
        }
        let whole = entries.into_iter().filter(|(_, value)| gaps::reason(value).is_none());
        let writes: Vec<_> = whole.map(|(key, value)| (key, Some(value))).collect();
        rows += writes.iter().filter(|(key, _)| keys::is_stored(key)).count() as u64;
        base.apply(&writes).map_err(failed)?;
    }
    let sequence = recovered.replayed.sequence.to_string();
    base.apply(&[value::row(keys::meta(keys::SEQUENCE), sequence.as_bytes())]).map_err(failed)?;
    base.sync().map_err(failed)?;
    Ok(rows)
}

/// Puts the new base in the place of the old one.
fn swap(directory: &Path, made: &Path, new: &Path, engine: Engine) -> io::Result<()> {
    let (present, old) = (directory.join(engine.name()), aside(directory, engine));
    let sync = |directory: &Path| File::open(directory).and_then(|directory| directory.sync_all());
    fs::rename(&present, &old)?;
    sync(directory)?;
    fs::rename(made, &present)?;
    sync(directory)?;
    fs::remove_dir_all(&old)?;
    fs::remove_dir_all(new)
}

fn aside(directory: &Path, engine: Engine) -> PathBuf {
    directory.join(format!("{engine}.old"))
}

/// Ends a compaction that was interrupted: back to the old base unless the new one is in its place.
pub(crate) fn finish(directory: &Path, engine: Engine) -> io::Result<()> {
    let (present, old) = (directory.join(engine.name()), aside(directory, engine));
    if old.exists() {
        if present.exists() {
            fs::remove_dir_all(&old)?;
        } else {
            fs::rename(&old, &present)?;
        }
        File::open(directory)?.sync_all()?;
    }
    let new = directory.join(format!("{engine}.new"));
    if new.exists() { fs::remove_dir_all(new) } else { Ok(()) }
}

/// What is below `directory`, in bytes.
fn size_of(directory: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
