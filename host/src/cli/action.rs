//! `petrel action`: what can be run.

use clap::Subcommand;
use serde_json::Value;

use super::session::{Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Look at actions.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// List actions
    #[command(alias = "ls", after_help = "Examples:\n  petrel action list\n  petrel action list --pack core")]
    List {
        /// List only actions of this pack
        #[arg(short, long)]
        pack: Option<String>,
    },
    /// Show an action and what it takes
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
                let mut actions = session.client.list(&format!("/actions?limit=-1{filter}")).await?;
                let mut columns =
                    vec![("ACTION", "ref"), ("RUNNER", "runner_type"), ("DESCRIPTION", "description")];
                if session.form == Form::Text && mark(&mut actions) {
                    columns.insert(2, ("STATE", "state"));
                }
                let asked: Vec<_> = pack.map(|pack| ("pack", pack)).into_iter().collect();
                print::listing_of(session.form, &actions, &columns, &asked);
            }
            Self::Get { reference } => {
                let path = path_segment(&reference);
                let mut action = session.client.get(&format!("/actions/{path}")).await?;
                if session.form == Form::Text {
                    // People want to know all that it takes, its runner's parameters too.
                    let merged = session.client.get(&format!("/actions/views/parameters/{path}")).await?;
                    if let (Some(action), Some(parameters)) =
                        (action.as_object_mut(), merged.get("parameters"))
                    {
                        action.insert("parameters".into(), parameters.clone());
                    }
                }
                let attributes = [
                    "ref",
                    "description",
                    "enabled",
                    "refused",
                    "runner_type",
                    "entry_point",
                    "idempotent",
                    "parameters",
                    "output_schema",
                ];
                print::attributes(session.form, &action, &attributes);
            }
        }
        Ok(Code::Ok)
    }
}

/// Gives each action that is not run its `state`: refused or disabled. Says whether there is one.
fn mark(actions: &mut Value) -> bool {
    let mut has_any = false;
    for action in actions.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let state = if action.contains_key("refused") {
            "refused"
        } else if action.get("enabled") == Some(&Value::Bool(false)) {
            "disabled"
        } else {
            continue;
        };
        action.insert("state".into(), state.into());
        has_any = true;
    }
    has_any
}
