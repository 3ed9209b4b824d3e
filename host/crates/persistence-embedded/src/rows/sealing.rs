//! Rows that hold secrets are encrypted as a whole, behind a flag, so that nothing in a value can be taken for an encrypted
//! one. What reads a row decrypts it; without the key that is an error of its own, and the row stays as it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use petrel_model::output::OutputLine;
use petrel_model::secrets::{MASK, masked_whole};
use petrel_model::{Execution, ExecutionId};
use petrel_persistence::{Change, Error, Sealer, seal};
use serde_json::Value;

use super::{HOLDS_SECRETS, Rows, json, present};
use crate::blobs::Blobs;
use crate::image::Image;
use crate::keys;
use crate::value::{self, Encoding, Row};

/// What encrypts rows, and what is known of encrypted ones.
#[derive(Default)]
pub(super) struct Sealing {
    sealer: OnceLock<Arc<dyn Sealer>>,
    /// Whether this process has met an encrypted row, or may.
    is_met: AtomicBool,
    /// Whether the store says that it has such rows.
    is_marked: AtomicBool,
}

impl Rows {
    /// Access to the rows of `image`.
    pub(crate) fn new(image: Image, blobs: Arc<Blobs>) -> Self {
        Self { image: Arc::new(image), blobs, sealing: Sealing::default() }
    }

    /// Sets what encrypts rows, unless it is set.
    pub(crate) fn seal_with(&self, sealer: Arc<dyn Sealer>) {
        // The first one counts.
        drop(self.sealing.sealer.set(sealer));
    }

    pub(super) fn has_sealer(&self) -> bool {
        self.sealing.sealer.get().is_some()
    }

    /// Whether rows can be encrypted now.
    pub(crate) fn can_seal(&self) -> bool {
        self.sealing.sealer.get().is_some_and(|sealer| sealer.seal(&[], &[]).is_ok())
    }

    /// Whether there are encrypted rows, as far as that is known.
    pub(crate) fn holds_sealed(&self) -> Result<bool, Error> {
        let is_met = self.sealing.is_met.load(Ordering::Relaxed);
        Ok(is_met || value::get(self.image.as_ref(), &keys::meta(keys::SEALS))?.is_some())
    }

    /// Looks whether there are encrypted rows. Until then, and if there are none, nobody asks a row for it.
    pub(crate) fn look_for_seals(&self) -> Result<(), Error> {
        self.sealing.is_met.store(self.holds_sealed()?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the row under `key` is there and encrypted.
    pub(super) fn is_sealed(&self, key: &[u8]) -> Result<bool, Error> {
        let value = value::get(self.image.as_ref(), key)?;
        Ok(value.is_some_and(|value| value::is_sealed(key, &value)))
    }

    /// Decodes a value that was read under `key`, see [`value::resolve`], and decrypts it.
    pub(super) fn resolved(&self, key: &[u8], value: &[u8]) -> Result<Row, Error> {
        let mut row = value::resolve(self.image.as_ref(), &self.blobs, key, value)?;
        if row.flags & value::SEALED != 0 {
            self.sealing.is_met.store(true, Ordering::Relaxed);
            let opened = match self.sealing.sealer.get() {
                Some(sealer) => sealer.open(&row.body, key),
                None => Err("it is encrypted, and there is no key here".to_owned()),
            };
            row.body = opened.map_err(|reason| Error::Sealed {
                what: format!("{} cannot be read:", value::describe(key)),
                reason,
            })?;
        }
        Ok(row)
    }

    /// The flags and the body of a row with `body`, encrypted if it is secret.
    pub(super) fn sealed_if(
        &self,
        to: &mut Encoding<'_>,
        is_secret: bool,
        key: &[u8],
        body: Vec<u8>,
    ) -> Result<(u8, Vec<u8>), Error> {
        let Some(sealer) = self.sealing.sealer.get().filter(|_| is_secret) else { return Ok((0, body)) };
        let sealed = sealer.seal(&body, key).map_err(|reason| Error::Sealed {
            what: "what is secret cannot be stored:".to_owned(),
            reason: format!("{reason}; nothing was stored, least of all in clear"),
        })?;
        self.mark(to)?;
        Ok((value::SEALED, sealed))
    }

    /// Has the store say that it has encrypted rows.
    fn mark(&self, to: &mut Encoding<'_>) -> Result<(), Error> {
        self.sealing.is_met.store(true, Ordering::Relaxed);
        if self.sealing.is_marked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mark = keys::meta(keys::SEALS);
        if value::get(self.image.as_ref(), &mark)?.is_some() {
            self.sealing.is_marked.store(true, Ordering::Relaxed);
        } else {
            to.writes.push(value::row(mark, &[]));
        }
        Ok(())
    }

    /// Whether the execution with this id may hold secrets, by a commit that has `changes`, or as it is stored.
    pub(super) fn is_secret(
        &self,
        to: &Encoding<'_>,
        changes: &[Change],
        id: ExecutionId,
    ) -> Result<bool, Error> {
        if !self.has_sealer() {
            return Ok(false);
        }
        let is_it = |change: &Change| match change {
            Change::CreateExecution(execution) | Change::UpdateExecution(execution) => execution.id == id,
            _ => false,
        };
        if changes.iter().any(|change| seal::holds_secrets(change) && is_it(change)) {
            return Ok(true);
        }
        if !self.sealing.is_met.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let key = keys::execution(id);
        let stored = present(to, self, &key)?;
        Ok(stored
            .is_some_and(|value| value::flags(&key, &value).is_ok_and(|flags| flags & HOLDS_SECRETS != 0)))
    }

    /// The flags and the body of a row with lines of output. What has been written cannot be refused, so without a key the lines
    /// are masked.
    pub(super) fn output(
        &self,
        to: &mut Encoding<'_>,
        key: &[u8],
        lines: &[OutputLine],
        is_secret: bool,
    ) -> Result<(u8, Vec<u8>), Error> {
        match self.sealed_if(to, is_secret, key, json(&lines)?) {
            Err(Error::Sealed { what, reason }) => {
                tracing::error!(row = %value::describe(key), "{what} {reason}; its lines are masked");
                let mask = |line: &OutputLine| OutputLine { stream: line.stream, text: MASK.to_owned() };
                Ok((0, json(&lines.iter().map(mask).collect::<Vec<_>>())?))
            }
            done => done,
        }
    }

    /// The flags and the body of a row with the result of `execution`. What has happened cannot be refused, so without a key its
    /// values are masked.
    pub(super) fn result(
        &self,
        to: &mut Encoding<'_>,
        key: &[u8],
        execution: &Execution,
        result: &Value,
    ) -> Result<(u8, Vec<u8>), Error> {
        match self.sealed_if(to, execution.holds_secrets(), key, json(result)?) {
            Err(Error::Sealed { what, reason }) => {
                tracing::error!(execution.id = %execution.id, "{what} {reason}; its result is masked");
                // One that is not the last says how the execution goes on, as a question does.
                let masked = execution.status.is_final().then(|| masked_whole(result));
                Ok((0, json(masked.as_ref().unwrap_or(result))?))
            }
            done => done,
        }
    }
}
