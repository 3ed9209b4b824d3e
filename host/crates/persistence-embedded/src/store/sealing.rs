//! Encrypts what earlier versions have stored in clear of executions that hold secrets. Nothing else changes these
//! executions meanwhile: nothing runs yet, or they have ended, and whoever wants to delete some waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use petrel_model::{Execution, ExecutionId, Parent};
use petrel_persistence::{CommitError, Error};
use tokio::sync::oneshot;

use super::encoded::Encoded;
use crate::base::Entry;
use crate::committer::{self, Request};
use crate::keys;
use crate::rows::{self, Rows};
use crate::store::EmbeddedStore;
use crate::value::{self, EncodeError, Encoding};

/// About how many bytes are read for one commit.
const BYTES: usize = 4 << 20;
/// The number of executions that are looked at for one commit, of those that have not ended.
const STEP: usize = 1000;

/// The executions that are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Active,
    Ended,
}

/// Executions that were looked at.
struct Looked {
    /// The last of them. `None` if there was none.
    last: Option<ExecutionId>,
    /// The number of those that are encrypted now.
    count: usize,
    encoded: Encoded,
}

impl EmbeddedStore {
    pub(super) async fn seal_all_active(&self) -> Result<usize, Error> {
        if self.has_sealed_all()? {
            return Ok(0);
        }
        let (mut from, to) = keys::all(keys::ACTIVE);
        let mut sealed = 0;
        // Unless all of them are done.
        self.rows.sealing.set_behind(true);
        loop {
            let found = self.rows.range(&(from, to.clone()), false, STEP)?;
            let (last, count) = self.seal_some(ids_of(&found), Which::Active).await?;
            sealed += count;
            let Some(last) = last else { break };
            from = [keys::active(last).as_slice(), &[0]].concat();
        }
        self.rows.sealing.set_behind(false);
        Ok(sealed)
    }

    pub(super) async fn seal_some_ended(
        &self,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Option<(ExecutionId, usize)>, Error> {
        if self.has_sealed_all()? {
            return Ok(None);
        }
        let (mut from, to) = keys::all(keys::EXECUTION);
        if let Some(after) = after {
            from = [keys::execution(after).as_slice(), &[0]].concat();
        }
        let found = self.rows.range(&(from, to), false, limit)?;
        let (last, count) = self.seal_some(ids_of(&found), Which::Ended).await?;
        Ok(last.map(|last| (last, count)))
    }

    /// Whether nothing is left to do, or nothing can be done.
    fn has_sealed_all(&self) -> Result<bool, Error> {
        let mark = value::get(self.rows.image.as_ref(), &keys::meta(keys::SEALED))?;
        Ok(mark.is_some() || !self.rows.sealing.is_wanted() || self.rows.sealing.refuses().is_some())
    }

    /// Encrypts these executions, in order, as far as one commit can have them. Returns the last one that was looked at, and
    /// the number of those that were encrypted. If none of those that have ended is left, the store says so from now on.
    async fn seal_some(
        &self,
        ids: Vec<ExecutionId>,
        which: Which,
    ) -> Result<(Option<ExecutionId>, usize), Error> {
        // It goes along with the commit: an execution that was deleted in between would come back in part.
        let turn = self.documents.of_deletions().await;
        let Looked { last, count, encoded } = self.in_background(move |rows| look(rows, &ids, which)).await?;
        let Encoded { writes, pins, released } = encoded;
        if writes.is_empty() {
            return Ok((last, count));
        }
        let closed = || self.failure();
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_closed| closed())?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            fence: Some(self.fence),
            expect: Vec::new(),
            takes_in: true,
            writes,
            effects: committer::effects(Vec::new()),
            answer,
            _permit: permit,
            _pins: pins,
            _turns: turn.into_iter().collect(),
        };
        let sender = self.requests.as_ref().ok_or_else(closed)?;
        sender.send(request).map_err(|_closed| closed())?;
        answered.await.map_err(|_closed| closed())?.map_err(|error| match error {
            CommitError::Store(error) => error,
            other => Error::Unavailable(other.to_string()),
        })?;
        if !released.is_empty() {
            self.remove_blobs(released.into_iter().collect()).await;
        }
        Ok((last, count))
    }
}

fn ids_of(found: &[Entry]) -> Vec<ExecutionId> {
    found.iter().filter_map(|(key, _)| keys::id_of(key)).map(ExecutionId::from).collect()
}

/// Whether an execution without secrets of its own may have copies of others: those that are inside the same top workflow hand
/// them on. `trees` has what is known of these.
fn has_copies(rows: &Rows, head: &Execution, trees: &mut BTreeMap<ExecutionId, bool>) -> Result<bool, Error> {
    let root = head.parent.as_ref().map_or(head.id, Parent::root);
    if let Some(known) = trees.get(&root) {
        return Ok(*known);
    }
    let holds = holds_secrets_inside(rows, root)?;
    trees.insert(root, holds);
    Ok(holds)
}

/// Whether a top workflow, or anything inside it, holds secrets.
fn holds_secrets_inside(rows: &Rows, root: ExecutionId) -> Result<bool, Error> {
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        match rows.noun::<Execution>(&keys::execution(id)) {
            Ok(Some(head)) if head.holds_secrets() => return Ok(true),
            Ok(_) | Err(Error::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut after = None;
        loop {
            let found = rows.range(&keys::children(id, after), false, STEP)?;
            let children: Vec<_> = found.iter().filter_map(|(key, _)| keys::child_of(key)).collect();
            after = children.last().copied();
            open.extend(children);
            if found.len() < STEP || after.is_none() {
                break;
            }
        }
    }
    Ok(false)
}

/// The writes that encrypt these executions, as far as they are of this kind.
fn look(rows: &Rows, ids: &[ExecutionId], which: Which) -> Result<Looked, Error> {
    let (mut to, mut trees) = (Encoding::new(Some(&rows.blobs)), BTreeMap::new());
    let (mut last, mut count, mut bytes) = (None, 0, 0);
    for id in ids {
        if bytes > BYTES {
            break;
        }
        last = Some(*id);
        let key = keys::execution(*id);
        let Some(value) = value::get(rows.image.as_ref(), &key)? else { continue };
        let before = to.writes.len();
        let has_copies = |head: &Execution| has_copies(rows, head, &mut trees);
        match rows::seal_execution(&mut to, rows, &(key, value), which == Which::Ended, has_copies) {
            Ok((is_sealed, read)) => {
                count += usize::from(is_sealed);
                bytes += read;
            }
            // What cannot be read stays as it is, and is told when it is asked for.
            Err(EncodeError::Store(Error::Damaged { .. } | Error::Sealed { .. } | Error::Starved { .. })) => {
                to.writes.truncate(before);
            }
            Err(EncodeError::Store(error)) => return Err(error),
            Err(error @ EncodeError::Large) => return Err(Error::Unavailable(error.to_string())),
        }
    }
    if ids.is_empty() && which == Which::Ended && !rows.sealing.is_behind() {
        to.writes.push(value::row(keys::meta(keys::SEALED), &[]));
    }
    Ok(Looked { last, count, encoded: Encoded::from(to) })
}
