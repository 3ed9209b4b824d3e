//! Checks a store by reading all of it: every row's checksum, every noun's form, every large value's digest, and that
//! references lead somewhere. What an earlier version left over is no problem, and counts for nothing. Nothing is
//! changed, and no process may use the store meanwhile. [`repair`](crate::repair) corrects what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use petrel_model::{Enforcement, Execution, Payload, TriggerInstance, WorkflowEntry};
use petrel_persistence::Error;
use petrel_persistence::store::Output;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::{Entry, Write, gaps};
use crate::directory::OpenError;
use crate::keys;
use crate::opening::{Recovered, epoch_beyond};
use crate::options::Options;
use crate::rows::{Rows, unreadable};
use crate::value;

/// Number of rows that are read at a time.
const STEP: usize = 1000;
/// Number of problems that are listed.
const LISTED: usize = 100;

/// The results of a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Number of rows by kind, as a backup counts them.
    pub rows: BTreeMap<&'static str, u64>,
    /// Number of large values that rows refer to.
    pub blobs: u64,
    /// Number of executions that are held since a restore.
    pub held: u64,
    /// The first hundred problems.
    pub problems: Vec<String>,
    /// Number of problems.
    pub problem_count: u64,
    /// Number of groups that are only in the journal.
    pub in_journal: u64,
    /// The losses that were accepted, one sentence each: see [`Options::accept_loss`].
    pub lost: Vec<String>,
}

/// Checks the store in `directory`.
///
/// # Errors
/// If the store cannot be opened, or the engine cannot read it at all.
pub fn check(directory: &Path, options: &Options) -> Result<Checked, CheckError> {
    Ok(check_recovered(&Recovered::present(directory, options)?)?)
}

fn check_recovered(recovered: &Recovered) -> Result<Checked, Error> {
    let replayed = &recovered.replayed;
    let mut checked =
        Checked { in_journal: replayed.groups, lost: replayed.lost.clone(), ..Checked::default() };
    let mut blobs = BTreeSet::new();
    look_at_all(recovered, |entry, looked| {
        let (kind, name) = keys::named(&entry.0);
        let reason = match looked {
            Ok(()) => None,
            Err(Found::Fault(fault)) => Some(fault.reason),
            // The others are read all the same.
            Err(Found::Failed(Error::Starved { reason, .. })) => {
                Some(format!("it cannot be read for the moment: {reason}"))
            }
            Err(Found::Failed(error)) => return Err(error),
        };
        if let Some(reason) = reason {
            checked.problem_count += 1;
            if checked.problems.len() < LISTED {
                checked.problems.push(format!("{kind} {name}: {reason}"));
            }
        }
        if gaps::reason(&entry.1).is_some() || is_left_over_reference(&recovered.rows, &entry.0) {
            return Ok(());
        }
        match entry.0.first() {
            Some(&keys::HELD) => checked.held += 1,
            Some(&keys::REFERENCE) => blobs.extend(keys::referred_to(&entry.0)),
            _ => {}
        }
        if keys::is_stored(&entry.0) {
            *checked.rows.entry(kind.name()).or_default() += 1;
        }
        Ok(())
    })?;
    checked.blobs = blobs.len() as u64;
    Ok(checked)
}

/// Whether a row is a reference that a backup leaves out, too. One of which that cannot be told has a fault of its own.
fn is_left_over_reference(rows: &Rows, key: &[u8]) -> bool {
    key.first() == Some(&keys::REFERENCE) && rows.is_left_over_reference(key).unwrap_or(false)
}

/// Reasons why a store cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
}

/// A fault of a row, with its remedy.
pub(crate) struct Fault {
    pub(crate) reason: String,
    pub(crate) remedy: Remedy,
}

/// The remedy for a fault of a row.
pub(crate) enum Remedy {
    /// Remove it from the store, and keep it in a file.
    SetAside,
    /// Derive it from other rows, by these writes.
    Write(Vec<Write>),
    /// Nothing: it is handled together with the row that it belongs to.
    Elsewhere,
}

/// The result of checking a row.
pub(crate) type Looked = Result<(), Found>;

/// Reasons why a row is not intact.
pub(crate) enum Found {
    Fault(Fault),
    /// Nobody can tell: the row cannot be read for the moment, or the store cannot be used.
    Failed(Error),
}

impl From<Error> for Found {
    /// A row that cannot be read is to be set aside.
    fn from(error: Error) -> Self {
        match error {
            Error::Damaged { reason, .. } => fault(reason, Remedy::SetAside),
            error @ (Error::Sealed { .. } | Error::Starved { .. } | Error::Unavailable(_)) => {
                Self::Failed(error)
            }
        }
    }
}

fn fault(reason: impl Into<String>, remedy: Remedy) -> Found {
    Found::Fault(Fault { reason: reason.into(), remedy })
}

/// Passes every row to `seen`, with its fault if it has one, until that fails.
pub(crate) fn look_at_all(
    recovered: &Recovered,
    mut seen: impl FnMut(&Entry, Looked) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut from = Vec::new();
    loop {
        let entries = recovered.rows.range(&(from, vec![u8::MAX]), false, STEP)?;
        let Some((last, _)) = entries.last() else { return Ok(()) };
        from = [last.as_slice(), &[0]].concat();
        for entry in &entries {
            seen(entry, look(recovered, entry))?;
        }
    }
}

/// Checks that a row and everything that it refers to can be read.
fn look(recovered: &Recovered, entry: &Entry) -> Looked {
    let (rows, (key, value)) = (recovered.rows.as_ref(), entry);
    if let Some(reason) = gaps::reason(value) {
        return Err(fault(format!("rows before this place cannot be read: {reason}"), Remedy::SetAside));
    }
    if let Some(digest) = value::blob_of(key, value).ok().flatten() {
        is_listed(rows, keys::reference(&digest, key), true, "its reference to a large value is not listed")?;
    }
    if value::is_sealed(key, value) {
        // Whether it can be decrypted is not the question here: the key may be elsewhere.
        whole(rows, entry)?;
        return match key.first().copied() {
            Some(keys::EXECUTION_PART | keys::OUTPUT | keys::WORKFLOW_LOG) => {
                is_there(rows, entry, keys::EXECUTION, Remedy::SetAside)
            }
            _ => Ok(()),
        };
    }
    if let Some(kind) = keys::document_kind(key) {
        return Ok(rows.document_of(kind, entry).map(drop)?);
    }
    match key.first().copied() {
        Some(keys::META) => meta(recovered, entry),
        Some(keys::EXECUTION) => execution(rows, entry),
        Some(keys::ACTIVE) => {
            whole(rows, entry)?;
            is_there(rows, entry, keys::EXECUTION, Remedy::Write(vec![(key.clone(), None)]))
        }
        Some(keys::EXECUTION_PART) => part::<Value>(rows, entry, keys::EXECUTION),
        Some(keys::OUTPUT) => part::<Output>(rows, entry, keys::EXECUTION),
        Some(keys::TRIGGER_INSTANCE) => trigger_instance(rows, entry),
        Some(keys::PAYLOAD) => part::<Payload>(rows, entry, keys::TRIGGER_INSTANCE),
        Some(keys::ENFORCEMENT) => noun::<Enforcement>(rows, entry),
        Some(keys::CHILD) => child(rows, entry),
        Some(keys::WORKFLOW_LOG) => part::<Vec<WorkflowEntry>>(rows, entry, keys::EXECUTION),
        Some(keys::REFERENCE) => reference(rows, key),
        Some(keys::PIECE) => piece(rows, entry),
        _ => whole(rows, entry),
    }
}

fn whole(rows: &Rows, (key, value): &Entry) -> Looked {
    Ok(value::resolve(rows.image.as_ref(), &rows.blobs, key, value).map(drop)?)
}

fn noun<T: DeserializeOwned>(rows: &Rows, entry: &Entry) -> Looked {
    Ok(rows.noun_of::<T>(entry).map(drop)?)
}

/// Checks a part of a row of `kind`.
fn part<T: DeserializeOwned>(rows: &Rows, entry: &Entry, kind: u8) -> Looked {
    noun::<T>(rows, entry)?;
    is_there(rows, entry, kind, Remedy::SetAside)
}

/// Checks that the subject of a row exists as a row of `kind`.
fn is_there(rows: &Rows, (key, _): &Entry, kind: u8, remedy: Remedy) -> Looked {
    let about = [&[kind], key.get(1..13).unwrap_or_default()].concat();
    match value::get(rows.image.as_ref(), &about)? {
        Some(_) => Ok(()),
        None => Err(fault("what it belongs to is missing", remedy)),
    }
}

/// Checks that an index row exists exactly if it should.
fn is_listed(rows: &Rows, key: Vec<u8>, is_meant: bool, reason: &str) -> Looked {
    if value::get(rows.image.as_ref(), &key)?.is_some() == is_meant {
        return Ok(());
    }
    let write = if is_meant { value::row(key, &[]) } else { (key, None) };
    Err(fault(reason, Remedy::Write(vec![write])))
}

/// Checks the store's own rows. Without its epoch, a store would take its own running executions for those of others.
fn meta(recovered: &Recovered, entry: &Entry) -> Looked {
    let epoch = keys::meta(keys::EPOCH);
    match whole(&recovered.rows, entry) {
        Err(Found::Fault(Fault { reason, .. })) if entry.0 == epoch => {
            let beyond = epoch_beyond(recovered.replayed.sequence).to_string();
            Err(fault(reason, Remedy::Write(vec![value::row(epoch, beyond.as_bytes())])))
        }
        looked => looked,
    }
}

/// Checks that an execution is listed as active exactly while it is not final, and with its workflow if it has one.
fn execution(rows: &Rows, entry: &Entry) -> Looked {
    let head: Execution = rows.noun_of(entry)?;
    if let Err(error @ Error::Damaged { .. }) = rows.execution_of(entry) {
        let mended = rows.mended_execution(entry, &head)?;
        let reason = unreadable(&entry.0, &error).reason;
        return Err(fault(reason, mended.map_or(Remedy::SetAside, Remedy::Write)));
    }
    let (is_active, status) = (!head.status.is_final(), head.status);
    let reason = format!("execution {} is {status} and listed as active: {}", head.id, !is_active);
    is_listed(rows, keys::active(head.id), is_active, &reason)?;
    match &head.parent {
        Some(parent) => {
            let reason =
                format!("it is not listed among what the workflow {} has asked for", parent.execution);
            is_listed(rows, keys::child(parent.execution, head.id), true, &reason)
        }
        None => Ok(()),
    }
}

fn trigger_instance(rows: &Rows, entry: &Entry) -> Looked {
    let head: TriggerInstance = rows.noun_of(entry)?;
    match rows.instance_of(entry) {
        Err(error @ Error::Damaged { .. }) => {
            let mended = Rows::mended_instance(entry, &head)?;
            let reason = unreadable(&entry.0, &error).reason;
            Err(fault(reason, mended.map_or(Remedy::SetAside, Remedy::Write)))
        }
        instance => Ok(instance.map(drop)?),
    }
}

/// Checks that an execution that is listed with a workflow exists.
fn child(rows: &Rows, entry: &Entry) -> Looked {
    let forget = || Remedy::Write(vec![(entry.0.clone(), None)]);
    let Some(id) = keys::child_of(&entry.0) else { return Err(fault("it names no execution", forget())) };
    match value::get(rows.image.as_ref(), &keys::execution(id))? {
        Some(_) => whole(rows, entry),
        None => Err(fault("what it lists is missing", forget())),
    }
}

/// Checks that the blob of a reference exists and is intact, as long as the row still refers to it. If it does not, an
/// earlier version left the reference over: it harms nothing, and is removed when the store is opened or compacted.
fn reference(rows: &Rows, key: &[u8]) -> Looked {
    let Some(digest) = keys::referred_to(key) else {
        return Err(fault("it names no blob", Remedy::SetAside));
    };
    let Err(error) = rows.blobs.get(&digest) else { return Ok(()) };
    if rows.is_left_over_reference(key)? {
        return Ok(());
    }
    if !matches!(error, Error::Damaged { .. }) {
        return Err(Found::Failed(error));
    }
    Err(fault(unreadable(key, &error).reason, Remedy::Elsewhere))
}

/// Checks a piece. A damaged piece makes the whole row damaged.
fn piece(rows: &Rows, (key, value): &Entry) -> Looked {
    let Err(error) = value::flags(key, value) else { return Ok(()) };
    let owner = keys::of_piece(key).unwrap_or_default();
    let is_needed = value::get(rows.image.as_ref(), owner)?
        .is_some_and(|value| value::resolve(rows.image.as_ref(), &rows.blobs, owner, &value).is_err());
    let remedy = if is_needed { Remedy::Elsewhere } else { Remedy::SetAside };
    Err(fault(unreadable(key, &error).reason, remedy))
}
