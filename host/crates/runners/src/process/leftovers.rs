//! Finds processes that an execution has left behind, wherever they have gone, and ends them.
//!
//! A process belongs to an execution if it has its id in its environment, has its [`Seal`], was seen below the
//! process that the execution began with, or descends from one that belongs to it. So neither a session of its own,
//! nor an empty environment, nor a parent that has ended hides it; a process id that was used again does no harm. All
//! processes of the machine are looked at, which takes milliseconds: so this is for executions that did not end as
//! they should, and never for the others.
//!
//! Who has taken off all marks and has lost its parent belongs to whoever is being ended and could have started it
//! ([`Bare`]): it is below this process ([`children`](super::children)), or in its [`home`], and shows nothing by which
//! it could be another's.

use std::collections::BTreeSet;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::children::Strays;
use super::group::signal;
use super::seal::Seal;
use super::table::{self, Life, Process};
use super::{EXECUTION_VARIABLE, home};

/// How often is looked again for what was started while others were being ended.
const ROUNDS: usize = 10;
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(5);

/// By what processes of executions are told from all others.
#[derive(Debug, Clone, Default)]
pub(super) struct Marks {
    executions: BTreeSet<String>,
    seals: BTreeSet<Seal>,
    /// They were below the first process of an execution.
    seen: BTreeSet<Life>,
    bare: Bare,
}

/// Which processes without any mark belong to them too.
#[derive(Debug, Clone, Copy, Default)]
enum Bare {
    #[default]
    None,
    /// Those that came to this process by themselves, and began at this tick or later.
    StraysSince(u64),
    /// Those in the home of this process that have lost their parent; it has started nothing itself yet.
    InHome,
}

impl Bare {
    fn among(self, all: &[Process]) -> BTreeSet<Life> {
        let candidates: Vec<&Process> = match self {
            Self::None => Vec::new(),
            Self::StraysSince(tick) => Strays::now().map_or_else(Vec::new, |strays| {
                let began_since = all.iter().filter(|one| one.life.started_at >= tick);
                began_since.filter(|one| strays.has(one.life.id, one.parent)).collect()
            }),
            Self::InHome => {
                let members = home::members();
                let inside = all.iter().filter(|one| members.contains(&one.life.id));
                // Whose parent lives belongs to that one: a service may do with its limits as it likes.
                inside.filter(|one| !members.contains(&one.parent)).collect()
            }
        };
        candidates.into_iter().map(|one| one.life).filter(|life| is_bare(life.id)).collect()
    }
}

impl Marks {
    fn of(executions: &[String]) -> Self {
        let seals = executions.iter().map(|execution| Seal::of(execution)).collect();
        Self { executions: executions.iter().cloned().collect(), seals, ..Self::default() }
    }

    /// All that belongs to the executions, and to those that are known to.
    fn families(&self, all: &[Process], known: &BTreeSet<Life>) -> BTreeSet<Life> {
        let bare = self.bare.among(all);
        table::families(all, |process| {
            known.contains(&process.life) || bare.contains(&process.life) || self.are_on(process)
        })
    }

    fn are_on(&self, process: &Process) -> bool {
        self.seen.contains(&process.life)
            || Seal::on(process.life.id).is_some_and(|seal| self.seals.contains(&seal))
            || named_in(&environment_of(process.life.id)).any(|name| self.executions.contains(name))
    }
}

/// Whether a process bears no mark of any execution.
fn is_bare(process: i32) -> bool {
    Seal::is_off(process) && named_in(&environment_of(process)).next().is_none()
}

/// The environment of a process; nothing when it has gone, or is another user's.
fn environment_of(process: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

/// The executions that an environment names.
fn named_in(environment: &[u8]) -> impl Iterator<Item = &str> {
    environment.split(|byte| *byte == 0).filter_map(|variable| {
        std::str::from_utf8(variable).ok()?.strip_prefix(EXECUTION_VARIABLE)?.strip_prefix('=')
    })
}

/// Kills what an earlier process has started for the given executions and is still there. To be called before this one
/// starts anything. Returns how many processes there were.
pub fn end_leftovers(executions: &[String]) -> usize {
    let marks = Marks { bare: Bare::InHome, ..Marks::of(executions) };
    end(|all, known| marks.families(all, known))
}

/// How to know the processes of an execution that began at the tick `began` and is about to be ended: also by who is
/// below `leader` now. To be asked before anything is ended, since who loses its parent is below nobody.
pub(super) async fn look(execution: &str, leader: Option<Pid>, began: u64) -> Marks {
    let marks = Marks { bare: Bare::StraysSince(began), ..Marks::of(&[execution.to_owned()]) };
    let Some(leader) = leader.map(Pid::as_raw_pid) else { return marks };
    let below = move || table::families(&table::all(), |process| process.life.id == leader);
    let seen = tokio::task::spawn_blocking(below);
    Marks { seen: seen.await.unwrap_or_default(), ..marks }
}

/// Ends everything that has these marks.
pub(super) async fn end_all(marks: Marks) {
    until_none_is_left(move || end(|all, known| marks.families(all, known))).await;
}

/// Ends who holds one of these pipes open besides this process; `pipes` are their numbers. Only what an execution has
/// started comes to hold its pipes, whatever else is known of it. Who was started by a holder and has let go of them
/// lives on. Returns how many held one.
pub(super) async fn end_holders(pipes: Vec<u64>) -> usize {
    let find =
        move |all: &[Process]| all.iter().filter(|one| holds(one, &pipes)).map(|one| one.life).collect();
    until_none_is_left(move || end(|all, _known| find(all))).await
}

async fn until_none_is_left(once: impl Fn() -> usize + Send + 'static) -> usize {
    let ended = tokio::task::spawn_blocking(move || {
        let mut most = 0;
        for _ in 0..ROUNDS {
            match once() {
                0 => break,
                count => most = most.max(count),
            }
            std::thread::sleep(PAUSE);
        }
        most
    });
    ended.await.unwrap_or_default()
}

/// Kills whom `find` finds among all processes, given whom it has found before. They are stopped first, until nobody
/// new is found: who is stopped starts nothing, and who is killed leaves no children behind that nobody knows.
fn end(find: impl Fn(&[Process], &BTreeSet<Life>) -> BTreeSet<Life>) -> usize {
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = find(&table::all(), &stopped);
        let new: Vec<Life> = found.difference(&stopped).copied().collect();
        if new.is_empty() {
            break;
        }
        for id in new.iter().filter_map(|life| Pid::from_raw(life.id)) {
            // It may have gone, which is what we want.
            let _ = kill_process(id, Signal::STOP);
        }
        stopped.extend(new);
    }
    for id in stopped.iter().filter_map(|life| Pid::from_raw(life.id)) {
        signal(Some(id), Signal::KILL);
        // It may lead no group; or it is gone, which is what we want.
        let _ = kill_process(id, Signal::KILL);
    }
    stopped.len()
}

/// Whether a process has one of the pipes open.
fn holds(process: &Process, pipes: &[u64]) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", process.life.id)) else { return false };
    files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| {
        let number = target.to_str().and_then(|text| text.strip_prefix("pipe:[")?.strip_suffix(']'));
        number.and_then(|number| number.parse().ok()).is_some_and(|number: u64| pipes.contains(&number))
    })
}
