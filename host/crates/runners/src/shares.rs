//! How much of what all that runs has together one user and one root may hold: the top workflow, the rule or the user
//! on whose account an execution waits (see [`Execution::account`]). So no single one takes it all from the others.
//!
//! This only counts. Who is refused waits elsewhere, or does without.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use petrel_model::execution::Account;
use petrel_model::{Execution, ExecutionId};

/// On whose account something is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// All that is inside this workflow, which itself is inside no other.
    Workflow(ExecutionId),
    /// What this rule has asked for.
    Rule(Box<str>),
    /// What this user has asked for.
    User(Box<str>),
}

/// Who holds something: a user, through one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: Box<str>,
    /// The root.
    pub root: Root,
}

impl Holder {
    /// Who holds what `execution` takes.
    pub fn of(execution: &Execution) -> Self {
        let root = match execution.account() {
            Account::Workflow(id) => Root::Workflow(id),
            Account::Rule(name) => Root::Rule(name.into()),
            Account::User(name) => Root::User(name.into()),
        };
        Self { user: execution.context.user.as_str().into(), root }
    }
}

/// Why nothing is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The root has its share: a half.
    ByTheRoot,
    /// The user has its share: three quarters.
    ByTheUser,
    /// There is not so much left.
    ByAll,
}

/// What is held of something, by whom.
#[derive(Debug)]
pub struct Shares {
    limit: usize,
    taken: usize,
    users: HashMap<Box<str>, usize>,
    roots: HashMap<Root, usize>,
}

impl Shares {
    /// Shares of `limit`, in whatever is counted.
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: 0, users: HashMap::new(), roots: HashMap::new() }
    }

    /// How much there is in all.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether `holder` may have `amount` more. Who has nothing may have more than its share, if there is so much.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(&self, holder: &Holder, amount: usize) -> Result<(), Refused> {
        let exceeds = |held: Option<&usize>, share: usize| {
            held.is_some_and(|held| held.checked_add(amount).is_none_or(|all| all > share))
        };
        if exceeds(self.users.get(&holder.user), self.limit - self.limit / 4) {
            return Err(Refused::ByTheUser);
        }
        if exceeds(self.roots.get(&holder.root), self.limit / 2) {
            return Err(Refused::ByTheRoot);
        }
        if exceeds(Some(&self.taken), self.limit) { Err(Refused::ByAll) } else { Ok(()) }
    }

    /// Takes `amount` for `holder`.
    ///
    /// # Errors
    /// As [`Shares::admits`]; then nothing is taken.
    pub fn take(&mut self, holder: &Holder, amount: usize) -> Result<(), Refused> {
        self.admits(holder, amount)?;
        self.add(holder, amount);
        Ok(())
    }

    /// Takes `amount` for `holder`, whatever its share is: for who has asked in another way.
    pub fn add(&mut self, holder: &Holder, amount: usize) {
        if amount > 0 {
            self.taken = self.taken.saturating_add(amount);
            add(&mut self.users, &holder.user, amount);
            add(&mut self.roots, &holder.root, amount);
        }
    }

    /// How much is taken in all.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// How much the user of `holder` has, and what its share is.
    pub fn of_user(&self, holder: &Holder) -> (usize, usize) {
        (self.users.get(&holder.user).copied().unwrap_or(0), self.limit - self.limit / 4)
    }

    /// Gives back `amount` that `holder` has.
    pub fn give_back(&mut self, holder: &Holder, amount: usize) {
        self.taken = self.taken.saturating_sub(amount);
        remove(&mut self.users, &holder.user, amount);
        remove(&mut self.roots, &holder.root, amount);
    }
}

fn add<K: Clone + Eq + Hash>(held: &mut HashMap<K, usize>, key: &K, amount: usize) {
    if let Some(held) = held.get_mut(key) {
        *held += amount;
    } else {
        held.insert(key.clone(), amount);
    }
}

/// Who has nothing any more is forgotten.
fn remove<K: Clone + Eq + Hash>(held: &mut HashMap<K, usize>, key: &K, amount: usize) {
    if let Entry::Occupied(mut entry) = held.entry(key.clone()) {
        let left = entry.get().saturating_sub(amount);
        if left == 0 {
            entry.remove();
        } else {
            entry.insert(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: &str, rule: &str) -> Holder {
        Holder { user: user.into(), root: Root::Rule(rule.into()) }
    }

    #[test]
    fn no_root_and_no_user_takes_everything() {
        for (held, asks, answer) in [
            (&[] as &[(&str, &str, usize)], ("ann", "a", 100), Ok(())),
            (&[], ("ann", "a", 101), Err(Refused::ByAll)),
            (&[("ann", "a", 30)], ("ann", "a", 20), Ok(())),
            (&[("ann", "a", 30)], ("ann", "a", 21), Err(Refused::ByTheRoot)),
            (&[("ann", "a", 30)], ("ann", "b", 45), Ok(())),
            (&[("ann", "a", 30), ("ann", "b", 45)], ("ann", "c", 1), Err(Refused::ByTheUser)),
            (&[("ann", "a", 30), ("ann", "b", 45)], ("bob", "c", 25), Ok(())),
            (&[("ann", "a", 30), ("ann", "b", 45)], ("bob", "c", 26), Err(Refused::ByAll)),
            (&[("ann", "a", 60)], ("bob", "b", usize::MAX), Err(Refused::ByAll)),
        ] {
            let mut shares = Shares::new(100);
            for (user, rule, amount) in held {
                shares.take(&holder(user, rule), *amount).unwrap();
            }
            let (user, rule, amount) = asks;
            assert_eq!(shares.take(&holder(user, rule), amount), answer, "{held:?} {asks:?}");
        }
    }

    #[test]
    fn what_is_given_back_is_there_again_and_nobody_is_remembered() {
        let mut shares = Shares::new(100);
        let (ann, bob) = (holder("ann", "a"), holder("bob", "b"));
        shares.take(&ann, 40).unwrap();
        shares.take(&ann, 10).unwrap();
        shares.take(&bob, 50).unwrap();
        shares.take(&holder("cyd", "c"), 0).unwrap();
        shares.give_back(&ann, 10);
        assert_eq!(shares.take(&ann, 11), Err(Refused::ByTheRoot));
        shares.give_back(&ann, 40);
        shares.give_back(&bob, 50);
        assert_eq!((shares.taken, shares.users.len(), shares.roots.len()), (0, 0, 0));
    }
}
