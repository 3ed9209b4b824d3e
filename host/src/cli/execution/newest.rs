//! What `last` leaves open: the newest execution may be older than the last event, which has then led to none.

use reqwest::Method;
use serde_json::Value;

use super::attributes::text;
use crate::cli::session::Session;
use crate::exit::Failure;
use crate::print::{self, Form};

/// Says so of `execution`, if it was asked for as `last`. Who cannot see events is told nothing.
pub(super) async fn tell_of_later_event(session: &Session, asked: &str, execution: &Value) {
    if asked != "last" || session.form == Form::Json {
        return;
    }
    let Ok(events) = session.client.list("/triggerinstances?limit=1&exclude_attributes=payload").await else {
        return;
    };
    if let Some(said) = events.get(0).and_then(|event| later(event, execution)) {
        print::note(&said);
    }
}

/// The same for what shows nothing else of the execution.
pub(super) async fn tell_of_later_event_than_last(session: &Session, asked: &str) -> Result<(), Failure> {
    if asked == "last" && session.form == Form::Text {
        let path = "/executions/last?exclude_attributes=result";
        let execution = session.client.execution(Method::GET, path, None).await?;
        tell_of_later_event(session, asked, &execution).await;
    }
    Ok(())
}

/// That an event came after an execution was asked for. Both times are written alike, so that they compare as text.
fn later(event: &Value, execution: &Value) -> Option<String> {
    let (came, begun) = (text(event, "occurrence_time"), text(execution, "start_timestamp"));
    (!begun.is_empty() && came > begun).then(|| {
        format!(
            "{} is the newest execution, of {}; the last event came later, at {}: `petrel trigger why last` says what came \
             of it",
            text(execution, "id"),
            print::to_the_second(begun),
            print::to_the_second(came)
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_that_led_to_nothing_is_told_of_beside_an_older_execution() {
        let execution = json!({"id": "1", "start_timestamp": "2026-11-20T12:00:00.500000Z"});
        for (came, is_told) in [
            // An execution is asked for at the moment of its event.
            ("2026-11-20T12:00:00.500000Z", false),
            ("2026-11-20T12:00:00.500001Z", true),
            ("2026-11-20T11:59:59.900000Z", false),
        ] {
            assert_eq!(later(&json!({"occurrence_time": came}), &execution).is_some(), is_told, "{came}");
        }
        assert_eq!(later(&json!({"occurrence_time": "2026"}), &json!({})), None);
    }
}
