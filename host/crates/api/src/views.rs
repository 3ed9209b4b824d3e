//! What the engine holds, as the wire has it: from nouns and what is registered to the types of `petrel_api_types`, which say
//! what is shown, and in which order.

use petrel_api_types as wire;
use petrel_api_types::Secrets;
use petrel_api_types::execution::{Beside, RegisteredAs};
use petrel_api_types::rule::RuleSchemas;
use petrel_catalog::content::{Content, RegisteredAction, RunnerType};
use petrel_engine::clock;
use petrel_engine::explanation::{CriterionExplanation, Explanation};
use petrel_engine::reads::Unreadable;
use petrel_engine::workflows::task_execution;
use petrel_model::output::OutputLine;
use petrel_model::secrets::MASK;
use petrel_model::trigger::TriggerInstanceStatus;
use petrel_model::{Execution, Ref, Rule, Status, Trigger};

use crate::trail::Refused;

pub(crate) fn action(registered: &RegisteredAction) -> wire::Action<'_> {
    wire::Action::of(&registered.action, registered.refused.as_deref())
}

/// What is shown of an action beside one of its executions.
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

/// What takes the place of something that cannot be read.
pub(crate) fn unreadable(lost: &Unreadable) -> wire::Lost<'_> {
    wire::Lost::new(&lost.id, &lost.reason, Unreadable::REMEDY)
}

/// The status of an execution as it is shown now.
pub(crate) fn shown_status(execution: &Execution) -> Status {
    wire::execution::shown_status(execution, clock::now())
}

/// How far the rules got with an event, in StackStorm's word.
pub(crate) fn event_status(status: TriggerInstanceStatus) -> &'static str {
    match status {
        TriggerInstanceStatus::Pending => "pending",
        TriggerInstanceStatus::Processing => "processing",
        TriggerInstanceStatus::Processed => "processed",
        TriggerInstanceStatus::ProcessingFailed => "processing_failed",
    }
}

/// An execution, which rests since a restore if `is_held`.
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
        task_execution: execution.parent.as_ref().map(task_execution),
        is_held,
    };
    wire::Execution::of(execution, beside)
}

/// Masks the lines of output that are secret unless they are to be shown.
pub(crate) fn hide_output(
    lines: &mut [OutputLine],
    execution: &Execution,
    content: &Content,
    secrets: Secrets,
) {
    let action = content.action(&execution.action).ok().map(|registered| registered.action.as_ref());
    let action = Secrets::known_to(execution, action);
    for line in lines {
        if secrets.hides_output(line.stream, action, &execution.runner) {
            MASK.clone_into(&mut line.text);
        }
    }
}

/// Output as text: the lines, each with its line end.
pub(crate) fn output(lines: &[OutputLine]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str(&line.text);
        text.push('\n');
        text
    })
}

/// A rule, with the secrets among the parameters of its action and its trigger masked unless they are to be shown.
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

/// What a rule makes of an event.
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

/// A request to a webhook that was refused.
pub(crate) fn refused(refused: &Refused) -> wire::explanation::RefusedWebhook<'_> {
    wire::explanation::RefusedWebhook {
        at: refused.at,
        path: refused.path.as_str().into(),
        status: refused.status,
        address: refused.address,
    }
}
