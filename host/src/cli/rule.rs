//! `petrel rule`: connects triggers to actions.

use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_file;
use super::session::{Secrets, Session, path_segment};
use super::trigger;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Make, change and look at rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// List rules
    #[command(alias = "ls", after_help = "Examples:\n  petrel rule list\n  petrel rule list --pack examples")]
    List {
        /// List only rules of this pack
        #[arg(short, long)]
        pack: Option<String>,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Show a rule
    #[command(after_help = "Examples:\n  petrel rule get examples.sample_rule_with_webhook")]
    Get {
        /// The rule, as pack.name
        #[arg(value_name = "RULE")]
        reference: String,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Make a rule from a file of YAML or JSON
    #[command(after_help = "Examples:\n  petrel rule create rule.yaml\n  petrel rule create - < rule.yaml")]
    Create {
        /// The file, or - for standard input
        file: String,
    },
    /// Replace a rule by what a file says
    #[command(after_help = "Examples:\n  petrel rule update examples.sample_rule_with_webhook rule.yaml")]
    Update {
        /// The rule, as pack.name
        #[arg(value_name = "RULE")]
        reference: String,
        /// The file, or - for standard input
        file: String,
    },
    /// Switch rules on
    #[command(after_help = "Examples:\n  petrel rule enable examples.sample_rule_with_webhook")]
    Enable {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
    /// Switch rules off
    #[command(after_help = "Examples:\n  petrel rule disable examples.sample_rule_with_webhook")]
    Disable {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
    /// Delete rules
    #[command(after_help = "Examples:\n  petrel rule delete examples.sample_rule_with_webhook")]
    Delete {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
}

impl Rule {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List { pack, secrets } => {
                let filter =
                    pack.as_ref().map_or_else(String::new, |pack| format!("&pack={}", path_segment(pack)));
                let mut rules = client.list(&secrets.asked(&format!("/rules?limit=-1{filter}"))).await?;
                if session.form == Form::Text {
                    rules.as_array_mut().into_iter().flatten().for_each(name_trigger);
                }
                let columns = [
                    ("RULE", "ref"),
                    ("TRIGGER", LISTENS_TO),
                    ("ACTION", "action.ref"),
                    ("ENABLED", "enabled"),
                    ("DESCRIPTION", "description"),
                ];
                let asked: Vec<_> = pack.map(|pack| ("pack", pack)).into_iter().collect();
                print::listing_of(session.form, &rules, &columns, &asked);
            }
            Self::Get { reference, secrets } => {
                show(session.form, &client.get(&secrets.asked(&rule_path(&reference))).await?);
            }
            Self::Create { file } => {
                let rule = client.send_yaml(Method::POST, "/rules", read_rule(&file)?).await?;
                changed(session.form, &rule, "created");
            }
            Self::Update { reference, file } => {
                let rule = client.send_yaml(Method::PUT, &rule_path(&reference), read_rule(&file)?).await?;
                changed(session.form, &rule, "updated");
            }
            Self::Enable { references } => return switch(session, &references, true).await,
            Self::Disable { references } => return switch(session, &references, false).await,
            Self::Delete { references } => {
                let delete = async |reference: &str| {
                    client.delete(&rule_path(reference)).await?;
                    Ok::<_, Failure>(deleted("ref", reference))
                };
                let tell = |reference: &str, _: &Value| print::note(&format!("deleted {reference}"));
                return each(session.form, &references, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

fn rule_path(reference: &str) -> String {
    format!("/rules/{}", path_segment(reference))
}

/// The text of a rule file, checked here so that a mistake is said with the file, line and column.
fn read_rule(file: &str) -> Result<String, Failure> {
    let text = read_file(file)?;
    petrel_packs::definition::read_rule(file, &text, None).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        Failure::usage(
            lines.join(
                "
",
            ),
            "correct the file and try again",
        )
    })?;
    Ok(text)
}

/// Where a rule says in a table what it listens to.
const LISTENS_TO: &str = "listens_to";

/// Says in `rule` what it listens to: the trigger type, and of a webhook where it is.
fn name_trigger(rule: &mut Value) {
    let text = |path: &str| rule.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let (kind, url) = (text("/trigger/type"), text("/trigger/parameters/url"));
    let shown = trigger::named(kind, url);
    if let Some(rule) = rule.as_object_mut() {
        rule.insert(LISTENS_TO.into(), shown.into());
    }
}

async fn switch(session: &Session, references: &[String], enabled: bool) -> Result<Code, Failure> {
    let switch = async |reference: &str| {
        let path = format!("{}/enabled", rule_path(reference));
        session.client.send_json(Method::PUT, &path, &json!(enabled)).await
    };
    let what = if enabled { "enabled" } else { "disabled" };
    each(session.form, references, switch, |_, rule| changed(session.form, rule, what)).await
}

/// Says what changed and what to try next; warnings go to standard error.
fn changed(form: Form, rule: &Value, what: &str) {
    for warning in rule.get("warnings").and_then(Value::as_array).into_iter().flatten() {
        print::note(&format!("warning: {}", warning.as_str().unwrap_or_default()));
    }
    show(form, rule);
    let reference = rule.get("ref").and_then(Value::as_str).unwrap_or_default();
    let is_enabled = rule.get("enabled").and_then(Value::as_bool).unwrap_or_default();
    if is_enabled {
        print::note(&format!(
            "{what} {reference}; `petrel trigger why last` says how it took the last event"
        ));
    } else {
        print::note(&format!(
            "{what} {reference}; it is off: `petrel rule enable {reference}` switches it on"
        ));
    }
}

fn show(form: Form, rule: &Value) {
    let attributes = ["id", "ref", "description", "enabled", "trigger", "criteria", "action"];
    print::attributes(form, rule, &attributes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_which_webhook_it_listens_to() {
        for (trigger, expected) in [
            (json!({"type": "core.st2.webhook", "parameters": {"url": "github"}}), "webhook /github"),
            (json!({"type": "mine.event", "parameters": {"url": "github"}}), "mine.event"),
            (json!({"type": "mine.event", "parameters": {}}), "mine.event"),
        ] {
            let mut rule = json!({"trigger": trigger});
            name_trigger(&mut rule);
            assert_eq!(rule[LISTENS_TO], expected);
        }
    }
}
