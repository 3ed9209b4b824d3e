//! The metrics of the engine: the durations of the stages of an event, and the numbers of executions and
//! slots. All names are in this file; `petrel_api` shows the metrics at `/metrics`.
//!
//! Histograms are in seconds. Without a recorder a metric costs next to nothing.

use std::sync::LazyLock;
use std::time::Duration;

use metrics::{Gauge, Histogram};
use petrel_model::Status;

use super::kind::Kind;

/// A stage on the way of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From the decision to the durable event.
    AcceptCommit,
    /// From the time when a timer is due to its durable event.
    TimerWait,
    /// From the time when an execution is due to its start.
    QueueWait,
    /// From the start of an action to its end.
    Run,
    /// From the end of an action to its durable outcome.
    OutcomeCommit,
}

/// The metric of a stage, looked up once: each event has all stages.
macro_rules! of_stage {
    ($stage:literal) => {{
        static OF_STAGE: LazyLock<Histogram> =
        LazyLock::new(|| metrics::histogram!("petrel_stage_seconds", "stage" => $stage));
        &OF_STAGE
    }};
}

/// Records the duration of a stage. The recorder must be installed before the first one.
pub fn stage(stage: Stage, took: Duration) {
    let histogram = match stage {
        Stage::AcceptCommit => of_stage!("accept_commit"),
        Stage::TimerWait => of_stage!("timer_wait"),
        Stage::QueueWait => of_stage!("queue_wait"),
        Stage::Run => of_stage!("run"),
        Stage::OutcomeCommit => of_stage!("outcome_commit"),
    };
    histogram.record(took);
}

/// Counts an execution of this runner that has ended.
pub fn ended(runner: &str, status: Status) {
    metrics::counter!("petrel_executions_total", "runner" => runner.to_owned(), "status" => status.as_str())
        .increment(1);
}

/// Sets the number of slots of a kind.
pub(crate) fn slots(kind: Kind, count: usize) {
    metrics::gauge!("petrel_slots", "kind" => kind.as_str()).set(u32::try_from(count).unwrap_or(u32::MAX));
    busy(kind).set(0);
}

/// A busy slot, until it is dropped.
pub(crate) struct Busy(&'static Gauge);

impl Busy {
    /// Counts one more busy slot of this kind.
    pub(crate) fn now(kind: Kind) -> Self {
        static COMPONENT: LazyLock<Gauge> = LazyLock::new(|| busy(Kind::Component));
        static PROCESS: LazyLock<Gauge> = LazyLock::new(|| busy(Kind::Process));
        static WORKFLOW: LazyLock<Gauge> = LazyLock::new(|| busy(Kind::Workflow));
        let gauge: &Gauge = match kind {
            Kind::Component => &COMPONENT,
            Kind::Process => &PROCESS,
            Kind::Workflow => &WORKFLOW,
        };
        gauge.increment(1);
        Self(gauge)
    }
}

fn busy(kind: Kind) -> Gauge {
    metrics::gauge!("petrel_slots_busy", "kind" => kind.as_str())
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.decrement(1);
    }
}
