//! The encoding of a commit's changes as rows. Large values go to files of their own, and the work for them
//! to a background thread.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use petrel_persistence::{Change, Error};

use crate::base;
use crate::blobs::{Digest, Pin};
use crate::remedy;
use crate::rows::{self, Rows};
use crate::store::EmbeddedStore;
use crate::value::{EncodeError, Encoding};

/// Pause between attempts to write a large value.
const NO_ROOM_PAUSE: Duration = Duration::from_millis(200);

impl EmbeddedStore {
    /// Runs work that would block an async task for too long.
    pub(super) async fn in_background<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Rows) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let rows = Arc::clone(&self.rows);
        tokio::task::spawn_blocking(move || work(&rows))
            .await
            .unwrap_or_else(|error| Err(Error::Unavailable(error.to_string())))
    }

    /// Removes those of `digests` that no row refers to any more. The commit stands whatever happens; a blob that
    /// cannot be removed now is swept when the store is opened again.
    pub(super) async fn remove_blobs(&self, digests: BTreeSet<Digest>) {
        let remove =
            move |rows: &Rows| digests.iter().try_for_each(|digest| rows.remove_blob(digest).map(drop));
        if let Err(error) = self.in_background(remove).await {
            tracing::warn!(%error, "failed to remove large values that are no longer referred to; they are removed at the next start");
        }
    }

    /// Encodes `changes`. Values that need a file are written on a background thread. Those of a commit that does not
    /// take in anything new wait for room on the disk, and for a file that may be opened.
    pub(super) async fn encode(
        &self,
        changes: Vec<Change>,
        takes_in: bool,
    ) -> Result<(Vec<Change>, Encoded), Error> {
        let encoded = match rows::encode(&self.rows, None, &changes) {
            Err(EncodeError::Large) => {
                let (failure, progress) = (Arc::clone(&self.failure), Arc::clone(&self.progress));
                let goes_on =
                    move || failure.borrow().is_none() && !progress.is_closing.load(Ordering::Relaxed);
                let room = Arc::clone(&self.room);
                return self
                    .in_background(move |rows| {
                        let mut waiting = None;
                        loop {
                            match rows::encode(rows, Some(&rows.blobs), &changes) {
                                Ok(encoding) => {
                                    let encoded = Encoded::from(encoding);
                                    return Ok((changes, encoded));
                                }
                                Err(EncodeError::Store(error))
                                    if takes_in || !passes(&error) || !goes_on() =>
                                {
                                    return Err(error);
                                }
                                Err(EncodeError::Store(_passes)) => {
                                    waiting.get_or_insert_with(|| room.wait());
                                    std::thread::sleep(NO_ROOM_PAUSE);
                                }
                                Err(error @ EncodeError::Large) => {
                                    return Err(Error::Unavailable(error.to_string()));
                                }
                            }
                        }
                    })
                    .await;
            }
            Err(EncodeError::Store(error)) => return Err(error),
            Ok(encoding) => Encoded::from(encoding),
        };
        Ok((changes, encoded))
    }
}

/// Whether a write has found no room.
pub(super) fn is_no_room(error: &Error) -> bool {
    matches!(error, Error::Unavailable(why) if remedy::in_words(why).is_some_and(|error| remedy::is_no_room(&error)))
}

/// Whether a write may succeed later, in this process.
fn passes(error: &Error) -> bool {
    let is_starved = |why: &str| remedy::in_words(why).is_some_and(|error| remedy::is_starved(&error));
    is_no_room(error) || matches!(error, Error::Unavailable(why) if is_starved(why))
}

/// The parts of an encoding that outlive the encoder.
pub(super) struct Encoded {
    pub(super) writes: Vec<base::Write>,
    pub(super) pins: Vec<Pin>,
    pub(super) released: Vec<Digest>,
}

impl From<Encoding<'_>> for Encoded {
    fn from(Encoding { writes, pins, released, .. }: Encoding<'_>) -> Self {
        Self { writes, pins, released }
    }
}
