//! `petrel rule`: rules, which connect triggers to actions.

use std::borrow::Cow;

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_model::trigger::INTERNAL;
use petrel_runners::local_shell::identity::quoted;
use reqwest::Method;
use serde_json::{Value, json};

use super::each::{deleted, each};
use super::input::read_rule;
use super::nothing;
use super::session::{Items, Secrets, Session, path_segment, show_noted};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

mod attributes;
mod trial;
mod why;

use attributes::{attributes, table};

/// Create, change and show rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rule {
    /// List rules
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel rule list\n  petrel rule list --pack examples\n  petrel rule list --trigger core.st2.webhook"
    )]
    List {
        /// List only rules of this pack
        #[arg(short, long)]
        pack: Option<String>,
        /// List only rules that run this action, as pack.name
        #[arg(long)]
        action: Option<String>,
        /// List only rules that listen to this trigger, as pack.name
        #[arg(long)]
        trigger: Option<String>,
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
    /// Create a rule from a file of YAML or JSON
    #[command(after_help = "Examples:\n  petrel rule create rule.yaml\n  petrel rule create - < rule.yaml")]
    Create {
        /// The file, or - for standard input
        file: String,
    },
    /// Replace a rule by the one in a file
    #[command(after_help = "Examples:\n  petrel rule update examples.sample_rule_with_webhook rule.yaml")]
    Update {
        /// The rule, as pack.name
        #[arg(value_name = "RULE")]
        reference: String,
        /// The file, or - for standard input
        file: String,
    },
    /// Enable rules
    #[command(after_help = "Examples:\n  petrel rule enable examples.sample_rule_with_webhook")]
    Enable {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
    /// Disable rules
    #[command(after_help = "Examples:\n  petrel rule disable examples.sample_rule_with_webhook")]
    Disable {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
    /// Let rules fire that their circuit breakers pause
    #[command(after_help = "Examples:\n  petrel rule resume examples.sample_rule_with_webhook")]
    Resume {
        /// The rules, as pack.name
        #[arg(value_name = "RULE", required = true)]
        references: Vec<String>,
    },
    /// Try a rule on an event, with nothing run: exit with 0 if it matches and its action would run, else with 1
    #[command(
        after_help = "Examples:\n  petrel rule test examples.sample_rule_with_webhook --instance last\n  petrel rule test rule.yaml --payload '{\"body\": {\"name\": \"test\"}}'\n  petrel rule test rule.yaml --payload @payload.json"
    )]
    Test(trial::Test),
    /// Explain why a rule has not fired lately
    #[command(after_help = "Examples:\n  petrel rule why examples.sample_rule_with_webhook")]
    Why {
        /// The rule, as pack.name
        #[arg(value_name = "RULE")]
        reference: String,
        #[command(flatten)]
        secrets: Secrets,
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
            Self::List { pack, action, trigger, secrets } => {
                let asked = [("pack", pack), ("action", action), ("trigger", trigger)];
                let asked: Vec<_> =
                    asked.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect();
                list(session, &asked, secrets).await?;
            }
            Self::Get { reference, secrets } => {
                let answer = client.get(&secrets.asked(&rule_path(&reference))).await?;
                session.show(&answer, |rule: wire::Rule<'static>| print::attributes(&attributes(&rule)))?;
            }
            Self::Create { file } => {
                let answer = client.send_yaml(Method::POST, "/rules", read_rule(&file)?).await?;
                tell_change(session.form, &answer, "created", Some(&file))?;
            }
            Self::Update { reference, file } => {
                let path = rule_path(&reference);
                let answer = client.send_yaml(Method::PUT, &path, read_rule(&file)?).await?;
                tell_change(session.form, &answer, "updated", Some(&file))?;
            }
            Self::Enable { references } => return switch(session, &references, true).await,
            Self::Disable { references } => return switch(session, &references, false).await,
            Self::Resume { references } => {
                let resume = async |reference: &str| {
                    let path = format!("{}/resume", rule_path(reference));
                    client.send_json(Method::POST, &path, &json!({})).await
                };
                return each(session.form, &references, resume, |_, answer| {
                    tell_change(session.form, answer, "resumed", None)
                })
                .await;
            }
            Self::Test(test) => return test.run(session).await,
            Self::Why { reference, secrets } => {
                let answer = client.get(&secrets.asked(&format!("{}/why", rule_path(&reference)))).await?;
                session.show(&answer, |standing: wire::RuleStanding<'static>| why::tell(&standing))?;
            }
            Self::Delete { references } => {
                let delete = async |reference: &str| {
                    client.delete(&rule_path(reference)).await?;
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

/// Prints the rules that match the filters of these flags.
async fn list(session: &Session, asked: &[(&str, String)], secrets: Secrets) -> Result<(), Failure> {
    let filters: String =
        asked.iter().map(|(flag, value)| format!("&{flag}={}", path_segment(value))).collect();
    let answer = session.client.list(&secrets.asked(&format!("/rules?limit=-1{filters}"))).await?;
    session.show(&answer, |rules: Items<wire::Rule<'static>>| print::listing(table(&rules), asked))?;
    nothing::explain(session, &answer, asked).await;
    Ok(())
}

fn rule_path(reference: &str) -> String {
    format!("/rules/{}", path_segment(reference))
}

async fn switch(session: &Session, references: &[String], enabled: bool) -> Result<Code, Failure> {
    let switch = async |reference: &str| {
        let path = format!("{}/enabled", rule_path(reference));
        session.client.send_json(Method::PUT, &path, &json!(enabled)).await
    };
    let what = if enabled { "enabled" } else { "disabled" };
    each(session.form, references, switch, |_, answer| tell_change(session.form, answer, what, None)).await
}

/// Prints a changed rule and the next step; the latter and warnings go to standard error.
fn tell_change(form: Form, answer: &Value, what: &str, file: Option<&str>) -> Result<(), Failure> {
    let warn = |rule: &wire::Rule<'static>| {
        let warnings = rule.warnings.iter().map(|warning| in_file(warning, file));
        warnings.for_each(|warning| print::note(&format!("warning: {warning}")));
    };
    show_noted(form, answer, warn, |rule| print::attributes(&attributes(rule)))?;
    if let Ok(rule) = read::<wire::Rule<'_>>(answer) {
        print::note(&next(&rule, what));
    }
    Ok(())
}

/// A warning with the name of the file in which its line is. The host does not know it.
fn in_file<'w>(warning: &'w str, file: Option<&str>) -> Cow<'w, str> {
    let at = warning.strip_prefix("rule:").filter(|at| at.starts_with(|char: char| char.is_ascii_digit()));
    match (at, file) {
        (Some(at), Some(file)) => Cow::Owned(format!("{file}:{at}")),
        _ => Cow::Borrowed(warning),
    }
}

/// The report of a change and the next step.
fn next(rule: &wire::Rule<'_>, what: &str) -> String {
    let reference = &rule.reference;
    if rule.enabled && INTERNAL.contains(&&*rule.trigger.kind) {
        // `last` means no event of the platform itself.
        let reference = quoted(reference);
        format!("{what} {reference}; `petrel rule why {reference}` shows its verdicts on the latest events")
    } else if rule.enabled {
        format!("{what} {reference}; `petrel trigger why last` shows its verdict on the last event")
    } else {
        format!("{what} {reference}; it is disabled: `petrel rule enable {}` enables it", quoted(reference))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_rule_is_reported_with_the_command_that_enables_it() {
        let rule = attributes::tests::rule(&json!({"type": "mine.event"}));
        assert!(next(&rule, "created").starts_with("created mine.r; `petrel trigger why last` shows"));
        let of_platform = attributes::tests::rule(&json!({"type": "core.st2.generic.actiontrigger"}));
        assert!(next(&of_platform, "created").contains("`petrel rule why mine.r`"));
        let off = wire::Rule { enabled: false, ..rule };
        assert_eq!(
            next(&off, "updated"),
            "updated mine.r; it is disabled: `petrel rule enable mine.r` enables it"
        );
        let spaced = wire::Rule { reference: "mine.y 32".into(), ..off };
        assert!(next(&spaced, "created").contains("`petrel rule enable 'mine.y 32'`"));
    }

    #[test]
    fn a_warning_about_a_line_names_the_file() {
        for (warning, file, expected) in [
            ("rule:3:78: odd", Some("r.yaml"), "r.yaml:3:78: odd"),
            ("rule:3:78: odd", None, "rule:3:78: odd"),
            ("rule examples.r: odd", Some("r.yaml"), "rule examples.r: odd"),
        ] {
            assert_eq!(in_file(warning, file), expected);
        }
    }
}
