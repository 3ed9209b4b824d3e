//! Replays of dead letters: an event on which a rule failed comes in again, for this rule alone. The replay is a new event,
//! which names the first; what was stored of that stays, and the failed enforcement is marked.

pub(crate) mod repetition;

use std::sync::Arc;

use petrel_catalog::content::Content;
use petrel_engine_core::Error;
use petrel_model::correlation::CORRELATION;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, EnforcementId, TriggerInstance, TriggerInstanceId};
use serde_json::Value;

use crate::dispatcher::Accepted;
use crate::incoming::Event;
use crate::service::Triggers;
use repetition::Replay;

impl Triggers {
    /// Replays the event of the failed enforcement `id` for its rule, with `payload` in place of that of the event. One that
    /// was replayed already is only replayed `again`.
    ///
    /// # Errors
    /// When there is no such enforcement, it did not fail, it was replayed already, its event is gone, its rule is gone, disabled or listens to
    /// something else, and as for every event that comes in.
    pub async fn replay(
        &self,
        id: EnforcementId,
        payload: Option<Value>,
        again: bool,
    ) -> Result<Accepted, Error> {
        let found = self.reads().enforcement(id).await?;
        let failed = found.ok_or_else(|| Error::NotFound {
            what: "enforcement",
            name: id.to_string(),
            hint: "`petrel dead-letter list` shows what can be replayed".into(),
        })?;
        if failed.status != EnforcementStatus::Failed {
            return Err(succeeded(&failed));
        }
        if let Some(event) = failed.replayed_as.filter(|_| !again) {
            return Err(replayed(&failed, event));
        }
        let first = failed.trigger_instance_id;
        let instance = self.reads().trigger_instance(first).await?.ok_or_else(|| Error::NotFound {
            what: "trigger instance",
            name: first.to_string(),
            hint: "it is not kept any more; send the event again".into(),
        })?;
        refuse_changed(&failed, &instance, &self.content())?;
        let (event, _claim) = if let Some(payload) = payload {
            let event = Event::from(payload).in_trace(Some(instance.trace_id()));
            let event = event.tagged(instance.trace_tag.clone());
            (event.at_depth(instance.depth), None)
        } else {
            let (event, claim) = self.stored_event(&instance).await?;
            (event, Some(claim))
        };
        let (replay, kinds) = (Replay { letter: failed }, (instance.trigger, instance.trigger_type));
        let accepted = self.accept_new(Some(replay), kinds, event, Vec::new(), self.content()).await;
        if let Err(Error::Conflict { .. }) = accepted
            && let Some(now) = self.reads().enforcement(id).await?
            && let Some(event) = now.replayed_as
        {
            // Somebody else was faster.
            return Err(replayed(&now, event));
        }
        accepted
    }
}

/// The error for an enforcement that did not fail.
fn succeeded(enforcement: &Enforcement) -> Error {
    let hint = match enforcement.execution_id {
        Some(id) => format!("`petrel execution rerun {id}` runs its action again"),
        None => "`petrel dead-letter list` shows what can be replayed".to_owned(),
    };
    Error::Conflict {
        message: format!("enforcement {} did not fail, so it is no dead letter", enforcement.id),
        hint,
        id: Some(enforcement.id.to_string()),
    }
}

/// The error for an enforcement of which the event came in again already, as `event`.
fn replayed(enforcement: &Enforcement, event: TriggerInstanceId) -> Error {
    let id = enforcement.id;
    Error::Conflict {
        message: format!("enforcement {id} was replayed already, as event {event}"),
        hint: format!(
            "`petrel trigger get {event}` shows what came of it; `petrel dead-letter replay {id} --again` has it done once more"
        ),
        id: Some(id.to_string()),
    }
}

/// Refuses a replay for a rule that cannot match the event any more, whatever is in it.
fn refuse_changed(
    failed: &Enforcement,
    instance: &TriggerInstance,
    content: &Arc<Content>,
) -> Result<(), Error> {
    let Some(compiled) = content.index().get(failed.rule_id) else {
        return Err(Error::NotFound {
            what: "rule",
            name: failed.rule.to_string(),
            hint: "it was deleted since; a new one with its name is another rule, so send it the event again"
                .into(),
        });
    };
    let rule = &compiled.rule().reference;
    if !compiled.rule().enabled {
        return Err(Error::invalid(
            format!("rule `{rule}` is disabled, so nothing can be replayed for it"),
            format!("enable it with `petrel rule enable {rule}`"),
        ));
    }
    let fired = instance.trigger.as_str() == CORRELATION && compiled.grouping().is_some();
    let listens = || {
        let mut all = std::iter::once(compiled).chain(compiled.parts());
        all.any(|part| *part.trigger() == instance.trigger)
    };
    if !fired && !listens() {
        return Err(Error::invalid(
            format!(
                "rule `{rule}` listens to {} now, and the event is of {}",
                compiled.trigger(),
                instance.trigger
            ),
            "have the rule listen to the trigger of the event again",
        ));
    }
    Ok(())
}
