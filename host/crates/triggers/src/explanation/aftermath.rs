//! The consequences of an event for each of its rules: the execution with its status, or the reason why there
//! is none. [`explanation`](super) has the verdicts.

use std::collections::HashMap;
use std::sync::Arc;

use petrel_model::action::output_key;
use petrel_model::correlation::CORRELATION;
use petrel_model::execution::masked::repeatable;
use petrel_model::rule::EnforcementStatus;
use petrel_model::secrets::{marks_places, masked_result, whole_schema};
use petrel_model::{Enforcement, Execution, ExecutionId, RuleId, Status, TriggerInstance, size};
use petrel_persistence as persistence;
use petrel_rules::verdict::of_reason;
use serde_json::Value;

use super::Explanation;
use crate::service::Triggers;
use petrel_engine_core::Error;

/// The length of a reason, in characters; the execution has all of it.
const REASON: usize = 300;
/// Executions up to this many bytes need no claim on memory while they are read.
const SMALL: usize = 64 << 10;

/// The enforcements of an event, by rule.
#[derive(Debug, Default)]
pub(super) struct Enforcements {
    by_rule: HashMap<RuleId, Enforcement>,
    /// Whether some cannot be read, or are gone.
    is_partial: bool,
}

impl Triggers {
    /// The readable enforcements of an event.
    pub(super) async fn enforcements_of(&self, instance: &TriggerInstance) -> Result<Enforcements, Error> {
        let mut found = Enforcements::default();
        for id in &instance.enforcements {
            match self.store().enforcement(*id).await {
                Ok(Some(enforcement)) => drop(found.by_rule.insert(enforcement.rule_id, enforcement)),
                Ok(None) | Err(persistence::Error::Damaged { .. }) => found.is_partial = true,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    /// Adds the consequences of the event to each explanation. With `hides_secrets` no result is quoted that
    /// its action declares secret.
    pub(super) async fn tell_what_came_of_it(
        &self,
        explanations: &mut [Explanation],
        instance: &TriggerInstance,
        hides_secrets: bool,
    ) -> Result<(), Error> {
        let enforcements = self.enforcements_of(instance).await?;
        for explanation in explanations {
            let Some(enforcement) = enforcements.by_rule.get(&explanation.id) else {
                explanation.came_of_it = not_run(explanation, instance, &enforcements);
                continue;
            };
            if enforcement.status == EnforcementStatus::Failed {
                let reason = enforcement.failure_reason.as_deref().unwrap_or("the reason was not kept");
                explanation.came_of_it = failed(explanation, enforcement.execution_id, reason);
                let event = explanation.event.as_deref();
                let lost = event.and_then(|event| of_reason(reason, event));
                // Mostly the reason has it already.
                let lost = lost.filter(|lost| !reason.contains(lost.as_str()));
                explanation.came_of_it.extend(lost.map(|lost| format!("; {lost}")));
                explanation.failure_reason = Some(reason.to_owned());
                if let (Some(_), Some(meant)) = (enforcement.execution_id, &explanation.meant_keys) {
                    let told =
                        format!("; its parameters read a key that the datastore does not have: {meant}");
                    explanation.came_of_it.push_str(&told);
                }
            } else if let Some(id) = enforcement.execution_id {
                explanation.came_of_it = self.how_it_stands(id, hides_secrets).await?;
                if !explanation.matched {
                    explanation
                        .came_of_it
                        .push_str(&format!("; it matched then, and {} since", changed(explanation)));
                }
            }
            if let Some(note) = &enforcement.note {
                explanation.came_of_it.push_str(&format!("; {note}"));
                if let Some(meant) = &explanation.meant_keys {
                    explanation.came_of_it.push_str(&format!("; {meant}"));
                }
            }
        }
        Ok(())
    }

    /// The status of an execution in one line.
    pub(crate) async fn how_it_stands(&self, id: ExecutionId, hides_secrets: bool) -> Result<String, Error> {
        let execution = match self.store().execution(id).await {
            Ok(Some(execution)) => execution,
            Ok(None) => return Ok(format!("execution {id} is not kept any more")),
            Err(persistence::Error::Damaged { .. } | persistence::Error::Sealed { .. }) => {
                return Ok(format!("execution {id} cannot be read"));
            }
            Err(error) => return Err(error.into()),
        };
        // The parameters, the result, and a masked copy of it.
        let result = execution.result.as_deref().map_or(0, size::of_value).saturating_mul(2);
        let bytes = execution.parameters.values().map(size::of_value).fold(result, usize::saturating_add);
        let _claim = (bytes > SMALL).then(|| self.claim(bytes)).transpose()?;
        let how = match execution.status {
            Status::Succeeded => return Ok(format!("execution {id} succeeded")),
            Status::Failed => "failed",
            Status::Timeout => "timed out",
            Status::Canceled => "was canceled",
            Status::Abandoned => "was abandoned",
            waits_or_runs => return Ok(format!("execution {id} is {waits_or_runs}")),
        };
        let reason = self.reason(&execution, hides_secrets);
        Ok(reason.map_or_else(
            || format!("execution {id} {how}"),
            |reason| format!("execution {id} {how}: {reason}"),
        ))
    }

    /// The reason why an execution failed, if its result has a short one.
    fn reason(&self, execution: &Execution, hides_secrets: bool) -> Option<String> {
        let result = execution.result.as_deref()?;
        let marks = &execution.context.result_marks;
        // If the action is gone, or declares less than it did, any part of the result may be secret.
        let registered = self.content().action(&execution.action).map(Arc::clone).ok();
        match &registered {
            _ if !hides_secrets => said(result),
            Some(known) if marks_places(&whole_schema(&known.action.output_schema), marks) => {
                let shown = masked_result(result, &known.action.output_schema, output_key(&execution.runner));
                // As in what is shown of the execution itself, a failure does not repeat its secret parameters.
                said(&repeatable(execution).masked(&shown))
            }
            _ => None,
        }
    }
}

/// The reason of a failure in a result: its error, or else the last line on standard error, or else the exit
/// code.
fn said(result: &Value) -> Option<String> {
    let text = |name: &str| result.get(name).and_then(Value::as_str).map(str::trim);
    let filled = |text: &&str| !text.is_empty();
    let error = text("error").filter(filled).and_then(|error| error.lines().next());
    let written = || text("stderr").filter(filled).and_then(|stderr| stderr.lines().next_back());
    let code = || result.get("exit_code").and_then(Value::as_i64).map(|code| format!("exit code {code}"));
    error.or_else(written).map(shortened).or_else(code)
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(REASON) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "…",
        None => text.to_owned(),
    }
}

/// The consequence of a failed enforcement. Its reason is left out where the present criteria give the same
/// one.
fn failed(explanation: &Explanation, execution: Option<ExecutionId>, reason: &str) -> String {
    if let Some(id) = execution {
        return format!("execution {id} failed: {reason}");
    }
    match explanation.reason.as_deref().and_then(|said| reason.strip_prefix(said)) {
        Some("") => "nothing was run; the failure is recorded as an enforcement".to_owned(),
        // The rest begins with a semicolon.
        Some(more) => format!("nothing was run{more}"),
        None => format!("nothing was run: {reason}"),
    }
}

/// The change because of which a rule's present verdict is not the stored one.
fn changed(explanation: &Explanation) -> &'static str {
    if explanation.reads_datastore {
        "the rule, or what it reads of the datastore, has changed"
    } else {
        "the rule has changed"
    }
}

/// The reason why a rule has no enforcement.
fn not_run(explanation: &Explanation, instance: &TriggerInstance, enforcements: &Enforcements) -> String {
    let has_other = || enforcements.by_rule.values().any(|other| other.execution_id.is_some());
    if enforcements.is_partial {
        "some consequences of the event cannot be read, or are not kept any more".to_owned()
    } else if explanation.is_backstop && (explanation.matched || explanation.is_behind) && has_other() {
        "was not run: it is a backstop, and another rule matched".to_owned()
    } else if !explanation.matched {
        "nothing was run".to_owned()
    } else if let Some(first) = instance.replay_of {
        format!("was not run: this event repeats {first} for another rule")
    } else if explanation.id.0.created_at() > instance.occurrence_time {
        "was not run: it was made after the event came in".to_owned()
    } else if explanation.correlates {
        format!(
            "counts for the correlation, which fires as an event of {CORRELATION}; `petrel rule why {}` shows what it holds",
            explanation.rule
        )
    } else {
        format!("was not run: the rule was disabled, or {} since", changed(explanation))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_result_says_in_a_word_why_it_failed() {
        for (result, says) in [
            (json!({"error": "no\nmore", "stderr": "x"}), Some("no")),
            (json!({"error": " ", "stderr": "a\nb\n", "exit_code": 2}), Some("b")),
            (json!({"stderr": "", "stdout": "x", "exit_code": 2}), Some("exit code 2")),
            (json!({"error": {"deep": 1}}), None),
            (json!("text"), None),
            (json!(null), None),
        ] {
            assert_eq!(said(&result).as_deref(), says, "{result}");
        }
        assert_eq!(said(&json!({"error": "é".repeat(1000)})).unwrap().chars().count(), REASON + 1);
    }
}
