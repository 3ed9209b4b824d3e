//! Executions that wait for memory or for resources of their runner: of each user in turn, of each of its
//! roots in turn, and the earliest first within a root. They hold nothing but their place in this line.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use petrel_catalog::content::RegisteredAction;
use petrel_model::ExecutionId;
use petrel_runners::shares::{Holder, Refused, Root, Shares};
use petrel_runners::{Asked, Runner, Runs, Ticket};

use super::unprepared::Start;

/// The time for which an execution that finds no room is waited for. Then others overtake it for as long, and
/// so on in turn: small executions are not held up for ever by a few large ones, and do not overtake a large
/// one for ever.
const WAITED_FOR: Duration = Duration::from_secs(10);

/// The kinds of needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Memory for large parameters, and resources of the runner.
    Room,
    /// Many resources of the runner.
    Much,
    /// Few resources, of which the runner reserves a part.
    Little,
}

/// An execution that needs room.
pub(super) struct SetAside {
    pub(super) id: ExecutionId,
    pub(super) holder: Holder,
    /// Bytes for its parameters; 0 if they are small.
    pub(super) needed: usize,
    /// The action, if its runs share resources of their runner.
    pub(super) registered: Option<Arc<RegisteredAction>>,
    /// Whether its preparation has failed, so that it will run into its error.
    pub(super) fails: bool,
}

/// The outcome of a turn.
pub(super) enum Turn {
    /// All resources were taken.
    Runs(Option<Ticket>),
    /// The action must be prepared again, because its file has changed.
    IsUnprepared,
}

impl SetAside {
    /// Takes all resources or none; only from the reserved part if `spares_others`.
    pub(super) fn take(&self, shares: &mut Shares, spares_others: bool) -> Result<Option<Ticket>, Refused> {
        if self.needed > 0 {
            // Only asked here, and taken below: a refusal by the runner then leaves nothing to give back.
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

    /// The kind of its needs, if it has to wait.
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

    /// The preparation that is needed before its needs are known; `None` if they are known.
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

/// A map whose keys take turns.
#[derive(Debug)]
struct Turns<K, V> {
    order: VecDeque<K>,
    of: HashMap<K, V>,
}

// A derived implementation would require defaults of the keys and values.
impl<K, V> Default for Turns<K, V> {
    fn default() -> Self {
        Self { order: VecDeque::new(), of: HashMap::new() }
    }
}

impl<K: Clone + Eq + Hash, V: Default> Turns<K, V> {
    /// The value of `key`. A new key comes behind the others.
    fn of(&mut self, key: &K) -> &mut V {
        if !self.of.contains_key(key) {
            self.order.push_back(key.clone());
        }
        self.of.entry(key.clone()).or_default()
    }

    /// Moves the key at `place` behind the others, or removes it if it has nothing more.
    fn served(&mut self, place: usize, has_more: bool) {
        let Some(key) = self.order.remove(place) else { return };
        if has_more {
            self.order.push_back(key);
        } else {
            self.of.remove(&key);
        }
    }

    /// Drops keys that have nothing more.
    fn keep(&mut self, has_more: impl Fn(&V) -> bool) {
        self.of.retain(|_key, has| has_more(has));
        self.order.retain(|key| self.of.contains_key(key));
    }
}

/// A line of waiting executions.
#[derive(Default)]
pub(super) struct Line {
    turns: Turns<Arc<str>, Turns<Root, VecDeque<SetAside>>>,
    /// The time since when the next execution has found no room.
    held_up_since: Option<Instant>,
    /// The time since when none has run, while one would exceed the share of its user or root.
    refused_since: Option<Instant>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.turns.order.is_empty()
    }

    pub(super) fn add(&mut self, one: SetAside) {
        self.turns.of(&one.holder.user).of(&one.holder.root).push_back(one);
    }

    /// Whether `holder`, with small needs, must leave room at `now` to an execution that waits here: one that
    /// is [waited for](WAITED_FOR), or one of the same user that waits for others of this user.
    pub(super) fn is_spared_by(&self, holder: &Holder, now: Instant) -> bool {
        let is_waited_for = |since: Option<Instant>| {
            since.is_some_and(|since| is_waited_for(now.saturating_duration_since(since)))
        };
        is_waited_for(self.held_up_since)
            || (is_waited_for(self.refused_since) && self.turns.of.contains_key(&holder.user))
    }

    /// Takes out the next execution with all resources, if they are available at `now`, or one that has to be
    /// prepared first. Executions for which `spare` holds spare others.
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

    /// The places of the user and of the root in turn, and the outcome. An execution that would exceed its
    /// share is overtaken, also by others of its user; one that would not, and finds no room, is [waited
    /// for](WAITED_FOR).
    fn first(
        &mut self,
        shares: &mut Shares,
        now: Instant,
        spare: impl Fn(&Holder) -> bool,
    ) -> Option<(usize, usize, Turn)> {
        // Whether others may overtake an execution that finds no room.
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
                        // If an execution in front was overtaken, it is still held up.
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
                        // It is waited for: the others of this line must not take what it needs.
                        if !passes {
                            return None;
                        }
                    }
                }
            }
        }
        None
    }

    /// Drops ended executions. Returns whether there were any.
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

/// Whether an execution that has found no room for this long is waited for.
fn is_waited_for(held_up: Duration) -> bool {
    (held_up.as_secs() / WAITED_FOR.as_secs()).is_multiple_of(2)
}

#[cfg(test)]
mod tests;
