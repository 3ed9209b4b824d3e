//! Conversion between nouns and rows.
//!
//! Bodies are JSON: self-describing, so that a field can be added or removed without a migration, and legible for
//! people who have to look. An execution is written up to three times in its life; its parameters and its result get
//! rows of their own if they are large, so that they are written once.
//!
//! [`listed`] reads rows among which some may be damaged; [`mending`] repairs nouns that have lost a part;
//! [`left_over`] knows what no row refers to any more; [`executions`] writes executions in their parts.

mod executions;
mod left_over;
mod listed;
mod mending;

use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Payload, TriggerInstance, TriggerInstanceId};
use petrel_persistence::{Change, Document, DocumentKey, DocumentKind, Error, seal};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::{Entry, Reads as _};
use crate::blobs::Blobs;
use crate::image::Image;
use crate::keys::{self, Part};
use crate::sealing::{Sealing, Secret};
use crate::value::{self, EncodeError, Encoding, Row};

use executions::encode_execution;

pub(crate) use executions::seal_execution;
pub(crate) use listed::{Listed, is_lasting, unreadable};

/// Largest part that is stored in the noun's own row, in bytes of JSON.
const PART_INLINE: usize = 1024;

/// Number of times that a noun is read again because its rows have changed meanwhile.
const READ_AGAIN: usize = 3;
/// Number of times that a row is read which seems to be damaged.
const ROW_AGAIN: usize = 8;

const PARAMETERS_APART: u8 = 1;
const RESULT_APART: u8 = 2;
const HAS_PARENT: u8 = 4;
/// Set for an execution that may hold secrets, so that its output and its log are encrypted as its parts are.
const HOLDS_SECRETS: u8 = 8;
const PAYLOAD_APART: u8 = 1;

/// A noun with the size of its JSON, in bytes.
pub(crate) struct Weighed<T> {
    pub(crate) noun: T,
    pub(crate) bytes: usize,
}

/// Access to rows.
pub(crate) struct Rows {
    pub(crate) image: Arc<Image>,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) sealing: Sealing,
}

/// Encodes `changes`, in order. Without `blobs`, a value that needs a file is refused.
pub(crate) fn encode<'a>(
    rows: &Rows,
    blobs: Option<&'a Arc<Blobs>>,
    changes: &[Change],
) -> Result<Encoding<'a>, EncodeError> {
    let mut to = Encoding::new(blobs);
    to.writes.reserve(2 * changes.len());
    for change in changes {
        if let Err(error) = encode_change(&mut to, rows, change, changes) {
            rows.give_back(to);
            return Err(error);
        }
    }
    Ok(to)
}

/// Encodes one of the changes of a commit.
fn encode_change(
    to: &mut Encoding<'_>,
    rows: &Rows,
    change: &Change,
    all: &[Change],
) -> Result<(), EncodeError> {
    match change {
        Change::CreateTriggerInstance(instance) => encode_instance(to, instance),
        Change::CreateEnforcement(enforcement) => {
            to.put(keys::enforcement(enforcement.id), 0, &json(enforcement)?)
        }
        Change::UpdateEnforcement(enforcement) => {
            replace(to, rows, keys::enforcement(enforcement.id), 0, &json(enforcement)?)
        }
        Change::CreateExecution(execution) => {
            if !execution.status.is_final() {
                to.writes.push(value::row(keys::active(execution.id), &[]));
            }
            if let Some(parent) = &execution.parent {
                to.writes.push(value::row(keys::child(parent.execution, execution.id), &[]));
            }
            encode_execution(to, rows, execution, true)
        }
        Change::UpdateExecution(execution) => {
            if execution.status.is_final() {
                to.writes.push((keys::active(execution.id), None));
            }
            encode_execution(to, rows, execution, false)
        }
        Change::AppendOutput { execution, sequence, lines } => {
            // The next attempt of an execution counts its lines from the beginning.
            let (key, is_secret) =
                (keys::output(*execution, *sequence), rows.is_secret(to, all, *execution)?);
            let row = Secret { image: &rows.image, key: &key, encrypts: is_secret };
            let (flags, body) = rows.sealing.output(to, &row, lines)?;
            replace(to, rows, key, flags, &body)
        }
        Change::Put(document) => put_document(to, rows, document),
        Change::Delete(key) => delete(to, rows, keys::document(key)),
        Change::DeleteExecution(id) => delete_execution(to, rows, *id),
        Change::DeleteTriggerInstance(id) => {
            delete(to, rows, keys::payload(*id))?;
            delete(to, rows, keys::trigger_instance(*id))
        }
        Change::DeleteEnforcement(id) => delete(to, rows, keys::enforcement(*id)),
        Change::AppendWorkflow { execution, sequence, entries } => {
            let key = keys::workflow_log(*execution, *sequence);
            let row =
                Secret { image: &rows.image, key: &key, encrypts: rows.is_secret(to, all, *execution)? };
            let (flags, body) = rows.sealing.sealed(to, &row, json(entries)?)?;
            to.put(key, flags, &body)
        }
        Change::LiftHold => lift_hold(to, rows),
    }
}

/// Removes all holds.
fn lift_hold(to: &mut Encoding<'_>, rows: &Rows) -> Result<(), EncodeError> {
    let held = rows.range(&keys::all(keys::HELD), false, usize::MAX)?;
    to.writes.extend(held.into_iter().map(|(key, _)| (key, None)));
    Ok(())
}

/// Replaces a document.
fn put_document(to: &mut Encoding<'_>, rows: &Rows, document: &Document) -> Result<(), EncodeError> {
    let body = document.to_json().map_err(|error| unencodable(&error))?;
    let key = keys::document(&document.key());
    let row = Secret { image: &rows.image, key: &key, encrypts: seal::is_secret(document) };
    let (flags, body) = rows.sealing.sealed(to, &row, body)?;
    replace(to, rows, key, flags, &body)
}

/// The value of a row in its present state, or as this commit has just written it. The caller ensures that no other
/// commit changes it meanwhile.
fn present(to: &Encoding<'_>, rows: &Rows, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    // An earlier change of this commit may have written the row, which the image does not show yet.
    match to.writes.iter().rev().find(|(written, _)| written.as_slice() == key) {
        Some((_, value)) => Ok(value.clone()),
        None => value::get(rows.image.as_ref(), key),
    }
}

/// Stores a row that may be there already, with pieces or a large value that the new one does not have.
fn replace(
    to: &mut Encoding<'_>,
    rows: &Rows,
    key: Vec<u8>,
    flags: u8,
    body: &[u8],
) -> Result<(), EncodeError> {
    let old = present(to, rows, &key)?;
    to.replace(key, old.as_deref(), flags, body)
}

/// Removes a row, with all that it has in others.
fn delete(to: &mut Encoding<'_>, rows: &Rows, key: Vec<u8>) -> Result<(), EncodeError> {
    if let Some(value) = present(to, rows, &key)? {
        to.delete(key, &value);
    }
    Ok(())
}

fn delete_execution(to: &mut Encoding<'_>, rows: &Rows, id: ExecutionId) -> Result<(), EncodeError> {
    let key = keys::execution(id);
    let Some(value) = value::get(rows.image.as_ref(), &key)? else { return Ok(()) };
    // If the flags cannot be read, the execution may have had every part.
    let flags = value::flags(&key, &value).unwrap_or(PARAMETERS_APART | RESULT_APART | HAS_PARENT);
    for (flag, part) in [(PARAMETERS_APART, Part::Parameters), (RESULT_APART, Part::Result)] {
        if flags & flag != 0 {
            delete(to, rows, keys::execution_part(id, part))?;
        }
    }
    for range in [keys::output_range(id), keys::workflow_log_range(id)] {
        for (key, value) in rows.range(&range, false, usize::MAX)? {
            to.delete(key, &value);
        }
    }
    if flags & HAS_PARENT != 0
        && let Ok(Some(Execution { parent: Some(parent), .. })) = rows.noun::<Execution>(&key)
    {
        to.writes.push((keys::child(parent.execution, id), None));
    }
    to.delete(key, &value);
    Ok(())
}

fn encode_instance(to: &mut Encoding<'_>, instance: &TriggerInstance) -> Result<(), EncodeError> {
    let key = keys::trigger_instance(instance.id);
    let payload = instance.payload.text().as_bytes();
    if payload.len() <= PART_INLINE {
        return to.put(key, 0, &json(instance)?);
    }
    to.put(keys::payload(instance.id), 0, payload)?;
    let head = TriggerInstance { payload: Payload::default(), ..instance.clone() };
    to.put(key, PAYLOAD_APART, &json(&head)?)
}

fn json(noun: &impl Serialize) -> Result<Vec<u8>, Error> {
    // Nearly all rows fit, and growing to their size in steps would copy them several times.
    let mut body = Vec::with_capacity(PART_INLINE);
    serde_json::to_writer(&mut body, noun).map_err(|error| unencodable(&error))?;
    Ok(body)
}

fn unencodable(error: &serde_json::Error) -> Error {
    Error::Unavailable(format!("a value cannot be encoded: {error}"))
}

impl Rows {
    /// Access to the rows of `image`.
    pub(crate) fn new(image: Image, blobs: Arc<Blobs>) -> Self {
        Self { image: Arc::new(image), blobs, sealing: Sealing::default() }
    }

    /// Decodes a value that was read under `key`, see [`value::resolve`], and decrypts it.
    fn resolved(&self, key: &[u8], value: &[u8]) -> Result<Row, Error> {
        self.sealing.opened(key, value::resolve(self.image.as_ref(), &self.blobs, key, value)?)
    }

    /// The row under `key`, if it exists.
    fn row(&self, key: &[u8]) -> Result<Option<Row>, Error> {
        for attempt in 1.. {
            let Some(value) = value::get(self.image.as_ref(), key)? else { break };
            let is_same = || -> Result<bool, Error> {
                Ok(value::get(self.image.as_ref(), key)?.as_ref() == Some(&value))
            };
            match self.resolved(key, &value) {
                // It may have been deleted meanwhile, and what has gone with it is no damage. The second look is for one
                // that was stored again just as it was.
                Err(Error::Damaged { .. }) if attempt < ROW_AGAIN && (attempt == 1 || !is_same()?) => {}
                row => return row.map(Some),
            }
        }
        Ok(None)
    }

    /// The noun under `key`, if it exists.
    pub(crate) fn noun<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        self.row(key)?.map(|row| decode(key, &row.body)).transpose()
    }

    /// The document under `key`, if it exists.
    pub(crate) fn document(&self, key: &DocumentKey) -> Result<Option<Document>, Error> {
        let row_key = keys::document(key);
        self.row(&row_key)?.map(|row| decode_document(key.kind(), &row_key, &row.body)).transpose()
    }

    /// Decodes an entry of a range as a document.
    pub(crate) fn document_of(&self, kind: DocumentKind, (key, value): &Entry) -> Result<Document, Error> {
        let row = self.resolved(key, value)?;
        decode_document(kind, key, &row.body)
    }

    /// Reads a part that must exist, since the flags of its noun say so.
    fn part<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Weighed<T>, Error> {
        let row = self.row(key)?.ok_or_else(|| Error::Damaged {
            what: value::describe(key),
            reason: "it is missing, although another row refers to it".into(),
        })?;
        Ok(Weighed { bytes: row.body.len(), noun: decode(key, &row.body)? })
    }

    /// Reads an execution.
    pub(crate) fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.settled(&keys::execution(id), |entry| self.execution_of(entry).map(|read| read.noun))
    }

    /// Reads an event.
    pub(crate) fn instance(&self, id: TriggerInstanceId) -> Result<Option<TriggerInstance>, Error> {
        self.settled(&keys::trigger_instance(id), |entry| self.instance_of(entry).map(|read| read.noun))
    }

    /// Applies `read` to the row under `key` and the rows that it refers to. These are read one after the other; if
    /// the row has changed in between, a mismatch is not damage, and everything is read again.
    pub(crate) fn settled<T>(
        &self,
        key: &[u8],
        read: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let mut attempts = 0;
        loop {
            let Some(value) = value::get(self.image.as_ref(), key)? else { return Ok(None) };
            let entry = (key.to_vec(), value);
            attempts += 1;
            match read(&entry) {
                Err(Error::Damaged { .. })
                    if attempts < READ_AGAIN
                        && value::get(self.image.as_ref(), key)?.as_ref() != Some(&entry.1) => {}
                done => return done.map(Some),
            }
        }
    }

    /// Decodes an entry of a range as an event.
    pub(crate) fn instance_of(&self, (key, value): &Entry) -> Result<Weighed<TriggerInstance>, Error> {
        let row = self.resolved(key, value)?;
        let (mut instance, mut bytes): (TriggerInstance, _) = (decode(key, &row.body)?, row.body.len());
        if row.flags & PAYLOAD_APART != 0 {
            let part = self.part(&keys::payload(instance.id))?;
            instance.payload = part.noun;
            bytes += part.bytes;
        }
        Ok(Weighed { noun: instance, bytes })
    }

    /// Decodes an entry of a range as a noun.
    pub(crate) fn noun_of<T: DeserializeOwned>(&self, (key, value): &Entry) -> Result<T, Error> {
        let row = self.resolved(key, value)?;
        decode(key, &row.body)
    }

    /// Up to `limit` entries of a range.
    pub(crate) fn range(
        &self,
        (from, to): &(Vec<u8>, Vec<u8>),
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.image.range(from, to, reverse, limit).map_err(|error| Error::Unavailable(error.to_string()))
    }
}

fn decode<T: DeserializeOwned>(key: &[u8], body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| decode_error(key, &error))
}

fn decode_document(kind: DocumentKind, key: &[u8], body: &[u8]) -> Result<Document, Error> {
    Document::from_json(kind, body).map_err(|error| decode_error(key, &error))
}

fn decode_error(key: &[u8], error: &serde_json::Error) -> Error {
    Error::Damaged { what: value::describe(key), reason: error.to_string() }
}
