//! The editions of the conductor's rules. A log is replayed by the edition with which it began, so that it always gives
//! the same state: a change of a decision is a new edition, and the decision of before stays beside it.

/// The current edition of the conductor's rules.
pub const EDITION: u32 = 4;

/// The rules of one edition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules(u32);

impl Rules {
    /// The rules of today.
    pub(super) const CURRENT: Self = Self(EDITION);

    /// The rules of `edition`.
    pub(super) const fn of(edition: u32) -> Self {
        Self(edition)
    }

    /// Whether tasks share dictionaries; see [`context`](super::context).
    pub(super) const fn shares_dictionaries(self) -> bool {
        self.0 >= 1
    }

    /// Whether a task without an action fails if its end cannot be evaluated. Before, it never ended.
    pub(super) const fn fails_idle_tasks(self) -> bool {
        self.0 >= 1
    }

    /// Whether what a resume lets go on counts as active until it reports; see [`resuming`](super::resuming). Before,
    /// the first action of several that ended after a resume paused the workflow again.
    pub(super) const fn counts_resumed(self) -> bool {
        self.0 >= 2
    }

    /// Whether an item that its task has left behind at rest no longer begins another run of that task.
    pub(super) const fn leaves_items_behind(self) -> bool {
        self.0 >= 3
    }

    /// Whether a canceled task is never repeated. Before, a condition that holds for it repeated it.
    pub(super) const fn lets_canceled_end(self) -> bool {
        self.0 >= 4
    }

    /// Whether the report of an action whose task has ended leaves the next run of the task alone: it neither is that
    /// run nor takes its place. Before, without a next run the workflow failed when an action reported that it runs.
    pub(super) const fn spares_next_run(self) -> bool {
        self.0 >= 4
    }

    /// Whether `result()` has the results of its items in a task that ends because an item rests. Before, it was null.
    pub(super) const fn has_result_at_rest(self) -> bool {
        self.0 >= 4
    }

    /// Whether an expression may return a number below 0 for a delay, a concurrency or a retry, as in Orquesta.
    pub(super) const fn takes_negatives(self) -> bool {
        self.0 >= 4
    }

    /// Whether an action whose reference evaluates to null is requested, so that it fails. Before, its task succeeded.
    pub(super) const fn requests_null(self) -> bool {
        self.0 >= 4
    }

    /// Whether the actions of a task are evaluated before its delay, so that their error is the one told, as in
    /// Orquesta.
    pub(super) const fn evaluates_actions_first(self) -> bool {
        self.0 >= 4
    }

    /// Whether a rerun with nothing to run, or from a command such as `fail`, is refused. Before, the workflow was about
    /// to run for ever, or had succeeded.
    pub(super) const fn refuses_empty_reruns(self) -> bool {
        self.0 >= 4
    }
}
