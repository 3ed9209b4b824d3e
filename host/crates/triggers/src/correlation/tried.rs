//! What can be said of a correlation on a single event that is tried.

use std::sync::Arc;

use petrel_model::correlation::{CorrelationKind, HeldEvent};
use petrel_model::quoted::quoted;
use petrel_model::secrets::{Marks, masked_value};
use petrel_model::{Correlation, Payload, Ref, Timestamp, TraceId, TriggerInstanceId};
use petrel_rules::correlation::Firing;
use petrel_rules::{CompiledRule, Occurrence, evaluate};
use serde_json::Value;

/// The event of a correlation that one of `trigger` counts as: the first whose criteria it meets. Otherwise the first of
/// that trigger, or the rule itself.
pub(crate) fn heard(
    compiled: &Arc<CompiledRule>,
    trigger: &Ref,
    occurrence: &Occurrence,
) -> Arc<CompiledRule> {
    if compiled.parts().is_empty() {
        return Arc::clone(compiled);
    }
    let all = std::iter::once(compiled).chain(compiled.parts());
    let listening: Vec<_> = all.filter(|part| part.trigger() == trigger).collect();
    let met = listening.iter().find(|part| evaluate(part, occurrence).matched);
    Arc::clone(met.or_else(|| listening.first()).map_or(compiled, |part| *part))
}

/// What the event does, in words.
pub(crate) fn note(correlation: &Correlation, part: usize, key: &str) -> String {
    let fires = match correlation.kind {
        CorrelationKind::AllWithin => {
            "the rule fires once all of its events have come within the window".to_owned()
        }
        CorrelationKind::NoneWithin if part > 0 => "it keeps the rule from firing".to_owned(),
        CorrelationKind::NoneWithin => {
            "the rule fires when none of the others comes within the window".to_owned()
        }
        CorrelationKind::OnceWithin => {
            "the rule fires at the first one, and not again within the window".to_owned()
        }
        CorrelationKind::OnceAfter => {
            "the rule fires when none has come for as long as the window".to_owned()
        }
        CorrelationKind::Accumulate => {
            format!("the rule fires when {} have come within the window", correlation.count)
        }
    };
    format!(
        "it correlates events (`{}`): this one counts with the key `{}`, and {fires}; what is held of others is not looked at",
        correlation.kind.as_str(),
        quoted(key)
    )
}

/// The payload with which the rule fires, if it may fire with this event alone.
pub(crate) fn alone(
    rule: &CompiledRule,
    key: &str,
    (id, at): (TriggerInstanceId, Timestamp),
    (values, secrets): (&Value, Option<&Value>),
) -> Option<Value> {
    let (correlation, part) = (rule.rule().correlation()?, rule.grouping()?.part);
    let needs_more = matches!(correlation.kind, CorrelationKind::AllWithin | CorrelationKind::Accumulate);
    if needs_more || part > 0 {
        return None;
    }
    let payload = match secrets {
        Some(schema) => Payload::from(&masked_value(values, &Marks::of(schema))),
        None => Payload::from(values),
    };
    let (trigger, trace) = (rule.trigger().clone(), TraceId::from(id.0));
    let event = HeldEvent { part, id, trigger, at, payload: Some(payload), trace, trace_tag: None, depth: 0 };
    let firing = Firing { events: vec![event], count: 1, group: key.to_owned(), first_at: at, last_at: at };
    Some(firing.payload(&rule.rule().reference, correlation.kind))
}
