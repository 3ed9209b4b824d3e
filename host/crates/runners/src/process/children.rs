//! The children of this process: those that it has started, and those that came to it because it is the reaper.
//!
//! A reaper (`PR_SET_CHILD_SUBREAPER`) gets what otherwise goes to init: every process below it that loses its parent.
//! So whatever an execution has started is below this process for as long as both live, in whatever session and with
//! whatever environment. To which execution such a child belongs is said in [`marks`](super::marks).
//!
//! What was below this process before it began is somebody else's: a shell that has started daemons may have become the
//! host by `exec`. What those lose comes to this process too, and nothing but the [`home`](super::home) tells it apart.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

use super::table::{self, Life, Process};

/// Those that this process has started and not waited for yet. A number may be in it twice for a moment, when it is used
/// again at once.
static STARTED: Mutex<Vec<i32>> = Mutex::new(Vec::new());

/// What was below this process before it became the reaper.
static INHERITED: OnceLock<BTreeSet<Life>> = OnceLock::new();

/// Whether orphans come to this process.
static IS_REAPER: AtomicBool = AtomicBool::new(false);

/// A child that this process has started. To be kept until it was waited for, since only the others are waited for here.
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

/// Does `start`, and remembers what it has started, whose number `id` says. Everything that this process starts is
/// started so.
///
/// # Errors
/// When nothing was started.
pub(super) fn start<T>(
    start: impl FnOnce() -> io::Result<T>,
    id: impl FnOnce(&T) -> Option<u32>,
) -> io::Result<(Started, T)> {
    // Held over the start: who looks meanwhile would take the new child for one that came by itself.
    let mut started = lock();
    let child = start()?;
    let id = id(&child).and_then(|id| i32::try_from(id).ok());
    started.extend(id);
    drop(started);
    Ok((Started(id), child))
}

/// Has all that loses its parent below this process become its child. To be called before it starts anything.
///
/// # Errors
/// When this system has no reapers, or does not show what children there are: nobody could wait for them.
pub(super) fn become_reaper() -> io::Result<()> {
    all()?;
    INHERITED.get_or_init(|| families_below(&table::all()));
    set_child_subreaper(Some(getpid()))?;
    IS_REAPER.store(true, Ordering::Relaxed);
    Ok(())
}

/// Whether also those come to this process that somebody else has started: it is the first of its container, or had
/// something below it before it began.
pub(super) fn gets_others() -> bool {
    getpid().is_init() || INHERITED.get().is_some_and(|inherited| !inherited.is_empty())
}

/// Those of `all` that are below this process; `None` where orphans go elsewhere, so that it has started others too.
pub(super) fn below(all: &[Process]) -> Option<BTreeSet<Life>> {
    IS_REAPER.load(Ordering::Relaxed).then(|| families_below(all))
}

fn families_below(all: &[Process]) -> BTreeSet<Life> {
    let own = getpid().as_raw_pid();
    table::families(all, |process| process.parent == own)
}

/// Which of the children of this process came to it by themselves. To be made after the look at the processes that it
/// is asked about, so that it knows those among them that were just started.
#[derive(Debug)]
pub(super) struct Strays {
    own: i32,
    started: Vec<i32>,
}

impl Strays {
    /// As it is now; `None` where orphans go elsewhere.
    pub(super) fn now() -> Option<Self> {
        IS_REAPER
            .load(Ordering::Relaxed)
            .then(|| Self { own: getpid().as_raw_pid(), started: lock().clone() })
    }

    /// Whether a process did, after this one had begun.
    pub(super) fn have(&self, process: &Process) -> bool {
        let is_inherited = INHERITED.get().is_some_and(|inherited| inherited.contains(&process.life));
        process.parent == self.own && self.have_child(process.life.id) && !is_inherited
    }

    /// Whether the child with this number did.
    fn have_child(&self, id: i32) -> bool {
        !self.started.contains(&id)
    }
}

/// Those who came by themselves, the newest last. Those among them who have ended are waited for, as init would, and
/// so are seen this once; until then they stay in the table of processes.
pub(super) fn strays() -> Vec<i32> {
    let all = all().unwrap_or_default();
    let Some(strays) = Strays::now() else { return Vec::new() };
    let came: Vec<i32> = all.into_iter().filter(|id| strays.have_child(*id)).collect();
    for id in came.iter().filter_map(|id| Pid::from_raw(*id)) {
        // One that still runs is not waited for.
        let _ = waitpid(Some(id), WaitOptions::NOHANG);
    }
    came
}

/// The children of the main thread, ended or not. Orphans come to this thread, while those that were started belong to the
/// thread that did it.
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
