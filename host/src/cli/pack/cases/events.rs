//! The events of a case, or of a trial: what the action emits goes nowhere, and is kept to be compared or shown.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use petrel_model::{Id, Ref, TriggerInstanceId};
use petrel_packs::PackContents;
use petrel_packs::definition::ExpectedEvent;
use petrel_runners::sensors::{Emitted, Emitter, NotEmitted};

/// What takes the events of a pack in the place of the host.
#[derive(Debug)]
pub(in super::super) struct Events {
    /// The names of its trigger types.
    known: BTreeSet<String>,
    /// What was emitted: the name of the trigger type, and the payload.
    taken: Mutex<Vec<ExpectedEvent>>,
}

impl Events {
    /// Those of a pack.
    pub(in super::super) fn of(contents: &PackContents) -> Self {
        let known = contents.trigger_types.iter().map(|kind| kind.reference.name().to_owned());
        Self { known: known.collect(), taken: Mutex::default() }
    }

    /// What was emitted since this was asked the last time, in order.
    pub(in super::super) fn take(&self) -> Vec<ExpectedEvent> {
        std::mem::take(&mut *self.taken())
    }

    fn taken(&self) -> MutexGuard<'_, Vec<ExpectedEvent>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is not as expected, if a case says which events must come: these, in this order.
pub(super) fn differences(expected: Option<&[ExpectedEvent]>, emitted: &[ExpectedEvent]) -> Option<String> {
    let expected = expected.filter(|expected| *expected != emitted)?;
    Some(format!("the events are {}, and must be {}", shown(emitted), shown(expected)))
}

/// Events in one line.
fn shown(events: &[ExpectedEvent]) -> String {
    let lines: Vec<_> = events.iter().map(ToString::to_string).collect();
    if lines.is_empty() { "none".to_owned() } else { lines.join(", ") }
}

#[async_trait]
impl Emitter for Events {
    async fn emit(&self, pack: &str, _: &Ref, event: Emitted) -> Result<TriggerInstanceId, NotEmitted> {
        let name = event.trigger.strip_prefix(&format!("{pack}.")).unwrap_or(&event.trigger).to_owned();
        if !self.known.contains(&name) {
            let message = format!(
                "the pack {pack} has no trigger type `{name}`; declare it in triggers/{name}.yaml, with `name: {name}`"
            );
            return Err(NotEmitted::Invalid(message));
        }
        let mut taken = self.taken();
        taken.push(ExpectedEvent { trigger: name, payload: event.payload });
        Ok(Id::from_parts(1, u64::try_from(taken.len()).unwrap_or(u64::MAX)).into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn events_of_the_pack_are_kept_and_others_refused() {
        let events = Events { known: ["seen".to_owned()].into(), taken: Mutex::default() };
        let emitted = |trigger: &str| Emitted {
            trigger: trigger.to_owned(),
            payload: json!({"a": 1}),
            parameters: None,
            dedup_key: None,
            occurred_at: None,
            trace_tag: None,
            depth: 0,
            emitted_by: None,
        };
        let source: Ref = "mine.look".parse().unwrap();
        for (trigger, is_taken) in [("seen", true), ("mine.seen", true), ("lost", false)] {
            assert_eq!(events.emit("mine", &source, emitted(trigger)).await.is_ok(), is_taken, "{trigger}");
        }
        let seen = ExpectedEvent { trigger: "seen".to_owned(), payload: json!({"a": 1}) };
        let taken = events.take();
        assert_eq!(taken, [seen.clone(), seen.clone()]);
        assert!(events.take().is_empty());
        assert_eq!(differences(None, &taken), None);
        assert_eq!(differences(Some(&[seen.clone(), seen.clone()]), &taken), None);
        let told = differences(Some(&[seen]), &[]).unwrap();
        assert_eq!(told, "the events are none, and must be seen {\"a\":1}");
    }
}
