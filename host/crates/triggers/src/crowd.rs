//! The limit on events of one trace: rules on the ends of each other's executions make more and more of them, long before they
//! are too deep. Only events that others led to count, since a loop always comes to these, and an ordinary workflow does
//! not.
//!
//! They are counted in memory; of a trace that is not known here the rows are counted once.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use petrel_engine_core::Error;
use petrel_model::trace_link::LinkedTo;
use petrel_model::{Ref, Timestamp, TraceId, TraceLink, event_depth};
use petrel_persistence::Noun as _;

use crate::service::Triggers;

/// The number of traces that are remembered, those with the latest events.
const REMEMBERED: usize = 4096;
/// The number of rows that are counted at once.
const AT_ONCE: usize = 1000;

/// The events of traces.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<BTreeMap<TraceId, Known>>);

#[derive(Debug)]
struct Known {
    count: usize,
    last_at: Timestamp,
}

impl Crowd {
    fn count(&self, trace: TraceId) -> Option<usize> {
        self.0.lock().get(&trace).map(|known| known.count)
    }

    /// Sets the number of events of a trace, unless it is known by now.
    fn learn(&self, trace: TraceId, count: usize, now: Timestamp) {
        let mut known = self.0.lock();
        if known.len() >= REMEMBERED {
            // Half of them, so that it is done seldom.
            let mut times: Vec<_> = known.values().map(|one| one.last_at).collect();
            times.sort_unstable();
            if let Some(median) = times.get(times.len() / 2).copied() {
                known.retain(|_, one| one.last_at > median);
            }
        }
        known.entry(trace).or_insert(Known { count, last_at: now });
    }

    /// Counts an event that was stored.
    fn add(&self, trace: TraceId, now: Timestamp) {
        if let Some(known) = self.0.lock().get_mut(&trace) {
            known.count = known.count.saturating_add(1);
            known.last_at = now;
        }
    }
}

impl Triggers {
    /// Refuses an event of a trace that has as many as it may have.
    ///
    /// # Errors
    /// Then, or when the store fails.
    pub(crate) async fn refuse_crowded(
        &self,
        kind: &Ref,
        (trace, depth): (Option<TraceId>, u32),
    ) -> Result<(), Error> {
        let Some(trace) = trace.filter(|_| event_depth::events(depth) > 1) else { return Ok(()) };
        let limit = self.options().max_events_per_trace;
        let count = if let Some(count) = self.crowd().count(trace) {
            count
        } else {
            let count = self.events_of(trace, limit).await?;
            self.crowd().learn(trace, count, self.core().now());
            count
        };
        if count < limit {
            return Ok(());
        }
        Err(Error::invalid(
            format!(
                "{limit} events belong to the trace {trace} of this one of {kind}, and that is the limit \
                 (`triggers.max_events_per_trace`)"
            ),
            "rules likely set each other off by their actions: let their criteria exclude that, on `trigger.action_ref` for example",
        ))
    }

    /// The number of events that came into a trace, as far as that is below `most`.
    async fn events_of(&self, trace: TraceId, most: usize) -> Result<usize, Error> {
        let (mut count, mut after) = (0, TraceLink::before(trace));
        loop {
            let place = TraceLink::document_key(after);
            let found = self.store().documents_after(TraceLink::KIND, Some(&place), AT_ONCE).await?;
            let is_last = found.len() < AT_ONCE;
            let links = found.into_iter().filter_map(TraceLink::from_document);
            let of_trace: Vec<_> = links.take_while(|link| link.member(trace).is_some()).collect();
            let is_event = |link: &&TraceLink| matches!(link.member(trace), Some(LinkedTo::Event(_)));
            count += of_trace.iter().filter(is_event).count();
            let is_whole = is_last || of_trace.len() < AT_ONCE;
            let Some(last) = of_trace.into_iter().next_back().filter(|_| !is_whole && count < most) else {
                return Ok(count);
            };
            after = last.key;
        }
    }

    /// Counts an event that was stored.
    pub(crate) fn count_in_trace(&self, (trace, depth): (Option<TraceId>, u32)) {
        if let Some(trace) = trace.filter(|_| event_depth::events(depth) > 1) {
            self.crowd().add(trace, self.core().now());
        }
    }
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;

    use super::*;

    #[test]
    fn the_traces_with_the_latest_events_are_remembered() {
        let crowd = Crowd::default();
        let trace = |n: usize| TraceId::from(Id::from_parts(1, n as u64));
        let at = |n: usize| Timestamp::from_micros(i64::try_from(n).unwrap());
        for n in 0..2 * REMEMBERED {
            crowd.learn(trace(n), 1, at(n));
            crowd.add(trace(0), at(n));
        }
        assert_eq!(crowd.count(trace(2 * REMEMBERED - 1)), Some(1));
        assert_eq!(crowd.count(trace(1)), None);
        assert_eq!(crowd.count(trace(0)), Some(1 + 2 * REMEMBERED), "it goes on");
        crowd.learn(trace(0), 7, at(0));
        assert_eq!(crowd.count(trace(0)), Some(1 + 2 * REMEMBERED), "what is known is known better");
        assert!(crowd.0.lock().len() <= REMEMBERED);
    }
}
