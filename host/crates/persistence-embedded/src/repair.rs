//! Repairs a store. Rows that cannot be read are set aside: they are written to a file unchanged, each with the reason,
//! and removed from the store. Rows that can be derived from others are restored. The result is a new base, which
//! replaces the old one as in [`compact`], so an interrupted repair changes nothing. No process may use the store
//! meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use petrel_model::hexadecimal;
use petrel_persistence::Error;
use serde_json::{Value, json};

use crate::base::{Entry, Write, gaps};
use crate::check::{CheckError, Checked, Found, Remedy, check, look_at_all};
use crate::compact::{self, CompactError, OnGap};
use crate::directory::OpenError;
use crate::keys;
use crate::opening::Recovered;
use crate::options::Options;
use crate::rows::Rows;
use crate::value::{self, Encoding};

/// Largest number of rounds over the repaired rows: rows that belonged to one that was set aside must follow it.
const ROUNDS: usize = 5;
/// Largest number of times that the store is opened again, for faults that only show then.
const PASSES: usize = 3;

/// The results of a repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Number of rows that were set aside, and of ranges that the engine cannot read.
    pub set_aside: u64,
    /// The file with these rows. `None` if there are none.
    pub file: Option<PathBuf>,
    /// Number of rows that were derived from others.
    pub mended: u64,
    /// The results of a check after the repair.
    pub checked: Checked,
}

/// Reasons why a store was not repaired. It is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
    /// The file for rows that are set aside cannot be written.
    #[error("{0} cannot be written: {1}; free some space and try again; the store was not changed")]
    File(PathBuf, #[source] io::Error),
    /// The new base cannot be written.
    #[error(transparent)]
    Compact(#[from] CompactError),
}

impl From<CheckError> for RepairError {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Open(error) => Self::Open(error),
            CheckError::Store(error) => Self::Store(error),
        }
    }
}

/// Repairs the store in `directory`. Rows that are set aside are written to the file `aside`, which must not exist and
/// is only created if there are any.
///
/// # Errors
/// If a process uses the store, if it cannot be read at all, or if there is no room for a second copy.
pub fn repair(directory: &Path, options: &Options, aside: &Path) -> Result<Repaired, RepairError> {
    let mut repair = Repair {
        path: aside.to_path_buf(),
        file: None,
        set_aside: 0,
        mended: 0,
        has_changed: false,
        lost: Vec::new(),
    };
    for _ in 0..PASSES {
        match repair.pass(directory, options) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                if repair.file.is_some() && !repair.has_changed {
                    // The repair failed before the store changed, so the store still has these rows.
                    drop(fs::remove_file(&repair.path));
                }
                return Err(error);
            }
        }
    }
    let Repair { path, file, set_aside, mended, mut lost, .. } = repair;
    let mut checked = check(directory, options)?;
    lost.append(&mut checked.lost);
    lost.dedup();
    checked.lost = lost;
    Ok(Repaired { set_aside, file: file.map(|_| path), mended, checked })
}

/// A repair in progress.
struct Repair {
    /// The file for rows that are set aside: JSON, one row a line.
    path: PathBuf,
    /// Created with the first row.
    file: Option<BufWriter<File>>,
    set_aside: u64,
    mended: u64,
    /// Whether the store has been changed.
    has_changed: bool,
    /// The losses accepted when the store was opened.
    lost: Vec<String>,
}

impl Repair {
    /// Writes a new base without the faulty rows. Returns whether another pass may be needed: rows that belonged to
    /// ones that the engine could not read are only recognized once those are gone.
    fn pass(&mut self, directory: &Path, options: &Options) -> Result<bool, RepairError> {
        let recovered = Recovered::present(directory, options)?;
        self.lost.extend_from_slice(&recovered.replayed.lost);
        let before = self.set_aside + self.mended;
        let mut has_gaps = false;
        for round in 0..ROUNDS {
            let plan = self.plan(&recovered, round == 0)?;
            has_gaps |= plan.has_gaps;
            if plan.writes.is_empty() {
                break;
            }
            // Shown to the next round, and written together with all other rows.
            recovered.rows.image.show(plan.writes);
        }
        if self.set_aside + self.mended > before {
            self.sync().map_err(|error| RepairError::File(self.path.clone(), error))?;
            compact::rewrite(directory, options, &recovered, OnGap::LeaveOut)?;
            self.has_changed = true;
        }
        Ok(has_gaps)
    }

    /// Determines the writes that remove the present faults.
    fn plan(&mut self, recovered: &Recovered, is_first: bool) -> Result<Plan, RepairError> {
        let (mut plan, mut failed) = (Plan::default(), None);
        look_at_all(recovered, |entry, looked| {
            let fault = match looked {
                Ok(()) => return Ok(()),
                // What may be whole is not set aside.
                Err(Found::Failed(error)) => return Err(error),
                Err(Found::Fault(_)) if failed.is_some() => return Ok(()),
                Err(Found::Fault(fault)) => fault,
            };
            let is_gap = gaps::reason(&entry.1).is_some();
            plan.has_gaps |= is_gap;
            match fault.remedy {
                // A gap is reported once.
                Remedy::SetAside if is_gap && !is_first => {}
                Remedy::SetAside => {
                    failed = self.set_aside(&recovered.rows, entry, &fault.reason).err();
                    if !is_gap {
                        let mut to = Encoding::new(None);
                        to.delete(entry.0.clone(), &entry.1);
                        plan.writes.append(&mut to.writes);
                    }
                }
                Remedy::Write(mut writes) => {
                    self.mended += 1;
                    plan.writes.append(&mut writes);
                }
                Remedy::Elsewhere => {}
            }
            Ok(())
        })?;
        match failed {
            Some(error) => Err(RepairError::File(self.path.clone(), error)),
            None => Ok(plan),
        }
    }

    fn set_aside(&mut self, rows: &Rows, entry: &Entry, reason: &str) -> io::Result<()> {
        if self.file.is_none() {
            // The row may contain secrets, so only the owner may read the file.
            let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.path)?;
            self.file = Some(BufWriter::new(made));
        }
        self.set_aside += 1;
        match &mut self.file {
            Some(file) => writeln!(file, "{}", line(rows, entry, reason)),
            None => Ok(()),
        }
    }

    /// Makes the file durable, before the store drops the rows.
    fn sync(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush()?;
        file.get_ref().sync_all()?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

/// The result of one round.
#[derive(Default)]
struct Plan {
    writes: Vec<Write>,
    /// Whether there are rows that the engine cannot read.
    has_gaps: bool,
}

/// The line for a row that is set aside: key and value as hexadecimal digits, and what is left of its pieces and its
/// large value.
fn line(rows: &Rows, (key, value): &Entry, reason: &str) -> Value {
    let (kind, id) = keys::named(key);
    let mut line = json!({"kind": kind.name(), "id": id, "reason": reason, "key": hexadecimal(key)});
    if gaps::reason(value).is_some() {
        return line;
    }
    let pieces = (0..value::MOST_PIECES).map_while(|number| {
        let piece = value::get(rows.image.as_ref(), &keys::piece(key, number)).ok().flatten()?;
        Some(hexadecimal(&piece))
    });
    let pieces: Vec<_> = pieces.collect();
    let digest = value::blob_of(key, value).ok().flatten();
    let large = digest.and_then(|digest| rows.blobs.unchecked(&digest));
    if let Some(line) = line.as_object_mut() {
        line.insert("value".into(), hexadecimal(value).into());
        if !pieces.is_empty() {
            line.insert("pieces".into(), pieces.into());
        }
        line.extend(large.map(|large| ("large_value".to_owned(), hexadecimal(&large).into())));
    }
    line
}
