//! A store in memory that fails as the simulation demands: commits take a while, find no room, or the store is lost in the
//! middle of one. Each commit is reported to the [`Ledger`], which checks it.
//!
//! Like the embedded store it makes commits one after the other, each to its end although whoever asked for it has gone
//! away. What it does not do is to refuse one for a conflict that there is not: no real store does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use petrel_engine_core::Clock as _;
use petrel_persistence::{Commit, CommitError, Error, MemoryStore, Store as _};
use petrel_store_suite::{Altered, Difference};

use crate::clock::TurnedClock;
use crate::invariants::{self, events};
use crate::ledger::Ledger;
use crate::steps::Step;

/// What happens to the commits to come.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// So many take so long each.
    pub(crate) slow: (usize, Duration),
    /// So many of those that take in something new find no room.
    pub(crate) without_room: usize,
    /// After so many more the store is lost.
    pub(crate) lost_after: Option<usize>,
    /// Whether the commit in which that happens was made all the same.
    pub(crate) is_last_made: bool,
    /// Whether it is lost.
    pub(crate) is_lost: bool,
}

/// What happens to one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Made,
    WithoutRoom,
    Lost,
    MadeAndLost,
}

impl Faults {
    /// Takes up what a step asks for; other steps ask for nothing.
    pub(crate) fn ask_for(&mut self, step: &Step) {
        match *step {
            Step::Slow { commits, takes } => self.slow = (commits, takes),
            Step::WithoutRoom { commits } => self.without_room = commits,
            Step::Lose { after, is_made } => {
                self.lost_after = Some(after);
                self.is_last_made = is_made;
            }
            _ => {}
        }
    }

    /// How long the next commit takes, and what becomes of it.
    fn next(&mut self, takes_in: bool) -> (Duration, Fate) {
        if self.is_lost {
            return (Duration::ZERO, Fate::Lost);
        }
        let (slow, takes) = &mut self.slow;
        let takes = if *slow > 0 { *takes } else { Duration::ZERO };
        *slow = slow.saturating_sub(1);
        match self.lost_after.as_mut() {
            Some(0) => {
                self.is_lost = true;
                return (takes, if self.is_last_made { Fate::MadeAndLost } else { Fate::Lost });
            }
            Some(left) => *left -= 1,
            None => {}
        }
        if takes_in && self.without_room > 0 {
            self.without_room -= 1;
            return (takes, Fate::WithoutRoom);
        }
        (takes, Fate::Made)
    }
}

/// The store of one life of the host. Clones are the same one.
pub(crate) type FaultyStore = Altered<Life>;

/// What happens to the commits of one life of the host.
#[derive(Clone)]
pub(crate) struct Life(Arc<State>);

struct State {
    clock: Arc<TurnedClock>,
    ledger: Arc<Mutex<Ledger>>,
    faults: Mutex<Faults>,
    /// Held while a commit is made: they are made in the order in which they were handed over.
    turn: tokio::sync::Mutex<()>,
    underway: AtomicUsize,
}

impl Life {
    /// A life without faults, which tells `ledger`.
    pub(crate) fn new(clock: Arc<TurnedClock>, ledger: Arc<Mutex<Ledger>>) -> Self {
        let (faults, turn, underway) = (Mutex::default(), tokio::sync::Mutex::default(), AtomicUsize::new(0));
        Self(Arc::new(State { clock, ledger, faults, turn, underway }))
    }

    /// Changes what happens to the commits to come.
    pub(crate) fn fail(&self, change: impl FnOnce(&mut Faults)) {
        change(&mut self.0.faults.lock());
    }

    /// Whether the store is lost, so that the host is to end itself.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.faults.lock().is_lost
    }

    /// Whether no commit is on its way.
    pub(crate) fn is_calm(&self) -> bool {
        self.0.underway.load(Ordering::SeqCst) == 0
    }

    /// Whether something is to happen to commits to come.
    pub(crate) fn is_disturbed(&self) -> bool {
        let faults = self.0.faults.lock();
        faults.slow.0 > 0 || faults.without_room > 0 || faults.lost_after.is_some()
    }

    async fn make(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        let _turn = self.0.turn.lock().await;
        let (takes, fate) = self.0.faults.lock().next(commit.takes_in());
        if !takes.is_zero() {
            let clock = &self.0.clock;
            clock.sleep_until(clock.monotonic() + takes).await;
        }
        match fate {
            Fate::Made => self.write(below, commit).await,
            Fate::WithoutRoom => {
                Err(CommitError::NoRoom("the simulation has no room; it will have some later".into()))
            }
            Fate::Lost => Err(lost()),
            Fate::MadeAndLost => {
                self.write(below, commit).await?;
                Err(lost())
            }
        }
    }

    async fn write(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        let changes = commit.changes.clone();
        below.commit(commit).await?;
        let now = self.0.clock.now();
        let mut ledger = self.0.ledger.lock();
        let mut found = invariants::before(&ledger, &changes, now);
        found.extend(events::before(&ledger, &changes, now));
        ledger.take_in(&changes);
        found.extend(invariants::after(&ledger, &changes));
        ledger.violations.extend(found);
        Ok(())
    }
}

fn lost() -> CommitError {
    CommitError::Store(Error::Unavailable("the simulation has lost it; start the host again".into()))
}

#[async_trait]
impl Difference for Life {
    async fn commit(&self, below: &MemoryStore, commit: Commit) -> Result<(), CommitError> {
        let (life, below) = (self.clone(), below.clone());
        life.0.underway.fetch_add(1, Ordering::SeqCst);
        let made = tokio::spawn(async move {
            let made = life.make(&below, commit).await;
            life.0.underway.fetch_sub(1, Ordering::SeqCst);
            made
        });
        made.await.unwrap_or_else(|_gone| Err(lost()))
    }

    /// The same clock and ledger, and no faults.
    fn of_next_process(&self) -> Self {
        Self::new(Arc::clone(&self.0.clock), Arc::clone(&self.0.ledger))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_comes_when_it_was_asked_for_and_goes_again() {
        let takes = Duration::from_millis(5);
        let mut faults =
            Faults { slow: (1, takes), without_room: 1, lost_after: Some(3), ..Faults::default() };
        let fates: Vec<_> = [false, true, true, true, true].map(|takes_in| faults.next(takes_in)).into();
        let at_once = |fate| (Duration::ZERO, fate);
        let expected = [
            (takes, Fate::Made),
            at_once(Fate::WithoutRoom),
            at_once(Fate::Made),
            at_once(Fate::Lost),
            at_once(Fate::Lost),
        ];
        assert_eq!(fates, expected);
    }
}
