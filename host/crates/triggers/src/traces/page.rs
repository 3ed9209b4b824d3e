//! The list of traces, by their beginnings: events and executions in the order of their ids, without those that belong to
//! a trace that was there before.

use petrel_model::trace_link::LinkedTo;
use petrel_model::{Execution, ExecutionId, Id, TraceId, TriggerInstance, TriggerInstanceId};
use petrel_persistence::{Error as ReadError, ExecutionFilter, Page, RowKind, Unreadable};

use super::{Begun, Traces};

/// The least and the greatest number of events, and of executions, that are read at once.
const FEWEST: usize = 20;
const MOST: usize = 500;
/// The number of each that are read at once where the oldest come first.
const RISING: usize = 100;

impl Traces<'_> {
    /// A page of traces that began before `at`, newest first; or after `at`, oldest first, if the list `is_rising`. It may
    /// be short, or empty, although others follow.
    pub async fn page(
        self,
        at: Option<Id>,
        is_rising: bool,
        limit: usize,
    ) -> Result<Page<Begun, Id>, ReadError> {
        let mut page = if is_rising { self.rising(at).await? } else { self.falling(at, limit).await? };
        if page.items.len() > limit {
            page.items.truncate(limit);
            page.next = page.items.last().map(|begun| begun.id);
            // The rest is read again with the next page.
            let is_here = |id: Id| page.next.is_none_or(|end| if is_rising { id <= end } else { id >= end });
            page.unreadable.retain(|lost| lost.id.parse().map_or(true, is_here));
        }
        Ok(page)
    }

    async fn falling(self, at: Option<Id>, limit: usize) -> Result<Page<Begun, Id>, ReadError> {
        let count = limit.clamp(FEWEST, MOST);
        let outside = ExecutionFilter { parent: Some(None), ..ExecutionFilter::default() };
        let events = self.store.trigger_instances(None, at.map(TriggerInstanceId), count).await?;
        let executions = self.store.executions(&outside, at.map(ExecutionId), count).await?;
        // Only as far as both were read.
        let end = events.next.map(|id| id.0).max(executions.next.map(|id| id.0));
        let is_read = |id: Id| end.is_none_or(|end| id >= end);
        let mut items = Vec::new();
        for event in events.items.iter().filter(|event| is_read(event.id.0)) {
            if self.begins_with_event(event).await? {
                items.push(Begun::of_event(event));
            }
        }
        tokio::task::yield_now().await;
        for execution in executions.items.iter().filter(|execution| is_read(execution.id.0)) {
            if self.begins_with_execution(execution).await? {
                items.push(Begun::of_execution(execution));
            }
        }
        items.sort_unstable_by_key(|begun| std::cmp::Reverse(begun.id));
        let lost = events.unreadable.into_iter().chain(executions.unreadable);
        let unreadable = lost.filter(|lost| lost.id.parse().map_or(true, is_read)).collect();
        Ok(Page { items, unreadable, next: end })
    }

    async fn rising(self, at: Option<Id>) -> Result<Page<Begun, Id>, ReadError> {
        let events = self.store.oldest_trigger_instances(at.map(TriggerInstanceId), RISING).await?;
        let executions = self.store.oldest_executions(at.map(ExecutionId), RISING).await?;
        let last = |ids: &[Id]| ids.last().copied().filter(|_| ids.len() == RISING);
        let events: Vec<_> = events.into_iter().map(|age| age.id.0).collect();
        let (all, outside): (Vec<_>, Vec<_>) =
            executions.into_iter().map(|age| (age.id.0, age.parent.is_none())).unzip();
        let end = match (last(&events), last(&all)) {
            (Some(event), Some(execution)) => Some(event.min(execution)),
            (event, execution) => event.or(execution),
        };
        let outside = all.iter().zip(outside).filter_map(|(id, is_outside)| is_outside.then_some(*id));
        let is_read = |id: &Id| end.is_none_or(|end| *id <= end);
        let (mut items, mut unreadable) = (Vec::new(), Vec::new());
        for id in events.into_iter().filter(is_read) {
            let read = self.store.trigger_instance_head(TriggerInstanceId(id)).await;
            let event = kept(read, (RowKind::TriggerInstance, id), &mut unreadable)?;
            let Some(event) = event else { continue };
            if self.begins_with_event(&event).await? {
                items.push(Begun::of_event(&event));
            }
        }
        for id in outside.filter(is_read) {
            let read = self.store.execution_head(ExecutionId(id)).await;
            let execution = kept(read, (RowKind::Execution, id), &mut unreadable)?;
            let Some(execution) = execution else { continue };
            if self.begins_with_execution(&execution).await? {
                items.push(Begun::of_execution(&execution));
            }
        }
        items.sort_unstable_by_key(|begun| begun.id);
        Ok(Page { items, unreadable, next: end })
    }

    /// Whether the trace of an event begins with it.
    async fn begins_with_event(self, event: &TriggerInstance) -> Result<bool, ReadError> {
        self.is_first(event.trace, event.id.0, LinkedTo::Event(event.id)).await
    }

    /// Whether the trace of an execution begins with it.
    async fn begins_with_execution(self, execution: &Execution) -> Result<bool, ReadError> {
        if execution.parent.is_some() || execution.context.trigger_instance.is_some() {
            return Ok(false);
        }
        self.is_first(execution.context.trace, execution.id.0, LinkedTo::Execution(execution.id)).await
    }

    /// Whether the member with this id is the first of its trace, which its row names or not.
    async fn is_first(self, named: Option<TraceId>, id: Id, member: LinkedTo) -> Result<bool, ReadError> {
        let Some(trace) = named else { return Ok(true) };
        if let Some(first) = trace.begins_with() {
            return Ok(first == id);
        }
        Ok(self.links(trace, None, 1).await?.first() == Some(&member))
    }
}

/// What was read, if it is there and whole. What cannot be read is listed as such, and hides nothing else.
fn kept<T>(
    read: Result<Option<T>, ReadError>,
    (kind, id): (RowKind, Id),
    unreadable: &mut Vec<Unreadable>,
) -> Result<Option<T>, ReadError> {
    match read {
        Err(error) => {
            unreadable.push(Unreadable::of(kind, id, error)?);
            Ok(None)
        }
        read => read,
    }
}
