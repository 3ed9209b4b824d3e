//! What is measured: how long the stages of the way of an event take, and what runs. Here are the names, so
//! that they are in one place; `petrel_api` shows them at `/metrics`.
//!
//! A histogram is told in seconds. Without somebody who listens a measure costs next to nothing.

use std::time::Duration;

use petrel_model::Status;

use super::kind::Kind;

/// A stage on the way of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the decision to the durable event.
    AcceptCommit,
    /// From due to started.
    QueueWait,
    /// From the start of an action to its end.
    Run,
    /// From the end of an action to its durable outcome.
    OutcomeCommit,
}

/// A stage took so long.
pub fn stage(stage: Stage, took: Duration) {
    // Labels that are constants cost no allocation.
    let histogram = match stage {
        Stage::AcceptCommit => metrics::histogram!("petrel_stage_seconds", "stage" => "accept_commit"),
        Stage::QueueWait => metrics::histogram!("petrel_stage_seconds", "stage" => "queue_wait"),
        Stage::Run => metrics::histogram!("petrel_stage_seconds", "stage" => "run"),
        Stage::OutcomeCommit => metrics::histogram!("petrel_stage_seconds", "stage" => "outcome_commit"),
    };
    histogram.record(took);
}

/// An execution of this runner has ended.
pub fn ended(runner: &str, status: Status) {
    metrics::counter!("petrel_executions_total", "runner" => runner.to_owned(), "status" => status.as_str())
        .increment(1);
}

/// There are so many slots of this kind.
pub(crate) fn slots(kind: Kind, count: usize) {
    metrics::gauge!("petrel_slots", "kind" => kind.as_str()).set(u32::try_from(count).unwrap_or(u32::MAX));
    metrics::gauge!("petrel_slots_busy", "kind" => kind.as_str()).set(0);
}

/// A slot that is busy, until this is dropped.
pub(crate) struct Busy(metrics::Gauge);

impl Busy {
    /// One more slot of this kind is busy.
    pub(crate) fn now(kind: Kind) -> Self {
        let gauge = metrics::gauge!("petrel_slots_busy", "kind" => kind.as_str());
        gauge.increment(1);
        Self(gauge)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
