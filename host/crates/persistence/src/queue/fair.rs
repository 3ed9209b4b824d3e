//! The fair order of claims. Accounts with waiting executions are served in turn, however many each has: an account
//! with a hundred thousand executions delays another's by one at a time.
//!
//! This is start-time fair queueing with executions of equal weight: an account that was served goes behind all
//! others, and so does a new one. A claim costs `O(log n)`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petrel_model::execution::Account;
use petrel_model::{ExecutionId, Timestamp};

/// The number of an account while any of its executions is not final. Sets of numbers are cheaper than sets of names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Number(u64);

/// An owned [`Account`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Workflow(ExecutionId),
    Rule(Box<str>),
    User(Box<str>),
}

/// The accounts, indexed by their names and by their numbers.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    workflows: HashMap<ExecutionId, Number>,
    rules: HashMap<Box<str>, Number>,
    users: HashMap<Box<str>, Number>,
    open: HashMap<Number, Opened>,
    /// Accounts with [`MANY`] or more waiting executions, by how many they have.
    busiest: BTreeSet<(usize, Number)>,
    next: u64,
}

#[derive(Debug)]
struct Opened {
    name: Name,
    /// Executions that are not final.
    active: usize,
    /// Executions among these that wait.
    waiting: usize,
}

impl Accounts {
    fn find(&self, account: Account<'_>) -> Option<Number> {
        match account {
            Account::Workflow(id) => self.workflows.get(&id).copied(),
            Account::Rule(name) => self.rules.get(name).copied(),
            Account::User(name) => self.users.get(name).copied(),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Adds an execution to an account.
    pub(super) fn open(&mut self, account: Account<'_>) -> Number {
        if let Some(number) = self.find(account) {
            if let Some(opened) = self.open.get_mut(&number) {
                opened.active += 1;
            }
            return number;
        }
        let number = Number(self.next);
        self.next += 1;
        let name = match account {
            Account::Workflow(id) => {
                self.workflows.insert(id, number);
                Name::Workflow(id)
            }
            Account::Rule(name) => {
                self.rules.insert(name.into(), number);
                Name::Rule(name.into())
            }
            // Numbers are never used again, so that a turn of a closed account cannot be taken for one of a new
            // account.
            Account::User(name) => {
                self.users.insert(name.into(), number);
                Name::User(name.into())
            }
        };
        self.open.insert(number, Opened { name, active: 1, waiting: 0 });
        number
    }

    /// Removes an execution from an account.
    pub(super) fn close(&mut self, number: Number) {
        let Some(opened) = self.open.get_mut(&number) else { return };
        opened.active -= 1;
        if opened.active > 0 {
            return;
        }
        match self.open.remove(&number).map(|opened| opened.name) {
            Some(Name::Workflow(id)) => drop(self.workflows.remove(&id)),
            Some(Name::Rule(name)) => drop(self.rules.remove(&name)),
            Some(Name::User(name)) => drop(self.users.remove(&name)),
            None => {}
        }
    }

    /// Counts one more waiting execution.
    pub(super) fn add_waiting(&mut self, number: Number) {
        self.move_waiting(number, 1);
    }

    /// Counts one less waiting execution.
    pub(super) fn remove_waiting(&mut self, number: Number) {
        self.move_waiting(number, -1);
    }

    fn move_waiting(&mut self, number: Number, by: isize) {
        let Some(opened) = self.open.get_mut(&number) else { return };
        let before = opened.waiting;
        opened.waiting = before.saturating_add_signed(by);
        // Small accounts are many, and `waiting_within` never needs them by size.
        if before >= MANY {
            self.busiest.remove(&(before, number));
        }
        if opened.waiting >= MANY {
            self.busiest.insert((opened.waiting, number));
        }
    }

    /// The number of an account's waiting executions.
    pub(super) fn waiting(&self, account: Account<'_>) -> usize {
        self.find(account).and_then(|number| self.open.get(&number)).map_or(0, |opened| opened.waiting)
    }

    /// The number among `all` waiting executions, with at most `share` counted of each account.
    pub(super) fn waiting_within(&self, share: usize, all: usize) -> usize {
        if share < MANY {
            return self.open.values().map(|opened| opened.waiting.min(share)).sum();
        }
        let above = self.busiest.iter().rev().map(|(waiting, _)| waiting.saturating_sub(share));
        all - above.take_while(|above| *above > 0).sum::<usize>()
    }
}

/// The number of waiting executions from which an account is kept among the busiest.
const MANY: usize = 64;

/// The waiting executions of one account for one runner, earliest first.
type Waiting = BTreeSet<(Timestamp, ExecutionId)>;

/// The waiting executions for one runner.
#[derive(Debug, Default)]
struct Line {
    accounts: HashMap<Number, Waiting>,
    /// The accounts with due executions, by their turns.
    turns: BTreeSet<(u64, Number)>,
    /// Executions that are not due yet.
    delayed: BTreeMap<(Timestamp, ExecutionId), Number>,
}

/// The executions that can be claimed, and their order.
#[derive(Debug, Default)]
pub(super) struct Turns {
    lines: HashMap<String, Line>,
    /// The turn of each account, and the number of runners for which it has due executions.
    turn_of: HashMap<Number, (u64, usize)>,
    /// The turn that was served last.
    now: u64,
}

impl Turns {
    /// Offers an execution that is due.
    pub(super) fn add(&mut self, runner: &str, due: Timestamp, id: ExecutionId, account: Number) {
        if !self.lines.contains_key(runner) {
            self.lines.insert(runner.to_owned(), Line::default());
        }
        let Some(line) = self.lines.get_mut(runner) else { return };
        let waiting = line.accounts.entry(account).or_default();
        waiting.insert((due, id));
        if waiting.len() == 1 {
            // One turn behind the current one: an account that returns at once must not come before those that wait.
            let (turn, lines) = self.turn_of.entry(account).or_insert((self.now + 1, 0));
            *lines += 1;
            line.turns.insert((*turn, account));
        }
    }

    /// Offers an execution from `due` on.
    pub(super) fn delay(&mut self, runner: &str, due: Timestamp, id: ExecutionId, account: Number) {
        self.lines.entry(runner.to_owned()).or_default().delayed.insert((due, id), account);
    }

    /// Withdraws an execution.
    pub(super) fn remove(&mut self, runner: &str, due: Timestamp, id: ExecutionId, account: Number) {
        let Some(line) = self.lines.get_mut(runner) else { return };
        if line.delayed.remove(&(due, id)).is_some() {
            return;
        }
        let Some(waiting) = line.accounts.get_mut(&account) else { return };
        if waiting.remove(&(due, id)) && waiting.is_empty() {
            self.leave(runner, account);
        }
    }

    /// Removes an account that has no due executions for a runner any more.
    fn leave(&mut self, runner: &str, account: Number) {
        let Some((turn, lines)) = self.turn_of.get_mut(&account) else { return };
        let turn = *turn;
        *lines -= 1;
        if *lines == 0 {
            self.turn_of.remove(&account);
        }
        if let Some(line) = self.lines.get_mut(runner) {
            line.turns.remove(&(turn, account));
            line.accounts.remove(&account);
        }
    }

    /// Offers the executions that have become due.
    pub(super) fn wake(&mut self, runners: &[String], now: Timestamp) {
        for runner in runners {
            while let Some(line) = self.lines.get_mut(runner)
                && let Some(first) = line.delayed.first_entry()
                && first.key().0 <= now
            {
                let ((due, id), account) = first.remove_entry();
                self.add(runner, due, id, account);
            }
        }
    }

    /// Takes the next execution in turn.
    pub(super) fn take(&mut self, runners: &[String]) -> Option<ExecutionId> {
        let first = |runner: &String| self.lines.get(runner)?.turns.first().copied();
        // The turns of accounts are common to all runners, so the least one among the requested runners is next.
        let (turn, account) = runners.iter().filter_map(first).min()?;
        let earliest = |runner: &'_ String| self.lines.get(runner)?.accounts.get(&account)?.first().copied();
        let ((due, id), runner) =
            runners.iter().filter_map(|runner| Some((earliest(runner)?, runner))).min()?;
        // A turn may be taken out of order, when different schedulers claim for different runners; time must not go
        // back.
        self.now = self.now.max(turn);
        let waiting = self.lines.get_mut(runner)?.accounts.get_mut(&account)?;
        waiting.remove(&(due, id));
        if waiting.is_empty() {
            self.leave(runner, account);
        }
        self.pass(account, turn);
        Some(id)
    }

    /// Moves an account that was served behind the others.
    fn pass(&mut self, account: Number, turn: u64) {
        let Some((own, _)) = self.turn_of.get_mut(&account) else { return };
        *own = turn + 1;
        // The lines of other runners order the account by its old turn, which must change with it.
        for line in self.lines.values_mut() {
            if line.turns.remove(&(turn, account)) {
                line.turns.insert((turn + 1, account));
            }
        }
    }

    /// The time at which the earliest execution is due.
    pub(super) fn next_due(&self, runners: &[String]) -> Option<Timestamp> {
        let earliest = |runner: &String| {
            let line = self.lines.get(runner)?;
            let delayed = line.delayed.first_key_value().map(|((due, _), _)| *due);
            let next = line.turns.first().and_then(|(_, account)| line.accounts.get(account)?.first());
            let due = next.map(|(due, _)| *due);
            due.into_iter().chain(delayed).min()
        };
        runners.iter().filter_map(earliest).min()
    }
}
