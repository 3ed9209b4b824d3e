//! Executions whose time is up early: they wait for the time that a limit of a rate gave them, and that limit is gone.
//! [`passage`](super::passage) gave the time, and [`follow`](super::follow) notices that the limit is gone.

use std::collections::BTreeSet;

use petrel_model::{Execution, Ref, Status, StatusEvent, Timestamp};
use petrel_persistence::{Change, ExecutionFilter, Expect};

use crate::service::Executions;
use crate::uncommitted::Uncommitted;

/// The greatest number of executions that are looked at together.
const PAGE: usize = 100;

impl Executions {
    /// Has those ask anew that wait for a time by one of the `gone` policies. An earlier process may have given it, so the
    /// rows are looked through, which happens only when such a policy goes.
    pub(super) async fn start_early(&self, gone: &BTreeSet<Ref>) {
        let filter = ExecutionFilter { status: Some(Status::Delayed), ..ExecutionFilter::default() };
        let mut before = None;
        loop {
            let page = match self.store().executions(&filter, before, PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    let hint = "they start at their time, or run again once they are canceled";
                    tracing::warn!(%error, hint, "executions that wait for a policy that is gone cannot be read");
                    return;
                }
            };
            for execution in page.items {
                if !self.store().is_held(execution.id) {
                    self.ask_anew(execution, gone).await;
                }
            }
            // A host that stops has no time for a long list; what is left starts at its time.
            if page.next.is_none() || self.core().stop_starting().is_cancelled() {
                self.queue().wake();
                return;
            }
            before = page.next;
        }
    }

    /// Has an execution ask anew if it waits for a time by one of the `gone` policies.
    async fn ask_anew(&self, waiting: Execution, gone: &BTreeSet<Ref>) {
        let (id, expect) = (waiting.id, Expect::ExecutionVersion(waiting.id, waiting.version));
        let Some(execution) = without_time(waiting.clone(), gone, self.core().now()) else { return };
        match self.queue().commit(vec![expect], vec![Change::UpdateExecution(execution)]).await {
            // The limits that are left gave it the same time.
            Ok(()) => self.queue().give_back_start(&waiting),
            // It has begun, or ended.
            Err(Uncommitted::Moved) => {}
            Err(Uncommitted::Failed(error)) => {
                tracing::warn!(execution.id = %id, %error, "an execution waits for the time that a policy gave it, although that is gone");
            }
        }
    }
}

/// The execution without the time for which it waits at `now`, if one of the `gone` policies gave it that.
fn without_time(mut waiting: Execution, gone: &BTreeSet<Ref>, now: Timestamp) -> Option<Execution> {
    let passed = &waiting.context.policies.passed;
    let waits = waiting.status == Status::Delayed && waiting.ready_at.is_some_and(|at| at > now);
    if !waits || !passed.iter().any(|policy| gone.contains(policy)) {
        return None;
    }
    waiting.apply(StatusEvent::Delayed, now).ok()?;
    waiting.ready_at = None;
    // The other limits give it a time of theirs.
    waiting.context.policies.passed.clear();
    Some(waiting)
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::{at, execution};

    use super::*;

    #[test]
    fn only_who_waits_for_a_time_of_what_is_gone_asks_anew() {
        for (status, ready_at, passed, asks) in [
            (Status::Delayed, Some(9), &["p.gone"][..], true),
            (Status::Delayed, Some(9), &["p.other", "p.gone"], true),
            (Status::Delayed, Some(9), &["p.other"], false),
            // Its time has come, or it waits for a place, or for the time that its caller wants.
            (Status::Delayed, Some(5), &["p.gone"], false),
            (Status::Delayed, None, &["p.gone"], false),
            (Status::Requested, Some(9), &["p.gone"], false),
            (Status::Delayed, Some(9), &[], false),
        ] {
            let mut waiting = Execution { status, ready_at: ready_at.map(at), ..execution(1) };
            waiting.context.policies.passed = passed.iter().map(|name| name.parse().unwrap()).collect();
            let version = waiting.version;
            let found = without_time(waiting, &BTreeSet::from(["p.gone".parse().unwrap()]), at(5));
            assert_eq!(found.is_some(), asks, "{status} {ready_at:?} {passed:?}");
            if let Some(found) = found {
                assert_eq!((found.ready_at, found.version), (None, version + 1));
                assert!(found.context.policies.passed.is_empty());
            }
        }
    }
}
