//! `petrel rule-enforcement`: the enforcements of rules, over all events. `trigger get` shows those of one event, and
//! `trigger why` explains them.

use clap::Subcommand;
use petrel_api_types::{Enforcement, Item};
use petrel_model::TriggerInstanceId;
use petrel_model::rule::EnforcementStatus;

use super::moment::moment;
use super::nothing;
use super::session::{Items, Session, path_segment};
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Listing, to_the_second};

/// Show when rules matched an event, or could not be evaluated.
#[derive(Debug, Subcommand)]
pub(crate) enum RuleEnforcement {
    /// List enforcements, newest first
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel rule-enforcement list\n  petrel rule-enforcement list --status failed --after 1h\n  petrel rule-enforcement list --rule examples.sample_rule_with_webhook -n 10"
    )]
    List {
        /// The greatest number of enforcements to list
        #[arg(short = 'n', long, alias = "last", default_value_t = 50)]
        limit: usize,
        /// List only enforcements with this status: succeeded or failed
        #[arg(long)]
        status: Option<String>,
        /// List only enforcements of this rule, as pack.name
        #[arg(long)]
        rule: Option<String>,
        /// List only enforcements on this event
        #[arg(long, value_name = "ID")]
        trigger_instance: Option<String>,
        /// List only the enforcement that requested this execution
        #[arg(long, value_name = "ID")]
        execution: Option<String>,
        /// List only enforcements after this time: 1h for an hour ago, or 2026-11-20T12:00:00Z
        #[arg(long, alias = "timestamp-gt", value_name = "TIME")]
        after: Option<String>,
        /// List only enforcements before this time
        #[arg(long, alias = "timestamp-lt", value_name = "TIME")]
        before: Option<String>,
    },
    /// Show an enforcement
    #[command(
        after_help = "Examples:\n  petrel rule-enforcement get last\n  petrel rule-enforcement get 6a1e5c2f9b1d4e5f60718293"
    )]
    Get {
        /// The id of the enforcement, or `last` for the newest one
        id: String,
    },
}

impl RuleEnforcement {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { limit, status, rule, trigger_instance, execution, after, before } => {
                let asked = [
                    ("status", status),
                    ("rule", rule),
                    ("trigger-instance", trigger_instance),
                    ("execution", execution),
                    ("after", after),
                    ("before", before),
                ];
                let given = asked.into_iter().filter_map(|(flag, value)| Some((flag, value?)));
                let asked: Vec<_> = given.collect();
                list(session, &path(limit, &asked)?, &asked).await?;
            }
            Self::Get { id } => {
                let id = if id == "last" { newest(session).await? } else { id };
                let answer = session.client.get(&format!("/ruleenforcements/{}", path_segment(&id))).await?;
                session.show(&answer, |enforcement: Enforcement<'static>| {
                    print::attributes(&attributes(&enforcement));
                })?;
            }
        }
        Ok(Code::Ok)
    }
}

/// The path of the newest enforcements that match the filters of these flags.
pub(super) fn path(limit: usize, asked: &[(&str, String)]) -> Result<String, Failure> {
    let mut path = format!("/ruleenforcements?limit={limit}");
    for (flag, value) in asked {
        let (name, value) = match *flag {
            "after" => ("enforced_at_gt", moment(value)?),
            "before" => ("enforced_at_lt", moment(value)?),
            "rule" => ("rule_ref", value.clone()),
            "trigger-instance" => ("trigger_instance", value.clone()),
            name => (name, value.clone()),
        };
        path.push_str(&format!("&{name}={}", path_segment(&value)));
    }
    Ok(path)
}

/// Prints the listing at `path`, by the filters in `asked`, and where to look further if one of them failed.
pub(super) async fn list(session: &Session, path: &str, asked: &[(&str, String)]) -> Result<(), Failure> {
    let (answer, count) = session.client.counted(path).await?;
    session.show(&answer, |enforcements: Items<Enforcement<'static>>| {
        print::listing(table(&enforcements), asked);
        print::count(enforcements.len(), count);
        if let Some(event) = enforcements.iter().find_map(failed) {
            print::note(&format!("`petrel trigger why {event}` explains why the first of these failed"));
        }
    })?;
    nothing::explain(session, &answer, asked).await;
    Ok(())
}

/// The event of an enforcement that failed.
fn failed(item: &Item<'_, Enforcement<'_>>) -> Option<TriggerInstanceId> {
    match item {
        Item::Found(one) if one.status == EnforcementStatus::Failed => Some(one.trigger_instance_id),
        _ => None,
    }
}

/// The id of the newest enforcement.
async fn newest(session: &Session) -> Result<String, Failure> {
    let none = "no rule has matched yet; `petrel trigger why last` says why";
    newest_of(session, &[], ("enforcement", none)).await
}

/// The id of the newest enforcement that matches the filters of these flags. If there is none, the error has `what` was
/// looked for, and the hint.
pub(super) async fn newest_of(
    session: &Session,
    asked: &[(&str, String)],
    (what, none): (&'static str, &str),
) -> Result<String, Failure> {
    let answer = session.client.list(&path(1, asked)?).await?;
    match read::<Items<Enforcement<'static>>>(&answer)?.into_iter().next() {
        Some(Item::Found(newest)) => Ok(newest.id.to_string()),
        Some(Item::Lost(newest)) => Ok(newest.id.into_owned()),
        None => Err(Failure::new(Code::NotFound, "not_found", format!("{what} `last` does not exist"), none)),
    }
}

/// The list of enforcements. Its first columns fit 80 characters.
fn table<'r>(enforcements: &'r [Item<'r, Enforcement<'r>>]) -> Listing<'r, Enforcement<'r>> {
    Listing::of(enforcements)
        .whole("ID", |one| one.id.to_string())
        .text("RULE", |one| one.rule.reference.to_string())
        .status("STATUS", |one| one.status.as_str().to_owned())
        .whole("EVENT", |one| one.trigger_instance_id.to_string())
        .text("OUTCOME", outcome)
        .whole("ENFORCED", |one| to_the_second(one.enforced_at))
}

/// The reason of a failure, or else the execution; with the replay, and what there is to remark.
fn outcome(enforcement: &Enforcement<'_>) -> String {
    let replayed = enforcement.replayed_as.map(|event| format!("replayed as event {event}"));
    let outcome = match (&enforcement.failure_reason, enforcement.execution_id) {
        (Some(reason), _) => Some(reason.to_string()),
        (None, id) => id.map(|id| format!("execution {id}")),
    };
    let note = enforcement.note.as_ref().map(|note| format!("note: {note}"));
    [replayed, outcome, note].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// An enforcement, with StackStorm's names.
fn attributes(enforcement: &Enforcement<'_>) -> Attributes {
    Attributes::default()
        .text("id", enforcement.id)
        .text("rule.ref", &enforcement.rule.reference)
        .status("status", enforcement.status.as_str())
        .text("trigger_instance_id", enforcement.trigger_instance_id)
        .text_if_any("execution_id", enforcement.execution_id)
        .text_if_any("failure_reason", enforcement.failure_reason.as_deref())
        .text_if_any("note", enforcement.note.as_deref())
        .text_if_any("replayed_as", enforcement.replayed_as)
        .time("enforced_at", enforcement.enforced_at)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ID: &str = "65a000000000000000000001";

    /// An enforcement as a host sends it.
    fn answered(more: &Value) -> Value {
        let mut answer = json!({
            "id": ID, "trigger_instance_id": ID, "status": "succeeded", "rule": {"ref": "mine.r", "id": ID},
            "execution_id": ID, "enforced_at": "2026-11-20T12:00:00.123456Z",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            answer[name] = value.clone();
        }
        answer
    }

    fn failed_one() -> Value {
        answered(&json!({"status": "failed", "execution_id": null, "failure_reason": "no such action"}))
    }

    #[test]
    fn a_list_says_of_each_rule_on_which_event_and_what_came_of_it() {
        let answer =
            json!([answered(&json!({})), failed_one(), {"id": "2", "error": "why", "hint": "do this"}]);
        let listed: Vec<Item<'static, Enforcement<'static>>> = serde_json::from_value(answer).unwrap();
        let lines = table(&listed).lines(None, false);
        let start = format!("{ID}  mine.r  succeeded  {ID}  execution {ID}  2026-11-20T12:00:00Z");
        assert_eq!(lines[1], start);
        assert!(lines[2].contains("failed") && lines[2].contains("no such action"), "{lines:?}");
        assert_eq!(lines[3], "2");
        for (more, expected) in [
            (json!({"note": "no key"}), format!("execution {ID}; note: no key")),
            (
                json!({"execution_id": null, "failure_reason": "why", "replayed_as": ID}),
                format!("replayed as event {ID}; why"),
            ),
        ] {
            let one: Enforcement<'static> = serde_json::from_value(answered(&more)).unwrap();
            assert_eq!(outcome(&one), expected);
        }
        let narrow = table(&listed).lines(Some(80), false);
        assert_eq!(narrow[0].split_whitespace().collect::<Vec<_>>(), ["ID", "RULE", "STATUS", "EVENT"]);
        assert_eq!(listed.iter().find_map(failed).map(|event| event.to_string()).as_deref(), Some(ID));
        assert_eq!(failed(&listed[0]), None);
    }

    #[test]
    fn one_is_shown_with_the_names_of_stackstorm() {
        let enforcement: Enforcement<'static> = serde_json::from_value(failed_one()).unwrap();
        assert_eq!(
            attributes(&enforcement).lines(false),
            [
                &format!("id:                  {ID}")[..],
                "rule.ref:            mine.r",
                "status:              failed",
                &format!("trigger_instance_id: {ID}")[..],
                "failure_reason:      no such action",
                "enforced_at:         2026-11-20T12:00:00Z",
            ]
        );
    }

    #[test]
    fn flags_are_the_filters_of_the_list() {
        let asked =
            [("rule", "mine.r"), ("trigger-instance", "1"), ("status", "failed"), ("before", "2026-11-20")];
        let asked = asked.map(|(flag, value)| (flag, value.to_owned()));
        assert_eq!(
            path(5, &asked).unwrap(),
            "/ruleenforcements?limit=5&rule_ref=mine.r&trigger_instance=1&status=failed&enforced_at_lt=2026-11-20"
        );
        assert!(path(5, &[("after", "soon".to_owned())]).is_err());
    }
}
