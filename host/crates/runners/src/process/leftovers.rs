//! Finds processes that an execution has left behind, wherever they have gone, and ends them. [`marks`](super::marks)
//! decides which processes belong to it.
//!
//! A search reads all processes of the machine, which takes milliseconds; so only executions that did not end normally
//! are searched for. A process that forks and exits again and again may be missed by every search; but its latest
//! incarnation is always a child of the reaper, and is hunted among those ([`hunt`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::group::signal;
use super::identity::Identity;
use super::marks::{Marks, Search};
use super::table::{self, Life, Process};
use super::{children, home};

/// Number of searches for processes that were started while others were being killed.
const ROUNDS: usize = 10;
/// Pause between searches.
const PAUSE: Duration = Duration::from_millis(5);
/// Number of looks of a hunt. In tests the fastest forking process was caught within a hundred.
const LOOKS: usize = 2000;
/// Pause, and number of pauses, in which a hunt waits for the processes that it has killed: one that was exiting
/// already may have started another.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
const SHORT_PAUSES: usize = 20;

/// Kills processes of the given executions that an earlier host over the same data directory has left running. Must be
/// called before this host starts any process. Returns their number.
pub fn end_leftovers(executions: &[String]) -> usize {
    let marks = Marks::of(executions, Identity::own(), Search::Leftovers);
    in_rounds(|| {
        let ended = end(|all, known| marks.families(all, known));
        // A search finds whole families; the hunt catches processes that fork faster than a search.
        ended.max(hunt(home::others, |id| marks.match_id(id)))
    })
}

/// The marks of an execution that began at the tick `began`, including the processes below `leader` at present. Must be
/// called before the execution is ended, since a process that loses its parent is no longer below the leader.
pub(super) async fn look(execution: &str, leader: Option<Pid>, began: u64) -> Marks {
    let marks = Marks::of(&[execution.to_owned()], Identity::own(), Search::Since(began));
    let Some(leader) = leader.map(Pid::as_raw_pid) else { return marks };
    let below = move || table::families(&table::all(), |process| process.life.id == leader);
    let seen = tokio::task::spawn_blocking(below);
    marks.with_seen(seen.await.unwrap_or_default())
}

/// Kills every process with these marks.
pub(super) async fn end_all(marks: Marks) {
    until_none_is_left(move || {
        let ended = end(|all, known| marks.families(all, known));
        ended.max(hunt(children::strays, |id| marks.match_id(id)))
    })
    .await;
}

/// Kills every other process that holds one of these pipes open; `pipes` are their inode numbers. Only processes of the
/// execution can hold its pipes, whatever marks they have. A descendant that has closed them lives on. Returns the
/// number of holders.
pub(super) async fn end_holders(pipes: Vec<u64>) -> usize {
    let find =
        move |all: &[Process]| all.iter().filter(|one| holds(one, &pipes)).map(|one| one.life).collect();
    until_none_is_left(move || end(|all, _known| find(all))).await
}

async fn until_none_is_left(once: impl Fn() -> usize + Send + 'static) -> usize {
    tokio::task::spawn_blocking(move || in_rounds(once)).await.unwrap_or_default()
}

/// Repeats `once` until it finds no process. Returns the largest number that it found.
fn in_rounds(once: impl Fn() -> usize) -> usize {
    let mut most = 0;
    for _ in 0..ROUNDS {
        match once() {
            0 => break,
            count => most = most.max(count),
        }
        std::thread::sleep(PAUSE);
    }
    most
}

/// Kills the processes that `find` selects, given those that it selected before. They are stopped first, until a search
/// finds no new one: a stopped process starts nothing, so none can leave an unknown child behind when it is killed.
fn end(find: impl Fn(&[Process], &BTreeSet<Life>) -> BTreeSet<Life>) -> usize {
    let mut stopped = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = find(&table::all(), &stopped);
        let new: Vec<Life> = found.difference(&stopped).copied().collect();
        if new.is_empty() {
            break;
        }
        for id in new.iter().filter_map(|life| Pid::from_raw(life.id)) {
            // An error means that the process has already gone.
            let _ = kill_process(id, Signal::STOP);
        }
        stopped.extend(new);
    }
    for id in stopped.iter().filter_map(|life| Pid::from_raw(life.id)) {
        signal(Some(id), Signal::KILL);
        // An error means that it leads no group, or has already gone.
        let _ = kill_process(id, Signal::KILL);
    }
    stopped.len()
}

/// Kills processes of a short list that belong to us, each as soon as it is seen, until a look finds no new one.
/// Returns their number.
fn hunt(look: impl Fn() -> Vec<i32>, is_ours: impl Fn(i32) -> bool) -> usize {
    let mut killed: BTreeMap<i32, bool> = BTreeMap::new();
    let mut pauses = 0;
    for _ in 0..LOOKS {
        let found = look();
        let known = killed.len();
        // Newest first: it has had the least time to start the next one.
        for id in found.iter().rev() {
            killed.entry(*id).or_insert_with(|| {
                is_ours(*id) && Pid::from_raw(*id).is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
            });
        }
        if killed.len() > known {
            continue;
        }
        if pauses == SHORT_PAUSES || !found.iter().any(|id| killed.get(id) == Some(&true)) {
            break;
        }
        pauses += 1;
        std::thread::sleep(SHORT_PAUSE);
    }
    killed.into_values().filter(|is_killed| *is_killed).count()
}

/// Whether a process has one of the pipes open.
fn holds(process: &Process, pipes: &[u64]) -> bool {
    let Ok(files) = std::fs::read_dir(format!("/proc/{}/fd", process.life.id)) else { return false };
    files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).any(|target| {
        let number = target.to_str().and_then(|text| text.strip_prefix("pipe:[")?.strip_suffix(']'));
        number.and_then(|number| number.parse().ok()).is_some_and(|number: u64| pipes.contains(&number))
    })
}
