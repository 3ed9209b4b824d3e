//! How nouns become rows, and rows nouns.
//!
//! Bodies are JSON: self-describing, so that a field can be added or dropped without a migration, and
//! readable when somebody has to look. An execution is written up to three times in its life; its
//! parameters and its result get rows of their own when they are large, so that they are written once.

use std::io;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Object, TriggerInstance};
use petrel_persistence::{Change, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::base::{Base, Entry, Write};
use crate::blobs::Blobs;
use crate::keys::{self, Part};
use crate::value::{self, Row};

/// The largest part of a noun that stands in the noun's own row, in bytes of JSON.
const PART_INLINE: usize = 1024;

const PARAMETERS_APART: u8 = 1;
const RESULT_APART: u8 = 2;
const PAYLOAD_APART: u8 = 1;

/// Where rows are read from and written to.
pub(crate) struct Rows {
    pub(crate) base: Box<dyn Base>,
    pub(crate) blobs: Blobs,
}

/// The writes of `changes`, in order. Values that need a file are durable in it when this returns.
pub(crate) fn encode(blobs: &Blobs, changes: &[Change]) -> Result<Vec<Write>, Error> {
    let mut writes = Vec::with_capacity(changes.len() + 2);
    for change in changes {
        encode_change(&mut writes, blobs, change)?;
    }
    Ok(writes)
}

fn encode_change(writes: &mut Vec<Write>, blobs: &Blobs, change: &Change) -> Result<(), Error> {
    match change {
        Change::CreateTriggerInstance(instance) => encode_instance(writes, blobs, instance),
        Change::CreateEnforcement(enforcement) => {
            value::put(writes, blobs, keys::enforcement(enforcement.id), 0, &json(enforcement)?)
        }
        Change::CreateExecution(execution) => {
            if !execution.status.is_final() {
                value::put(writes, blobs, keys::active(execution.id), 0, &[])?;
            }
            encode_execution(writes, blobs, execution, true)
        }
        Change::UpdateExecution(execution) => {
            if execution.status.is_final() {
                writes.push((keys::active(execution.id), None));
            }
            encode_execution(writes, blobs, execution, false)
        }
        Change::AppendOutput { execution, sequence, lines } => {
            value::put(writes, blobs, keys::output(*execution, *sequence), 0, &json(lines)?)
        }
        Change::PutPack(pack) => put_content(writes, blobs, keys::PACK, &pack.reference, pack),
        Change::DeletePack(name) => delete_content(writes, keys::PACK, name),
        Change::PutAction(action) => {
            put_content(writes, blobs, keys::ACTION, action.reference.as_str(), action)
        }
        Change::PutTriggerType(kind) => {
            put_content(writes, blobs, keys::TRIGGER_TYPE, kind.reference.as_str(), kind)
        }
        Change::PutRule(rule) => put_content(writes, blobs, keys::RULE, rule.reference.as_str(), rule),
        Change::DeleteAction(name) => delete_content(writes, keys::ACTION, name.as_str()),
        Change::DeleteTriggerType(name) => delete_content(writes, keys::TRIGGER_TYPE, name.as_str()),
        Change::DeleteRule(name) => delete_content(writes, keys::RULE, name.as_str()),
        Change::PutUser(user) => put_content(writes, blobs, keys::USER, &user.name, user),
        Change::DeleteUser(name) => delete_content(writes, keys::USER, name),
        Change::PutApiKey(key) => put_content(writes, blobs, keys::API_KEY, &key.id.to_string(), key),
        Change::DeleteApiKey(id) => delete_content(writes, keys::API_KEY, &id.to_string()),
        Change::PutToken(token) => put_content(writes, blobs, keys::TOKEN, &token.id.to_string(), token),
        Change::DeleteToken(id) => delete_content(writes, keys::TOKEN, &id.to_string()),
        Change::PutPackConfig(config) => put_content(writes, blobs, keys::PACK_CONFIG, &config.pack, config),
        Change::DeletePackConfig(pack) => delete_content(writes, keys::PACK_CONFIG, pack),
    }
}

/// Content is replaced, by something smaller perhaps; so pieces that it had are removed first.
fn put_content(
    writes: &mut Vec<Write>,
    blobs: &Blobs,
    kind: u8,
    name: &str,
    content: &impl Serialize,
) -> Result<(), Error> {
    delete_content(writes, kind, name)?;
    value::put(writes, blobs, keys::content(kind, name), 0, &json(content)?)
}

#[expect(clippy::unnecessary_wraps, reason = "an arm among others that can fail")]
fn delete_content(writes: &mut Vec<Write>, kind: u8, name: &str) -> Result<(), Error> {
    value::delete(writes, keys::content(kind, name));
    Ok(())
}

fn encode_instance(writes: &mut Vec<Write>, blobs: &Blobs, instance: &TriggerInstance) -> Result<(), Error> {
    let key = keys::trigger_instance(instance.id);
    if is_small(&instance.payload) {
        return value::put(writes, blobs, key, 0, &json(instance)?);
    }
    value::put(writes, blobs, keys::payload(instance.id), 0, &json(&instance.payload)?)?;
    let head = TriggerInstance { payload: Arc::new(Value::Null), ..instance.clone() };
    value::put(writes, blobs, key, PAYLOAD_APART, &json(&head)?)
}

fn encode_execution(
    writes: &mut Vec<Write>,
    blobs: &Blobs,
    execution: &Execution,
    is_new: bool,
) -> Result<(), Error> {
    let mut flags = 0;
    if !is_small(&execution.parameters) {
        flags |= PARAMETERS_APART;
        if is_new {
            let key = keys::execution_part(execution.id, Part::Parameters);
            value::put(writes, blobs, key, 0, &json(&execution.parameters)?)?;
        }
    }
    if let Some(result) = execution.result.as_ref().filter(|result| !is_small(*result)) {
        flags |= RESULT_APART;
        value::put(writes, blobs, keys::execution_part(execution.id, Part::Result), 0, &json(result)?)?;
    }
    let key = keys::execution(execution.id);
    if flags == 0 {
        return value::put(writes, blobs, key, 0, &json(execution)?);
    }
    let mut head = execution.clone();
    if flags & PARAMETERS_APART != 0 {
        head.parameters = Arc::default();
    }
    if flags & RESULT_APART != 0 {
        head.result = None;
    }
    value::put(writes, blobs, key, flags, &json(&head)?)
}

fn json(noun: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(noun)
        .map_err(|error| Error::Unavailable(format!("a value cannot be encoded: {error}")))
}

/// Whether `noun` takes at most [`PART_INLINE`] bytes; large ones are not encoded to the end to find out.
fn is_small(noun: &impl Serialize) -> bool {
    struct Room(usize);
    impl io::Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::WriteZero)?;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer(Room(PART_INLINE), noun).is_ok()
}

impl Rows {
    /// The row under `key`, if there is one.
    fn row(&self, key: &[u8]) -> Result<Option<Row>, Error> {
        match value::get(self.base.as_ref(), key)? {
            Some(value) => value::resolve(self.base.as_ref(), &self.blobs, key, &value).map(Some),
            None => Ok(None),
        }
    }

    /// The noun under `key`, if there is one.
    pub(crate) fn noun<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        self.row(key)?.map(|row| decode(key, &row.body)).transpose()
    }

    /// A part that must be there, since its noun says so.
    fn part<T: DeserializeOwned>(&self, key: &[u8]) -> Result<T, Error> {
        self.noun(key)?.ok_or_else(|| Error::Damaged {
            what: value::describe(key),
            reason: "it is missing, although another row refers to it".into(),
        })
    }

    /// An execution.
    pub(crate) fn execution(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        let key = keys::execution(id);
        self.row(&key)?.map(|row| self.decode_execution(&key, &row)).transpose()
    }

    fn decode_execution(&self, key: &[u8], row: &Row) -> Result<Execution, Error> {
        let mut execution: Execution = decode(key, &row.body)?;
        if row.flags & PARAMETERS_APART != 0 {
            execution.parameters =
                Arc::new(self.part::<Object>(&keys::execution_part(execution.id, Part::Parameters))?);
        }
        if row.flags & RESULT_APART != 0 {
            execution.result =
                Some(Arc::new(self.part::<Value>(&keys::execution_part(execution.id, Part::Result))?));
        }
        Ok(execution)
    }

    /// The execution in an entry of a range.
    pub(crate) fn execution_of(&self, (key, value): &Entry) -> Result<Execution, Error> {
        let row = value::resolve(self.base.as_ref(), &self.blobs, key, value)?;
        self.decode_execution(key, &row)
    }

    /// The event in an entry of a range.
    pub(crate) fn instance_of(&self, (key, value): &Entry) -> Result<TriggerInstance, Error> {
        let row = value::resolve(self.base.as_ref(), &self.blobs, key, value)?;
        let mut instance: TriggerInstance = decode(key, &row.body)?;
        if row.flags & PAYLOAD_APART != 0 {
            instance.payload = Arc::new(self.part::<Value>(&keys::payload(instance.id))?);
        }
        Ok(instance)
    }

    /// The noun in an entry of a range.
    pub(crate) fn noun_of<T: DeserializeOwned>(&self, (key, value): &Entry) -> Result<T, Error> {
        let row = value::resolve(self.base.as_ref(), &self.blobs, key, value)?;
        decode(key, &row.body)
    }

    /// Up to `limit` entries of a range.
    pub(crate) fn range(
        &self,
        (from, to): &(Vec<u8>, Vec<u8>),
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Entry>, Error> {
        self.base.range(from, to, reverse, limit).map_err(|error| Error::Unavailable(error.to_string()))
    }

    /// All nouns of one kind, by key.
    pub(crate) fn all<T: DeserializeOwned>(&self, kind: u8) -> Result<Vec<T>, Error> {
        self.range(&keys::all(kind), false, usize::MAX)?.iter().map(|entry| self.noun_of(entry)).collect()
    }
}

fn decode<T: DeserializeOwned>(key: &[u8], body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body)
        .map_err(|error| Error::Damaged { what: value::describe(key), reason: error.to_string() })
}
