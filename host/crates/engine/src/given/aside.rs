//! Executions that are set aside until there is room for what they were given: of each user in turn, of each of its
//! roots in turn, and the earliest first within one. They hold nothing but their place in this line.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_model::ExecutionId;
use petrel_runners::shares::{Holder, Refused, Root, Shares};
use petrel_runners::{Asked, Runner, Ticket};

use crate::content::RegisteredAction;

/// How long one is waited for that finds no room. For as long others pass it then, and so on in turn: those who need
/// little are not held up for ever by what a few hold, and do not pass one that needs much for ever.
const WAITED_FOR: Duration = Duration::from_secs(10);

/// An execution that needs room.
pub(super) struct SetAside {
    pub(super) id: ExecutionId,
    pub(super) holder: Holder,
    /// For its parameters, in bytes; 0 if they are small.
    pub(super) needed: usize,
    /// What is run, if its runs share more than that.
    pub(super) registered: Option<Arc<RegisteredAction>>,
}

impl SetAside {
    /// Takes all that it needs, or nothing; only of what is kept for light ones if it spares others.
    pub(super) fn take(&self, shares: &mut Shares, spares_others: bool) -> Result<Option<Ticket>, Refused> {
        if self.needed > 0 {
            shares.admits(&self.holder, self.needed)?;
        }
        let ticket = match self.shared() {
            Some((found, runner)) => runner.admit(&Asked {
                execution: self.id,
                holder: &self.holder,
                pack_path: &found.pack_path,
                entry_point: &found.action.entry_point,
                spares_others,
            })?,
            None => None,
        };
        if self.needed > 0 {
            shares.take(&self.holder, self.needed)?;
        }
        Ok(ticket)
    }

    /// Whether a part of what its runner shares is kept for the likes of it.
    pub(super) fn is_light(&self) -> bool {
        self.shared()
            .is_none_or(|(found, runner)| runner.is_light(&found.pack_path, &found.action.entry_point))
    }

    fn shared(&self) -> Option<(&RegisteredAction, &dyn Runner)> {
        let found = self.registered.as_deref()?;
        Some((found, found.runner.as_deref()?))
    }
}

/// Several that have something, each in its turn.
#[derive(Debug)]
struct Turns<K, V> {
    order: VecDeque<K>,
    of: HashMap<K, V>,
}

// Derived, it would ask for defaults of what is in it.
impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { order: VecDeque::new(), of: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Default> Turns<K, V> {
    /// What `key` has; who is new comes behind the others.
    fn of(&mut self, key: &K) -> &mut V {
        if !self.of.contains_key(key) {
            self.order.push_back(key.clone());
        }
        self.of.entry(key.clone()).or_default()
    }

    /// The one at this place of the order was served: it goes behind the others, or away if it has nothing more.
    fn served(&mut self, place: usize, has_more: bool) {
        let Some(key) = self.order.remove(place) else { return };
        if has_more {
            self.order.push_back(key);
        } else {
            self.of.remove(&key);
        }
    }

    /// Drops those that have nothing more.
    fn keep(&mut self, has_more: impl Fn(&V) -> bool) {
        self.of.retain(|_key, has| has_more(has));
        self.order.retain(|key| self.of.contains_key(key));
    }
}

/// What waits for room.
#[derive(Default)]
pub(super) struct Line {
    turns: Turns<Box<str>, Turns<Root, VecDeque<SetAside>>>,
    /// Since when one finds no room whose turn it is.
    held_up_since: Option<Instant>,
    /// Since when none was served, while one would have more than the share of its user or root.
    refused_since: Option<Instant>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.order.is_empty()
    }

    pub(super) fn add(&mut self, one: SetAside) {
        self.turns.of(&one.holder.user).of(&one.holder.root).push_back(one);
    }

    /// Whether `holder`, who needs little, leaves the room to one that waits here, at `now`: one that is
    /// [waited for](WAITED_FOR), or one of the same user that waits for what others of it hold.
    pub(super) fn is_spared_by(&self, holder: &Holder, now: Instant) -> bool {
        let is_waited_for = |since: Option<Instant>| {
            since.is_some_and(|since| is_waited_for(now.saturating_duration_since(since)))
        };
        is_waited_for(self.held_up_since)
            || (is_waited_for(self.refused_since) && self.turns.of.contains_key(&holder.user))
    }

    /// Takes out the next with all that it needs, if that is there at `now`. Those of whom `spare` is so spare others.
    pub(super) fn next(
        &mut self,
        shares: &mut Shares,
        now: Instant,
        spare: impl Fn(&Holder) -> bool,
    ) -> Option<(SetAside, Option<Ticket>)> {
        let (user_at, root_at, ticket) = self.first(shares, now, spare)?;
        let user = self.turns.order.get(user_at)?;
        let roots = self.turns.of.get_mut(user)?;
        let waiting = roots.of.get_mut(roots.order.get(root_at)?)?;
        let one = waiting.pop_front()?;
        let has_more = !waiting.is_empty();
        roots.served(root_at, has_more);
        let has_more = !roots.order.is_empty();
        self.turns.served(user_at, has_more);
        self.refused_since = None;
        if self.is_empty() {
            self.held_up_since = None;
        }
        Some((one, ticket))
    }

    /// The places of the user and of the root whose turn it is, for whom all that is needed was taken. Who would have more
    /// than its share is passed over, also by others of the same user; who would not and finds no room is
    /// [waited for](WAITED_FOR).
    fn first(
        &mut self,
        shares: &mut Shares,
        now: Instant,
        spare: impl Fn(&Holder) -> bool,
    ) -> Option<(usize, usize, Option<Ticket>)> {
        let mut passes = false;
        for (user_at, user) in self.turns.order.iter().enumerate() {
            let Some(roots) = self.turns.of.get(user) else { continue };
            for (root_at, root) in roots.order.iter().enumerate() {
                let Some(one) = roots.of.get(root).and_then(VecDeque::front) else { continue };
                match one.take(shares, spare(&one.holder)) {
                    Ok(ticket) => {
                        if !passes {
                            self.held_up_since = None;
                        }
                        return Some((user_at, root_at, ticket));
                    }
                    // Another root of the same user may need little enough.
                    Err(Refused::ByTheRoot | Refused::ByTheUser) => {
                        self.refused_since.get_or_insert(now);
                    }
                    Err(Refused::ByAll) if passes => {}
                    Err(Refused::ByAll) => {
                        let since = *self.held_up_since.get_or_insert(now);
                        passes = !is_waited_for(now.saturating_duration_since(since));
                        if !passes {
                            return None;
                        }
                    }
                }
            }
        }
        None
    }

    /// Drops those that have ended before it was their turn; says whether there were any.
    pub(super) fn forget(&mut self, ended: &HashSet<ExecutionId>) -> bool {
        let mut found = false;
        for roots in self.turns.of.values_mut() {
            for waiting in roots.of.values_mut() {
                let before = waiting.len();
                waiting.retain(|one| !ended.contains(&one.id));
                found |= waiting.len() < before;
            }
            roots.keep(|waiting| !waiting.is_empty());
        }
        self.turns.keep(|roots| !roots.order.is_empty());
        if self.is_empty() {
            (self.held_up_since, self.refused_since) = (None, None);
        }
        found
    }
}

/// Whether one is waited for that has found no room for so long.
fn is_waited_for(held_up: Duration) -> bool {
    (held_up.as_secs() / WAITED_FOR.as_secs()).is_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use petrel_store_suite::id;

    use super::*;

    fn holder(user: &str, rule: &str) -> Holder {
        Holder { user: user.into(), root: Root::Rule(rule.into()) }
    }

    fn aside(n: u64, user: &str, rule: &str, needed: usize) -> SetAside {
        SetAside { id: id(n), holder: holder(user, rule), needed, registered: None }
    }

    /// Whose turn it is after so many seconds; what it needs is taken.
    fn next(line: &mut Line, shares: &mut Shares, begun: Instant, seconds: u64) -> Option<ExecutionId> {
        line.next(shares, begun + Duration::from_secs(seconds), |_holder| false).map(|(one, _ticket)| one.id)
    }

    #[test]
    fn users_take_turns_and_so_do_the_roots_of_one() {
        let mut line = Line::default();
        for (n, (user, rule)) in
            (1..).zip([("ann", "a"), ("ann", "a"), ("ann", "b"), ("ann", "a"), ("bob", "c"), ("bob", "c")])
        {
            line.add(aside(n, user, rule, 1));
        }
        let (mut shares, begun) = (Shares::new(1000), Instant::now());
        let served: Vec<ExecutionId> =
            std::iter::from_fn(|| next(&mut line, &mut shares, begun, 0)).take(10).collect();
        assert_eq!(served, [1, 5, 3, 6, 2, 4].map(id));
        assert!(line.is_empty() && line.turns.of.is_empty());
    }

    #[test]
    fn who_has_its_share_is_passed_and_who_needs_much_is_waited_for() {
        for (held, waiting, served) in [
            // The rule has its half, so another of the same user is next.
            (&[("ann", "a", 50)][..], &[("ann", "a", 20), ("ann", "b", 20)][..], Some(2)),
            // The user has its three quarters, so another user is.
            (&[("ann", "a", 40), ("ann", "b", 30)], &[("ann", "c", 20), ("bob", "d", 20)], Some(2)),
            // Another of its rules needs little enough.
            (&[("ann", "a", 40), ("ann", "b", 30)], &[("ann", "c", 20), ("ann", "d", 5)], Some(2)),
            // It is the turn of one that finds no room.
            (&[("ann", "a", 50), ("bob", "b", 30)], &[("cyd", "c", 30), ("dan", "d", 1)], None),
            (&[], &[("cyd", "c", 30), ("dan", "d", 1)], Some(1)),
        ] {
            let (mut shares, mut line) = (Shares::new(100), Line::default());
            for (user, rule, amount) in held {
                shares.take(&holder(user, rule), *amount).unwrap();
            }
            for (n, (user, rule, needed)) in (1..).zip(waiting) {
                line.add(aside(n, user, rule, *needed));
            }
            let served_now = next(&mut line, &mut shares, Instant::now(), 0);
            assert_eq!(served_now, served.map(id), "{held:?} {waiting:?}");
        }
    }

    #[test]
    fn who_finds_no_room_is_waited_for_and_passed_in_turn() {
        let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
        shares.take(&holder("ann", "a"), 50).unwrap();
        shares.take(&holder("bob", "b"), 30).unwrap();
        for (n, user, needed) in [(1, "cyd", 40), (2, "dan", 1), (3, "eve", 60), (4, "fay", 1), (5, "gus", 1)]
        {
            line.add(aside(n, user, user, needed));
        }
        for (seconds, served) in [
            (0, None),
            (9, None),
            (10, Some(2)),
            // Another that needs much does not hold up those behind it once more.
            (11, Some(4)),
            (20, None),
            (29, None),
        ] {
            assert_eq!(next(&mut line, &mut shares, begun, seconds), served.map(id), "after {seconds} s");
        }
        // What gets free while it is waited for is its.
        shares.give_back(&holder("bob", "b"), 30);
        assert_eq!(next(&mut line, &mut shares, begun, 29), Some(id(1)));
        // And the next has its own time.
        assert_eq!(next(&mut line, &mut shares, begun, 30), None);
        assert_eq!(next(&mut line, &mut shares, begun, 39), None);
        assert_eq!(next(&mut line, &mut shares, begun, 40), Some(id(5)));
    }

    #[test]
    fn who_needs_little_spares_one_that_is_waited_for_and_of_its_own_user_always_one() {
        for (waits_for, spares) in [
            // Another holds what it needs: all spare it.
            (("bob", "b", 60), [true, true]),
            // It is its own user that holds it.
            (("ann", "a", 60), [true, false]),
        ] {
            let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
            let (user, rule, amount) = waits_for;
            shares.take(&holder(user, rule), amount).unwrap();
            assert!(!line.is_spared_by(&holder("ann", "x"), begun), "nobody waits");
            line.add(aside(1, "ann", "c", 50));
            assert_eq!(next(&mut line, &mut shares, begun, 0), None);
            for (seconds, is_so) in [(0, true), (9, true), (10, false), (19, false), (20, true)] {
                let now = begun + Duration::from_secs(seconds);
                let spared = ["ann", "cyd"].map(|user| line.is_spared_by(&holder(user, "x"), now));
                assert_eq!(spared, spares.map(|spares| spares && is_so), "{waits_for:?} after {seconds} s");
            }
            shares.give_back(&holder(user, rule), amount);
            assert_eq!(next(&mut line, &mut shares, begun, 1), Some(id(1)));
            assert!(!line.is_spared_by(&holder("ann", "x"), begun), "nobody waits any more");
        }
    }

    #[test]
    fn what_has_ended_is_forgotten_at_once_and_holds_up_nobody() {
        let (mut shares, mut line, begun) = (Shares::new(100), Line::default(), Instant::now());
        shares.take(&holder("ann", "a"), 60).unwrap();
        for (n, user, needed) in [(1, "cyd", 50), (2, "cyd", 1), (3, "dan", 1), (4, "eve", 1)] {
            line.add(aside(n, user, user, needed));
        }
        assert_eq!(next(&mut line, &mut shares, begun, 0), None);
        assert!(line.forget(&HashSet::from([1, 3].map(id))));
        assert!(!line.forget(&HashSet::from([id(3)])), "it is gone already");
        let served: Vec<ExecutionId> =
            std::iter::from_fn(|| next(&mut line, &mut shares, begun, 0)).take(10).collect();
        assert_eq!(served, [2, 4].map(id));
        assert!(line.is_empty() && line.turns.of.is_empty());
    }
}
