//! The spans that the log lines of an event stand in, from the request that brought it to the last outcome.
//! Whoever works for an execution or a workflow enters one of these; a task that is spawned there goes on in
//! it ([`Core::spawn`](petrel_engine_core::Core::spawn)), and so does a thread ([`petrel_runners::apart`]).
//!
//! ```text
//! accept ─┬─ decide          claim      execution ─┬─ start ── commit
//!         └─ commit                                ├─ run
//!                                                  ├─ outcome ── commit
//!                                                  └─ step ── commit   (also what a task's outcome means to its workflow)
//! ```
//!
//! `accept`, `claim`, `execution` and `step` name the trace in the field `trace`; the others are inside
//! these. All but `execution` are at the level of debugging, and cost nothing unless that is logged: an event
//! has one span by default.
//!
//! Which trace an execution belongs to is said by [`Execution::trace_id`].

use petrel_model::{Execution, ExecutionId, TraceId, TriggerInstanceId};
use tracing::Span;

/// Taking in an event: deciding what follows from it, and storing that.
pub fn accept_event(id: TriggerInstanceId, trace: TraceId) -> Span {
    tracing::debug_span!("accept", trigger_instance.id = %id, trace = %trace)
}

/// Taking in an execution that somebody asked for.
pub fn accept_execution(id: ExecutionId, trace: TraceId) -> Span {
    tracing::debug_span!("accept", execution.id = %id, trace = %trace)
}

/// Taking what an execution needs while it runs.
pub fn claim(execution: &Execution) -> Span {
    tracing::debug_span!("claim", execution.id = %execution.id, trace = %execution.trace_id())
}

/// Working for an execution. At the level of errors, so that every line has it, whatever is logged.
pub fn execution(execution: &Execution) -> Span {
    tracing::error_span!("execution", id = %execution.id, trace = %execution.trace_id())
}

/// A step of a workflow: what has happened to it, and what follows.
pub fn step(workflow: &Execution) -> Span {
    tracing::debug_span!("step", execution.id = %workflow.id, trace = %workflow.trace_id())
}
