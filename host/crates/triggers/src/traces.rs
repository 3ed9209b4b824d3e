//! Traces: all that came of one event, or of one request for an execution.
//!
//! A trace is no row. Its members are found by the rows that lead from one to the next, and by small links where there is
//! none ([`petrel_model::trace_link`]); nothing is looked for among all that is stored. So a trace has what its rows have,
//! and is gone with them. `walk.rs` follows the rows, `page.rs` lists traces by their beginnings.

mod page;
mod walk;

use std::collections::{BTreeMap, BTreeSet};

use petrel_model::trace_link::LinkedTo;
use petrel_model::{
    Execution, ExecutionId, Id, Parent, Ref, Timestamp, TraceId, TraceLink, TraceTag, TriggerInstance,
    TriggerInstanceId, trace_tag,
};
use petrel_persistence::{Error as ReadError, ExecutionFilter, Noun as _, Store};

pub use walk::{Cause, Member, MemberKind, Trace};

use crate::service::Triggers;

/// The greatest number of traces that are found by a tag or by a rule.
const MOST_FOUND: usize = 1_000;
/// The number of links of a tag that are read at once, and how often: the newest traces are found among these.
const LINKS_AT_ONCE: usize = 200;
const LOOKS_AT_LINKS: usize = 1_000;
/// The number of executions of a rule that are read at once, and how often.
const AT_ONCE: usize = 200;
const LOOKS: usize = 10;

/// Reads traces. Cheap to copy. Every method returns an error when the store fails, or when what was asked for by its id
/// cannot be read.
#[derive(Clone, Copy)]
pub struct Traces<'a> {
    store: &'a dyn Store,
    now: Timestamp,
}

/// A trace by its beginning: the event or the execution with which it begins, or the first that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The trace.
    pub trace: TraceId,
    /// The tag that it was given.
    pub tag: Option<TraceTag>,
    /// The event, or the execution.
    pub id: Id,
    /// Whether it is an event.
    pub is_event: bool,
    /// The time of the event or of the request.
    pub at: Timestamp,
}

impl Begun {
    fn of_event(event: &TriggerInstance) -> Self {
        Self {
            trace: event.trace_id(),
            tag: event.trace_tag.clone(),
            id: event.id.0,
            is_event: true,
            at: event.occurrence_time,
        }
    }

    fn of_execution(execution: &Execution) -> Self {
        Self {
            trace: execution.trace_id(),
            tag: execution.context.trace_tag.clone(),
            id: execution.id.0,
            is_event: false,
            at: execution.requested_at,
        }
    }

    /// The tag; as in StackStorm, one that says how it began if it was given none.
    pub fn shown_tag(&self) -> String {
        match &self.tag {
            Some(tag) => tag.to_string(),
            None => trace_tag::shown(self.id, self.is_event),
        }
    }
}

impl Triggers {
    /// The traces.
    pub fn traces(&self) -> Traces<'_> {
        Traces { store: self.store(), now: self.core().now() }
    }
}

impl Traces<'_> {
    /// The trace of the event or execution with this id.
    pub async fn of(self, id: Id) -> Result<Option<Begun>, ReadError> {
        let own = if let Some(event) = self.store.trigger_instance_head(TriggerInstanceId(id)).await? {
            Begun::of_event(&event)
        } else if let Some(execution) = self.store.execution_head(ExecutionId(id)).await? {
            let top = match execution.parent.as_ref().map(Parent::root) {
                Some(top) => readable(self.store.execution_head(top).await)?,
                None => None,
            };
            Begun::of_execution(top.as_ref().unwrap_or(&execution))
        } else {
            return Ok(None);
        };
        // What it began with may be gone, and be kept for less long.
        Ok(Some(readable(self.begun(own.trace).await)?.unwrap_or(own)))
    }

    /// The beginning of a trace. `None` if nothing is kept that leads to all of it.
    pub async fn begun(self, trace: TraceId) -> Result<Option<Begun>, ReadError> {
        let found = match trace.begins_with() {
            Some(id) => self.beginning(id).await?.filter(|found| found.trace == trace),
            None => None,
        };
        match found {
            Some(found) => Ok(Some(found)),
            None => self.first_linked(trace).await,
        }
    }

    async fn beginning(self, id: Id) -> Result<Option<Begun>, ReadError> {
        if let Some(event) = self.store.trigger_instance_head(TriggerInstanceId(id)).await? {
            return Ok(Some(Begun::of_event(&event)));
        }
        Ok(self.store.execution_head(ExecutionId(id)).await?.as_ref().map(Begun::of_execution))
    }

    /// The oldest member of a trace that a link leads to.
    async fn first_linked(self, trace: TraceId) -> Result<Option<Begun>, ReadError> {
        match self.links(trace, None, 1).await?.first() {
            Some(LinkedTo::Event(id)) => self.beginning(id.0).await,
            Some(LinkedTo::Execution(id)) => self.beginning(id.0).await,
            None => Ok(None),
        }
    }

    /// Up to `limit` members of a trace that links lead to, after the member `after`, the oldest first.
    async fn links(
        self,
        trace: TraceId,
        after: Option<LinkedTo>,
        limit: usize,
    ) -> Result<Vec<LinkedTo>, ReadError> {
        let before = TraceLink::before(trace);
        let after = match after {
            None => before,
            Some(LinkedTo::Event(id)) => format!("{before}{id}e"),
            Some(LinkedTo::Execution(id)) => format!("{before}{id}x"),
        };
        let links = self.links_after(after, limit).await?;
        Ok(links.iter().map_while(|link| link.member(trace)).collect())
    }

    async fn links_after(self, after: String, limit: usize) -> Result<Vec<TraceLink>, ReadError> {
        let after = TraceLink::document_key(after);
        let found = self.store.documents_after(TraceLink::KIND, Some(&after), limit).await?;
        Ok(found.into_iter().filter_map(TraceLink::from_document).collect())
    }

    /// The traces with this tag, the newest first.
    pub async fn tagged(self, tag: &str) -> Result<Vec<Begun>, ReadError> {
        let mut found = Vec::new();
        if let Some(id) = trace_tag::named(tag) {
            found.extend(self.of(id).await?.filter(|begun| begun.shown_tag() == tag));
        }
        let Ok(tag) = tag.parse::<TraceTag>() else { return Ok(found) };
        for (member, trace) in self.last_tagged(&tag).await? {
            let begun = match readable(self.begun(trace).await)? {
                Some(begun) => Some(begun),
                None => readable(self.beginning(member).await)?,
            };
            // A member may have the tag in a trace that began without it.
            found.extend(begun.map(|begun| Begun { tag: Some(tag.clone()), ..begun }));
            tokio::task::yield_now().await;
        }
        found.sort_unstable_by_key(|begun| std::cmp::Reverse(begun.id));
        Ok(found)
    }

    /// The traces that got this tag last, by their first members with it.
    async fn last_tagged(self, tag: &TraceTag) -> Result<BTreeMap<Id, TraceId>, ReadError> {
        let (mut last, mut after) = (BTreeMap::new(), TraceLink::before_tagged(tag));
        for _ in 0..LOOKS_AT_LINKS {
            let links = self.links_after(after, LINKS_AT_ONCE).await?;
            let mut found: Vec<_> = links.iter().map_while(|link| link.trace(tag)).collect();
            let is_full = found.len() == LINKS_AT_ONCE;
            let end = found.last().filter(|_| is_full).map(|(trace, _)| *trace);
            found.dedup_by_key(|(trace, _)| *trace);
            last.extend(found.into_iter().map(|(trace, member)| (member, trace)));
            while last.len() > MOST_FOUND {
                last.pop_first();
            }
            let Some(end) = end else { break };
            // However many members of a trace have the tag, the rest of them is passed over at once.
            after = TraceLink::after_tagged(tag, end);
            tokio::task::yield_now().await;
        }
        Ok(last)
    }

    /// The traces in which a rule has had something run lately, the newest first.
    pub async fn of_rule(self, rule: &Ref) -> Result<Vec<Begun>, ReadError> {
        let filter = ExecutionFilter { rule: Some(rule.clone()), ..ExecutionFilter::default() };
        let (mut seen, mut found, mut before) = (BTreeSet::new(), Vec::new(), None);
        for _ in 0..LOOKS {
            let page = self.store.executions(&filter, before, AT_ONCE).await?;
            for execution in page.items {
                if seen.insert(execution.trace_id()) {
                    let begun = readable(self.begun(execution.trace_id()).await)?;
                    found.push(begun.unwrap_or_else(|| Begun::of_execution(&execution)));
                }
            }
            tokio::task::yield_now().await;
            before = page.next;
            if before.is_none() || found.len() >= MOST_FOUND {
                break;
            }
        }
        found.sort_unstable_by_key(|begun| std::cmp::Reverse(begun.id));
        Ok(found)
    }
}

/// What was read on the way to something else: nothing if it cannot be read, now or later.
fn readable<T>(read: Result<Option<T>, ReadError>) -> Result<Option<T>, ReadError> {
    match read {
        Err(ReadError::Damaged { .. } | ReadError::Sealed { .. }) => Ok(None),
        read => read,
    }
}
