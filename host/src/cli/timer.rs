//! `petrel timer`: the timers that rules listen to, and when they are due.

use clap::Subcommand;
use petrel_api_types as wire;
use petrel_api_types::Item;
use petrel_model::Timestamp;

use super::session::{Items, Session, path_segment};
use crate::exit::{Code, Failure};
use crate::print::{self, Attributes, Listing, to_the_second};

/// Show timers, and when they are due.
#[derive(Debug, Subcommand)]
pub(crate) enum Timer {
    /// List the timers that rules listen to
    #[command(
        alias = "ls",
        after_help = "Examples:\n  petrel timer list\n  petrel timer list --type core.st2.CronTimer"
    )]
    List {
        /// List only timers of this type: core.st2.IntervalTimer, core.st2.CronTimer or core.st2.DateTimer
        #[arg(long = "type", alias = "timer-type", value_name = "TRIGGER")]
        kind: Option<String>,
    },
    /// Show a timer, with the rules that listen to it
    #[command(after_help = "Examples:\n  petrel timer get core.st2.CronTimer.2d711642b726b04401627ca9")]
    Get {
        /// The timer, as `petrel timer list` shows it
        reference: String,
    },
}

impl Timer {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        match self {
            Self::List { kind } => {
                let asked: Vec<_> = kind.into_iter().map(|kind| ("type", kind)).collect();
                let kind = asked.iter().map(|(_, kind)| format!("&timer_type={}", path_segment(kind)));
                let path = format!("/timers?limit=-1{}", kind.collect::<String>());
                let answer = session.client.list(&path).await?;
                session.show(&answer, |timers: Items<wire::Timer<'static>>| {
                    print::listing(listed(&timers), &asked);
                })?;
            }
            Self::Get { reference } => {
                let answer = session.client.get(&format!("/timers/{}", path_segment(&reference))).await?;
                session
                    .show(&answer, |timer: wire::Timer<'static>| print::attributes(&attributes(&timer)))?;
            }
        }
        Ok(Code::Ok)
    }
}

/// The list of timers.
fn listed<'r>(timers: &'r [Item<'r, wire::Timer<'r>>]) -> Listing<'r, wire::Timer<'r>> {
    let time = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), to_the_second);
    Listing::of(timers)
        .whole("TIMER", |timer| timer.trigger.reference.to_string())
        .text("PARAMETERS", |timer| parameters(&timer.trigger))
        .whole("DUE", move |timer| time(timer.due_at))
        .whole("LAST", move |timer| time(timer.last_due_at))
        .text("RULES", |timer| timer.rules.join(", "))
}

/// The parameters in a line: `unit=hours delta=2`.
fn parameters(trigger: &wire::Trigger<'_>) -> String {
    let shown = trigger.parameters.iter().map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name}={text}"),
        None => format!("{name}={value}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// A timer with its rules.
fn attributes(timer: &wire::Timer<'_>) -> Attributes {
    Attributes::default()
        .text("ref", &timer.trigger.reference)
        .text("type", &timer.trigger.kind)
        .value("parameters", &timer.trigger.parameters)
        .time("due_at", timer.due_at)
        .time("last_due_at", timer.last_due_at)
        .text("rules", timer.rules.join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A timer as a host sends it.
    fn answered() -> Value {
        json!({
            "type": "core.st2.CronTimer",
            "ref": "core.st2.CronTimer.0a",
            "parameters": {"hour": 2, "timezone": "Europe/Berlin"},
            "due_at": "2026-11-20T01:00:00.000000Z",
            "last_due_at": null,
            "rules": ["mine.a", "mine.b"],
        })
    }

    #[test]
    fn a_list_of_timers_says_when_each_is_due() {
        let listed_timers: Vec<Item<'static, wire::Timer<'static>>> =
            serde_json::from_value(json!([answered()])).unwrap();
        assert_eq!(
            listed(&listed_timers).lines(None, false),
            [
                "TIMER                  PARAMETERS                     DUE                   LAST  RULES",
                "core.st2.CronTimer.0a  hour=2 timezone=Europe/Berlin  2026-11-20T01:00:00Z  -     mine.a, mine.b",
            ]
        );
    }

    #[test]
    fn a_timer_is_shown_with_its_rules() {
        let timer = serde_json::from_value(answered()).unwrap();
        let lines = attributes(&timer).lines(false).join("\n");
        for line in ["core.st2.CronTimer.0a", "\"hour\": 2", "2026-11-20T01:00:00Z", "mine.a, mine.b"] {
            assert!(lines.contains(line), "{line}: {lines}");
        }
    }
}
