//! What comes of a rule that matched an event or could not be evaluated: its enforcement, and the execution that it requests.

use std::sync::Arc;

use petrel_access::RULE_USER;
use petrel_executions::{self as executions, Opened};
use petrel_model::execution::{Context, Origin};
use petrel_model::rule::EnforcementStatus;
use petrel_model::{
    Enforcement, EnforcementId, Execution, MaintenanceMode, Rule, StatusEvent, TriggerInstance, event_depth,
};
use petrel_rules::{CompiledRule, Decision, Enforced, parameters};
use serde_json::{Value, json};

use super::Arrived;
use crate::incoming::SMALL;
use crate::maintenance;
use crate::rendering::{Rendering, with_names};
use crate::service::Triggers;

impl Triggers {
    /// The consequences of a rule that matched or could not be evaluated.
    pub(super) fn follow(
        &self,
        arrived: &Arrived,
        instance: &TriggerInstance,
        enforced: &Enforced,
        secrets: Option<&Value>,
    ) -> (Enforcement, Option<Execution>) {
        let (rule, now) = (enforced.rule.rule(), instance.occurrence_time);
        // Mostly there is none.
        let window = arrived.content.window_of(rule, now);
        let (mut execution, failure_reason) = match (&enforced.decision, window) {
            (Decision::Unverifiable(reason), _) if enforced.rule.grouping().is_some() => {
                (None, Some(named(reason.clone(), arrived, instance, secrets)))
            }
            (Decision::Unverifiable(reason), _) => (None, Some(reason.clone())),
            (Decision::Matched, Some(window)) if window.mode == MaintenanceMode::Drop => {
                (None, Some(maintenance::dropped(window)))
            }
            (Decision::Matched | Decision::Correlated(_), _) => {
                if let Some(reason) = self.queue().refused_by_breaker(rule, instance.id, now) {
                    (None, Some(reason))
                } else {
                    let made = self.execution_for(arrived, instance, &enforced.rule, secrets);
                    if made.0.is_none() {
                        self.queue().asks_no_more(rule.id, instance.id);
                    }
                    made
                }
            }
        };
        let held = window.filter(|_| failure_reason.is_none());
        let held = held.map(|window| (window, arrived.content.free_from(rule, window.until)));
        if let (Some((window, until)), Some(execution)) = (held, &mut execution) {
            execution.ready_at = Some(until);
            execution.context.maintenance_window = Some(window.name.clone());
        }
        let note = self.note(arrived, enforced, failure_reason.is_some());
        let enforcement = Enforcement {
            id: self.core().mint::<EnforcementId>(now),
            trigger_instance_id: instance.id,
            rule_id: rule.id,
            rule: rule.reference.clone(),
            execution_id: execution.as_ref().map(|execution| execution.id),
            status: match failure_reason {
                None => EnforcementStatus::Succeeded,
                Some(_) => EnforcementStatus::Failed,
            },
            note: match held {
                Some((window, until)) => Some(maintenance::held(window, until, note)),
                None => note,
            },
            failure_reason,
            replayed_as: None,
            enforced_at: now,
        };
        (enforcement, execution)
    }

    /// What there is to say of an enforcement, in words: the missing keys of the datastore that the rule has read (a
    /// failure's reason names those of parameters itself), and that a loop of rules ends here.
    fn note(&self, arrived: &Arrived, enforced: &Enforced, has_failed: bool) -> Option<String> {
        let registered = arrived.content.registered(&enforced.rule.rule().action.reference);
        let of_parameters = registered.filter(|_| !has_failed).and_then(|registered| {
            let datastore = || self.keys().readable_by(RULE_USER);
            parameters::absent::read_in_vain(enforced.rule.parameters(), &registered.signature, datastore)
        });
        let (depth, deepest) = (event_depth::events(arrived.event.depth()), self.core().deepest_event());
        let of_depth = (depth > 0 && depth >= deepest).then(|| {
            format!(
                "the end of its execution makes no event: {depth} events of actions led to this one, one after the other, and \
                 {deepest} is the limit (`triggers.max_depth`)"
            )
        });
        let all = enforced.missing.iter().chain(&of_parameters).chain(&of_depth);
        let notes: Vec<_> = all.map(String::as_str).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    /// The execution that a matched rule requests, with its error if there is one. As in StackStorm,
    /// parameters that cannot be rendered or do not fit make a failed execution, which shows up where people
    /// look.
    fn execution_for(
        &self,
        arrived: &Arrived,
        instance: &TriggerInstance,
        compiled: &CompiledRule,
        secrets: Option<&Value>,
    ) -> (Option<Execution>, Option<String>) {
        let (rule, now, content) = (compiled.rule(), instance.occurrence_time, &*arrived.content);
        let registered = match executions::runnable(content, &rule.action.reference) {
            Ok(registered) => registered,
            Err(error) => return (None, Some(format!("{error}; {}", error.hint()))),
        };
        let context = context(instance, rule);
        let (keys, event) = (self.keys(), arrived.event.values());
        let (registered, opened) = (&*registered, Opened::default());
        let rendering = Rendering { keys, content, registered, rule: compiled, event, secrets, opened };
        let made = rendering.made(&context);
        let (parameters, wrong) = match made {
            Ok(given) => (given, None),
            Err(reason) => (rule.action.parameters.clone(), Some(named(reason, arrived, instance, secrets))),
        };
        let secret_places = rendering.secret_places(&parameters);
        let secret_parts = rendering.secret_parts(&parameters, &secret_places);
        let context = Context { secret_places, secret_parts, ..context };
        let mut execution =
            executions::new_execution(self.core().mint(now), registered, parameters, context, now);
        if execution.holds_secrets()
            && let Some(why) = self.core().store().refuses_secrets()
        {
            return (
                None,
                Some(format!("{} takes secrets, and none can be stored: {why}", execution.action)),
            );
        }
        let reason = wrong.map(|reason| fail(&mut execution, rule, instance, &reason));
        (Some(execution), reason)
    }
}

/// The `reason` why something cannot be made of the event that has arrived, with the names that it has.
fn named(reason: String, arrived: &Arrived, instance: &TriggerInstance, secrets: Option<&Value>) -> String {
    let is_whole = instance.payload.text().len() <= SMALL;
    with_names(reason, arrived.event.values(), is_whole, secrets)
}

/// Fails an execution whose parameters cannot be used, and returns the reason.
fn fail(execution: &mut Execution, rule: &Rule, instance: &TriggerInstance, reason: &str) -> String {
    let reason = format!("the parameters of rule {} cannot be used: {reason}", rule.reference);
    execution.result = Some(Arc::new(json!({
        "error": reason,
        "code": "parameters",
        "hint": format!("correct action.parameters of the rule; `petrel trigger why {}` shows what it saw", instance.id),
    })));
    // A requested execution may fail at once; see the table of statuses.
    let _ = execution.apply(StatusEvent::Failed, instance.occurrence_time);
    reason
}

fn context(instance: &TriggerInstance, rule: &Rule) -> Context {
    Context {
        user: RULE_USER.into(),
        pack: rule.action.reference.pack().to_owned(),
        trigger_instance: Some(Origin { id: instance.id, name: instance.trigger.to_string() }),
        rule: Some(Origin { id: rule.id, name: rule.reference.to_string() }),
        trace: instance.trace,
        trace_tag: instance.trace_tag.clone(),
        event_depth: instance.depth,
        ..Context::default()
    }
}
