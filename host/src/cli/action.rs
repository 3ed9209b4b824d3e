//! `petrel action`: the registered actions.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use petrel_api_types::action::ActionParameters;

use super::nothing;
use super::session::{Items, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Form, Listing};

/// Show actions.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List actions
    #[command(alias = "ls", after_help = "Examples:\n  petrel action list\n  petrel action list --pack core")]
    List {
        /// List only actions of this pack
        #[arg(short, long)]
        pack: Option<String>,
    },
    /// Show an action and its parameters
    #[command(
        after_help = "Examples:\n  petrel action get core.local\n  petrel action get core.local --json"
    )]
    Get {
        /// The action, as pack.name
        #[arg(value_name = "ACTION")]
        reference: String,
    },
}

impl Action {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { pack } => {
                let filter =
                    pack.as_ref().map_or_else(String::new, |pack| format!("&pack={}", path_segment(pack)));
                let answer = session.client.list(&format!("/actions?limit=-1{filter}")).await?;
                let asked: Vec<_> = pack.map(|pack| ("pack", pack)).into_iter().collect();
                session.show(&answer, |actions: Items<wire::Action<'static>>| {
                    print::listing(table(&actions), &asked);
                })?;
                nothing::explain(session, &answer, &asked).await;
            }
            Self::Get { reference } => get(session, &path_segment(&reference)).await?,
        }
        Ok(Code::Ok)
    }
}

/// Shows an action. People want to see all parameters, those of the runner too.
async fn get(session: &Session, reference: &str) -> Result<(), Failure> {
    let answer = session.client.get(&format!("/actions/{reference}")).await?;
    if session.form == Form::Json {
        print::json(&answer);
        return Ok(());
    }
    let action: wire::Action<'static> = read(&answer)?;
    let path = format!("/actions/views/parameters/{reference}");
    let ActionParameters { parameters }: ActionParameters<'static> = read(&session.client.get(&path).await?)?;
    print::attributes(&attributes(&wire::Action { parameters, ..action }));
    Ok(())
}

/// The list of actions. It has a column for the state only if an action cannot be run.
fn table<'r>(actions: &'r [Item<'r, wire::Action<'r>>]) -> Listing<'r, wire::Action<'r>> {
    let is_not_run =
        |item: &Item<'_, wire::Action<'_>>| matches!(item, Item::Found(action) if !state(action).is_empty());
    let mut listing = Listing::of(actions)
        .whole("ACTION", |action| action.reference.to_string())
        .text("RUNNER", |action| action.runner_type.to_string());
    if actions.iter().any(is_not_run) {
        listing = listing.text("STATE", |action| state(action).to_owned());
    }
    listing.text("DESCRIPTION", |action| action.description.to_string())
}

/// The state of an action that cannot be run: refused or disabled. Empty for any other.
fn state(action: &wire::Action<'_>) -> &'static str {
    match action {
        wire::Action { refused: Some(_), .. } => "refused",
        wire::Action { enabled: false, .. } => "disabled",
        _ => "",
    }
}

/// An action with its parameters.
fn attributes(action: &wire::Action<'_>) -> Attributes {
    Attributes::default()
        .text("ref", &action.reference)
        .text("description", &action.description)
        .text("enabled", action.enabled)
        .text_if_any("refused", action.refused.as_ref())
        .text("runner_type", &action.runner_type)
        .text("entry_point", &action.entry_point)
        .text("idempotent", action.idempotent)
        .value("parameters", &action.parameters)
        .value("output_schema", &action.output_schema)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// An action as a host sends it.
    fn answered(name: &str, enabled: bool) -> Value {
        json!({
            "ref": format!("mine.{name}"), "description": "d", "enabled": enabled, "runner_type": "noop",
            "entry_point": "", "parameters": {}, "idempotent": true, "id": format!("mine.{name}"), "name": name,
            "pack": "mine", "uid": format!("action:mine:{name}"), "metadata_file": "actions/a.yaml",
        })
    }

    fn lines(answer: Value) -> Vec<String> {
        let actions: Items<wire::Action<'static>> = serde_json::from_value(answer).unwrap();
        table(&actions).lines(None, false)
    }

    #[test]
    fn a_list_says_why_an_action_is_not_run_if_one_is_not() {
        assert_eq!(lines(json!([answered("a", true)])), ["ACTION  RUNNER  DESCRIPTION", "mine.a  noop    d"]);
        let mut refused = answered("c", false);
        refused["refused"] = json!("its file is missing");
        assert_eq!(
            lines(json!([answered("a", true), answered("b", false), refused])),
            [
                "ACTION  RUNNER  STATE     DESCRIPTION",
                "mine.a  noop              d",
                "mine.b  noop    disabled  d",
                "mine.c  noop    refused   d",
            ]
        );
    }

    #[test]
    fn an_action_is_shown_with_what_it_takes() {
        let mut answer = answered("a", true);
        answer["refused"] = json!("its file is missing");
        answer["parameters"] = json!({"n": {"type": "integer"}});
        assert_eq!(
            attributes(&serde_json::from_value(answer).unwrap()).lines(false),
            [
                "ref:           mine.a",
                "description:   d",
                "enabled:       true",
                "refused:       its file is missing",
                "runner_type:   noop",
                "entry_point:   ",
                "idempotent:    true",
                "parameters:",
                "  {",
                "    \"n\": {",
                "      \"type\": \"integer\"",
                "    }",
                "  }",
            ]
        );
    }
}
