//! `petrel trigger`: the kinds of events, the events that came in, and why rules did or did not match.

use clap::Subcommand;
use petrel_api_types::Why;
use petrel_api_types::explanation::{Explanation, RefusedWebhook};
use petrel_model::trigger::WEBHOOK;
use serde_json::Value;

use super::session::{Secrets, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// Look at triggers and at the events that came in.
#[derive(Debug, Subcommand)]
pub(crate) enum Trigger {
    /// List the kinds of events that rules can listen to
    #[command(alias = "ls", after_help = "Examples:\n  petrel trigger list")]
    List,
    /// List the events that came in, newest first
    #[command(
        after_help = "Examples:\n  petrel trigger instances -n 10\n  petrel trigger instances --type core.st2.webhook"
    )]
    Instances {
        /// How many events to list at most
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: usize,
        /// List only events of this trigger
        #[arg(long = "type", value_name = "TRIGGER")]
        kind: Option<String>,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Show an event and what came of it, or what events of a kind hold
    #[command(after_help = "Examples:\n  petrel trigger get last\n  petrel trigger get core.st2.webhook")]
    Get {
        /// The id of the event, or `last`; or a kind of events, as pack.name
        id: String,
        #[command(flatten)]
        secrets: Secrets,
    },
    /// Say, criterion by criterion, why rules did or did not match an event
    #[command(
        after_help = "Examples:\n  petrel trigger why last\n  petrel trigger why 6a1e5c2f9b1d4e5f60718293"
    )]
    Why {
        /// The id of the event, or `last`
        id: String,
        #[command(flatten)]
        secrets: Secrets,
    },
}

impl Trigger {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List => {
                let kinds = session.client.list("/triggertypes?limit=-1").await?;
                print::listing(session.form, &kinds, &[("TRIGGER", "ref"), ("DESCRIPTION", "description")]);
            }
            Self::Instances { limit, kind, secrets } => {
                let filter = kind
                    .as_ref()
                    .map_or_else(String::new, |kind| format!("&trigger_type={}", path_segment(kind)));
                let path = secrets.asked(&format!("/triggerinstances?limit={limit}{filter}"));
                let (mut instances, count) = session.client.counted(&path).await?;
                if session.form == Form::Text {
                    name_webhooks(session, &mut instances).await?;
                }
                let columns = [
                    ("ID", "id"),
                    ("TRIGGER", "trigger"),
                    ("OCCURRED", "occurrence_time"),
                    ("STATUS", "status"),
                ];
                let asked: Vec<_> = kind.map(|kind| ("type", kind)).into_iter().collect();
                print::listing_of(session.form, &instances, &columns, &asked);
                print::count(session.form, &instances, count);
            }
            Self::Get { id, .. } if id.contains('.') => {
                let kind = session.client.get(&format!("/triggertypes/{}", path_segment(&id))).await?;
                let attributes = ["ref", "description", "parameters_schema", "payload_schema"];
                print::attributes(session.form, &kind, &attributes);
            }
            Self::Get { id, secrets } => {
                let path = secrets.asked(&format!("/triggerinstances/{}", path_segment(&id)));
                let instance = session.client.get(&path).await?;
                let attributes =
                    ["id", "trigger", "occurrence_time", "status", "trace", "payload", "enforcements"];
                print::attributes(session.form, &instance, &attributes);
            }
            Self::Why { id, secrets } => {
                let path = secrets.asked(&format!("/triggerinstances/{}/why", path_segment(&id)));
                let answer = session.client.get(&path).await?;
                match session.form {
                    Form::Json => print::json(&answer),
                    Form::Text => explain(&read::<Why<'_>>(&answer)?),
                }
            }
        }
        Ok(Code::Ok)
    }
}

/// How tables name what a rule listens to, or an event is of: the kind of trigger, and of a webhook where it is.
pub(super) fn named(kind: &str, url: &str) -> String {
    if kind == WEBHOOK && !url.is_empty() { format!("webhook /{url}") } else { kind.to_owned() }
}

/// Says of the events of webhooks which webhook it was. One that no rule listens to any more is not known.
async fn name_webhooks(session: &Session, instances: &mut Value) -> Result<(), Failure> {
    let mut events: Vec<_> = instances
        .as_array_mut()
        .into_iter()
        .flatten()
        .filter(|event| text(event, "trigger_type") == WEBHOOK)
        .collect();
    if events.is_empty() {
        return Ok(());
    }
    let webhooks = session.client.list(&format!("/triggers?type={WEBHOOK}&limit=-1")).await?;
    let webhooks = webhooks.as_array().map(Vec::as_slice).unwrap_or_default();
    for event in &mut events {
        let webhook = webhooks.iter().find(|webhook| text(webhook, "ref") == text(event, "trigger"));
        let url = webhook.and_then(|webhook| webhook.pointer("/parameters/url")).and_then(Value::as_str);
        let name = named(WEBHOOK, url.unwrap_or_default());
        if let Some(event) = event.as_object_mut() {
            event.insert("trigger".into(), name.into());
        }
    }
    Ok(())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The explanation as text: a line a rule; below it a line a criterion, and one for what came of it then.
fn explain(why: &Why<'_>) {
    let event = &why.trigger_instance;
    let occurred = print::to_the_second(&event.occurrence_time.to_string());
    print::line(&format!("{} of {occurred}", event.id));
    if why.rules.is_empty() {
        print::line("no rule listens to this trigger now");
    } else {
        print::line("by the rules, and the datastore, as they are now; what came of it stands behind `then`");
    }
    if let Some(RefusedWebhook { at, path, status, address }) = why.refused.last() {
        let count = why.refused.len();
        let address = address.map_or_else(String::new, |address| address.to_string());
        print::line(&print::plain(&format!(
            "refused since then: {count}; the last one, to {path} from {address}, with {status} at {at}"
        )));
    }
    for rule in &why.rules {
        told(rule).iter().for_each(|line| print::line(&print::plain(line)));
    }
}

/// What is told of one rule, in lines. The reason that its verdict ends with is left to the criterion that it is about.
fn told(rule: &Explanation<'_>) -> Vec<String> {
    let verdict: &str = &rule.verdict;
    let failing = rule.criteria.iter().find(|criterion| !criterion.holds);
    let reason = failing.map(|criterion| &*criterion.text).filter(|reason| !reason.is_empty());
    let short = reason.and_then(|reason| verdict.strip_suffix(reason)?.strip_suffix(": "));
    let mut lines = vec![format!("{}: {}", rule.rule, short.unwrap_or(verdict))];
    lines.extend(rule.criteria.iter().map(|criterion| format!("  {}", criterion.text)));
    if !rule.came_of_it.is_empty() {
        lines.push(format!("  then: {}", rule.came_of_it));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use petrel_api_types::explanation::CriterionExplanation;

    use super::*;

    fn criterion(holds: bool, text: &'static str) -> CriterionExplanation<'static> {
        CriterionExplanation {
            path: "trigger.a".into(),
            operator: "exists".into(),
            pattern: Cow::default(),
            value: Cow::default(),
            holds,
            text: text.into(),
        }
    }

    #[test]
    fn a_reason_is_told_once_and_then_what_came_of_it() {
        let (holds, fails) = ("trigger.a exists holds", "trigger.b gt 5 does not hold: the value is 3");
        for (verdict, criteria, came_of_it, lines) in [
            (
                "does not match: trigger.b gt 5 does not hold: the value is 3",
                vec![criterion(true, holds), criterion(false, fails), criterion(true, holds)],
                "nothing was run",
                &[
                    "p.r: does not match",
                    "  trigger.a exists holds",
                    "  trigger.b gt 5 does not hold: the value is 3",
                    "  trigger.a exists holds",
                    "  then: nothing was run",
                ][..],
            ),
            (
                "matches: every criterion holds",
                vec![criterion(true, holds)],
                "execution 1 succeeded",
                &[
                    "p.r: matches: every criterion holds",
                    "  trigger.a exists holds",
                    "  then: execution 1 succeeded",
                ],
            ),
            (
                "does not match: it is disabled",
                vec![criterion(false, fails)],
                "",
                &["p.r: does not match: it is disabled", "  trigger.b gt 5 does not hold: the value is 3"],
            ),
        ] {
            let rule = Explanation {
                rule: "p.r".into(),
                matched: false,
                verdict: verdict.into(),
                came_of_it: came_of_it.into(),
                failure_reason: None,
                criteria,
            };
            assert_eq!(told(&rule), lines, "{verdict}");
        }
    }
}
