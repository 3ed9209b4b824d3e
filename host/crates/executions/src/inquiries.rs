//! Open inquiries: executions that wait for the answer of a person. This file knows which are open, and when each is due.
//! [`overdue`](super::overdue) ends those whose time is up, [`answers`](super::answers) takes the answers.
//!
//! An inquiry is nothing but its execution, whose row has the question and the time at which it was asked. So a process
//! that starts finds the open ones among what an earlier one has begun, and those whose time was up meanwhile time out
//! at once. While none is open, nothing waits for a time.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use petrel_engine_core::{Core, Report};
use petrel_model::inquiry::{self, Question};
use petrel_model::{Execution, ExecutionId, Object, Status, Timestamp};
use petrel_persistence::Change;
use tokio::sync::Notify;

/// The open inquiries.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    open: Mutex<Open>,
    /// Fires when one may be due earlier than those before.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Open {
    /// When each is due, if it ever is.
    all: BTreeMap<ExecutionId, Option<Timestamp>>,
    by_time: BTreeSet<(Timestamp, ExecutionId)>,
}

impl Open {
    fn put(&mut self, id: ExecutionId, due_at: Option<Timestamp>) {
        self.remove(id);
        self.all.insert(id, due_at);
        self.by_time.extend(due_at.map(|at| (at, id)));
    }

    fn remove(&mut self, id: ExecutionId) {
        if let Some(Some(at)) = self.all.remove(&id) {
            self.by_time.remove(&(at, id));
        }
    }
}

impl Inquiries {
    /// Takes note of an execution as it is stored. To be called after each commit that changes one. `is_active` says whether
    /// it is not final: somebody may have answered as soon as the question was stored, and then its end was told first.
    pub(crate) fn tell(&self, execution: &Execution, is_active: impl FnOnce() -> bool) {
        if execution.runner != inquiry::NAME {
            return;
        }
        match execution.status {
            Status::Pending => {
                self.open.lock().put(execution.id, inquiry::due_at(execution));
                // Asked afterwards, so that an end in between is told after this.
                if !is_active() {
                    self.forget(execution.id);
                }
                self.changed.notify_one();
            }
            status if status.is_final() => self.open.lock().remove(execution.id),
            _ => {}
        }
    }

    /// Has one that is due tried again later.
    pub(crate) fn put_off(&self, id: ExecutionId, until: Timestamp) {
        self.open.lock().put(id, Some(until));
    }

    /// Forgets one that has ended.
    pub(crate) fn forget(&self, id: ExecutionId) {
        self.open.lock().remove(id);
    }

    /// The one that is due first, and when.
    pub(crate) fn first(&self) -> Option<(Timestamp, ExecutionId)> {
        self.open.lock().by_time.first().copied()
    }

    /// Waits until one was put in since the last time that this returned.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// The number of the open ones.
    pub(crate) fn count(&self) -> usize {
        self.open.lock().all.len()
    }

    /// The ids of the open ones, oldest first. One of them may have ended a moment ago.
    pub(crate) fn ids(&self) -> Vec<ExecutionId> {
        self.open.lock().all.keys().copied().collect()
    }
}

/// The event that a question was asked, to be committed with it. `None` if nothing was asked, or nobody listens.
pub(crate) fn announced(core: &Core, execution: &Execution) -> Option<Change> {
    if execution.status != Status::Pending {
        return None;
    }
    let question = Question::of(execution)?;
    core.report(inquiry::TRIGGER, core.now(), || Report {
        payload: Object::from_iter([
            ("id".to_owned(), execution.id.to_string().into()),
            ("route".to_owned(), question.route().into()),
        ]),
        trace: Some(execution.trace_id()),
        trace_tag: execution.context.trace_tag.clone(),
        caused_by: Some(execution.id),
        // A rule that asks again for each question is a loop, too.
        depth: execution.context.event_depth.saturating_add(1),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use petrel_engine_core::SetClock;
    use petrel_persistence::{Document, MemoryStore};
    use petrel_store_suite::{at, id};
    use serde_json::json;

    use super::*;

    fn asked(number: u64, status: &str, ttl: i64) -> Execution {
        let id: ExecutionId = id(number);
        serde_json::from_value(json!({
            "id": id, "version": 1, "action": "core.ask", "runner": inquiry::NAME, "status": status,
            "requested_at": at(0), "result": {"schema": {}, "ttl": ttl},
            "log": [{"status": "pending", "timestamp": at(0)}],
        }))
        .unwrap()
    }

    #[test]
    fn the_first_that_is_due_is_known_while_it_is_open() {
        let open = Inquiries::default();
        for (execution, first, count) in [
            (asked(1, "pending", 0), None, 1),
            (asked(2, "pending", 9), Some(2), 2),
            (asked(3, "pending", 5), Some(3), 3),
            (asked(3, "pending", 5), Some(3), 3),
            (asked(3, "succeeded", 5), Some(2), 2),
            (asked(2, "timeout", 9), None, 1),
            (asked(1, "canceled", 0), None, 0),
            (asked(4, "running", 1), None, 0),
        ] {
            open.tell(&execution, || true);
            assert_eq!((open.first().map(|(_, id)| id), open.ids().len()), (first.map(id), count));
        }
    }

    #[test]
    fn what_was_answered_before_it_was_told_is_not_open() {
        let open = Inquiries::default();
        open.tell(&asked(1, "succeeded", 0), || false);
        open.tell(&asked(1, "pending", 0), || false);
        assert_eq!((open.count(), open.first()), (0, None));
    }

    #[test]
    fn a_question_is_reported_to_who_listens() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        let execution = asked(1, "pending", 5);
        assert!(announced(&core, &execution).is_none());
        core.listen_to([inquiry::TRIGGER.parse().unwrap()].into());
        assert!(announced(&core, &asked(1, "canceled", 5)).is_none());
        let Some(Change::Put(Document::InternalEvent(event))) = announced(&core, &execution) else {
            panic!("there is no event");
        };
        let payload = serde_json::to_value(&event.payload).unwrap();
        assert_eq!(payload, json!({"id": execution.id, "route": ""}));
    }

    #[test]
    fn a_question_that_was_asked_since_one_was_asked_is_deeper() {
        let core = Core::new(Arc::new(MemoryStore::default()), Arc::new(SetClock::default()));
        core.listen_to([inquiry::TRIGGER.parse().unwrap()].into());
        core.limit_depth_of_events(3);
        for (led_to_by, depth) in [(0, Some(1)), (2, Some(3)), (3, None)] {
            let mut execution = asked(1, "pending", 5);
            execution.context.event_depth = led_to_by;
            let event = announced(&core, &execution).map(|change| match change {
                Change::Put(Document::InternalEvent(event)) => event.depth,
                other => panic!("{other:?}"),
            });
            assert_eq!(event, depth, "{led_to_by}");
        }
    }
}
