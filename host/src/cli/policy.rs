//! `petrel policy`: policies of actions, and `petrel policy-type`: their types.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_policy;
use super::nothing;
use super::session::{Items, Session, path_segment, show_noted};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Form, Listing};

/// Create, change and show policies, which limit when executions of an action start.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// List policies
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel policy list\n  petrel policy list --action examples.greet\n  petrel policy list --policy-type action.retry"
    )]
    List {
        /// List only policies of this pack
        #[arg(short, long)]
        pack: Option<String>,
        /// List only policies of this action, as pack.name
        #[arg(short = 'r', long, alias = "resource-ref")]
        action: Option<String>,
        /// List only policies of this type
        #[arg(long, value_name = "TYPE")]
        policy_type: Option<String>,
    },
    /// Show a policy
    #[command(after_help = "Examples:\n  petrel policy get examples.greet.concurrency")]
    Get {
        /// The policy, as pack.name
        #[arg(value_name = "POLICY")]
        reference: String,
    },
    /// Create a policy from a file of YAML or JSON
    #[command(
        after_help = "Examples:\n  petrel policy create policy.yaml\n  petrel policy create - < policy.yaml"
    )]
    Create {
        /// The file, or - for standard input
        file: String,
    },
    /// Replace a policy by the one in a file
    #[command(after_help = "Examples:\n  petrel policy update examples.greet.concurrency policy.yaml")]
    Update {
        /// The policy, as pack.name
        #[arg(value_name = "POLICY")]
        reference: String,
        /// The file, or - for standard input
        file: String,
    },
    /// Enable policies
    #[command(after_help = "Examples:\n  petrel policy enable examples.greet.concurrency")]
    Enable {
        /// The policies, as pack.name
        #[arg(value_name = "POLICY", required = true)]
        references: Vec<String>,
    },
    /// Disable policies: what waits because of them goes on
    #[command(after_help = "Examples:\n  petrel policy disable examples.greet.concurrency")]
    Disable {
        /// The policies, as pack.name
        #[arg(value_name = "POLICY", required = true)]
        references: Vec<String>,
    },
    /// Delete policies: what waits because of them goes on
    #[command(after_help = "Examples:\n  petrel policy delete examples.greet.concurrency")]
    Delete {
        /// The policies, as pack.name
        #[arg(value_name = "POLICY", required = true)]
        references: Vec<String>,
    },
}

/// Show the types of policies, with their parameters.
#[derive(Debug, Subcommand)]
pub(crate) enum PolicyType {
    /// List the types of policies
    #[command(alias = "ls", after_help = "Examples:\n  petrel policy-type list")]
    List,
    /// Show a type of policies, with its parameters
    #[command(after_help = "Examples:\n  petrel policy-type get action.concurrency")]
    Get {
        /// The type, as `petrel policy-type list` shows it
        #[arg(value_name = "TYPE")]
        reference: String,
    },
}

impl Policy {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        let client = &session.client;
        match self {
            Self::List { pack, action, policy_type } => {
                let asked = [("pack", pack), ("action", action), ("policy-type", policy_type)];
                let asked: Vec<_> =
                    asked.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect();
                list(session, &asked).await?;
            }
            Self::Get { reference } => {
                let answer = client.get(&path_of(&reference)).await?;
                session
                    .show(&answer, |policy: wire::Policy<'static>| print::attributes(&attributes(&policy)))?;
            }
            Self::Create { file } => {
                let answer = client.send_yaml(Method::POST, "/policies", read_policy(&file)?).await?;
                tell_change(session.form, &answer, "created")?;
            }
            Self::Update { reference, file } => {
                let answer = client.send_yaml(Method::PUT, &path_of(&reference), read_policy(&file)?).await?;
                tell_change(session.form, &answer, "updated")?;
            }
            Self::Enable { references } => return switch(session, &references, true).await,
            Self::Disable { references } => return switch(session, &references, false).await,
            Self::Delete { references } => {
                let delete = async |reference: &str| {
                    client.delete(&path_of(reference)).await?;
                    Ok::<_, Failure>(deleted("ref", reference))
                };
                let tell = |reference: &str, _: &Value| {
                    print::note(&format!("deleted {reference}"));
                    Ok(())
                };
                return each(session.form, &references, delete, tell).await;
            }
        }
        Ok(Code::Ok)
    }
}

impl PolicyType {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List => {
                let answer = session.client.list("/policytypes?limit=-1").await?;
                session.show(&answer, |kinds: Items<wire::PolicyType<'static>>| {
                    let listed = Listing::of(&kinds)
                        .whole("TYPE", |kind| kind.reference.to_string())
                        .text("DESCRIPTION", |kind| kind.description.to_string());
                    print::listing(listed, &[]);
                })?;
            }
            Self::Get { reference } => {
                let path = format!("/policytypes/{}", path_segment(&reference));
                let answer = session.client.get(&path).await?;
                session.show(&answer, |kind: wire::PolicyType<'static>| {
                    let shown = Attributes::default()
                        .text("ref", &kind.reference)
                        .text("description", &kind.description)
                        .value("parameters", &kind.parameters);
                    print::attributes(&shown);
                })?;
            }
        }
        Ok(Code::Ok)
    }
}

/// Prints the policies that match the filters of these flags.
async fn list(session: &Session, asked: &[(&str, String)]) -> Result<(), Failure> {
    let column = |flag: &str| match flag {
        "action" => "resource_ref",
        "policy-type" => "policy_type",
        _ => "pack",
    };
    let filters: String =
        asked.iter().map(|(flag, value)| format!("&{}={}", column(flag), path_segment(value))).collect();
    let answer = session.client.list(&format!("/policies?limit=-1{filters}")).await?;
    session
        .show(&answer, |policies: Items<wire::Policy<'static>>| print::listing(table(&policies), asked))?;
    nothing::explain(session, &answer, asked).await;
    Ok(())
}

fn path_of(reference: &str) -> String {
    format!("/policies/{}", path_segment(reference))
}

async fn switch(session: &Session, references: &[String], enabled: bool) -> Result<Code, Failure> {
    let switch = async |reference: &str| {
        let path = format!("{}/enabled", path_of(reference));
        session.client.send_json(Method::PUT, &path, &json!(enabled)).await
    };
    let what = if enabled { "enabled" } else { "disabled" };
    each(session.form, references, switch, |_, answer| tell_change(session.form, answer, what)).await
}

/// Prints a changed policy; warnings and what was done go to standard error.
fn tell_change(form: Form, answer: &Value, what: &str) -> Result<(), Failure> {
    let warn = |policy: &wire::Policy<'static>| {
        policy.warnings.iter().for_each(|warning| print::note(&format!("warning: {warning}")));
    };
    show_noted(form, answer, warn, |policy| print::attributes(&attributes(policy)))?;
    if let Ok(policy) = read::<wire::Policy<'_>>(answer) {
        print::note(&format!("{what} {}", policy.reference));
    }
    Ok(())
}

/// The list of policies.
fn table<'r>(policies: &'r [Item<'r, wire::Policy<'r>>]) -> Listing<'r, wire::Policy<'r>> {
    Listing::of(policies)
        .whole("POLICY", |policy| policy.reference.to_string())
        .text("ACTION", |policy| policy.resource_ref.to_string())
        .text("TYPE", |policy| policy.policy_type.to_string())
        .whole("ENABLED", |policy| policy.enabled.to_string())
        .text("PARAMETERS", |policy| parameters(policy))
}

/// The parameters in a line: `threshold=2 action=delay`.
fn parameters(policy: &wire::Policy<'_>) -> String {
    let shown = policy.parameters.iter().map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn attributes(policy: &wire::Policy<'_>) -> Attributes {
    Attributes::default()
        .text("id", policy.id)
        .text("ref", &policy.reference)
        .text("description", &policy.description)
        .text("enabled", policy.enabled)
        .text("resource_ref", &policy.resource_ref)
        .text("policy_type", &policy.policy_type)
        .value("parameters", &policy.parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy as a host sends it.
    fn answered() -> Value {
        json!({
            "id": "65a000000000000000000001",
            "ref": "mine.greet.concurrency",
            "enabled": true,
            "resource_ref": "mine.greet",
            "policy_type": "action.concurrency",
            "parameters": {"threshold": 2, "action": "delay"},
        })
    }

    #[test]
    fn a_list_of_policies_says_what_each_is_for() {
        let policies: Vec<Item<'static, wire::Policy<'static>>> =
            serde_json::from_value(json!([answered()])).unwrap();
        assert_eq!(
            table(&policies).lines(None, false),
            [
                "POLICY                  ACTION      TYPE                ENABLED  PARAMETERS",
                "mine.greet.concurrency  mine.greet  action.concurrency  true     threshold=2 action=delay",
            ]
        );
    }

    #[test]
    fn a_policy_is_shown_with_its_parameters() {
        let policy = serde_json::from_value(answered()).unwrap();
        let lines = attributes(&policy).lines(false).join("\n");
        for line in ["mine.greet.concurrency", "mine.greet", "action.concurrency", "\"threshold\": 2"] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }
}
