//! Lists of the store: newest first, oldest first, and documents by kind. A row that cannot be read is reported, and
//! does not hide others.

use std::sync::PoisonError;

use petrel_model::output::{OutputLine, Stream};
use petrel_model::{Execution, ExecutionId, Id, Ref, TriggerInstance, TriggerInstanceId};
use petrel_persistence::{Document, DocumentKind, Error, ExecutionFilter, Output, Page};

use super::EmbeddedStore;
use crate::base::Entry;
use crate::keys;
use crate::rows::{Listed, Weighed, is_lasting};

/// Rows that a filtered list reads before it returns a short page.
const SCAN_BUDGET: usize = 2000;
/// Bytes of JSON that a list collects before it returns a short page. A single item may be larger.
const BYTE_BUDGET: usize = 2 << 20;
/// Bytes of JSON that a list reads and passes over before it returns a short page, since a worker does nothing else
/// meanwhile.
const PASSED_BUDGET: usize = 2 << 20;

impl EmbeddedStore {
    /// All readable documents of a kind, by key. Others are logged and remembered.
    pub(super) fn kept(&self, kind: DocumentKind) -> Result<Vec<Document>, Error> {
        let (documents, lost) = self.rows.documents(kind)?;
        let mut unreadable = self.unreadable.lock().unwrap_or_else(PoisonError::into_inner);
        let known = unreadable.entry(kind).or_default();
        for one in lost.iter().filter(|one| !known.contains(one)) {
            tracing::error!(hint = one.remedy(), "{one}; leaving it out");
        }
        *known = lost;
        Ok(documents)
    }

    /// The newest events before `before`, of one trigger type or of all.
    pub(super) fn instances(
        &self,
        trigger_type: Option<&Ref>,
        before: Option<TriggerInstanceId>,
        limit: usize,
    ) -> Result<Page<TriggerInstance, TriggerInstanceId>, Error> {
        let before = before.map(keys::trigger_instance);
        let read = |entry: &Entry| self.rows.instance_of(entry);
        let admit =
            |instance: &TriggerInstance| trigger_type.is_none_or(|kind| instance.trigger_type == *kind);
        self.newest(keys::TRIGGER_INSTANCE, before, limit, read, admit)
    }

    /// The executions among these ids that exist and can be read.
    pub(super) fn readable(
        &self,
        ids: impl IntoIterator<Item = ExecutionId>,
    ) -> Result<Vec<Execution>, Error> {
        let mut readable = Vec::new();
        for id in ids {
            match self.rows.execution(id) {
                Ok(execution) => readable.extend(execution),
                Err(error) if is_lasting(&error) => {
                    tracing::error!(execution.id = %id, %error, "failed to read an execution; leaving it out");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(readable)
    }

    /// The output of an execution. A line that cannot be read is replaced by a remark.
    pub(super) fn output_of(&self, id: ExecutionId) -> Result<Output, Error> {
        let mut lines = Output::new();
        for entry in self.rows.range(&keys::output_range(id), false, usize::MAX)? {
            match self.rows.listed(&entry, |entry| self.rows.noun_of::<Output>(entry))? {
                Listed::Whole(part) => lines.extend(part),
                Listed::Gone => {}
                Listed::Unreadable(one) => {
                    let text = format!("the output cannot be read here: {}; {}", one.reason, one.remedy());
                    lines.push(OutputLine { stream: Stream::Output, text });
                }
            }
        }
        Ok(lines)
    }

    /// The oldest items after `after`. One that cannot be read must not block retention of later ones.
    pub(super) fn oldest<T>(
        &self,
        prefix: u8,
        after: Option<Vec<u8>>,
        limit: usize,
        read: impl Fn(&Entry) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let (mut from, to) = keys::all(prefix);
        if let Some(mut after) = after {
            after.push(0);
            from = after;
        }
        let readable = |entry: &Entry| {
            read(entry)
                .inspect_err(
                    |error| tracing::error!(%error, "failed to read an old item; retention leaves it"),
                )
                .ok()
        };
        let mut found = Vec::new();
        while found.len() < limit {
            let entries = self.rows.range(&(from, to.clone()), false, limit - found.len())?;
            let Some((last, _)) = entries.last() else { break };
            from = [last.as_slice(), &[0]].concat();
            found.extend(entries.iter().filter_map(readable));
        }
        Ok(found)
    }

    /// A page of executions without their large parameters and results, which are not even read.
    pub(super) fn heads(
        &self,
        filter: &ExecutionFilter,
        before: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Page<Execution, ExecutionId>, Error> {
        let read = |entry: &Entry| {
            let noun = self.rows.noun_of::<Execution>(entry)?;
            Ok(Weighed { noun, bytes: entry.1.len() })
        };
        let before = before.map(keys::execution);
        self.newest(keys::EXECUTION, before, limit, read, |execution| filter.admits(execution))
    }

    /// Reads newest first until `limit` items are admitted or a budget is used up.
    pub(super) fn newest<T, I: From<Id>>(
        &self,
        prefix: u8,
        before: Option<Vec<u8>>,
        limit: usize,
        read: impl Fn(&Entry) -> Result<Weighed<T>, Error>,
        admit: impl Fn(&T) -> bool,
    ) -> Result<Page<T, I>, Error> {
        let (from, mut to) = keys::all(prefix);
        if let Some(before) = before {
            to = before;
        }
        let (mut items, mut unreadable, mut bytes, mut passed) = (Vec::new(), Vec::new(), 0, 0);
        for budget in (0..SCAN_BUDGET).step_by(limit.clamp(1, SCAN_BUDGET)) {
            let step = limit.clamp(1, SCAN_BUDGET - budget);
            // One more than needed, to know whether there are more.
            let mut entries = self.rows.range(&(from.clone(), to.clone()), true, step + 1)?;
            let is_last = entries.len() <= step;
            entries.truncate(step);
            for entry in &entries {
                match self.rows.listed(entry, &read)? {
                    Listed::Whole(item) if admit(&item.noun) => {
                        bytes += item.bytes;
                        items.push(item.noun);
                    }
                    Listed::Unreadable(one) => unreadable.push(one),
                    Listed::Whole(item) => passed += item.bytes,
                    Listed::Gone => {}
                }
                if items.len() == limit || bytes >= BYTE_BUDGET || passed >= PASSED_BUDGET {
                    let is_end = is_last && entries.last().is_some_and(|(key, _)| *key == entry.0);
                    let next = if is_end { None } else { id_after(&entry.0) };
                    return Ok(Page { items, unreadable, next });
                }
            }
            match entries.pop() {
                Some((key, _)) if !is_last => to = key,
                _ => return Ok(Page { items, unreadable, next: None }),
            }
        }
        Ok(Page { items, unreadable, next: id_after(&to) })
    }
}

fn id_after<I: From<Id>>(key: &[u8]) -> Option<I> {
    keys::id_of(key).map(I::from)
}
