//! The log lines of failed enforcements: rules that matched, or could not be evaluated, and of which nothing was run.
//! Whoever reads only the log learns from them that an event had no effect, and by which trace it is followed.

use petrel_engine_core::Core;
use petrel_executions::PAUSED;
use petrel_model::quoted::told;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, TraceId};
use petrel_persistence::Change;

/// The failed enforcements among the changes of an event; mostly there are none. That a rule is paused by its circuit breaker
/// was logged when the pause began.
pub(crate) fn among(changes: &[Change]) -> Vec<Enforcement> {
    let failed = changes.iter().filter_map(|change| match change {
        Change::CreateEnforcement(made) if made.status == EnforcementStatus::Failed => {
            let is_paused = made.failure_reason.as_deref().is_some_and(|reason| reason.starts_with(PAUSED));
            (!is_paused).then(|| made.clone())
        }
        _ => None,
    });
    failed.collect()
}

/// Writes a line about each of these, once they are stored. Of a rule that fails at every event only some are written:
/// see [`Core::may_log`].
pub(crate) fn log(core: &Core, trace: TraceId, failed: &[Enforcement]) {
    for one in failed {
        let Some(left_out) = core.may_log(one.rule.as_str()) else { continue };
        let event = one.trigger_instance_id;
        // The trace is a field of its own: the span that has it is there only where debugging is logged.
        tracing::warn!(
            %trace,
            rule = %one.rule,
            trigger_instance = %event,
            execution = one.execution_id.map(tracing::field::display),
            error = &*told(one.failure_reason.as_deref().unwrap_or_default()),
            hint = format!("`petrel trigger why {event}` explains it"),
            left_out = Some(left_out).filter(|count| *count > 0),
            "failed to enforce a rule"
        );
    }
}
