//! Events that somebody sends by hand: of any trigger, or a stored one once more.

use petrel_engine_core::Error;
use petrel_model::{ExecutionId, Object, Ref, TraceId, TraceTag, TriggerInstance, event_depth};
use serde_json::Value;

use crate::dedup::Once;
use crate::dispatcher::Accepted;
use crate::incoming::Event;
use crate::service::Triggers;

/// An event that somebody sends by hand.
#[derive(Debug, Clone, Default)]
pub struct Emission {
    /// The reference of a trigger type, or of a trigger that rules listen to.
    pub trigger: String,
    /// The parameters of the trigger, as rules give them.
    pub parameters: Object,
    /// The payload.
    pub payload: Object,
    /// The trace that the sender named.
    pub trace: Option<TraceId>,
    /// The tag of the trace, if one is given.
    pub trace_tag: Option<TraceTag>,
    /// The execution that sends it.
    pub caused_by: Option<ExecutionId>,
    /// The number of events of actions that led to it, itself among them; 0 for one that somebody sends by hand.
    pub depth: u32,
    /// The key by which it is known if it comes again.
    pub once: Option<Once>,
}

impl Triggers {
    /// Accepts an event of any trigger; if it has a key, only the first one with it.
    ///
    /// # Errors
    /// When the trigger does not exist, its parameters or the payload do not fit it, too many events led to it, too much is
    /// waiting, or the host is stopping. Nothing was stored then.
    pub async fn send(&self, emission: Emission) -> Result<Accepted, Error> {
        let Emission { trigger, parameters, payload, trace, trace_tag, caused_by, depth, once } = emission;
        let content = self.content();
        let (reference, kind) = content.addressed(&trigger, parameters)?;
        self.refuse_deep(&kind, depth)?;
        let event = Event::from(Value::Object(payload)).in_trace(trace).tagged(trace_tag);
        let event = event.caused_by(caused_by).at_depth(depth).taken_once(once);
        self.accept(reference, kind, event, Vec::new(), content).await
    }

    /// Refuses an event to which too many events of actions led.
    pub(crate) fn refuse_deep(&self, kind: &Ref, depth: u32) -> Result<(), Error> {
        let (depth, deepest) = (event_depth::events(depth), self.core().deepest_event());
        if depth <= deepest {
            return Ok(());
        }
        Err(Error::invalid(
            format!(
                "{depth} events of actions led to this one of {kind}, one after the other, and {deepest} is the limit \
                 (`triggers.max_depth`)"
            ),
            "a rule likely sets itself off by its action: let a criterion of it exclude that",
        ))
    }

    /// Accepts a stored event once more, as a new one of the same trace, with the present rules. Its payload names the first one.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn re_emit(&self, instance: &TriggerInstance) -> Result<Accepted, Error> {
        let content = self.content();
        // Otherwise nobody would know what of it is secret.
        content.trigger_type(&instance.trigger_type)?;
        let (event, _claim) = self.stored_event(instance).await?;
        let event = event.repeating(instance.id)?;
        let (trigger, kind) = (instance.trigger.clone(), instance.trigger_type.clone());
        self.accept(trigger, kind, event, Vec::new(), content).await
    }
}
