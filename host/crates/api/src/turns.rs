//! Turns at reading. A worker of the runtime does nothing else while it reads and decodes rows, so only a few requests
//! read at once, and the workers are left for everything else. The others wait in line without holding anything. Users
//! take turns, so that a user who asks for much does not delay one who asks for little. Health pages, webhooks and
//! requests that change something need no turn.
//!
//! There are two lines. A *glance* is short: at a single object, or at the start of a list, whose size is not known
//! before. A list that turns out to be large ends its glance and waits for a turn in the other line, which it keeps for
//! long. So nobody waits for a large list but who asks for one.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use petrel_engine::Error;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Bytes of items that are read, or written in one go, for a list without a turn.
pub(crate) const WITHOUT_TURN: usize = 256 << 10;
/// The time that a request waits in line.
const PATIENCE: Duration = Duration::from_secs(10);
/// The greatest number of requests of one user, and of all users, that wait for turns at large lists.
const MOST: Bounds = Bounds { of_user: 64, of_all: 512 };
/// The greatest number of requests that wait for glances, which are short.
const MOST_GLANCES: Bounds = Bounds { of_user: 512, of_all: 2048 };

/// The greatest length of a line, in requests.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    of_user: usize,
    of_all: usize,
}

/// Turns at reading, and the line of those who wait for one. The default has turns at large lists.
pub struct Turns {
    state: Mutex<State>,
    most: Bounds,
    /// The time that a request waits in line.
    patience: Duration,
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Turns").field("free", &state.free).field("users", &state.line.len()).finish()
    }
}

struct State {
    /// The number of free turns. While there are any, the line is empty.
    free: usize,
    /// The waiting requests, by user; the user who is next comes first.
    line: VecDeque<(String, VecDeque<oneshot::Sender<Turn>>)>,
}

impl Default for Turns {
    fn default() -> Self {
        Self::new(at_once(), PATIENCE)
    }
}

/// One turn for every two processors, which leaves the others for everything else.
fn at_once() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (processors / 2).max(1)
}

impl Turns {
    /// Turns at glances.
    pub fn at_glances() -> Self {
        Self { most: MOST_GLANCES, ..Self::new(at_once(), PATIENCE) }
    }

    /// `free` turns at large lists, for each of which a request waits up to `patience`.
    fn new(free: usize, patience: Duration) -> Self {
        Self { state: Mutex::new(State { free, line: VecDeque::new() }), most: MOST, patience }
    }

    /// Refuses a request of `user` that would find the line full, before it has read anything in vain.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many requests wait.
    pub(crate) fn refuse_if_full(&self, user: &str) -> Result<(), Error> {
        let mut state = self.state();
        if state.free > 0 || state.has_place(user, self.most) { Ok(()) } else { Err(full()) }
    }

    /// Waits for a turn of `user`, which ends when it is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many requests wait, or when the wait takes too long.
    pub(crate) async fn take(self: &Arc<Self>, user: &str) -> Result<Turn, Error> {
        let called = {
            let mut state = self.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(Arc::clone(self))));
            }
            state.enter(user, self.most)?
        };
        match timeout(self.patience, called).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(busy("the request waited too long for its turn to read")),
        }
    }

    /// A turn, if one is free.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Turn> {
        let mut state = self.state();
        state.free = state.free.checked_sub(1)?;
        Some(Turn(Some(Arc::clone(self))))
    }

    /// Gives `turn` of `user` to whoever waits for one, and waits for another. Nothing happens while nobody waits.
    ///
    /// # Errors
    /// As [`Turns::take`].
    pub(crate) async fn let_others(self: &Arc<Self>, turn: Turn, user: &str) -> Result<Turn, Error> {
        if !self.state().is_awaited() {
            return Ok(turn);
        }
        drop(turn);
        self.take(user).await
    }

    /// Waits for a turn of `user` at writing a list from memory, which is written in one go, if its estimated `bytes` are
    /// too many to do without.
    ///
    /// # Errors
    /// As [`Turns::take`].
    pub(crate) async fn take_for(self: &Arc<Self>, user: &str, bytes: usize) -> Result<Option<Turn>, Error> {
        if bytes <= WITHOUT_TURN { Ok(None) } else { self.take(user).await.map(Some) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a turn that has ended to the next request.
    fn pass_on(self: &Arc<Self>) {
        let mut state = self.state();
        while let Some(next) = state.next() {
            match next.send(Turn(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // The client has gone, so this turn must not be passed on again when it is dropped.
                Err(mut turn) => turn.0 = None,
            }
        }
        state.free += 1;
    }
}

impl State {
    /// Whether anybody waits who has not gone.
    fn is_awaited(&self) -> bool {
        self.line.iter().any(|(_, waiting)| waiting.iter().any(|one| !one.is_closed()))
    }

    /// Whether one more request of `user` may wait.
    fn has_place(&mut self, user: &str, most: Bounds) -> bool {
        // Requests whose clients have gone do not count.
        for (_, waiting) in &mut self.line {
            waiting.retain(|one| !one.is_closed());
        }
        self.line.retain(|(_, waiting)| !waiting.is_empty());
        let all: usize = self.line.iter().map(|(_, waiting)| waiting.len()).sum();
        let own = self.line.iter().find(|(known, _)| known == user);
        // The first request of a user always finds a place, so that others who ask for much lock nobody out.
        own.is_none_or(|(_, waiting)| all < most.of_all && waiting.len() < most.of_user)
    }

    /// Puts one more request of `user` in line.
    fn enter(&mut self, user: &str, most: Bounds) -> Result<oneshot::Receiver<Turn>, Error> {
        if !self.has_place(user, most) {
            return Err(full());
        }
        let (caller, called) = oneshot::channel();
        match self.line.iter_mut().find(|(known, _)| known == user) {
            Some((_, waiting)) => waiting.push_back(caller),
            None => self.line.push_back((user.to_owned(), VecDeque::from([caller]))),
        }
        Ok(called)
    }

    /// The next request: one of the user whose last turn is longest ago.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let (user, mut waiting) = self.line.pop_front()?;
        let next = waiting.pop_front();
        if !waiting.is_empty() {
            self.line.push_back((user, waiting));
        }
        next
    }
}

fn full() -> Error {
    busy("no more can wait")
}

fn busy(why: &str) -> Error {
    Error::Busy(format!("many lists and objects are being read, and {why}"))
}

/// A turn, until it is dropped.
pub(crate) struct Turn(Option<Arc<Turns>>);

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A waiting request of `user`, which notes its user when its turn comes and ends the turn at once.
    fn wait(
        turns: &Arc<Turns>,
        user: &'static str,
        order: &Arc<Mutex<Vec<&'static str>>>,
    ) -> tokio::task::JoinHandle<()> {
        let (turns, order) = (Arc::clone(turns), Arc::clone(order));
        tokio::spawn(async move {
            let _turn = turns.take(user).await.unwrap();
            order.lock().unwrap().push(user);
        })
    }

    #[tokio::test]
    async fn who_asks_for_many_is_behind_who_asks_for_one() {
        let (turns, order) = (Arc::new(Turns::new(1, PATIENCE)), Arc::default());
        let held = turns.take("ann").await.unwrap();
        let mut waiting = Vec::new();
        for user in ["ann", "ann", "ann", "bob"] {
            waiting.push(wait(&turns, user, &order));
            tokio::task::yield_now().await;
        }
        drop(held);
        for one in waiting {
            one.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["ann", "bob", "ann", "ann"]);
        assert_eq!(turns.state().free, 1);
    }

    #[tokio::test]
    async fn the_line_has_an_end_and_who_has_gone_is_not_in_it() {
        let turns = Arc::new(Turns::new(1, PATIENCE));
        let held = turns.take("ann").await.unwrap();
        turns.refuse_if_full("ann").unwrap();
        let waiting: Vec<_> = (0..MOST.of_user).map(|_| turns.state().enter("ann", MOST).unwrap()).collect();
        assert_eq!(turns.take("ann").await.unwrap_err().code(), "busy");
        assert_eq!(turns.refuse_if_full("ann").unwrap_err().code(), "busy");
        turns.refuse_if_full("bob").unwrap();
        let bob = turns.state().enter("bob", MOST).unwrap();
        drop(waiting);
        turns.refuse_if_full("ann").unwrap();
        let ann = turns.state().enter("ann", MOST).unwrap();
        drop((bob, ann, held));
        let state = turns.state();
        assert_eq!((state.free, state.line.len()), (1, 0));
    }

    #[tokio::test]
    async fn who_reads_for_long_lets_others_read_first_if_there_are_any() {
        let (turns, order) = (Arc::new(Turns::new(1, PATIENCE)), Arc::default());
        let held = turns.take("ann").await.unwrap();
        let held = turns.let_others(held, "ann").await.unwrap();
        assert!(turns.try_take().is_none());
        let bob = wait(&turns, "bob", &order);
        tokio::task::yield_now().await;
        let held = turns.let_others(held, "ann").await.unwrap();
        order.lock().unwrap().push("ann");
        drop(held);
        bob.await.unwrap();
        assert_eq!(*order.lock().unwrap(), ["bob", "ann"]);
        drop(turns.try_take().unwrap());
        assert_eq!(turns.state().free, 1);
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let turns = Arc::new(Turns::new(1, Duration::from_millis(1)));
        let held = turns.take("ann").await.unwrap();
        assert_eq!(turns.take("bob").await.unwrap_err().code(), "busy");
        drop(held);
        drop(turns.take("bob").await.unwrap());
    }
}
