//! A recovered store: its directory is locked, its base is open, the journal is replayed, and nothing is served yet.
//! Maintenance needs no more than this; [`opening`](super) continues from here.

use std::path::Path;
use std::sync::Arc;

use petrel_persistence::Error;

use crate::base::{Base, gaps};
use crate::blobs::Blobs;
use crate::compact;
use crate::directory::{Directory, OpenError};
use crate::image::Image;
use crate::journal::media::{Files, Media};
use crate::journal::replay::{self, Replayed};
use crate::keys;
use crate::options::Options;
use crate::rows::Rows;

/// A store that is recovered and not yet served.
pub(crate) struct Recovered {
    pub(crate) directory: Directory,
    pub(crate) rows: Arc<Rows>,
    pub(crate) media: Arc<dyn Media>,
    pub(crate) replayed: Replayed,
    /// Approximate memory of the rows from the journal, in bytes.
    pub(crate) layer_bytes: usize,
}

impl Recovered {
    pub(super) fn of(
        base: Box<dyn Base>,
        media: Arc<dyn Media>,
        directory: Directory,
        accept_loss: bool,
    ) -> Result<Self, OpenError> {
        let path = directory.path().to_path_buf();
        let blobs = Blobs::open(&path.join("blobs")).map_err(|error| OpenError::Io(path.clone(), error))?;
        let rows = Rows::new(Image::new(base), Arc::new(blobs));
        refuse_nothing_but_damage(&rows, &directory)?;
        let in_base = last_in_base(&rows, media.as_ref(), &directory)?;
        let mut replayed = replay::replay(media.as_ref(), in_base, accept_loss)
            .map_err(|error| OpenError::Journal(path.clone(), error.to_string()))?;
        let given_up = rows.image.base().lost();
        if accept_loss {
            let acknowledged = directory.acknowledged()?;
            if replayed.sequence < acknowledged {
                replayed.lost.push(replay::lost_groups(replayed.sequence + 1, acknowledged));
            }
        } else {
            directory.check_loss(replayed.sequence)?;
        }
        replayed.lost.extend(given_up);
        // The process that wrote these groups may have been killed before its sync. What follows builds on them, so
        // they must be durable first.
        if let Some(number) = replayed.last_written {
            media.sync(number).map_err(|error| OpenError::Io(path.clone(), error))?;
        }
        let layer_bytes = rows.image.show(std::mem::take(&mut replayed.writes));
        Ok(Self { directory, rows: Arc::new(rows), media, replayed, layer_bytes })
    }

    /// Recovers the existing store in `directory` for maintenance. No process may use it.
    pub(crate) fn present(directory: &Path, options: &Options) -> Result<Self, OpenError> {
        Directory::check_present(directory)?;
        let recovered = Self::offline(directory, options)?;
        // Whoever maintains it tells what was lost.
        recovered.directory.lower_watermark(recovered.replayed.sequence)?;
        Ok(recovered)
    }

    /// Recovers a store without taking it over. The watermark still says what was acknowledged: a loss that was accepted
    /// is forgotten only when it is certain that it will be told.
    pub(crate) fn offline(directory: &Path, options: &Options) -> Result<Self, OpenError> {
        let taken = Directory::take(directory, options.engine)?;
        let (base, media) = machine(directory, options)?;
        Self::of(base, media, taken, options.accept_loss)
    }
}

/// The error for a row that is needed to open the store and cannot be read.
pub(super) fn unreadable(directory: &Directory) -> impl Fn(Error) -> OpenError + use<> {
    let (path, engine) = (directory.path().to_path_buf(), directory.engine());
    move |error| OpenError::Base { path: path.clone(), engine, reason: error.to_string() }
}

/// Refuses a base of which nothing at all can be read.
fn refuse_nothing_but_damage(rows: &Rows, directory: &Directory) -> Result<(), OpenError> {
    let refused = |reason: &str| OpenError::Base {
        path: directory.path().into(),
        engine: directory.engine(),
        reason: reason.to_owned(),
    };
    let first =
        rows.image.base().range(&[0], &[u8::MAX], false, 2).map_err(|error| refused(&error.reason))?;
    match first.as_slice() {
        [(_, value)] => gaps::reason(value).map_or(Ok(()), |reason| Err(refused(reason))),
        _ => Ok(()),
    }
}

/// The number of the last group in the base. If it cannot be read, the whole journal is applied again, which is
/// harmless.
fn last_in_base(rows: &Rows, media: &dyn Media, directory: &Directory) -> Result<u64, OpenError> {
    match rows.noun(&keys::meta(keys::SEQUENCE)) {
        Ok(found) => Ok(found.unwrap_or(0)),
        Err(error @ Error::Damaged { .. }) => {
            tracing::error!(%error, "failed to read the last sequence in the base; replaying the whole journal");
            let unread = |error: replay::ReplayError| {
                OpenError::Journal(directory.path().to_path_buf(), error.to_string())
            };
            match replay::earliest(media).map_err(unread)? {
                Some(first) => Ok(first.saturating_sub(1)),
                None => directory.acknowledged(),
            }
        }
        Err(error) => Err(unreadable(directory)(error)),
    }
}

/// A base and the medium of the journal.
type Machine = (Box<dyn Base>, Arc<dyn Media>);

/// Opens those in `directory`.
fn machine(directory: &Path, options: &Options) -> Result<Machine, OpenError> {
    let path = || directory.to_path_buf();
    compact::finish(directory, options.engine).map_err(|error| OpenError::Io(path(), error))?;
    let opened = options.engine.open(directory, options.cache_bytes, options.accept_loss);
    let base = opened.map_err(|error| OpenError::Base {
        path: path(),
        engine: options.engine,
        reason: error.to_string(),
    })?;
    let files = Files::open(&directory.join("journal")).map_err(|error| OpenError::Io(path(), error))?;
    Ok((base, Arc::new(files)))
}
