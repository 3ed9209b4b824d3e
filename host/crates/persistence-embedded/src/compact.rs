//! Compacts a store, since the engine never returns free space to the disk: rows are copied to a new base, which
//! replaces the old one, but for those that are left over. No process may use the store meanwhile.
//!
//! The new base is complete and durable before the old one is moved aside, and the old one is only removed when the
//! new one is in its place. [`finish`] completes an interrupted swap, in one direction or the other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use petrel_persistence::Error;

use crate::base::{Base, BaseError, Engine, gaps};
use crate::directory::OpenError;
use crate::keys;
use crate::opening::Recovered;
use crate::options::Options;
use crate::value;

/// Number of rows that are copied at a time.
const STEP: usize = 1000;

/// The results of a compaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Number of rows that were copied.
    pub rows: u64,
    /// Size of the store before, in bytes.
    pub before: u64,
    /// Size of the store after, in bytes.
    pub after: u64,
    /// Size of removed large values that nothing referred to, in bytes.
    pub swept: u64,
}

/// Reasons why a store was not compacted. It is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
    /// The new base cannot be written.
    #[error("the store in {0} cannot be compacted: {1}; it was not changed")]
    Write(PathBuf, String),
}

/// Compacts the store in `directory`.
///
/// # Errors
/// If a process uses the store, if it cannot be read, or if there is no room for a second copy.
pub fn compact(directory: &Path, options: &Options) -> Result<Compacted, CompactError> {
    let before = size_of(directory);
    let recovered = Recovered::present(directory, options)?;
    let swept = recovered.rows.sweep()?;
    let rows = rewrite(directory, options, &recovered, OnGap::Refuse)?;
    drop(recovered);
    Ok(Compacted { rows, before, after: size_of(directory), swept })
}

/// The treatment of rows that the engine cannot read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnGap {
    /// Fail, and write nothing.
    Refuse,
    /// Leave them out of the new base.
    LeaveOut,
}

/// Replaces the base by a new one with all rows that `recovered` shows. Returns their number.
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
    // The engine creates a directory with its own name inside the given one.
    let copied = copy(recovered, &scratch, options, on_gap).map_err(refused);
    if copied.is_err() {
        drop(fs::remove_dir_all(&new));
    }
    let rows = copied?;
    swap(directory, &scratch.join(base), &new, options.engine).map_err(|error| refused(error.to_string()))?;
    // The new base contains the whole journal, and counts groups from the beginning. Remaining segments would be taken
    // for later groups.
    let journal = directory.join("journal");
    fs::remove_dir_all(&journal).map_err(|error| refused(error.to_string()))?;
    Ok(rows)
}

/// Copies all rows to a new base in `directory`, and makes it durable.
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
            return Err(format!(
                "{reason}; `petrel store check --repair` rebuilds the store from its intact rows"
            ));
        }
        let mut writes = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            // A repair cannot judge that: the row that a piece belongs to may be unreadable itself.
            let may_be_left = on_gap == OnGap::Refuse;
            let is_left_over = || {
                Ok::<_, String>(
                    may_be_left && recovered.rows.is_left_over(&key).map_err(|error| error.to_string())?,
                )
            };
            if gaps::reason(&value).is_none() && !is_left_over()? {
                writes.push((key, Some(value)));
            }
        }
        rows += writes.iter().filter(|(key, _)| keys::is_stored(key)).count() as u64;
        base.apply(&writes).map_err(failed)?;
    }
    let sequence = recovered.replayed.sequence.to_string();
    base.apply(&[value::row(keys::meta(keys::SEQUENCE), sequence.as_bytes())]).map_err(failed)?;
    base.sync().map_err(failed)?;
    Ok(rows)
}

/// Moves the new base to the place of the old one.
fn swap(directory: &Path, made: &Path, new: &Path, engine: Engine) -> io::Result<()> {
    let (present, old) = (directory.join(engine.name()), aside(directory, engine));
    let sync = |directory: &Path| File::open(directory).and_then(|directory| directory.sync_all());
    // [`finish`] completes this from whatever step a crash leaves it at.
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

/// Completes an interrupted swap: back to the old base, unless the new one is already in its place.
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

/// Total size of the files below `directory`, in bytes.
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
