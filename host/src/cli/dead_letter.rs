//! `petrel dead-letter`: events on which a rule failed, and their replay. They are the failed enforcements of
//! `petrel rule-enforcement`, so nothing is stored twice.

use clap::Subcommand;
use petrel_api_types::trigger::Enforcements;
use petrel_api_types::{Enforcement, Item, TriggerInstance};
use petrel_model::Object;
use petrel_model::rule::EnforcementStatus;
use reqwest::Method;
use serde_json::Value;

use super::each::each;
use super::input::read_payload;
use super::rule_enforcement;
use super::session::{Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print;

/// List events on which a rule failed, and replay them.
#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetter {
    /// List failed enforcements that were not replayed, newest first, each with its reason
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel dead-letter list\n  petrel dead-letter list --rule examples.sample_rule_with_webhook --after 1h\n  petrel dead-letter list --all"
    )]
    List {
        /// The greatest number of enforcements to list
        #[arg(short = 'n', long, default_value_t = 50)]
        limit: usize,
        /// List only those of this rule, as pack.name
        #[arg(long)]
        rule: Option<String>,
        /// List only those after this time: 1h for an hour ago, or 2026-11-20T12:00:00Z
        #[arg(long, value_name = "TIME")]
        after: Option<String>,
        /// List only those before this time
        #[arg(long, value_name = "TIME")]
        before: Option<String>,
        /// List those that were replayed, too
        #[arg(short, long)]
        all: bool,
    },
    /// Have the events of failed enforcements come in again, each for its rule alone
    #[command(
        after_help = "Examples:\n  petrel dead-letter replay last\n  petrel dead-letter replay 6a1e5c2f9b1d4e5f60718293\n  petrel dead-letter replay 6a1e5c2f9b1d4e5f60718293 --payload @corrected.json"
    )]
    Replay {
        /// The ids of the enforcements, as `petrel dead-letter list` shows them, or `last` for the newest one
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
        /// The payload in place of that of the event: JSON, or @FILE
        #[arg(long, value_name = "JSON")]
        payload: Option<String>,
        /// Replay those that were replayed already, too
        #[arg(long)]
        again: bool,
    },
}

impl DeadLetter {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { limit, rule, after, before, all } => {
                let asked = [("rule", rule), ("after", after), ("before", before)];
                let given = asked.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
                let asked: Vec<_> = given.collect();
                let filters: Vec<_> = letters(all).into_iter().chain(asked.iter().cloned()).collect();
                rule_enforcement::list(session, &rule_enforcement::path(limit, &filters)?, &asked).await?;
                Ok(Code::Ok)
            }
            Self::Replay { ids, payload, again } => {
                let mut body = Object::new();
                if let Some(payload) = payload {
                    body.insert("payload".into(), read_payload(&payload)?);
                }
                body.insert("again".into(), again.into());
                let body = Value::Object(body);
                let replay = async |id: &str| {
                    let id = if id == "last" { newest(session, again).await? } else { id.to_owned() };
                    let path = format!("/ruleenforcements/{}/replay", path_segment(&id));
                    let answer = session.client.send_json(Method::POST, &path, &body).await?;
                    let event: TriggerInstance<'_> = read(&answer)?;
                    outcome(&event).map(|_told| answer.clone())
                };
                let tell = |_: &str, answer: &Value| {
                    let event: TriggerInstance<'_> = read(answer)?;
                    print::note(&outcome(&event)?);
                    Ok(())
                };
                each(session.form, &ids, replay, tell).await
            }
        }
    }
}

/// The filters of dead letters: failed enforcements, with `all` also those that were replayed.
fn letters(all: bool) -> Vec<(&'static str, String)> {
    let failed = ("status", EnforcementStatus::Failed.as_str().to_owned());
    let open = ("replayed", false.to_string());
    if all { vec![failed] } else { vec![failed, open] }
}

/// The id of the newest dead letter.
async fn newest(session: &Session, all: bool) -> Result<String, Failure> {
    let none = "there is none to replay; `petrel dead-letter list --all` shows those that were replayed, too";
    rule_enforcement::newest_of(session, &letters(all), ("dead letter", none)).await
}

/// The outcome of a replay.
///
/// # Errors
/// When the rule failed again, or does not match any more.
fn outcome(event: &TriggerInstance<'_>) -> Result<String, Failure> {
    let found = match &event.enforcements {
        Some(Enforcements::Whole(whole)) => whole.first(),
        _ => None,
    };
    let failed = |why: String| {
        let message = format!("it came in again as event {}, and {why}", event.id);
        Failure::new(Code::Failed, "failed_again", message, format!("`petrel trigger why {}`", event.id))
    };
    match found {
        Some(Item::Found(Enforcement { failure_reason: Some(reason), .. })) => {
            Err(failed(format!("the rule failed again: {reason}")))
        }
        Some(Item::Found(Enforcement { execution_id: Some(id), .. })) => {
            Ok(format!("replayed as event {}; `petrel execution tail {id}` follows what it led to", event.id))
        }
        Some(_) => Ok(format!("replayed as event {}", event.id)),
        None => Err(failed("the rule does not match it".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_replay_tells_what_it_led_to() {
        const ID: &str = "65a000000000000000000001";
        let enforcement = json!({
            "id": ID, "trigger_instance_id": ID, "status": "succeeded", "rule": {"ref": "mine.r", "id": ID},
            "enforced_at": "2026-11-20T12:00:00Z",
        });
        for (more, expected) in [
            (Some(json!({"execution_id": ID})), Ok("replayed as event 65a000000000000000000001; `petrel")),
            (
                Some(json!({"status": "failed", "failure_reason": "no such action"})),
                Err("the rule failed again: no such action"),
            ),
            (None, Err("and the rule does not match it")),
        ] {
            let mut event = json!({
                "id": ID, "trigger": "core.x", "trigger_type": "core.x", "occurrence_time": "2026-11-20T12:00:00Z",
                "payload": {}, "status": "processed", "replay_of": ID, "enforcements": [],
            });
            if let Some(more) = more {
                let mut one = enforcement.clone();
                for (name, value) in more.as_object().into_iter().flatten() {
                    one[name] = value.clone();
                }
                event["enforcements"] = json!([one]);
            }
            let event: TriggerInstance<'static> = serde_json::from_str(&event.to_string()).unwrap();
            match (outcome(&event), expected) {
                (Ok(told), Ok(begin)) => assert!(told.starts_with(begin), "{told}"),
                (Err(failure), Err(part)) => assert!(failure.message.contains(part), "{failure}"),
                (outcome, _) => panic!("{outcome:?}"),
            }
        }
    }
}
