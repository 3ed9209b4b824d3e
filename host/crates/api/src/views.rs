//! Views: from the engine's nouns to the types of `petrel_api_types`, which define the wire format and the order of
//! its fields.

use petrel_api_types as wire;
use petrel_api_types::Secrets;
use petrel_api_types::execution::{Beside, RegisteredAs};
use petrel_api_types::rule::RuleSchemas;
use petrel_api_types::workflow::Finding;
use petrel_catalog::content::{Content, RegisteredAction, RunnerType};
use petrel_catalog::workflows::Found;
use petrel_engine::clock;
use petrel_engine::reads::Unreadable;
use petrel_engine::triggers::{CriterionExplanation, Explanation, ShownSensor, ShownTimer, Standing, Trial};
use petrel_engine::workflows::task_execution;
use petrel_model::output::OutputLine;
use petrel_model::secrets::MASK;
use petrel_model::{Execution, Ref, Rule, Status, Trigger};

use crate::trail::Refused;

pub(crate) fn action(registered: &RegisteredAction) -> wire::Action<'_> {
    wire::Action::of(&registered.action, registered.refused.as_deref())
}

/// The part of an action that is shown beside one of its executions.
pub(crate) fn registered_as(registered: &RegisteredAction) -> RegisteredAs<'_> {
    RegisteredAs {
        action: &registered.action,
        parameters: &registered.parameters,
        refused: registered.refused.as_deref(),
    }
}

pub(crate) fn runner_type(kind: &RunnerType) -> wire::RunnerType<'_> {
    wire::RunnerType::new(kind.name, kind.description, &kind.parameters)
}

/// The placeholder of a row that cannot be read.
pub(crate) fn unreadable(lost: &Unreadable) -> wire::Lost<'_> {
    wire::Lost::new(&lost.id, &lost.reason, lost.remedy())
}

/// The status of an execution as it is shown now.
pub(crate) fn shown_status(execution: &Execution) -> Status {
    execution.shown_status(clock::now())
}

/// An execution; `is_held` says that it has been held since a restore.
pub(crate) fn execution<'a>(
    execution: &'a Execution,
    registered: Option<&'a RegisteredAction>,
    secrets: Secrets,
    is_held: bool,
) -> wire::Execution<'a> {
    let beside = Beside {
        action: registered.map(registered_as),
        secrets,
        now: clock::now(),
        task_execution: execution.task().map(task_execution),
        is_held,
    };
    wire::Execution::of(execution, beside)
}

/// The question of an execution.
pub(crate) fn inquiry(
    execution: &Execution,
    registered: Option<&RegisteredAction>,
    secrets: Secrets,
) -> wire::Inquiry {
    let result = wire::execution::shown_result(execution, registered.map(registered_as), secrets);
    wire::Inquiry::of(execution, &result)
}

/// Masks secret lines of output, unless secrets are to be shown.
pub(crate) fn hide_output(
    lines: &mut [OutputLine],
    execution: &Execution,
    content: &Content,
    secrets: Secrets,
) {
    let action = content.action(&execution.action).ok().map(|registered| registered.action.as_ref());
    let action = Secrets::known_to(execution, action);
    for line in &mut *lines {
        if secrets.hides_output(line.stream, action, &execution.runner) {
            MASK.clone_into(&mut line.text);
        }
    }
    secrets.repeatable(execution).hide_in(lines);
}

/// Output as text, each line with its line end.
pub(crate) fn output(lines: &[OutputLine]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str(&line.text);
        text.push('\n');
        text
    })
}

/// A rule. Secrets among the parameters of its action and its trigger are masked unless they are to be shown.
pub(crate) fn rule<'a>(rule: &'a Rule, content: &Content, secrets: Secrets) -> wire::Rule<'a> {
    let action = content.action(&rule.action.reference).ok();
    let kind = content.trigger_type(&rule.trigger.kind).ok().map(|kind| kind.parameters());
    let schemas =
        RuleSchemas { trigger: kind.as_ref(), action: action.map(|registered| &registered.parameters) };
    wire::Rule::of(rule, schemas, secrets)
}

pub(crate) fn trigger<'a>(
    reference: &'a Ref,
    trigger: &'a Trigger,
    content: &Content,
    secrets: Secrets,
) -> wire::Trigger<'a> {
    let kind = content.trigger_type(&trigger.kind).ok().map(|kind| kind.parameters());
    wire::Trigger::of(reference, trigger, kind.as_ref(), secrets)
}

/// A trigger with what else is known of it: who has made it, and how often rules listen to it.
pub(crate) fn whole_trigger<'a>(
    reference: &'a Ref,
    trigger: &'a Trigger,
    content: &'a Content,
    secrets: Secrets,
) -> wire::Trigger<'a> {
    let made = content.made_trigger(reference);
    wire::Trigger {
        description: made.map(|made| made.description.as_str().into()),
        made_by: made.map(|made| made.made_by.as_str().into()),
        listeners: Some(content.listeners_to(reference)),
        ..self::trigger(reference, trigger, content, secrets)
    }
}

/// A timer, with the times at which it is due.
pub(crate) fn timer<'a>(timer: &'a ShownTimer, content: &'a Content, secrets: Secrets) -> wire::Timer<'a> {
    let kind = content.trigger_type(&timer.trigger.kind).ok();
    wire::Timer {
        trigger: trigger(&timer.reference, &timer.trigger, content, secrets),
        description: kind.map(|kind| kind.kind.description.as_str().into()).unwrap_or_default(),
        due_at: timer.due_at(),
        last_due_at: timer.last_due_at(),
        rules: timer.rules.iter().map(|rule| rule.as_str().into()).collect(),
    }
}

/// A sensor, and how it is.
pub(crate) fn sensor(shown: &ShownSensor, secrets: Secrets) -> wire::Sensor<'_> {
    let path = shown.pack_path.to_string_lossy();
    let cursor = shown.state.cursor.as_deref().filter(|_| secrets == Secrets::Shown);
    wire::Sensor {
        health: shown.health.as_str().into(),
        kind: shown.kind.map(Into::into),
        running: shown.is_running,
        next_at: shown.next_at,
        held: shown.held.as_deref().map(Into::into),
        process: shown.process.map(|pid| wire::sensor::SensorProcess {
            pid,
            memory_bytes: shown.usage.map(|usage| usage.memory),
            cpu_seconds: shown.usage.map(|usage| usage.cpu.as_secs_f64()),
        }),
        cursor: cursor.map(std::borrow::Cow::Borrowed),
        ..wire::Sensor::of(&shown.sensor, &shown.state, &path)
    }
}

/// The verdict of a rule on an event.
pub(crate) fn explanation(explained: &Explanation) -> wire::explanation::Explanation<'_> {
    wire::explanation::Explanation {
        rule: explained.rule.as_str().into(),
        matched: explained.matched,
        verdict: explained.verdict.as_str().into(),
        came_of_it: explained.came_of_it.as_str().into(),
        failure_reason: explained.failure_reason.as_deref().map(Into::into),
        criteria: explained.criteria.iter().map(criterion).collect(),
    }
}

fn criterion(explained: &CriterionExplanation) -> wire::explanation::CriterionExplanation<'_> {
    wire::explanation::CriterionExplanation {
        path: explained.path.as_str().into(),
        operator: explained.operator.as_str().into(),
        pattern: std::borrow::Cow::Borrowed(&explained.pattern),
        value: std::borrow::Cow::Borrowed(&explained.value),
        holds: explained.holds,
        text: explained.text.as_str().into(),
    }
}

/// What a rule would do on an event.
pub(crate) fn trial(trial: &Trial) -> wire::Trial<'_> {
    wire::Trial {
        rule: trial.rule.as_str().into(),
        matched: trial.matched,
        verdict: trial.verdict.as_str().into(),
        criteria: trial.criteria.iter().map(criterion).collect(),
        action: trial.action.as_str().into(),
        parameters: trial.parameters.as_ref().map(std::borrow::Cow::Borrowed),
        failure_reason: trial.failure_reason.as_deref().map(Into::into),
        notes: trial.notes.iter().map(|note| note.as_str().into()).collect(),
    }
}

/// Why a rule has not fired lately.
pub(crate) fn standing(standing: &Standing) -> wire::RuleStanding<'_> {
    let failed = standing.failed.iter().map(|one| wire::standing::FailedCriterion {
        path: one.path.as_str().into(),
        operator: one.operator.as_str().into(),
        count: one.count,
        text: one.text.as_str().into(),
    });
    wire::RuleStanding {
        rule: standing.rule.as_str().into(),
        verdict: standing.verdict.as_str().into(),
        obstacles: standing.obstacles.iter().map(|one| one.as_str().into()).collect(),
        trigger: standing.trigger.as_str().into(),
        looked_at: standing.looked_at,
        since: standing.since,
        events: standing.events,
        matched: standing.matched,
        not_evaluated: standing.not_evaluated,
        last_event_at: standing.last_event_at,
        failed: failed.collect(),
        last_enforcement: standing.last_enforcement.as_ref().map(wire::Enforcement::from),
        came_of_it: standing.came_of_it.as_deref().map(Into::into),
    }
}

/// A request to a webhook that was refused.
pub(crate) fn refused(refused: &Refused) -> wire::explanation::RefusedWebhook<'_> {
    wire::explanation::RefusedWebhook {
        at: refused.at,
        path: refused.path.as_str().into(),
        status: refused.status,
        address: refused.address,
    }
}

/// A finding in the text of a workflow.
pub(crate) fn finding(Found { finding, position }: &Found) -> Finding<'_> {
    Finding {
        kind: finding.kind.name().into(),
        language: finding.language.map(|language| language.name().into()),
        expression: finding.expression.as_deref().map(Into::into),
        message: finding.message.as_str().into(),
        schema_path: finding.schema_path.as_deref().map(Into::into),
        spec_path: finding.spec_path.as_deref().map(Into::into),
        hint: finding.hint.as_deref().map(Into::into),
        severity: Finding::severity(finding.is_note()),
        line: position.map(|position| position.line),
        column: position.map(|position| position.column),
    }
}

#[cfg(test)]
mod tests {
    use petrel_catalog::workflows::{inspect, language};

    use super::*;

    #[test]
    fn what_is_found_in_a_workflow_is_shown_as_a_failed_one_reports_it() {
        for text in [
            "version: 1.0\ntasks:\n  a: {action: core.noop, input: {x: <% lenn(1) %>}, next: [{publish: path=ok}]}\n",
            "version: 1.0\ntasks: {a: {action: core.noop, next: [{do: b}]}}\noutput: [{x: '{{ ctx().y }}'}]\n",
            "tasks: [",
            "[]",
        ] {
            let invalid = inspect(language(text), text).found();
            assert!(!invalid.0.is_empty(), "nothing is found in {text}");
            let shown: Vec<_> = invalid.0.iter().map(finding).collect();
            assert_eq!(serde_json::to_string(&shown).unwrap(), invalid.to_errors().to_string(), "{text}");
        }
    }
}
