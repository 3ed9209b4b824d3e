//! `petrel pack dev`: builds a pack and registers it again whenever one of its files changes, and shows the runs of its actions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use petrel_api_types as wire;
use petrel_model::{ExecutionId, Timestamp};
use petrel_pack_build::places;
use petrel_pack_build::watch::Snapshot;
use petrel_packs::{Directory, read_pack};
use reqwest::Method;
use serde_json::{Value, json};

use super::super::session::{Items, Session, path_segment};
use super::build::built;
use super::dropped;
use super::outcome::tell_registration;
use super::wanted::Wanted;
use crate::client::{Connection, read};
use crate::exit::{Code, Failure};
use crate::print::{self, Form};

/// The pause between two looks at the files and at the host.
const PAUSE: Duration = Duration::from_millis(500);
/// The number of the host's latest runs among which those of the pack are looked for.
const MOST_RUNS: usize = 100;

/// The pack to watch.
#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// The directory with pack.yaml
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Grant what the pack asks for, apart from directories
    #[arg(long)]
    grant: bool,
}

impl Dev {
    pub(super) async fn run(self, connection: &Connection, form: Form) -> Result<Code, Failure> {
        form.must_be_text("pack dev", "what happens until ^C")?;
        let session = Session::open(connection, form)?;
        // A mistake in the command is told at once, and so is a host that is not there; what is wrong with a file is not the end.
        if let Some(mistaken) = super::typed::mistaken("dev", &self.directory) {
            return Err(mistaken);
        }
        session.client.get("/status").await?;
        let directory = self.directory.canonicalize();
        let directory =
            directory.map_err(|error| super::wanted::unreadable("dev", &self.directory, &error))?;
        let (mut runs, mut absence) = (Runs::default(), Absence::default());
        runs.skip(&session).await?;
        let mut seen = Snapshot::of(&directory);
        // What the build itself writes is no change, and what is changed while it builds is one.
        seen.take(&self.take_up(&session, &directory, &mut runs, &mut absence).await);
        print::note(&format!("watching {}; ^C ends it", directory.display()));
        tell_cut(&seen, false);
        loop {
            tokio::time::sleep(PAUSE).await;
            let now = Snapshot::of(&directory);
            tell_cut(&now, seen.is_cut());
            let changed = now.changed_since(&seen);
            if let Some(file) = changed {
                let within = file.strip_prefix(&directory).unwrap_or(file).display();
                print::line(&format!("changed: {within}"));
            }
            if changed.is_some() || absence.is_due() {
                seen = now;
                seen.take(&self.take_up(&session, &directory, &mut runs, &mut absence).await);
            }
            if let Some(failure) = absence.look(runs.show(&session).await) {
                print::failure(Form::Text, &failure);
            }
        }
    }

    /// Builds the pack, if there is something to build, and registers it. A failure is told, and is not the end. Gives the
    /// files that were written beside the component.
    async fn take_up(
        &self,
        session: &Session,
        directory: &Path,
        runs: &mut Runs,
        absence: &mut Absence,
    ) -> Vec<PathBuf> {
        let mut written = Vec::new();
        let done = async {
            // A pack without a component is one of rules, workflows or scripts.
            if places::sources(directory).is_dir() {
                let built = Box::pin(built(directory)).await?;
                print::line(&built.told());
                written = built.metadata;
            }
            let wanted = Wanted::of(directory, Vec::new())?.granting(self.grant);
            let answer = session.client.send_json(Method::POST, "/packs/register", &json!(wanted)).await?;
            dropped::by_registration(&answer);
            tell_registration(session.form, &answer)
        };
        let done = done.await;
        absence.has_missed = done.as_ref().is_err_and(|failure| failure.code == Code::Server);
        if let Err(failure) = done {
            print::failure(Form::Text, &failure);
        }
        if let Some(actions) = actions(directory) {
            runs.actions = actions;
        }
        written
    }
}

/// What is known of a host that is away for a while.
#[derive(Debug, Default)]
struct Absence {
    /// The failure that was told; empty while the host answers.
    told: String,
    /// Whether the last registration did not reach the host.
    has_missed: bool,
    /// Whether the host answers again.
    is_over: bool,
}

impl Absence {
    /// Notes what a look at the host has brought. Gives a failure that was not told before.
    fn look(&mut self, looked: Result<(), Failure>) -> Option<Failure> {
        match looked {
            Ok(()) => {
                self.is_over |= !self.told.is_empty();
                self.told.clear();
                None
            }
            Err(failure) if self.told == failure.message => None,
            Err(failure) => {
                self.told.clone_from(&failure.message);
                Some(failure)
            }
        }
    }

    /// Whether the host is to have the pack once more, since it missed it and is back.
    fn is_due(&mut self) -> bool {
        std::mem::take(&mut self.is_over) && self.has_missed
    }
}

/// The runs of the pack's actions that have been shown.
#[derive(Debug, Default)]
struct Runs {
    /// Only those that are requested after this are shown.
    after: Option<Timestamp>,
    /// Those of the latest that have ended and were shown.
    shown: BTreeSet<ExecutionId>,
    /// The references of the pack's actions.
    actions: BTreeSet<String>,
}

impl Runs {
    /// Leaves out what has run before.
    async fn skip(&mut self, session: &Session) -> Result<(), Failure> {
        let answer =
            session.client.list("/executions?limit=1&sort_desc=true&exclude_attributes=result").await?;
        let newest = found(&answer)?.into_iter().next();
        self.after = newest.map(|execution| execution.start_timestamp);
        Ok(())
    }

    /// Shows the runs that have ended since the last look, the oldest first, each with its output.
    async fn show(&mut self, session: &Session) -> Result<(), Failure> {
        let path = format!("/executions?limit={MOST_RUNS}&sort_desc=true&exclude_attributes=result");
        let latest = found(&session.client.list(&path).await?)?;
        // What is not among the latest any more does not come again.
        self.shown.retain(|id| latest.iter().any(|one| one.id == *id));
        for one in latest.iter().rev() {
            let is_new = one.status.is_final() && self.after.is_none_or(|after| one.start_timestamp > after);
            if is_new && self.actions.contains(one.action.reference()) && self.shown.insert(one.id) {
                tell(session, one).await?;
            }
        }
        Ok(())
    }
}

/// Tells once that there is more in the pack than is watched.
fn tell_cut(now: &Snapshot, was_cut: bool) {
    if now.is_cut() && !was_cut {
        print::note(
            "note: there is more in the pack, or behind its links, than is watched (20,000 files and directories, 32 levels); changes of the rest are not noticed",
        );
    }
}

/// Shows a run that has ended: its output, and its result.
async fn tell(session: &Session, ended: &wire::Execution<'_>) -> Result<(), Failure> {
    let id = ended.id.to_string();
    print::line(&format!("{} {id}: {}", ended.action.reference(), ended.status));
    let path = format!("/executions/{}", path_segment(&id));
    let output = session.client.get_text(&format!("{path}/output")).await?;
    output.lines().for_each(|line| print::line(&format!("  {line}")));
    let answer = session.client.get(&path).await?;
    let whole = read::<wire::Execution<'_>>(&answer)?;
    print::line(&format!("  {}", whole.result));
    Ok(())
}

/// The references of the pack's actions. `None` while its files cannot be read.
fn actions(directory: &Path) -> Option<BTreeSet<String>> {
    let contents = read_pack(&Directory::open(directory).ok()?).ok()?;
    Some(contents.actions.iter().map(|action| action.reference.to_string()).collect())
}

/// The executions of a listing that can be read.
fn found(answer: &Value) -> Result<Vec<wire::Execution<'static>>, Failure> {
    let items = read::<Items<wire::Execution<'static>>>(answer)?;
    let readable = items.into_iter().filter_map(|item| match item {
        wire::Item::Found(execution) => Some(execution),
        wire::Item::Lost(_) => None,
    });
    Ok(readable.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_back_has_what_it_missed_and_its_absence_is_told_once() {
        let away = || Err(Failure::new(Code::Server, "unreachable", "nobody answers", ""));
        for (has_missed, looks, told, is_due) in [
            (false, vec![Ok(()), Ok(())], 0, false),
            (true, vec![away(), away()], 1, false),
            (true, vec![away(), away(), Ok(())], 1, true),
            (false, vec![away(), Ok(())], 1, false),
            (true, vec![away(), Ok(()), away()], 2, true),
        ] {
            let mut absence = Absence { has_missed, ..Absence::default() };
            let found = looks.into_iter().filter_map(|look| absence.look(look)).count();
            assert_eq!((found, absence.is_due()), (told, is_due), "{has_missed} {told}");
            assert!(!absence.is_due(), "once");
        }
    }
}
