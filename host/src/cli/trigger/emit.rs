//! `petrel trigger emit` and `re-emit`: an event that somebody sends by hand, and a stored one once more.

use petrel_api_types::TriggerInstance;
use petrel_api_types::trigger::ReEmitted;
use petrel_model::quoted::quoted;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::input::read_payload;
use crate::cli::session::{Session, path_segment};
use crate::exit::Failure;
use crate::parameters;
use crate::print;

/// Send an event
#[derive(Debug, clap::Args)]
pub(crate) struct Emit {
    /// The trigger, as pack.name
    #[arg(value_name = "TRIGGER")]
    trigger: String,
    /// The payload: JSON, or @FILE
    #[arg(long, value_name = "JSON")]
    payload: Option<String>,
    /// A parameter of the trigger, as rules give it; NAME:=JSON for one that is no text
    #[arg(long = "parameter", value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The tag of the trace that begins with it
    #[arg(long, value_name = "TAG")]
    trace_tag: Option<String>,
}

impl Emit {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self { trigger, payload, parameters, trace_tag } = self;
        // A word without a name would be taken for a command.
        if let Some(odd) = parameters.iter().find(|word| !word.contains('=')) {
            let message = format!("`{}` is not a parameter", quoted(odd));
            return Err(Failure::usage(message, "write --parameter NAME=VALUE"));
        }
        let parameters = parameters::parse(&parameters, None)?;
        let payload = payload.as_deref().map_or(Ok(json!({})), read_object)?;
        let body = json!({"trigger": trigger, "parameters": parameters, "payload": payload});
        let (path, tag) = ("/triggerinstances", trace_tag.as_deref());
        let answer = session.client.send_tagged(Method::POST, path, &body, tag).await?;
        session.show(&answer, |event: TriggerInstance<'static>| {
            print::line(&event.id.to_string());
            print::note(&follow(&event.id.to_string()));
        })
    }
}

/// The payload in an argument. Unlike that of a webhook it is an object.
fn read_object(text: &str) -> Result<Value, Failure> {
    let payload = read_payload(text)?;
    if payload.is_object() {
        return Ok(payload);
    }
    Err(Failure::usage("the payload is no object", "write --payload '{\"a\": 1}', or --payload @FILE"))
}

/// Sends a stored event once more.
pub(super) async fn again(session: &Session, id: &str) -> Result<(), Failure> {
    let path = format!("/triggerinstances/{}/re_emit", path_segment(id));
    let answer = session.client.send_json(Method::POST, &path, &json!({})).await?;
    session.show(&answer, |sent: ReEmitted<'static>| {
        print::line(&sent.trigger_instance.to_string());
        print::note(&follow(&sent.trigger_instance.to_string()));
    })
}

fn follow(id: &str) -> String {
    format!("the event is stored; `petrel trigger why {id}` shows what came of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_an_object() {
        for (text, expected) in
            [(r#"{"a": 1}"#, Some(json!({"a": 1}))), ("[1]", None), ("a", None), ("@/nowhere/at/all", None)]
        {
            assert_eq!(read_object(text).ok(), expected, "{text}");
        }
    }
}
