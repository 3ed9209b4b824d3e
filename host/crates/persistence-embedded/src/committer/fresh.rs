//! Executions that were stored a moment ago and wait to be claimed, as they were committed. Most are claimed at once, and
//! those need not be read and decoded from the rows that were just encoded.
//!
//! Few and small ones are kept, the latest, since some that came earlier may wait for long. A claim reads any other from
//! its row.

use std::collections::{BTreeMap, HashMap};

use petrel_model::{Execution, ExecutionId, size};

/// The largest number of executions that are kept.
const MOST: usize = 1024;
/// The largest parameters of one that is kept, in bytes.
const SMALL: usize = 1024;
/// The longest log of one that is kept, in entries.
const SHORT: usize = 8;

/// The newest state of some waiting executions, in the order in which they were created.
#[derive(Debug, Default)]
pub(crate) struct Fresh(BTreeMap<ExecutionId, Box<Execution>>);

impl Fresh {
    /// Notes an execution as it was stored: to be called for each, since an older state must not be handed out.
    pub(super) fn note(&mut self, execution: Box<Execution>) {
        if !is_small(&execution) {
            self.0.remove(&execution.id);
            return;
        }
        self.0.insert(execution.id, execution);
        if self.0.len() > MOST {
            self.0.pop_first();
        }
    }

    /// Takes out those of `ids` that are kept.
    pub(crate) fn take(&mut self, ids: &[ExecutionId]) -> HashMap<ExecutionId, Box<Execution>> {
        ids.iter().filter_map(|id| self.0.remove_entry(id)).collect()
    }
}

/// Whether an execution waits and takes little memory. One that waits for its time is read when that has come.
fn is_small(execution: &Execution) -> bool {
    execution.status.is_waiting()
        && execution.ready_at.is_none()
        && execution.result.is_none()
        && execution.log.len() <= SHORT
        && execution.parameters.values().map(size::of_value).sum::<usize>() <= SMALL
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_model::{Id, Object, StatusEvent, Timestamp};
    use serde_json::json;

    use super::*;

    fn waiting(number: u64) -> Execution {
        let execution = json!({
            "id": Id::from_parts(1, number), "version": 1, "action": "core.noop", "runner": "noop",
            "status": "requested", "requested_at": Timestamp::from_micros(1),
        });
        serde_json::from_value(execution).unwrap()
    }

    fn keeping(all: impl IntoIterator<Item = Execution>) -> Fresh {
        let mut fresh = Fresh::default();
        all.into_iter().for_each(|execution| fresh.note(Box::new(execution)));
        fresh
    }

    fn id(number: u64) -> ExecutionId {
        Id::from_parts(1, number).into()
    }

    #[test]
    fn an_execution_is_handed_out_once_in_its_newest_state() {
        let newer = Execution { attempt: 7, ..waiting(1) };
        let mut fresh = keeping([waiting(1), waiting(2), newer.clone()]);
        let taken: Vec<_> = fresh.take(&[id(1), id(3)]).into_values().collect();
        assert_eq!(taken, [Box::new(newer)]);
        assert!(fresh.take(&[id(1)]).is_empty());
        assert_eq!(fresh.take(&[id(2)]).len(), 1);
    }

    #[test]
    fn what_no_longer_waits_or_is_large_is_not_kept() {
        let mut begun = waiting(1);
        begun.apply(StatusEvent::Started, Timestamp::from_micros(2)).unwrap();
        let parameters: Object = [("text".to_owned(), json!("x".repeat(2 * SMALL)))].into_iter().collect();
        let large = Execution { parameters: Arc::new(parameters), ..waiting(1) };
        let delayed = Execution { ready_at: Some(Timestamp::from_micros(9)), ..waiting(1) };
        for newer in [begun, large, delayed] {
            let mut fresh = keeping([waiting(1), newer]);
            assert!(fresh.take(&[id(1)]).is_empty(), "the older state is gone, too");
        }
    }

    #[test]
    fn there_is_a_limit_on_their_number_and_the_latest_are_kept() {
        let most = MOST as u64;
        let mut fresh = keeping((0..2 * most).map(waiting));
        let mut take = |numbers: std::ops::Range<u64>| fresh.take(&numbers.map(id).collect::<Vec<_>>()).len();
        assert_eq!((take(0..most), take(most..2 * most)), (0, MOST));
    }
}
