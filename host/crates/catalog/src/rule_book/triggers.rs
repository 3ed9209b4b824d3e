//! Rules as they are registered: with their triggers in normal form, by the trigger types that they are of.

use petrel_engine_core::Error;
use petrel_model::names::check_text;
use petrel_model::rule::RuleKind;
use petrel_model::secrets::has_secret;
use petrel_model::{Object, Ref, Rule, RuleId, Trigger};
use petrel_packs::RuleDefinition;
use petrel_rules::timers::{Timer, UTC};
use serde_json::Value;

use crate::content::{Content, RegisteredTriggerType};

/// The rule of a definition, with its trigger in normal form by the trigger types of `content`.
pub(crate) fn rule_of(
    content: &Content,
    definition: RuleDefinition,
    id: RuleId,
    context: Object,
) -> Result<Rule, Error> {
    rule_among(content, definition, id, context, |_| false)
}

/// As [`rule_of`], where trigger types for which `is_new` holds are registered together with the rule.
pub(crate) fn rule_among(
    content: &Content,
    definition: RuleDefinition,
    id: RuleId,
    context: Object,
    is_new: impl Fn(&Ref) -> bool,
) -> Result<Rule, Error> {
    let mut rule = definition.into_rule(id);
    rule.context = context;
    let reference = rule.reference.clone();
    let told = |error: Error| Error::invalid(format!("rule `{reference}`: {error}"), error.hint().to_owned());
    if !is_new(&rule.trigger.kind) {
        let kind = content.trigger_type(&rule.trigger.kind).map_err(told)?;
        settle(&mut rule.trigger, kind).map_err(told)?;
    }
    if let RuleKind::Correlation(correlation) = &mut rule.kind {
        for place in 0..correlation.events.len() {
            let Some(event) = correlation.events.get(place) else { continue };
            let mut trigger = event.trigger.clone();
            if is_new(&trigger.kind) {
                continue;
            }
            let kind = content.trigger_type(&trigger.kind).map_err(told)?;
            settle_event(&mut trigger, kind).map_err(told)?;
            correlation.set_trigger(place, trigger);
        }
    }
    Ok(rule)
}

/// As [`settle`], for the trigger of a further event of a correlation.
///
/// # Errors
/// As [`settle`], and when it has parameters that are secret, which are masked in the rule's own trigger only.
pub(crate) fn settle_event(trigger: &mut Trigger, kind: &RegisteredTriggerType) -> Result<(), Error> {
    if !trigger.parameters.is_empty() && kind.parameters().values().any(has_secret) {
        return Err(Error::invalid(
            format!("events of a correlation cannot be of {}, which has secret parameters", trigger.kind),
            "make it the rule's own trigger, or write a rule of its own for it",
        ));
    }
    settle(trigger, kind)
}

/// Brings a trigger of the type `kind` into normal form.
///
/// # Errors
/// When its parameters do not fit the type.
pub(crate) fn settle(trigger: &mut Trigger, kind: &RegisteredTriggerType) -> Result<(), Error> {
    normalize(trigger)?;
    if trigger.is_timer() {
        return refuse_misfit_timer(trigger);
    }
    // As in StackStorm, a type without declared parameters accepts any.
    if kind.kind.parameters_schema.is_empty() {
        return Ok(());
    }
    let parameters = Value::Object(trigger.parameters.clone());
    kind.parameters.check(&parameters).map_err(|message| {
        Error::invalid(
            format!("the parameters of trigger {} do not fit: {message}", trigger.kind),
            format!("`petrel trigger list --json` shows what {} takes", trigger.kind),
        )
    })
}

/// Refuses parameters that are no timer, and says more about them than the schema of the type does.
fn refuse_misfit_timer(trigger: &Trigger) -> Result<(), Error> {
    Timer::new(trigger.kind.as_str(), &trigger.parameters, &UTC).map(drop).map_err(|error| {
        Error::invalid(
            format!("the parameters of trigger {} do not fit: {error}", trigger.kind),
            "correct trigger.parameters of the rule",
        )
    })
}

/// `/sample/` and `sample` are the same webhook, and a parameter of a timer that is null is not given.
fn normalize(trigger: &mut Trigger) -> Result<(), Error> {
    if trigger.is_timer() {
        trigger.parameters.retain(|_name, value| !value.is_null());
    }
    if trigger.kind.as_str() == petrel_model::trigger::WEBHOOK
        && let Some(Value::String(url)) = trigger.parameters.get_mut("url")
    {
        *url = url.trim_matches('/').to_owned();
        check_text("a webhook", url)?;
    }
    Ok(())
}
