//! The spans of the log lines of an event, from its request to the last outcome. Work for an execution or a
//! workflow enters one of these; a task that is spawned there continues it
//! ([`Core::spawn`](petrel_engine_core::Core::spawn)), and so does a thread ([`petrel_runners::apart`]).
//!
//! ```text
//! accept ─┬─ decide          claim      execution ─┬─ start ── commit
//!         └─ commit                                ├─ run
//!                                                  ├─ outcome ── commit
//!                                                  └─ step ── commit   (also for the outcome of a task)
//! ```
//!
//! `accept`, `claim`, `execution` and `step` name the trace in the field `trace`; the others are inside
//! these. All but `execution` are at the level `debug`, and cost nothing unless that is logged: an event has
//! one span by default.
//!
//! [`Execution::trace_id`] determines the trace of an execution.

use petrel_model::{Execution, ExecutionId, TraceId, TriggerInstanceId};
use tracing::Span;

/// The acceptance of an event: the decision and its commit.
pub fn accept_event(id: TriggerInstanceId, trace: TraceId) -> Span {
    tracing::debug_span!("accept", trigger_instance.id = %id, trace = %trace)
}

/// The acceptance of a requested execution.
pub fn accept_execution(id: ExecutionId, trace: TraceId) -> Span {
    tracing::debug_span!("accept", execution.id = %id, trace = %trace)
}

/// The claim of an execution's resources.
pub fn claim(execution: &Execution) -> Span {
    tracing::debug_span!("claim", execution.id = %execution.id, trace = %execution.trace_id())
}

/// Work for an execution. The span is at the level of errors, so that every line has it whatever the level of
/// the log.
pub fn execution(execution: &Execution) -> Span {
    tracing::error_span!("execution", id = %execution.id, trace = %execution.trace_id())
}

/// A step of a workflow.
pub fn step(workflow: &Execution) -> Span {
    tracing::debug_span!("step", execution.id = %workflow.id, trace = %workflow.trace_id())
}
