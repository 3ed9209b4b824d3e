//! The children of this process: those that it has started, and orphans that came to it because it is the reaper.
//!
//! A reaper (`PR_SET_CHILD_SUBREAPER`) becomes the parent, in the place of init, of every process below it that loses
//! its parent. So whatever an execution has started stays below this process as long as both live, whatever its
//! session and environment. [`marks`](super::marks) says to which execution such a child belongs.
//!
//! A process may be below this one from the beginning, for example if a shell that had started daemons became the host
//! by `exec`. Orphans of such processes come to the reaper, too, and only the [`home`](super::home) distinguishes
//! them.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

use super::table::{self, Life, Process};

/// Children that this process has started and not waited for yet. A number may be in the list twice for a moment, if
/// the kernel reuses it at once.
static STARTED: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// Processes that were below this one before it became the reaper.
static INHERITED: OnceLock<BTreeSet<Life>> = OnceLock::new();

/// Whether orphans come to this process.
static IS_REAPER: AtomicBool = AtomicBool::new(false);

/// A child that this process has started. Must be kept until somebody has waited for it, since [`strays`] waits for all
/// children that are not registered so.
#[derive(Debug)]
pub(super) struct Started(Option<i32>);

impl Drop for Started {
    fn drop(&mut self) {
        let mut started = lock();
        if let Some(place) = started.iter().position(|id| Some(*id) == self.0) {
            started.swap_remove(place);
        }
    }
}

fn lock() -> MutexGuard<'static, Vec<i32>> {
    STARTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `start` and registers the child that it starts, whose number `id` returns. Every process that the host starts
/// must go through here.
///
/// # Errors
/// If no process was started.
pub(super) fn start<T>(
    start: impl FnOnce() -> io::Result<T>,
    id: impl FnOnce(&T) -> Option<u32>,
) -> io::Result<(Started, T)> {
    // Held while starting: otherwise a concurrent look would take the new child for an orphan.
    let mut started = lock();
    let child = start()?;
    let id = id(&child).and_then(|id| i32::try_from(id).ok());
    started.extend(id);
    drop(started);
    Ok((Started(id), child))
}

/// Makes this process the parent of orphans below it. Must be called before it starts any process.
///
/// # Errors
/// If the system has no reapers, or does not list children: then nobody could wait for them.
pub(super) fn become_reaper() -> io::Result<()> {
    all()?;
    INHERITED.get_or_init(|| families_below(&table::all()));
    set_child_subreaper(Some(getpid()))?;
    IS_REAPER.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether orphans of other programs come to this process, too: if it is the first process of its container, or already
/// had descendants when it became the reaper.
pub(super) fn gets_others() -> bool {
    getpid().is_init() || INHERITED.get().is_some_and(|inherited| !inherited.is_empty())
}

/// The processes of `all` that are below this one. `None` if orphans go elsewhere, so that some may be missing.
pub(super) fn below(all: &[Process]) -> Option<BTreeSet<Life>> {
    IS_REAPER.load(Ordering::Relaxed).then(|| families_below(all))
}

fn families_below(all: &[Process]) -> BTreeSet<Life> {
    let own = getpid().as_raw_pid();
    table::families(all, |process| process.parent == own)
}

/// The children that came to this process as orphans. Must be created after the list of processes that it is asked
/// about, so that it knows which of them were just started.
#[derive(Debug)]
pub(super) struct Strays {
    own: i32,
    started: Vec<i32>,
}

impl Strays {
    /// The orphans at present. `None` if orphans go elsewhere.
    pub(super) fn now() -> Option<Self> {
        IS_REAPER
            .load(Ordering::Relaxed)
            .then(|| Self { own: getpid().as_raw_pid(), started: lock().clone() })
    }

    /// Whether this process is an orphan that began after the host.
    pub(super) fn have(&self, process: &Process) -> bool {
        let is_inherited = INHERITED.get().is_some_and(|inherited| inherited.contains(&process.life));
        process.parent == self.own && self.have_child(process.life.id) && !is_inherited
    }

    /// Whether the child with this number is an orphan.
    fn have_child(&self, id: i32) -> bool {
        !self.started.contains(&id)
    }
}

/// Orphans, newest last. Those that have ended are waited for, as init would do, so they are returned this once; until
/// then they stay in the process table.
pub(super) fn strays() -> Vec<i32> {
    let all = all().unwrap_or_default();
    let Some(strays) = Strays::now() else { return Vec::new() };
    let came: Vec<i32> = all.into_iter().filter(|id| strays.have_child(*id)).collect();
    for id in came.iter().filter_map(|id| Pid::from_raw(*id)) {
        // `NOHANG`: one that still runs is left alone.
        let _ = waitpid(Some(id), WaitOptions::NOHANG);
    }
    came
}

/// The children of the main thread, including those that have ended. The kernel gives orphans to this thread, while a
/// child that was started belongs to the thread that started it.
fn all() -> io::Result<Vec<i32>> {
    let ids = std::fs::read_to_string(format!("/proc/self/task/{}/children", getpid().as_raw_pid()))?;
    Ok(ids.split_ascii_whitespace().filter_map(|id| id.parse().ok()).collect())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_was_started_is_no_stray_until_it_was_waited_for() {
        let own = getpid().as_raw_pid();
        let process = |id, parent| Process { life: Life { id, started_at: 0 }, parent };
        let is_stray = |id| Strays { own, started: lock().clone() }.have(&process(id, own));
        let (started, mut child) = start(|| Command::new("true").spawn(), |child| Some(child.id())).unwrap();
        let id = i32::try_from(child.id()).unwrap();
        assert!(!is_stray(id));
        assert!(child.wait().unwrap().success());
        drop(started);
        assert!(is_stray(id));
        assert!(!Strays { own, started: Vec::new() }.have(&process(id, 1)));
        assert!(start(|| Command::new("/no/such/program").spawn(), |child| Some(child.id())).is_err());
    }
}
