//! Executions that are set aside until there is room for what they were given: of each user in turn, of each of its
//! roots in turn, and the earliest first within one. They hold nothing but their place in this line.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use petrel_model::ExecutionId;
use petrel_runners::shares::{Holder, Refused, Root, Shares};

/// An execution that needs room.
#[derive(Debug)]
pub(super) struct SetAside {
    pub(super) id: ExecutionId,
    pub(super) holder: Holder,
    /// In bytes.
    pub(super) needed: usize,
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
}

/// What waits for room.
#[derive(Debug, Default)]
pub(super) struct Line(Turns<Box<str>, Turns<Root, VecDeque<SetAside>>>);

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.0.order.is_empty()
    }

    pub(super) fn add(&mut self, one: SetAside) {
        self.0.of(&one.holder.user).of(&one.holder.root).push_back(one);
    }

    /// Takes out the next, if there is room for it.
    pub(super) fn next(&mut self, shares: &Shares) -> Option<SetAside> {
        let (user_at, root_at) = self.first(shares)?;
        let user = self.0.order.get(user_at)?;
        let roots = self.0.of.get_mut(user)?;
        let waiting = roots.of.get_mut(roots.order.get(root_at)?)?;
        let one = waiting.pop_front()?;
        let has_more = !waiting.is_empty();
        roots.served(root_at, has_more);
        let has_more = !roots.order.is_empty();
        self.0.served(user_at, has_more);
        Some(one)
    }

    /// The places of the user and of the root whose turn it is. Who has its share is passed over; who has not and finds
    /// no room is waited for, or those who need little would pass it for ever.
    fn first(&self, shares: &Shares) -> Option<(usize, usize)> {
        for (user_at, user) in self.0.order.iter().enumerate() {
            let Some(roots) = self.0.of.get(user) else { continue };
            for (root_at, root) in roots.order.iter().enumerate() {
                let Some(one) = roots.of.get(root).and_then(VecDeque::front) else { continue };
                match shares.admits(&one.holder, one.needed) {
                    Ok(()) => return Some((user_at, root_at)),
                    Err(Refused::ByTheRoot) => {}
                    Err(Refused::ByTheUser) => break,
                    Err(Refused::ByAll) => return None,
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use petrel_persistence::suite::id;

    use super::*;

    fn holder(user: &str, rule: &str) -> Holder {
        Holder { user: user.into(), root: Root::Rule(rule.into()) }
    }

    #[test]
    fn users_take_turns_and_so_do_the_roots_of_one() {
        let mut line = Line::default();
        for (n, (user, rule)) in
            (1..).zip([("ann", "a"), ("ann", "a"), ("ann", "b"), ("ann", "a"), ("bob", "c"), ("bob", "c")])
        {
            line.add(SetAside { id: id(n), holder: holder(user, rule), needed: 1 });
        }
        let shares = Shares::new(1000);
        let served: Vec<ExecutionId> =
            std::iter::from_fn(|| line.next(&shares)).map(|one| one.id).take(10).collect();
        assert_eq!(served, [1, 5, 3, 6, 2, 4].map(id));
        assert!(line.is_empty() && line.0.of.is_empty());
    }

    #[test]
    fn who_has_its_share_is_passed_and_who_needs_much_is_waited_for() {
        for (held, waiting, served) in [
            // The rule has its half, so another of the same user is next.
            (&[("ann", "a", 50)][..], &[("ann", "a", 20), ("ann", "b", 20)][..], Some(2)),
            // The user has its three quarters, so another user is.
            (&[("ann", "a", 40), ("ann", "b", 30)], &[("ann", "c", 20), ("bob", "d", 20)], Some(2)),
            // It is the turn of one that finds no room.
            (&[("ann", "a", 50), ("bob", "b", 30)], &[("cyd", "c", 30), ("dan", "d", 1)], None),
            (&[], &[("cyd", "c", 30), ("dan", "d", 1)], Some(1)),
        ] {
            let (mut shares, mut line) = (Shares::new(100), Line::default());
            for (user, rule, amount) in held {
                shares.take(&holder(user, rule), *amount).unwrap();
            }
            for (n, (user, rule, needed)) in (1..).zip(waiting) {
                line.add(SetAside { id: id(n), holder: holder(user, rule), needed: *needed });
            }
            assert_eq!(line.next(&shares).map(|one| one.id), served.map(id), "{held:?} {waiting:?}");
        }
    }
}
