//! Reading all of a store to see whether it is whole: every row by its checksum, every noun by its form,
//! every large value by its digest, and whether what refers to something finds it. Nothing is changed, and
//! nobody may use the store meanwhile.

use std::collections::BTreeMap;
use std::path::Path;

use petrel_model::{
    Action, ApiKey, Enforcement, Execution, KeyValue, Pack, PackConfig, Payload, Rule, Token, TriggerType,
    User, WorkflowDefinition, WorkflowEntry,
};
use petrel_persistence::Error;
use petrel_persistence::store::Output;
use serde_json::Value;

use crate::base::Entry;
use crate::directory::OpenError;
use crate::keys;
use crate::opening::{Options, Recovered};
use crate::rows::Rows;
use crate::value;

/// How many rows are read at once.
const STEP: usize = 1000;
/// How many problems are listed.
const LISTED: usize = 100;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Rows by kind.
    pub rows: BTreeMap<&'static str, u64>,
    /// What is wrong, up to a hundred things.
    pub problems: Vec<String>,
    /// How many things are wrong.
    pub problem_count: u64,
    /// Groups that were in the journal only.
    pub in_journal: u64,
}

/// Checks the store in `directory`.
///
/// # Errors
/// When it cannot be opened, or the engine cannot read it at all.
pub fn check(directory: &Path, options: &Options) -> Result<Checked, CheckError> {
    let recovered = Recovered::present(directory, options)?;
    let mut checked = Checked { in_journal: recovered.replayed.groups, ..Checked::default() };
    let mut from = Vec::new();
    loop {
        let entries = recovered.rows.range(&(from, vec![u8::MAX]), false, STEP)?;
        let Some((last, _)) = entries.last() else { return Ok(checked) };
        from = [last.as_slice(), &[0]].concat();
        for entry in &entries {
            checked.look_at(&recovered.rows, entry);
        }
    }
}

/// Why a store cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Checked {
    fn look_at(&mut self, rows: &Rows, entry: &Entry) {
        let (kind, result) = read(rows, entry);
        *self.rows.entry(kind).or_default() += 1;
        if let Err(error) = result {
            self.problem_count += 1;
            if self.problems.len() < LISTED {
                self.problems.push(format!("{kind}: {error}"));
            }
        }
    }
}

/// The kind of a row, and whether it can be read with all that it refers to.
fn read(rows: &Rows, entry: &Entry) -> (&'static str, Result<(), Error>) {
    let (key, value) = entry;
    match key.first().copied() {
        Some(keys::META) => ("meta", whole(rows, entry)),
        Some(keys::PACK) => ("pack", rows.noun_of::<Pack>(entry).map(drop)),
        Some(keys::ACTION) => ("action", rows.noun_of::<Action>(entry).map(drop)),
        Some(keys::TRIGGER_TYPE) => ("trigger type", rows.noun_of::<TriggerType>(entry).map(drop)),
        Some(keys::RULE) => ("rule", rows.noun_of::<Rule>(entry).map(drop)),
        Some(keys::EXECUTION) => {
            ("execution", rows.execution_of(entry).and_then(|one| active(rows, &one.noun)))
        }
        Some(keys::ACTIVE) => ("active execution", is_there(rows, entry, keys::EXECUTION)),
        Some(keys::EXECUTION_PART) => (
            "part of an execution",
            rows.noun_of::<Value>(entry).and_then(|_| is_there(rows, entry, keys::EXECUTION)),
        ),
        Some(keys::OUTPUT) => {
            ("output", rows.noun_of::<Output>(entry).and_then(|_| is_there(rows, entry, keys::EXECUTION)))
        }
        Some(keys::TRIGGER_INSTANCE) => ("trigger instance", rows.instance_of(entry).map(drop)),
        Some(keys::PAYLOAD) => (
            "payload",
            rows.noun_of::<Payload>(entry).and_then(|_| is_there(rows, entry, keys::TRIGGER_INSTANCE)),
        ),
        Some(keys::ENFORCEMENT) => ("enforcement", rows.noun_of::<Enforcement>(entry).map(drop)),
        Some(keys::CHILD) => ("child of a workflow", whole(rows, entry)),
        Some(keys::WORKFLOW_LOG) => (
            "log of a workflow",
            rows.noun_of::<Vec<WorkflowEntry>>(entry).and_then(|_| is_there(rows, entry, keys::EXECUTION)),
        ),
        Some(keys::DEFINITION) => {
            ("definition of a workflow", rows.noun_of::<WorkflowDefinition>(entry).map(drop))
        }
        Some(keys::KEY) => ("key of the datastore", rows.noun_of::<KeyValue>(entry).map(drop)),
        Some(keys::REFERENCE) => ("reference", referred(rows, key)),
        Some(keys::USER) => ("user", rows.noun_of::<User>(entry).map(drop)),
        Some(keys::API_KEY) => ("API key", rows.noun_of::<ApiKey>(entry).map(drop)),
        Some(keys::TOKEN) => ("token", rows.noun_of::<Token>(entry).map(drop)),
        Some(keys::PACK_CONFIG) => ("pack configuration", rows.noun_of::<PackConfig>(entry).map(drop)),
        Some(keys::PIECE) => ("piece", value::flags(key, value).map(drop)),
        _ => ("other row", whole(rows, entry)),
    }
}

fn whole(rows: &Rows, (key, value): &Entry) -> Result<(), Error> {
    value::resolve(rows.image.as_ref(), &rows.blobs, key, value).map(drop)
}

fn damaged(key: &[u8], reason: &str) -> Error {
    Error::Damaged { what: value::describe(key), reason: reason.into() }
}

/// What the row is about must be there as a row of `kind`.
fn is_there(rows: &Rows, (key, _): &Entry, kind: u8) -> Result<(), Error> {
    let about = [&[kind], key.get(1..13).unwrap_or_default()].concat();
    match value::get(rows.image.as_ref(), &about)? {
        Some(_) => Ok(()),
        None => Err(damaged(key, "what it belongs to is missing")),
    }
}

/// An execution is listed as active exactly while it is not final.
fn active(rows: &Rows, execution: &Execution) -> Result<(), Error> {
    let key = keys::active(execution.id);
    let is_listed = value::get(rows.image.as_ref(), &key)?.is_some();
    if is_listed == execution.status.is_final() {
        let reason =
            format!("execution {} is {} and listed as active: {is_listed}", execution.id, execution.status);
        return Err(damaged(&key, &reason));
    }
    Ok(())
}

/// The blob that a reference names must be there, and be whole.
fn referred(rows: &Rows, key: &[u8]) -> Result<(), Error> {
    match keys::referred_to(key) {
        Some(digest) => rows.blobs.get(&digest).map(drop),
        None => Err(damaged(key, "it names no blob")),
    }
}
