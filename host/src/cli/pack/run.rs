//! `petrel pack run`: runs an action of a pack in a directory on this machine, over the real network and without a host. With
//! `--record` it may do all, and the least request that would have sufficed is told.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use petrel_model::Object;
use petrel_model::capabilities::{Host, HttpWish, Request, Rights};
use petrel_packs::definition::{ExpectedEvent, read_config, written_capabilities};
use petrel_packs::write_yaml;
use petrel_runners::asked::KeyValues;
use petrel_runners::sensors::Emitter;
use petrel_runners::{End, Outcome, OutputSink};
use serde_json::{Value, json};

use super::super::input::read_file;
use super::bench::{Bench, OUTPUT, contents, rights, told};
use super::cases::events::Events;
use super::cases::keys::Keys;
use super::sandbox;
use crate::exit::{Code, Failure};
use crate::parameters;
use crate::print::{self, Form};

/// The action to run.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The action
    action: String,
    /// Its parameters
    #[arg(value_name = "NAME=VALUE")]
    parameters: Vec<String>,
    /// The directory with pack.yaml
    #[arg(long, value_name = "DIRECTORY", default_value = ".")]
    directory: PathBuf,
    /// A file of YAML with the configuration of the pack; - for standard input
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// A file of YAML with the texts of the pack's secrets, by name; - for standard input
    #[arg(long, value_name = "FILE")]
    secrets: Option<String>,
    /// Let the action do all, whatever the pack asks for, and tell the least request that would have sufficed
    #[arg(long)]
    record: bool,
}

/// What came of a run.
struct Ran {
    outcome: Outcome,
    /// The events that it has emitted, which go nowhere.
    events: Vec<ExpectedEvent>,
    /// What would have sufficed, and the lines of it that the pack does not ask for.
    recorded: Option<(Request, Vec<String>)>,
}

impl Run {
    pub(super) async fn run(self, form: Form) -> Result<Code, Failure> {
        if let Some(mistaken) = super::typed::mistaken("run", &self.directory) {
            return Err(mistaken);
        }
        let directory = self.directory.canonicalize();
        let directory =
            directory.map_err(|error| super::wanted::unreadable("run", &self.directory, &error))?;
        let contents = contents("run", &directory)?;
        let (pack, asked) = (contents.pack.reference.clone(), contents.pack.capabilities.clone());
        let rights = if self.record {
            Rights::of_trial(&pack, asked.as_deref())
        } else {
            rights(&pack, asked.as_deref())
        };
        let keys = Arc::new(Keys::default());
        keys.begin(&BTreeMap::new(), &secrets(&pack, read_values(self.secrets.as_deref())?)?);
        let config = read_values(self.config.as_deref())?;
        let shared: Arc<dyn KeyValues> = keys;
        let events = Arc::new(Events::of(&contents));
        let taker: Arc<dyn Emitter> = Arc::<Events>::clone(&events);
        let bench = Bench::of(&directory, contents, sandbox::runtime(None)?, (rights, &shared), taker);
        let name = self.action.strip_prefix(&format!("{pack}.")).unwrap_or(&self.action);
        let action = bench.action(name).map_err(|told| Failure::usage(told, known(&bench)))?;
        let given = parameters::parse(&self.parameters, Some(&action.parameters))?;
        let output = OutputSink::new(OUTPUT);
        let outcome = bench.run(action, (&given, &config), &output).await;
        output.take().iter().for_each(|line| print::note(&line.text));
        let recorded = if self.record {
            let least = in_private_networks(Request::least(bench.uses().iter().map(String::as_str))).await;
            let beyond = least.beyond(&asked.map(|asked| *asked).unwrap_or_default());
            Some((least, beyond))
        } else {
            None
        };
        Ok(Ran { outcome, events: events.take(), recorded }.tell(form))
    }
}

impl Ran {
    fn tell(self, form: Form) -> Code {
        let Self { outcome, events, recorded } = self;
        let has_succeeded = outcome.end == End::Succeeded;
        match form {
            Form::Json => {
                let mut whole = json!({"succeeded": has_succeeded, "result": outcome.result});
                if let (false, Value::Object(whole)) = (events.is_empty(), &mut whole) {
                    let events = events
                        .iter()
                        .map(|event| json!({"trigger": event.trigger, "payload": event.payload}));
                    whole.insert("events".to_owned(), events.collect());
                }
                if let (Some((least, beyond)), Value::Object(whole)) = (recorded, &mut whole) {
                    whole.insert("capabilities".to_owned(), written_capabilities(&least));
                    whole.insert("not_asked_for".to_owned(), json!(beyond));
                }
                print::json(&whole);
            }
            Form::Text => {
                events.iter().for_each(|event| print::note(&format!("event {event}")));
                let result = serde_json::to_string_pretty(&outcome.result);
                print::line(&result.unwrap_or_else(|_unprintable| outcome.result.to_string()));
                if let Some((least, beyond)) = recorded {
                    tell_recorded(&least, &beyond);
                }
            }
        }
        if has_succeeded { Code::Ok } else { Code::Failed }
    }
}

/// Tells the least request, as it stands in `pack.yaml`.
fn tell_recorded(least: &Request, beyond: &[String]) {
    if least.is_empty() {
        return print::note("it used nothing that a pack asks for");
    }
    print::line(write_yaml(&json!({"capabilities": written_capabilities(least)})).trim_end());
    match beyond {
        [] => print::note("the pack asks for all of it"),
        lines => {
            print::note("the pack does not ask for:");
            lines.iter().for_each(|line| print::note(&format!("  {line}")));
        }
    }
}

/// The request, in which those addresses say so whose names lead into a private network.
async fn in_private_networks(mut least: Request) -> Request {
    for HttpWish { rule, .. } in &mut least.http {
        let port = rule.ports.first().copied().unwrap_or_default();
        let found = tokio::net::lookup_host((rule.host.to_string(), port)).await;
        rule.private |=
            found.is_ok_and(|mut found| found.any(|place| Host::of(&place.ip().to_string()).is_private()));
    }
    least
}

/// The values in a file. None without one.
fn read_values(file: Option<&str>) -> Result<Object, Failure> {
    let Some(file) = file else { return Ok(Object::new()) };
    read_config(file, &read_file(file)?).map_err(|problems| told("run", &problems))
}

/// The texts of secrets by their whole names.
fn secrets(pack: &str, values: Object) -> Result<BTreeMap<String, String>, Failure> {
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((format!("{pack}:{name}"), text)),
        _ => Err(Failure::usage(
            format!("the secret {name} in the file of --secrets is no text"),
            "write `NAME: \"TEXT\"`",
        )),
    };
    values.into_iter().map(text).collect()
}

/// Advice with the actions that there are.
fn known(bench: &Bench) -> String {
    let actions = bench.contents().actions.iter();
    let names: Vec<_> = actions.map(|action| action.reference.name()).take(20).collect();
    if names.is_empty() {
        return "add an action to the pack's component, and build it".to_owned();
    }
    format!("its actions are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_texts_of_the_pack() {
        let values = |value: Value| value.as_object().cloned().unwrap();
        let found = secrets("mine", values(json!({"token": "t"}))).unwrap();
        assert_eq!(found.get("mine:token").map(String::as_str), Some("t"));
        assert!(secrets("mine", values(json!({"token": 1}))).unwrap_err().message.contains("secret token"));
    }

    #[tokio::test]
    async fn a_name_that_leads_into_a_private_network_is_told() {
        let least = Request::least(["http GET http://localhost:8080/a"]);
        assert!(in_private_networks(least).await.http[0].rule.private);
    }
}
