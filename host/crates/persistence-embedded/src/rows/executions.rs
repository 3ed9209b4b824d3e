//! Executions as rows: the execution itself, and its parameters and its result in rows of their own if they are large, or
//! encrypted because they may hold secrets.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Object, inquiry};
use petrel_persistence::{Change, Error, ExecutionFilter};
use serde::Serialize;
use serde_json::Value;

use super::{
    HAS_PARENT, HOLDS_SECRETS, PARAMETERS_APART, PART_INLINE, RESULT_APART, Rows, Weighed, decode, delete,
    json, present, replace,
};
use crate::base::Entry;
use crate::keys::{self, Part};
use crate::sealing::Secret;
use crate::value::{self, EncodeError, Encoding};

/// Stores an execution.
pub(super) fn encode_execution(
    to: &mut Encoding<'_>,
    rows: &Rows,
    execution: &Execution,
    is_new: bool,
) -> Result<(), EncodeError> {
    let key = keys::execution(execution.id);
    let old = if is_new { None } else { present(to, rows, &key)? };
    // If the old flags cannot be read, it may have had every part.
    let every_part = PARAMETERS_APART | RESULT_APART;
    let had = old.as_deref().map_or(0, |old| value::flags(&key, old).unwrap_or(every_part));
    let is_secret = execution.holds_secrets() && rows.sealing.is_wanted();
    let mut flags = if execution.parent.is_some() { HAS_PARENT } else { 0 };
    flags |= if is_secret { HOLDS_SECRETS } else { 0 };
    let mut head = Cow::Borrowed(execution);
    let are_sealed = is_secret && seal_parameters(to, rows, execution, is_new)?;
    // What could not be read stays as it is, for a key that comes back.
    let is_unread = execution.context.unread.is_some();
    if is_unread && execution.parameters.is_empty() {
        flags |= had & PARAMETERS_APART;
    } else if are_sealed || !is_small(&execution.parameters) {
        flags |= PARAMETERS_APART;
        // Parameters never change, so only the first write of an execution stores them.
        if is_new && !are_sealed {
            let key = keys::execution_part(execution.id, Part::Parameters);
            to.put(key, 0, &json(&execution.parameters)?)?;
        }
        head.to_mut().parameters = Arc::default();
    }
    let result_key = || keys::execution_part(execution.id, Part::Result);
    if let Some(result) = execution.result.as_ref().filter(|result| is_secret || !is_small(*result)) {
        flags |= RESULT_APART;
        // One that is not read has no result but the host's own words.
        let row = Secret { image: &rows.image, key: &result_key(), encrypts: is_secret && !is_unread };
        let (part, body) = rows.sealing.result(to, &row, execution, result)?;
        if had & RESULT_APART == 0 {
            to.put(result_key(), part, &body)?;
        } else {
            replace(to, rows, result_key(), part, &body)?;
        }
        head.to_mut().result = None;
    } else if is_unread && execution.result.is_none() {
        flags |= had & RESULT_APART;
    } else if had & RESULT_APART != 0 {
        delete(to, rows, result_key())?;
    }
    to.replace(key, old.as_deref(), flags, &json(&*head)?)
}

/// Stores the parameters of an execution encrypted, if they are not. Returns whether they are then: what an earlier version
/// has stored in clear stays so as long as there is no key.
fn seal_parameters(
    to: &mut Encoding<'_>,
    rows: &Rows,
    execution: &Execution,
    is_new: bool,
) -> Result<bool, EncodeError> {
    if execution.parameters.is_empty() {
        return Ok(false);
    }
    let key = keys::execution_part(execution.id, Part::Parameters);
    let old = if is_new { None } else { present(to, rows, &key)? };
    if old.as_ref().is_some_and(|old| value::is_sealed(&key, old)) {
        return Ok(true);
    }
    let row = Secret { image: &rows.image, key: &key, encrypts: true };
    match rows.sealing.sealed(to, &row, json(&execution.parameters)?) {
        Ok((flags, body)) => to.replace(key, old.as_deref(), flags, &body).map(|()| true),
        Err(_no_key) if !is_new => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The part that was read. If that is encrypted, its key is not there, and it `may_lack`, the reason goes to `unread`.
fn read_or<T>(
    part: Result<Weighed<T>, Error>,
    may_lack: bool,
    unread: &mut Option<String>,
) -> Result<Option<Weighed<T>>, Error> {
    match part {
        Err(Error::Sealed { reason, .. }) if may_lack => {
            *unread = Some(reason);
            Ok(None)
        }
        part => part.map(Some),
    }
}

/// Whether `noun` takes at most [`PART_INLINE`] bytes. The encoding of a large one stops there.
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

/// Encrypts what an earlier version has stored in clear of the execution in `entry`, if that may hold secrets and `has_ended`,
/// or has not. `has_copies` says of one without secrets of its own whether it may have copies of others. Returns whether
/// there was something, and the bytes that were read. Its rows must not change meanwhile.
pub(crate) fn seal_execution(
    to: &mut Encoding<'_>,
    rows: &Rows,
    entry: &Entry,
    has_ended: bool,
    has_copies: impl FnOnce(&Execution) -> Result<bool, Error>,
) -> Result<(bool, usize), EncodeError> {
    let head: Execution = rows.noun_of(entry)?;
    if head.status.is_final() != has_ended {
        return Ok((false, 0));
    }
    let has_copies = !head.holds_secrets() && has_copies(&head)?;
    // The schema of an answer is in the result, which may be elsewhere.
    if !has_copies && !head.holds_secrets() && head.runner != inquiry::NAME {
        return Ok((false, 0));
    }
    let (mut execution, mut bytes) = rows.execution_of(entry).map(|read| (read.noun, read.bytes))?;
    execution.context.sealed |= has_copies;
    if !execution.holds_secrets() {
        return Ok((false, bytes));
    }
    let is_open = |part| {
        let key = keys::execution_part(execution.id, part);
        let value = value::get(rows.image.as_ref(), &key)?;
        Ok::<_, Error>(!value.is_some_and(|value| value::is_sealed(&key, &value)))
    };
    let before = to.writes.len();
    if (!execution.parameters.is_empty() && is_open(Part::Parameters)?)
        || (execution.result.is_some() && is_open(Part::Result)?)
        || value::flags(&entry.0, &entry.1)? & HOLDS_SECRETS == 0
    {
        encode_execution(to, rows, &execution, false)?;
    }
    for range in [keys::output_range(execution.id), keys::workflow_log_range(execution.id)] {
        for (key, value) in rows.range(&range, false, usize::MAX)? {
            if value::flags(&key, &value)? & value::SEALED == 0 {
                let body = rows.resolved(&key, &value)?.body;
                bytes += body.len();
                let row = Secret { image: &rows.image, key: &key, encrypts: true };
                let (flags, body) = rows.sealing.sealed(to, &row, body)?;
                to.replace(key, Some(&value), flags, &body)?;
            }
        }
    }
    Ok((to.writes.len() > before, bytes))
}

impl Rows {
    /// Reads an execution; parts that are encrypted and whose key is not there are left out.
    pub(crate) fn execution_in_part(&self, id: ExecutionId) -> Result<Option<Execution>, Error> {
        self.settled(&keys::execution(id), |entry| self.decoded_execution(entry, true).map(|read| read.noun))
    }

    /// Decodes an entry of a range as an execution. One that is ended unread is read as far as it can be.
    pub(crate) fn execution_of(&self, entry: &Entry) -> Result<Weighed<Execution>, Error> {
        self.decoded_execution(entry, false)
    }

    /// As [`execution_of`](Self::execution_of). Of one whose parts are encrypted, without the key, there is the head if `filter`
    /// does not admit it: what is not asked for need not be told as unreadable.
    pub(crate) fn execution_for(
        &self,
        entry: &Entry,
        filter: &ExecutionFilter,
    ) -> Result<Weighed<Execution>, Error> {
        match self.execution_of(entry) {
            Err(sealed @ Error::Sealed { .. }) => {
                let head: Execution = self.noun_of(entry)?;
                if filter.admits(&head) {
                    return Err(sealed);
                }
                Ok(Weighed { noun: head, bytes: entry.1.len() })
            }
            read => read,
        }
    }

    fn decoded_execution(&self, (key, value): &Entry, is_in_part: bool) -> Result<Weighed<Execution>, Error> {
        let row = self.resolved(key, value)?;
        let (mut execution, mut bytes): (Execution, _) = (decode(key, &row.body)?, row.body.len());
        // Whoever reads all of it does not miss anything.
        let mut unread = None;
        let is_in_part = execution.context.unread.take().is_some() || is_in_part;
        if row.flags & PARAMETERS_APART != 0 {
            let part = self.part::<Object>(&keys::execution_part(execution.id, Part::Parameters));
            if let Some(part) = read_or(part, is_in_part, &mut unread)? {
                execution.parameters = Arc::new(part.noun);
                bytes += part.bytes;
            }
        }
        if row.flags & RESULT_APART != 0 {
            let part = self.part::<Value>(&keys::execution_part(execution.id, Part::Result));
            if let Some(part) = read_or(part, is_in_part, &mut unread)? {
                execution.result = Some(Arc::new(part.noun));
                bytes += part.bytes;
            }
        }
        execution.context.unread = unread;
        Ok(Weighed { noun: execution, bytes })
    }

    /// Whether the execution with this id may hold secrets, by a commit that has `changes`, or as it is stored.
    pub(super) fn is_secret(
        &self,
        to: &Encoding<'_>,
        changes: &[Change],
        id: ExecutionId,
    ) -> Result<bool, Error> {
        if !self.sealing.is_wanted() {
            return Ok(false);
        }
        let is_it = |change: &Change| match change {
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => execution.id == id,
            _ => false,
        };
        if changes.iter().any(|change| change.holds_secrets() && is_it(change)) {
            return Ok(true);
        }
        if !self.sealing.is_met() {
            return Ok(false);
        }
        let key = keys::execution(id);
        let stored = present(to, self, &key)?;
        Ok(stored
            .is_some_and(|value| value::flags(&key, &value).is_ok_and(|flags| flags & HOLDS_SECRETS != 0)))
    }
}
