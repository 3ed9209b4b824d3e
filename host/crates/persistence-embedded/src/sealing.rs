//! Rows that hold secrets are encrypted as a whole, behind a flag, so that nothing in a value can be taken for an encrypted
//! one. What reads a row decrypts it; without the key that is an error of its own, and the row stays as it is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use petrel_model::Execution;
use petrel_model::output::OutputLine;
use petrel_model::secrets::{MASK, masked_whole};
use petrel_persistence::{Error, Sealer};
use serde::Serialize;
use serde_json::Value;

use crate::image::Image;
use crate::keys;
use crate::value::{self, Encoding, Row};

/// What encrypts rows, and what is known of encrypted ones.
#[derive(Default)]
pub(crate) struct Sealing {
    sealer: OnceLock<Arc<dyn Sealer>>,
    /// Whether this process has met an encrypted row, or may.
    is_met: AtomicBool,
    /// Whether the store says that it has such rows.
    is_marked: AtomicBool,
}

/// A row to be written.
pub(crate) struct Secret<'a> {
    pub(crate) image: &'a Image,
    pub(crate) key: &'a [u8],
    /// Whether it is to be encrypted.
    pub(crate) encrypts: bool,
}

impl Sealing {
    /// Sets what encrypts rows, unless it is set.
    pub(crate) fn set(&self, sealer: Arc<dyn Sealer>) {
        // The first one counts.
        drop(self.sealer.set(sealer));
    }

    /// Sets what encrypts rows, if there is something, and looks whether there are encrypted ones: without these, no row is
    /// asked whether it is.
    pub(crate) fn begin(&self, sealer: Option<&Arc<dyn Sealer>>, image: &Image) -> Result<(), Error> {
        if let Some(sealer) = sealer {
            self.set(Arc::clone(sealer));
        }
        self.is_met.store(self.holds_sealed(image)?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether rows are to be encrypted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.sealer.get().is_some()
    }

    /// Why rows cannot be encrypted, if they are to be.
    pub(crate) fn refuses(&self) -> Option<String> {
        self.sealer.get().and_then(|sealer| sealer.seal(&[], &[]).err())
    }

    /// Whether there may be encrypted rows, as far as this process knows.
    pub(crate) fn is_met(&self) -> bool {
        self.is_met.load(Ordering::Relaxed)
    }

    /// Whether there are encrypted rows, as far as that is known.
    pub(crate) fn holds_sealed(&self, image: &Image) -> Result<bool, Error> {
        Ok(self.is_met() || value::get(image, &keys::meta(keys::SEALS))?.is_some())
    }

    /// A row that was read under `key`, decrypted.
    pub(crate) fn opened(&self, key: &[u8], mut row: Row) -> Result<Row, Error> {
        if row.flags & value::SEALED != 0 {
            self.is_met.store(true, Ordering::Relaxed);
            let opened = match self.sealer.get() {
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
    pub(crate) fn sealed(
        &self,
        to: &mut Encoding<'_>,
        row: &Secret<'_>,
        body: Vec<u8>,
    ) -> Result<(u8, Vec<u8>), Error> {
        let Some(sealer) = self.sealer.get().filter(|_| row.encrypts) else { return Ok((0, body)) };
        let sealed = sealer.seal(&body, row.key).map_err(|reason| Error::Sealed {
            what: "what is secret cannot be stored:".to_owned(),
            reason: format!("{reason}; nothing was stored, least of all in clear"),
        })?;
        self.mark(to, row.image)?;
        Ok((value::SEALED, sealed))
    }

    /// Has the store say that it has encrypted rows.
    fn mark(&self, to: &mut Encoding<'_>, image: &Image) -> Result<(), Error> {
        self.is_met.store(true, Ordering::Relaxed);
        if self.is_marked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let mark = keys::meta(keys::SEALS);
        if value::get(image, &mark)?.is_some() {
            self.is_marked.store(true, Ordering::Relaxed);
        } else {
            to.writes.push(value::row(mark, &[]));
        }
        Ok(())
    }

    /// The flags and the body of a row with lines of output. What has been written cannot be refused, so without a key the lines
    /// are masked.
    pub(crate) fn output(
        &self,
        to: &mut Encoding<'_>,
        row: &Secret<'_>,
        lines: &[OutputLine],
    ) -> Result<(u8, Vec<u8>), Error> {
        match self.sealed(to, row, json(&lines)?) {
            Err(Error::Sealed { what, reason }) => {
                tracing::error!(row = %value::describe(row.key), "{what} {reason}; its lines are masked");
                let mask = |line: &OutputLine| OutputLine { stream: line.stream, text: MASK.to_owned() };
                Ok((0, json(&lines.iter().map(mask).collect::<Vec<_>>())?))
            }
            done => done,
        }
    }

    /// The flags and the body of a row with the result of `execution`. What has happened cannot be refused, so without a key its
    /// values are masked.
    pub(crate) fn result(
        &self,
        to: &mut Encoding<'_>,
        row: &Secret<'_>,
        execution: &Execution,
        result: &Value,
    ) -> Result<(u8, Vec<u8>), Error> {
        match self.sealed(to, row, json(result)?) {
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

fn json(noun: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(noun)
        .map_err(|error| Error::Unavailable(format!("a value cannot be encoded: {error}")))
}
