//! Finds processes that an execution has left behind, wherever they have gone, and ends them. By what they are known is
//! said in [`marks`](super::marks).
//!
//! All processes of the machine are looked at, which takes milliseconds: so this is for executions that did not end as
//! they should, and never for the others. Who starts another and ends, again and again, may be gone whenever all are
//! looked at; but the one that is there then always is a child of the reaper, and is hunted among those ([`hunt`]).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::group::signal;
use super::identity::Identity;
use super::marks::{Marks, Search};
use super::table::{self, Life, Process};
use super::{children, home};

/// How often is looked again for what was started while others were being ended.
const ROUNDS: usize = 10;
/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(5);
/// How often a hunt looks. The fastest are caught within a hundred.
const LOOKS: usize = 2000;
/// How long and how often a hunt waits for those that it has killed: who was ending already may have started another.
const SHORT_PAUSE: Duration = Duration::from_millis(1);
const SHORT_PAUSES: usize = 20;

/// Kills what an earlier process, over the same data directory, has started for the given executions and is still there.
/// To be called before this one starts anything. Returns how many processes there were.
pub fn end_leftovers(executions: &[String]) -> usize {
    let marks = Marks::of(executions, Identity::own(), Search::Left);
    in_rounds(|| {
        let ended = end(|all, known| marks.families(all, known));
        ended.max(hunt(home::others, |id| marks.say(id)))
    })
}

/// How to know the processes of an execution that began at the tick `began` and is about to be ended: also by who is
/// below `leader` now. To be asked before anything is ended, since who loses its parent is below nobody.
pub(super) async fn look(execution: &str, leader: Option<Pid>, began: u64) -> Marks {
    let marks = Marks::of(&[execution.to_owned()], Identity::own(), Search::Since(began));
    let Some(leader) = leader.map(Pid::as_raw_pid) else { return marks };
    let below = move || table::families(&table::all(), |process| process.life.id == leader);
    let seen = tokio::task::spawn_blocking(below);
    marks.with_seen(seen.await.unwrap_or_default())
}

/// Ends everything that has these marks.
pub(super) async fn end_all(marks: Marks) {
    until_none_is_left(move || {
        let ended = end(|all, known| marks.families(all, known));
        ended.max(hunt(children::strays, |id| marks.say(id)))
    })
    .await;
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
    tokio::task::spawn_blocking(move || in_rounds(once)).await.unwrap_or_default()
}

/// Does it until it says that there was nobody. Returns how many there were at most.
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

/// Kills those of a short list that belong to us, each as soon as it is seen, until a look finds nobody new. Returns how
/// many were killed.
fn hunt(look: impl Fn() -> Vec<i32>, is_ours: impl Fn(i32) -> bool) -> usize {
    let mut killed: BTreeMap<i32, bool> = BTreeMap::new();
    let mut pauses = 0;
    for _ in 0..LOOKS {
        let found = look();
        let known = killed.len();
        // The newest first: it has the least time to start the next.
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
