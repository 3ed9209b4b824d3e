//! Fair shares of a common resource: how much one user and one root may hold. A root is the top workflow, the rule or
//! the user that an execution is charged to (see [`Execution::account`]). So no single one takes everything from the
//! others.
//!
//! This module only counts. A holder that is refused waits elsewhere, or does without.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use petrel_model::execution::Account;
use petrel_model::{Execution, ExecutionId};

/// The root that something is charged to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Root {
    /// A workflow that is inside no other, for itself and everything inside it.
    Workflow(ExecutionId),
    /// A rule, for the executions that it requested.
    Rule(Arc<str>),
    /// A user, for the executions that they requested.
    User(Arc<str>),
}

/// The holder of a part: a user, through one root. Cheap to clone, since a run has several parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The user.
    pub user: Arc<str>,
    /// The root.
    pub root: Root,
}

impl Holder {
    /// The holder that `execution` is charged to.
    pub fn of(execution: &Execution) -> Self {
        let root = match execution.account() {
            Account::Workflow(id) => Root::Workflow(id),
            Account::Rule(name) => Root::Rule(name.into()),
            Account::User(name) => Root::User(name.into()),
        };
        Self { user: execution.context.user.as_str().into(), root }
    }
}

/// Reasons for a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The root would exceed its share, which is a half.
    ByTheRoot,
    /// The user would exceed its share, which is three quarters.
    ByTheUser,
    /// Too little is left, whoever asks.
    ByAll,
}

/// The amounts that are held of a common resource, by holder.
#[derive(Debug)]
pub struct Shares {
    limit: usize,
    taken: usize,
    users: HashMap<Arc<str>, usize>,
    roots: HashMap<Root, usize>,
}

impl Shares {
    /// Creates shares of `limit`, in any unit.
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: 0, users: HashMap::new(), roots: HashMap::new() }
    }

    /// The whole amount.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Whether `holder` may take `amount` more. A holder with nothing may exceed its share if enough is left, since one
    /// that needs more than a share would otherwise never run.
    ///
    /// # Errors
    /// The reason for the refusal.
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
    /// As [`Shares::admits`]. Nothing is taken then.
    pub fn take(&mut self, holder: &Holder, amount: usize) -> Result<(), Refused> {
        self.admits(holder, amount)?;
        self.add(holder, amount);
        Ok(())
    }

    /// Takes `amount` for `holder` without a check, for callers that have made their own.
    pub fn add(&mut self, holder: &Holder, amount: usize) {
        if amount > 0 {
            self.taken = self.taken.saturating_add(amount);
            add(&mut self.users, &holder.user, amount);
            add(&mut self.roots, &holder.root, amount);
        }
    }

    /// The amount taken by all holders.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// The amount that the user of `holder` has, and the user's share.
    pub fn of_user(&self, holder: &Holder) -> (usize, usize) {
        (self.users.get(&holder.user).copied().unwrap_or(0), self.limit - self.limit / 4)
    }

    /// Gives back `amount` that `holder` has.
    pub fn give_back(&mut self, holder: &Holder, amount: usize) {
        if amount > 0 {
            self.taken = self.taken.saturating_sub(amount);
            remove(&mut self.users, &holder.user, amount);
            remove(&mut self.roots, &holder.root, amount);
        }
    }
}

fn add<K: Clone + Eq + Hash>(held: &mut HashMap<K, usize>, key: &K, amount: usize) {
    if let Some(held) = held.get_mut(key) {
        *held += amount;
    } else {
        held.insert(key.clone(), amount);
    }
}

/// Subtracts `amount`, and removes the entry at zero, so that the map does not grow with the number of users.
fn remove<K: Eq + Hash>(held: &mut HashMap<K, usize>, key: &K, amount: usize) {
    let Some(left) = held.get_mut(key) else { return };
    *left = left.saturating_sub(amount);
    if *left == 0 {
        held.remove(key);
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
