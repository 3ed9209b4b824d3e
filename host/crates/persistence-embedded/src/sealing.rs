//! Rows that hold secrets are encrypted as a whole, behind a flag, so that nothing in a value can be taken for an encrypted
//! one. What reads a row decrypts it; without the key that is an error of its own, and the row stays as it is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use petrel_model::Execution;
use petrel_model::output::OutputLine;
use petrel_model::secrets::{MASK, masked_whole};
use petrel_persistence::{DocumentKind, Error, Sealer};
use serde::Serialize;
use serde_json::Value;

use crate::base::Reads as _;
use crate::image::Image;
use crate::keys;
use crate::value::{self, Encoding, Row};

/// The number of parts of executions that are looked at for the keys of a store that does not say them.
const MOST_LOOKED_AT: usize = 10_000;

/// What encrypts rows, and what is known of encrypted ones.
#[derive(Default)]
pub(crate) struct Sealing {
    /// What encrypts rows, as far as it is known at the opening.
    first: OnceLock<Arc<dyn Sealer>>,
    /// What encrypts rows from then on, chosen by somebody who has looked at what is stored.
    chosen: OnceLock<Arc<dyn Sealer>>,
    /// The keys by which rows were encrypted before this process, where the store does not say it: it is of an earlier version.
    found: OnceLock<BTreeSet<String>>,
    /// Whether this process has met an encrypted row, or may.
    is_met: AtomicBool,
    /// Whether the store says that it has such rows.
    is_marked: AtomicBool,
    /// Whether executions that were open at the start are in clear still.
    is_behind: AtomicBool,
}

/// A row to be written.
pub(crate) struct Secret<'a> {
    pub(crate) image: &'a Image,
    pub(crate) key: &'a [u8],
    /// Whether it is to be encrypted.
    pub(crate) encrypts: bool,
}

impl Sealing {
    /// Chooses what encrypts rows, unless it is chosen.
    pub(crate) fn set(&self, sealer: Arc<dyn Sealer>) {
        // The first one counts.
        drop(self.chosen.set(sealer));
    }

    fn sealer(&self) -> Option<&Arc<dyn Sealer>> {
        self.chosen.get().or_else(|| self.first.get())
    }

    /// Sets what encrypts rows, if there is something, and looks whether there are encrypted ones: without these, no row is
    /// asked whether it is.
    pub(crate) fn begin(&self, sealer: Option<&Arc<dyn Sealer>>, image: &Image) -> Result<(), Error> {
        if let Some(sealer) = sealer {
            drop(self.first.set(Arc::clone(sealer)));
        }
        self.is_met.store(self.holds_sealed(image)?, Ordering::Relaxed);
        Ok(())
    }

    /// Whether rows are to be encrypted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.sealer().is_some()
    }

    /// Why rows cannot be encrypted, if they are to be.
    pub(crate) fn refuses(&self) -> Option<String> {
        self.sealer().and_then(|sealer| sealer.seal(&[], &[]).err())
    }

    /// Whether there may be encrypted rows, as far as this process knows.
    pub(crate) fn is_met(&self) -> bool {
        self.is_met.load(Ordering::Relaxed)
    }

    /// Notes whether executions that were open at the start are in clear still.
    pub(crate) fn set_behind(&self, is_behind: bool) {
        self.is_behind.store(is_behind, Ordering::Relaxed);
    }

    /// Whether executions that were open at the start are in clear still, so that the next start has to look at all of them.
    pub(crate) fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Whether there are encrypted rows, as far as that is known.
    pub(crate) fn holds_sealed(&self, image: &Image) -> Result<bool, Error> {
        Ok(self.is_met() || value::get(image, &keys::meta(keys::SEALS))?.is_some())
    }

    /// A row that was read under `key`, decrypted.
    pub(crate) fn opened(&self, key: &[u8], mut row: Row) -> Result<Row, Error> {
        if row.flags & value::SEALED != 0 {
            self.is_met.store(true, Ordering::Relaxed);
            let opened = match self.sealer() {
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
        let Some(sealer) = self.sealer().filter(|_| row.encrypts) else { return Ok((0, body)) };
        let sealed = sealer.seal(&body, row.key).map_err(|reason| Error::Sealed {
            what: "what is secret cannot be stored:".to_owned(),
            reason: format!("{reason}; nothing was stored, least of all in clear"),
        })?;
        self.mark(to, row.image)?;
        Ok((value::SEALED, sealed))
    }

    /// Has the store say that it has encrypted rows, and by which keys.
    fn mark(&self, to: &mut Encoding<'_>, image: &Image) -> Result<(), Error> {
        self.is_met.store(true, Ordering::Relaxed);
        if self.is_marked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let noted = noted_keys(image)?;
        let known = noted.as_ref().or_else(|| self.found.get());
        let mut ids = known.cloned().unwrap_or_default();
        let is_new = self.sealer().and_then(|sealer| sealer.key()).is_some_and(|id| ids.insert(id));
        if noted.is_some() && !is_new {
            self.is_marked.store(true, Ordering::Relaxed);
        } else {
            to.writes.push(value::row(keys::meta(keys::SEALS), &json(&ids)?));
        }
        Ok(())
    }

    /// The ids of the keys by which rows were encrypted. A store of an earlier version does not say it, so some rows are looked
    /// at once.
    pub(crate) fn sealed_by(&self, image: &Image) -> Result<BTreeSet<String>, Error> {
        if let Some(noted) = noted_keys(image)? {
            return Ok(noted);
        }
        if let Some(found) = self.found.get() {
            return Ok(found.clone());
        }
        let found = self.looked_for(image)?;
        // Nobody else has found other ones.
        drop(self.found.set(found.clone()));
        Ok(found)
    }

    /// The keys of encrypted configurations, and of the newest parts of executions.
    fn looked_for(&self, image: &Image) -> Result<BTreeSet<String>, Error> {
        let mut found = BTreeSet::new();
        let Some(sealer) = self.sealer().filter(|_| self.is_met()) else { return Ok(found) };
        let configs = keys::all(keys::document_prefix(DocumentKind::PackConfig));
        for ((from, to), most) in [(configs, usize::MAX), (keys::all(keys::EXECUTION_PART), MOST_LOOKED_AT)] {
            let entries = image.range(&from, &to, true, most);
            for (key, value) in entries.map_err(|error| Error::Unavailable(error.to_string()))? {
                if value::is_sealed(&key, &value) {
                    let begin = value::beginning(image, &key, &value).ok().flatten();
                    found.extend(begin.and_then(|begin| sealer.key_of(&begin)));
                }
            }
        }
        Ok(found)
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

/// The keys by which rows were encrypted, as the store says it. `None` for a store without encrypted rows, for that of an
/// earlier version, and where it cannot be read: then it is written anew.
fn noted_keys(image: &Image) -> Result<Option<BTreeSet<String>>, Error> {
    let mark = keys::meta(keys::SEALS);
    let Some(value) = value::get(image, &mark)? else { return Ok(None) };
    let body = value::beginning(image, &mark, &value).ok().flatten();
    Ok(body.and_then(|body| serde_json::from_slice(&body).ok()))
}

fn json(noun: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(noun)
        .map_err(|error| Error::Unavailable(format!("a value cannot be encoded: {error}")))
}
