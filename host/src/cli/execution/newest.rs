//! A note for the name `last`: the newest execution may be older than the last event, which has then led to none.

use petrel_api_types::{Execution, Item, TriggerInstance};
use petrel_model::trigger::INTERNAL;
use reqwest::Method;
use serde_json::Value;

use crate::cli::session::{Items, Session};
use crate::client::read;
use crate::exit::Failure;
use crate::print::{self, Form};

/// The events that are looked at for one that is not of the platform itself: rules that listen to the ends of executions have
/// one come in with each.
const MOST: usize = 20;

/// Prints the note on the execution in `answer` if it was requested as `last`. A user who may not see events gets none.
pub(super) async fn tell_of_later_event(session: &Session, asked: &str, answer: &Value) {
    if asked != "last" || session.form == Form::Json {
        return;
    }
    let path = format!("/triggerinstances?limit={MOST}&exclude_attributes=payload");
    let Ok(listed) = session.client.list(&path).await else { return };
    let (events, execution) =
        (read::<Items<TriggerInstance<'static>>>(&listed), read::<Execution<'static>>(answer));
    if let (Ok(events), Ok(execution)) = (events, execution)
        && let Some(event) = newest(&events)
        && let Some(said) = later(event, &execution)
    {
        print::note(&said);
    }
}

/// The first of `events`, the newest before older ones, that `trigger why last` shows: none of the platform itself.
fn newest<'e, 'a>(events: &'e [Item<'_, TriggerInstance<'a>>]) -> Option<&'e TriggerInstance<'a>> {
    let mut found = events.iter().filter_map(|item| match item {
        Item::Found(event) => Some(event),
        Item::Lost(_) => None,
    });
    found.find(|event| !INTERNAL.contains(&&*event.trigger_type))
}

/// As [`tell_of_later_event`], for a verb whose answer is not the execution: it is requested for the note.
pub(super) async fn tell_of_later_event_than_last(session: &Session, asked: &str) -> Result<(), Failure> {
    if asked == "last" && session.form == Form::Text {
        let path = "/executions/last?exclude_attributes=result";
        let answer = session.client.execution(Method::GET, path, None).await?;
        tell_of_later_event(session, asked, &answer).await;
    }
    Ok(())
}

/// The note that an event came after an execution was requested.
fn later(event: &TriggerInstance<'_>, execution: &Execution<'_>) -> Option<String> {
    let (came, begun) = (event.occurrence_time, execution.start_timestamp);
    (came > begun).then(|| {
        format!(
            "{} is the newest execution, of {}; the last event came later, at {}: `petrel trigger why last` says what came \
             of it",
            execution.id,
            print::to_the_second(begun),
            print::to_the_second(came)
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attributes::tests::{ID, execution};
    use super::*;

    #[test]
    fn an_event_that_led_to_nothing_is_told_of_beside_an_older_execution() {
        let execution = execution(json!({"start_timestamp": "2026-11-20T12:00:00.500000Z"}));
        for (came, is_told) in [
            // An execution is requested at the moment of its event.
            ("2026-11-20T12:00:00.500000Z", false),
            ("2026-11-20T12:00:00.500001Z", true),
            ("2026-11-20T11:59:59.900000Z", false),
        ] {
            // Its payload was not asked for.
            let event = json!({
                "id": ID, "trigger": "core.x", "trigger_type": "core.x", "occurrence_time": came, "status": "processed",
            });
            let event: TriggerInstance<'static> = serde_json::from_value(event).unwrap();
            let told = later(&event, &execution);
            assert_eq!(told.is_some(), is_told, "{came}");
            if let Some(told) = told {
                let begin = format!("{ID} is the newest execution, of 2026-11-20T12:00:00Z; the last event ");
                assert!(told.starts_with(&begin), "{told}");
            }
        }
    }

    #[test]
    fn an_event_of_the_platform_is_not_the_newest() {
        let event = |kind: &str| {
            json!({
                "id": ID, "trigger": kind, "trigger_type": kind, "occurrence_time": "2026-11-20T12:00:00Z",
                "status": "processed",
            })
        };
        for (kinds, found) in [
            (&["core.st2.generic.actiontrigger", "core.st2.webhook", "core.x"][..], Some("core.st2.webhook")),
            (&["core.st2.key_value_pair.update"], None),
            (&[], None),
        ] {
            let read = |kind: &&str| serde_json::from_value::<TriggerInstance<'static>>(event(kind)).unwrap();
            let events: Vec<_> = kinds.iter().map(|kind| Item::Found(read(kind))).collect();
            assert_eq!(
                newest(&events).map(|event| event.trigger_type.to_string()).as_deref(),
                found,
                "{kinds:?}"
            );
        }
    }
}
