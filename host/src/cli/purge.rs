//! `petrel purge`: old executions, events and enforcements are deleted. The host purges in steps, which are asked for here
//! one after the other, so that Ctrl-C ends it after a step.

use clap::{Args, ValueEnum};
use petrel_api_types::purge::Purged;
use petrel_model::Object;
use reqwest::Method;
use serde_json::{Value, json};

use super::input::confirmed;
use super::moment::moment;
use super::session::Session;
use crate::client::read;
use crate::exit::{Code, Failure};
use crate::print::{self, Form, counted};

/// Delete what is older than a time: only what has ended, never anything that is unfinished or that something unfinished
/// belongs to. Executions inside a workflow go with it. By itself the host deletes what is older than the settings of
/// `[retention]` say. Ctrl-C ends a purge; what is deleted by then stays deleted.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  petrel purge executions --older 30d --dry-run\n  petrel purge executions --older 7d --status succeeded --action core.local\n  petrel purge dead-letters --older 30d --yes\n  petrel purge all --older 90d"
)]
pub(crate) struct Purge {
    /// The things to delete
    #[arg(value_name = "WHAT")]
    what: What,
    /// Delete those that ended, or came in, before this time: 30d for 30 days ago, or 2026-11-20T12:00:00Z
    #[arg(long, value_name = "TIME")]
    older: String,
    /// Delete only those with this status: succeeded, failed, timeout, canceled or abandoned; for enforcements succeeded or failed
    #[arg(long)]
    status: Option<String>,
    /// Delete only executions of this action, as pack.name
    #[arg(long)]
    action: Option<String>,
    /// Delete nothing, and only say how much would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Do not ask before anything is deleted
    #[arg(short, long)]
    yes: bool,
}

/// The things that can be deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Executions with their output, and those inside of workflows with these
    Executions,
    /// Events with their enforcements
    Events,
    /// Enforcements without their events
    Enforcements,
    /// Failed enforcements that were not replayed
    DeadLetters,
    /// Executions, and events with their enforcements
    All,
}

impl What {
    /// The words of the API for it.
    fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Executions => &["executions"],
            Self::Events => &["events"],
            Self::Enforcements => &["enforcements"],
            Self::DeadLetters => &["dead-letters"],
            Self::All => &["executions", "events"],
        }
    }
}

impl Purge {
    pub(crate) async fn run(self, session: &Session) -> Result<Code, Failure> {
        // One moment for all steps.
        let older = moment(&self.older)?;
        if self.what == What::All && (self.status.is_some() || self.action.is_some()) {
            return Err(Failure::usage(
                "--status and --action are of one kind of things, and all are to be purged",
                "leave them out, or purge executions",
            ));
        }
        if !self.dry_run && !self.yes {
            let would = self.all(session, &older, true).await?;
            if is_nothing(would) {
                return Ok(self.tell(session, would));
            }
            confirmed(&format!("Delete {}?", amounts(would)))?;
        }
        let done = self.all(session, &older, self.dry_run).await?;
        Ok(self.tell(session, done))
    }

    /// All steps, added up.
    async fn all(&self, session: &Session, older: &str, is_trial: bool) -> Result<Purged, Failure> {
        let mut done = Purged { dry_run: is_trial, ..Purged::default() };
        for part in self.what.parts() {
            let mut body = self.body(part, older, is_trial);
            loop {
                let asked = Value::Object(body.clone());
                let answer = session.client.send_json(Method::POST, "/purge", &asked).await?;
                let step: Purged = read(&answer)?;
                add(&mut done, step);
                if !is_trial && session.form == Form::Text && step.next.is_some() {
                    print::progress(&format!("{} deleted", amounts(done)));
                }
                let Some(next) = step.next else { break };
                body.insert("after".into(), next.to_string().into());
            }
        }
        Ok(done)
    }

    /// The request for the first step.
    fn body(&self, part: &str, older: &str, is_trial: bool) -> Object {
        let mut body = Object::new();
        body.insert("what".into(), part.into());
        body.insert("timestamp_lt".into(), older.into());
        body.insert("dry_run".into(), is_trial.into());
        for (name, value) in [("status", &self.status), ("action", &self.action)] {
            if let Some(value) = value {
                body.insert(name.into(), value.as_str().into());
            }
        }
        body
    }

    fn tell(&self, session: &Session, done: Purged) -> Code {
        match session.form {
            Form::Json => print::json(&as_json(Purged { dry_run: self.dry_run, ..done })),
            Form::Text if self.dry_run && is_nothing(done) => print::note("nothing would be deleted"),
            Form::Text if self.dry_run => {
                print::note(&format!(
                    "{} would be deleted; leave out --dry-run to delete them",
                    amounts(done)
                ));
            }
            Form::Text => print::note(&format!("{} deleted", amounts(done))),
        }
        Code::Ok
    }
}

fn add(sum: &mut Purged, step: Purged) {
    sum.executions += step.executions;
    sum.trigger_instances += step.trigger_instances;
    sum.enforcements += step.enforcements;
}

fn is_nothing(purged: Purged) -> bool {
    purged.executions + purged.trigger_instances + purged.enforcements == 0
}

/// One document for programs, in the form of a step.
fn as_json(purged: Purged) -> Value {
    let Purged { executions, trigger_instances, enforcements, dry_run, .. } = purged;
    json!({
        "executions": executions, "trigger_instances": trigger_instances, "enforcements": enforcements,
        "dry_run": dry_run,
    })
}

/// The numbers in words.
fn amounts(purged: Purged) -> String {
    let all = [
        (purged.executions, "execution"),
        (purged.trigger_instances, "event"),
        (purged.enforcements, "enforcement"),
    ];
    let some: Vec<_> =
        all.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| counted(count, name)).collect();
    if some.is_empty() { "nothing".to_owned() } else { some.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_added_up_and_told_in_words() {
        let mut done = Purged::default();
        assert_eq!((amounts(done).as_str(), is_nothing(done)), ("nothing", true));
        add(&mut done, Purged { executions: 1, ..Purged::default() });
        add(&mut done, Purged { trigger_instances: 2, enforcements: 3, ..Purged::default() });
        assert_eq!(amounts(done), "1 execution, 2 events, 3 enforcements");
        assert_eq!(as_json(done)["trigger_instances"], 2);
    }
}
