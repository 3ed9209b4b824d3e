//! Executions that are set aside until there is room for what they were given: of each user in turn, of each of its
//! roots in turn, and the earliest first within one. They hold nothing but their place in this line.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_catalog::content::RegisteredAction;
use petrel_model::ExecutionId;
use petrel_runners::shares::{Holder, Refused, Root, Shares};
use petrel_runners::{Asked, Runner, Runs, Ticket};

use super::unprepared::Start;

/// How long one is waited for that finds no room. For as long others pass it then, and so on in turn: those who need
/// little are not held up for ever by what a few hold, and do not pass one that needs much for ever.
const WAITED_FOR: Duration = Duration::from_secs(10);

/// What an execution waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Room for large parameters, and what its runner has for it.
    Room,
    /// Much of what its runner has for it.
    Much,
    /// Little of that, for which its runner keeps a part.
    Little,
}

/// An execution that needs room.
pub(super) struct SetAside {
    pub(super) id: ExecutionId,
    pub(super) holder: Holder,
    /// For its parameters, in bytes; 0 if they are small.
    pub(super) needed: usize,
    /// What is run, if its runs share more than that.
    pub(super) registered: Option<Arc<RegisteredAction>>,
    /// Whether that could not be prepared: it runs into its error.
    pub(super) fails: bool,
}

/// What came of a turn.
pub(super) enum Turn {
    /// All that it needs was taken.
    Runs(Option<Ticket>),
    /// It has to be prepared anew: its file has changed while it waited.
    IsUnprepared,
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

    /// What it waits for when it has to.
    pub(super) fn needs(&self) -> Needs {
        let is_light = |(found, runner): (&RegisteredAction, &dyn Runner)| {
            runner.is_light(&found.pack_path, &found.action.entry_point)
        };
        if self.needed > 0 {
            Needs::Room
        } else if self.shared().is_none_or(is_light) {
            Needs::Little
        } else {
            Needs::Much
        }
    }

    /// What has to be prepared before it is known how much it needs; nothing if that is known.
    pub(super) fn unprepared(&self) -> Option<Start> {
        let (found, runner) = self.shared()?;
        let (pack_path, entry_point) = (&found.pack_path, &found.action.entry_point);
        if self.fails || runner.is_prepared(pack_path, entry_point) {
            return None;
        }
        let runner = runner.runner_type().name;
        Some(Start { runner, pack_path: pack_path.clone(), entry_point: entry_point.clone() })
    }

    fn shared(&self) -> Option<(&RegisteredAction, &dyn Runner)> {
        let found = self.registered.as_deref()?;
        Some((found, found.runs.as_ref().and_then(Runs::runner)?.as_ref()))
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

    /// Takes out the next with all that it needs, if that is there at `now`, or one that has to be prepared first. Those of
    /// whom `spare` is so spare others.
    pub(super) fn next(
        &mut self,
        shares: &mut Shares,
        now: Instant,
        spare: impl Fn(&Holder) -> bool,
    ) -> Option<(SetAside, Turn)> {
        let (user_at, root_at, turn) = self.first(shares, now, spare)?;
        let user = self.turns.order.get(user_at)?;
        let roots = self.turns.of.get_mut(user)?;
        let waiting = roots.of.get_mut(roots.order.get(root_at)?)?;
        let one = waiting.pop_front()?;
        let has_more = !waiting.is_empty();
        roots.served(root_at, has_more);
        let has_more = !roots.order.is_empty();
        self.turns.served(user_at, has_more);
        if self.is_empty() {
            self.held_up_since = None;
        }
        if self.is_empty() || matches!(turn, Turn::Runs(_)) {
            self.refused_since = None;
        }
        Some((one, turn))
    }

    /// The places of the user and of the root whose turn it is, and what came of it. Who would have more than its share is
    /// passed over, also by others of the same user; who would not and finds no room is [waited for](WAITED_FOR).
    fn first(
        &mut self,
        shares: &mut Shares,
        now: Instant,
        spare: impl Fn(&Holder) -> bool,
    ) -> Option<(usize, usize, Turn)> {
        let mut passes = false;
        for (user_at, user) in self.turns.order.iter().enumerate() {
            let Some(roots) = self.turns.of.get(user) else { continue };
            for (root_at, root) in roots.order.iter().enumerate() {
                let Some(one) = roots.of.get(root).and_then(VecDeque::front) else { continue };
                if one.unprepared().is_some() {
                    return Some((user_at, root_at, Turn::IsUnprepared));
                }
                match one.take(shares, spare(&one.holder)) {
                    Ok(ticket) => {
                        if !passes {
                            self.held_up_since = None;
                        }
                        return Some((user_at, root_at, Turn::Runs(ticket)));
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
mod tests;
