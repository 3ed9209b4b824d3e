//! What correlations hold, in memory: no more than when each window ends, and how much there is of each rule. The states
//! themselves are rows. A state is read, decided on and stored in a turn of its key, so that of two events at once each sees
//! what the other has left.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use petrel_engine_core::{Core, Error};
use petrel_model::{CorrelationState, RuleId, Timestamp};
use petrel_rules::correlation::bytes;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::under_way::{Coming, UnderWay};

/// The greatest number of keys that are held for a rule.
pub(crate) const MOST_KEYS: usize = 10_000;
/// The greatest number of bytes of payloads that are held for a rule.
pub(crate) const MOST_BYTES_OF_RULE: usize = 64 << 20;
/// The number of turns, among which the keys are divided.
const TURNS: usize = 64;

/// What correlations hold.
#[derive(Debug)]
pub(crate) struct Held {
    lines: Mutex<Lines>,
    /// The number of windows, to be read without the lock.
    windows: AtomicUsize,
    under_way: UnderWay,
    /// There is a window that ends before all others did.
    is_earlier: Notify,
    turns: Vec<Arc<Semaphore>>,
}

#[derive(Debug, Default)]
struct Lines {
    windows: BTreeMap<Arc<str>, Window>,
    /// The windows in the order in which they end.
    line: BTreeSet<(Timestamp, Arc<str>)>,
    rules: BTreeMap<RuleId, Amount>,
}

/// The window of a key.
#[derive(Debug, Clone)]
struct Window {
    rule: RuleId,
    made_for: String,
    /// When it is looked at.
    due_at: Timestamp,
    bytes: usize,
}

/// How much is held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) keys: usize,
    pub(crate) bytes: usize,
}

impl Default for Held {
    fn default() -> Self {
        let turns = (0..TURNS).map(|_| Arc::new(Semaphore::new(1))).collect();
        Self {
            lines: Mutex::default(),
            windows: AtomicUsize::new(0),
            under_way: UnderWay::default(),
            is_earlier: Notify::new(),
            turns,
        }
    }
}

impl Held {
    /// Waits for the turns of these keys. They last until they are dropped.
    pub(super) async fn turns(
        &self,
        keys: impl Iterator<Item = &str> + Send,
    ) -> Result<Vec<OwnedSemaphorePermit>, Error> {
        // Everybody takes them in the same order, so that nobody waits for ever.
        let places: BTreeSet<usize> = keys.map(place).collect();
        let mut taken = Vec::with_capacity(places.len());
        for turn in places.into_iter().filter_map(|place| self.turns.get(place)) {
            // It fails only when the semaphore is closed, and nobody closes it.
            taken.push(Arc::clone(turn).acquire_owned().await.map_err(|_closed| Error::Stopping)?);
        }
        Ok(taken)
    }

    /// Takes in what is held of a key by now.
    pub(super) fn put(&self, key: &str, state: Option<&CorrelationState>) {
        let window = state.map(|state| Window {
            rule: state.rule_id,
            made_for: state.made_for.clone(),
            due_at: state.due_at,
            bytes: bytes(state).max(state.held_bytes),
        });
        let is_first = {
            let mut lines = self.lines.lock();
            let is_first = lines.put(Arc::from(key), window);
            self.windows.store(lines.windows.len(), Ordering::SeqCst);
            is_first
        };
        if is_first {
            self.is_earlier.notify_one();
        }
    }

    /// An event is under way that comes now; `None` while no window is open, which could end meanwhile.
    pub(crate) fn coming(&self, core: &Core) -> Option<Coming> {
        (self.windows.load(Ordering::SeqCst) > 0).then(|| self.under_way.begin(core.now()))
    }

    /// As [`UnderWay::passed`].
    pub(super) async fn passed(&self, core: &Core, end: Timestamp, own: Option<&Coming>) {
        self.under_way.passed(core, end, own).await;
    }

    /// When the window of a key ends, if there is one.
    pub(super) fn due_at(&self, key: &str) -> Option<Timestamp> {
        self.lines.lock().windows.get(key).map(|window| window.due_at)
    }

    /// Takes in what an earlier process has left, unless it is known.
    pub(super) fn take_up(&self, state: &CorrelationState) {
        if !self.lines.lock().windows.contains_key(&*state.key) {
            self.put(&state.key, Some(state));
        }
    }

    /// Has a window looked at again at `at`.
    pub(super) fn put_off(&self, key: &str, at: Timestamp) {
        let mut lines = self.lines.lock();
        if let Some(window) = lines.windows.get(key).cloned() {
            lines.put(Arc::from(key), Some(Window { due_at: at, ..window }));
        }
    }

    /// Has the windows of rules looked at now that are not as they were. `made_for` says of which version a rule is; one
    /// that is disabled or gone has none.
    pub(super) fn pass_over(&self, made_for: impl Fn(RuleId) -> Option<String>, now: Timestamp) {
        let mut lines = self.lines.lock();
        let versions: BTreeMap<RuleId, Option<String>> =
            lines.rules.keys().map(|rule| (*rule, made_for(*rule))).collect();
        let stale = lines.windows.iter().filter(|(_, window)| {
            versions.get(&window.rule).and_then(Option::as_ref) != Some(&window.made_for)
        });
        let stale: Vec<_> = stale.map(|(key, window)| (Arc::clone(key), window.clone())).collect();
        for (key, window) in stale {
            lines.put(key, Some(Window { due_at: now, ..window }));
        }
    }

    /// The keys of at most `most` windows that end by `now`.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<Arc<str>> {
        let lines = self.lines.lock();
        let due = lines.line.iter().take_while(|(at, _)| *at <= now).take(most);
        due.map(|(_, key)| Arc::clone(key)).collect()
    }

    /// When the next window ends.
    pub(super) fn first(&self) -> Option<Timestamp> {
        self.lines.lock().line.first().map(|(at, _)| *at)
    }

    /// Waits for a window that ends before all others did.
    pub(super) async fn earlier(&self) {
        self.is_earlier.notified().await;
    }

    /// How much is held for a rule.
    pub(crate) fn amount(&self, rule: RuleId) -> Amount {
        self.lines.lock().rules.get(&rule).copied().unwrap_or_default()
    }

    /// The keys of the first windows of a rule that end, and how many there are.
    pub(crate) fn windows_of(&self, rule: RuleId, most: usize) -> Vec<Arc<str>> {
        let lines = self.lines.lock();
        let is_of = |key: &&(Timestamp, Arc<str>)| {
            lines.windows.get(&key.1).is_some_and(|window| window.rule == rule)
        };
        lines.line.iter().filter(is_of).take(most).map(|(_, key)| Arc::clone(key)).collect()
    }
}

impl Lines {
    /// Sets or removes the window of a key. Whether it ends before all others.
    fn put(&mut self, key: Arc<str>, window: Option<Window>) -> bool {
        if let Some(before) = self.windows.remove(&key) {
            self.line.remove(&(before.due_at, Arc::clone(&key)));
            if let Some(amount) = self.rules.get_mut(&before.rule) {
                amount.keys -= 1;
                amount.bytes -= before.bytes;
                if amount.keys == 0 {
                    self.rules.remove(&before.rule);
                }
            }
        }
        let Some(window) = window else { return false };
        let is_first = self.line.first().is_none_or(|(first, _)| window.due_at < *first);
        let amount = self.rules.entry(window.rule).or_default();
        amount.keys += 1;
        amount.bytes += window.bytes;
        self.line.insert((window.due_at, Arc::clone(&key)));
        self.windows.insert(key, window);
        is_first
    }
}

/// The place of the turn of a key. Its end is a digest.
fn place(key: &str) -> usize {
    key.bytes().rev().take(8).fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        % TURNS
}

#[cfg(test)]
mod tests {
    use petrel_model::Id;

    use super::*;

    fn state(key: &str, rule: u64, due: i64) -> CorrelationState {
        let at = Timestamp::from_micros(due);
        CorrelationState {
            key: key.into(),
            rule_id: RuleId(Id::from_parts(rule, 1)),
            made_for: "v1".into(),
            group: String::new(),
            first_at: at,
            last_at: at,
            due_at: at,
            count: 1,
            events: Vec::new(),
            rows: Vec::new(),
            held_bytes: 0,
        }
    }

    #[test]
    fn windows_end_in_order_and_leave_nothing() {
        let held = Held::default();
        let at = Timestamp::from_micros;
        let rule = |rule| RuleId(Id::from_parts(rule, 1));
        for (key, of, due) in [("a", 1, 5), ("b", 1, 3), ("c", 2, 4)] {
            held.put(key, Some(&state(key, of, due)));
        }
        assert_eq!((held.first(), held.amount(rule(1)).keys), (Some(at(3)), 2));
        let keys = |now, most| held.due(at(now), most).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (keys(2, 9), keys(4, 9), keys(9, 2)),
            (vec![], vec!["b".into(), "c".into()], vec!["b".into(), "c".into()])
        );
        held.put("b", Some(&state("b", 1, 9)));
        held.put_off("c", at(7));
        held.take_up(&state("c", 2, 1));
        assert_eq!(keys(9, 9), ["a", "c", "b"]);
        assert_eq!(held.windows_of(rule(1), 1).len(), 1);
        held.pass_over(|id| (id == rule(1)).then(|| "v1".to_owned()), at(0));
        assert_eq!(keys(0, 9), ["c"], "its rule is gone");
        ["a", "b", "c"].iter().for_each(|key| held.put(key, None));
        assert_eq!(
            (held.first(), held.amount(rule(1)), held.amount(rule(2))),
            (None, Amount::default(), Amount::default())
        );
    }
}
