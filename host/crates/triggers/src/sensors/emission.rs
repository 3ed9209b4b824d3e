//! An event as a sensor or an action emits it: it has to be of a trigger type of its own pack, and of some size.

use std::time::Duration;

use async_trait::async_trait;
use petrel_catalog::content::Content;
use petrel_engine_core::Error;
use petrel_model::quoted::quoted;
use petrel_model::sensor::SensorError;
use petrel_model::{Ref, Timestamp, TriggerInstanceId};
use petrel_runners::sensors::{Emitted, Emitter, NotEmitted};
use serde_json::Value;

use super::failure::{error_of, failure};
use crate::batch::{Member, Taken};
use crate::dedup::Once;
use crate::incoming::Event;
use crate::named::named;
use crate::service::{Triggers, WeakTriggers};

/// The largest payload of an event that a sensor or an action emits, in bytes of JSON.
const LARGEST_PAYLOAD: usize = 1 << 20;

/// How long an event of a sensor is tried again that there is no room for, and the pauses in between: at first, and at
/// most.
const PATIENCE: Duration = Duration::from_secs(10);
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The remedy for an event that does not fit.
const REMEDY: &str = "correct what emits it, or the payload_schema of its trigger type";

/// The refusal of an event, as it is kept.
pub(super) fn refusal(why: &str, at: Timestamp) -> SensorError {
    error_of(&failure("event.refused", why, REMEDY), at)
}

/// The event that a pack emits, ready to be stored.
///
/// # Errors
/// When its trigger type is not the pack's or does not exist, or it is too large. Whether the payload fits is seen when it
/// is stored.
pub(super) fn member(content: &Content, pack: &str, emitted: Emitted) -> Result<Member, NotEmitted> {
    let Emitted { trigger, payload, parameters, dedup_key, trace_tag, depth, emitted_by, .. } = emitted;
    let (trigger, kind) = trigger_of(content, pack, &trigger, parameters)?;
    if !payload.is_object() {
        return Err(NotEmitted::Invalid(format!("the payload of an event of {kind} is no object; emit one")));
    }
    let once = dedup_key.map(|key| Once::new(&format!("trigger {trigger}"), &key)).transpose();
    let once = once.map_err(|error| NotEmitted::Invalid(format!("{error}; {}", error.hint())))?;
    let event = Event::from(payload);
    let bytes = event.payload().text().len();
    if bytes > LARGEST_PAYLOAD {
        return Err(NotEmitted::Invalid(format!(
            "the payload of an event of {kind} has {bytes} bytes, and {LARGEST_PAYLOAD} is the limit; emit a reference to it"
        )));
    }
    let named = named(trace_tag.as_deref());
    let (trace, tag) = named.map_err(|error| NotEmitted::Invalid(format!("{error}; {}", error.hint())))?;
    let event = event.in_trace(trace).tagged(tag).at_depth(depth);
    let event = match emitted_by {
        // It may name another trace.
        Some(by) if trace.is_none() => event.emitted_by(by),
        Some(by) => event.caused_by(Some(by.execution)),
        None => event,
    };
    Ok(Member { trigger, kind, event: event.taken_once(once) })
}

/// The trigger that a pack names, and its type: by the reference of the trigger, which may have gone meanwhile, or by the
/// type and the parameters.
fn trigger_of(
    content: &Content,
    pack: &str,
    named: &str,
    parameters: Option<Value>,
) -> Result<(Ref, Ref), NotEmitted> {
    let Some(parameters) = parameters else {
        let reference = in_pack(pack, named);
        if let Some(kind) = content.kind_of_trigger(&reference) {
            return Ok((reference, kind));
        }
        let kind = kind_of(content, pack, named)?;
        return Ok((kind.clone(), kind));
    };
    let kind = kind_of(content, pack, named)?;
    let Value::Object(parameters) = parameters else {
        let message =
            format!("the parameters of an event of {kind} are no object; give those of its trigger");
        return Err(NotEmitted::Invalid(message));
    };
    let addressed = content.addressed(kind.as_str(), parameters);
    addressed.map_err(|error| NotEmitted::Invalid(format!("{error}; {}", error.hint())))
}

/// The reference in a pack of what is named by its reference or by its name in the pack.
fn in_pack(pack: &str, named: &str) -> Ref {
    let name = named.strip_prefix(pack).and_then(|rest| rest.strip_prefix('.'));
    Ref::new(pack, name.unwrap_or(named))
}

/// The trigger type that a pack names, by its reference or by its name in the pack.
fn kind_of(content: &Content, pack: &str, trigger: &str) -> Result<Ref, NotEmitted> {
    let kind = in_pack(pack, trigger);
    let Err(error) = content.trigger_type(&kind) else { return Ok(kind) };
    let foreign = trigger.parse::<Ref>().ok().filter(|foreign| content.trigger_type(foreign).is_ok());
    Err(match foreign {
        Some(foreign) => NotEmitted::Denied(format!(
            "the trigger type {foreign} is not of the pack {pack}, which may emit events of its own ones only; declare one in \
             its sensors or triggers"
        )),
        None => NotEmitted::Invalid(format!("{} ({}); {}", error, quoted(trigger), error.hint())),
    })
}

/// What became of the only event of a batch.
fn stored(taken: Vec<Taken>) -> Result<TriggerInstanceId, NotEmitted> {
    match taken.into_iter().next() {
        Some(Taken::Stored(accepted)) => Ok(accepted.id),
        Some(Taken::Refused(error)) => Err(NotEmitted::Invalid(format!("{error}; {}", error.hint()))),
        Some(Taken::Repeated(first)) => Ok(first),
        None => Err(NotEmitted::Busy("it was not stored; try again".into())),
    }
}

#[async_trait]
impl Emitter for Triggers {
    async fn emit(&self, pack: &str, source: &Ref, event: Emitted) -> Result<TriggerInstanceId, NotEmitted> {
        let depth = event.depth;
        let member = {
            let content = self.content();
            member(&content, pack, event)
        };
        // An action holds a place that others wait for, and is told at once.
        let stored = match member {
            Ok(member) => {
                self.store_emitted(member, if depth == 0 { PATIENCE } else { Duration::ZERO }).await
            }
            Err(why) => Err(why),
        };
        let now = self.core().now();
        // An action may have the name of a sensor.
        let is_of_sensor = depth == 0;
        match &stored {
            Ok(_) if is_of_sensor => self.sensors().board().count(source, now, None),
            Ok(_) | Err(NotEmitted::Busy(_)) => {}
            Err(why) => {
                self.log_refusal(source, &why.to_string());
                if is_of_sensor {
                    let error = refusal(&why.to_string(), now);
                    self.sensors().board().count(source, now, Some(error));
                }
            }
        }
        stored
    }
}

#[async_trait]
impl Emitter for WeakTriggers {
    async fn emit(&self, pack: &str, source: &Ref, event: Emitted) -> Result<TriggerInstanceId, NotEmitted> {
        match self.upgrade() {
            Some(triggers) => Emitter::emit(&triggers, pack, source, event).await,
            None => Err(NotEmitted::Busy("the host is stopping".into())),
        }
    }
}

impl Triggers {
    /// Stores an event as soon as there is room for it, and waits for that for as long as `patience`.
    async fn store_emitted(
        &self,
        member: Member,
        patience: Duration,
    ) -> Result<TriggerInstanceId, NotEmitted> {
        let (core, members, mut pause) = (self.core(), [member], AGAIN.0);
        let begun = core.monotonic();
        loop {
            let error = match self.accept_all(&members, |_| Vec::new()).await {
                Ok(taken) => return stored(taken),
                Err(error) => error,
            };
            if matches!(error, Error::Stopping) || core.since(begun) >= patience {
                return Err(NotEmitted::Busy(format!("{error}; {}", error.hint())));
            }
            core.sleep(pause).await;
            pause = (pause * 2).min(AGAIN.1);
        }
    }

    /// Writes a line about an event that was refused, unless there are many.
    pub(super) fn log_refusal(&self, source: &Ref, error: &str) {
        if let Some(left_out) = self.core().may_log(source.as_str()) {
            tracing::warn!(%source, error, hint = REMEDY, left_out, "refused an event of a component; others are taken");
        }
    }
}
