//! What every backend must pass. A backend's tests implement [`Backend`] and call [`suite!`](crate::suite!), which
//! makes a test of each of the [`cases`].
//!
//! The cases say what a store promises, by what the engine relies on: atomic commits, preconditions,
//! the queue, orphans, listings, documents, and that all of it is still there after the store was opened again.
//! The [`samples`] that they store are there for other tests too, and so is a store in memory that fails as a test wants
//! it to ([`Altered`]).
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    reason = "these are the bodies of tests"
)]

mod altered;
pub mod cases;
pub mod samples;

use petrel_persistence::Store;

pub use altered::{Altered, Difference};
pub use samples::{at, document, execution, id, instance, rule};

/// How a test opens a backend.
pub trait Backend {
    /// What it opens.
    type Store: Store;

    /// Opens the store, as a new process would: the first time an empty one, later the same one again.
    /// What was opened before is not used any more.
    fn open(&mut self) -> impl Future<Output = Self::Store> + Send;
}

/// Makes a `#[tokio::test]` of every case, with `$backend` as the expression that makes a fresh one.
#[macro_export]
macro_rules! suite {
    ($backend:expr) => {
        $crate::suite!(@ $backend =>
            a_commit_is_all_or_nothing,
            a_stale_version_is_refused,
            rules_are_unique_by_reference,
            what_must_be_absent_is_put_once,
            a_dead_letter_is_marked_once,
            a_commit_of_nothing_comes_after_those_before_it,
            documents_are_read_in_steps,
            waiting_executions_are_claimed_once_and_in_order,
            claims_end_with_the_process,
            what_was_begun_is_orphaned_by_the_next_process,
            where_an_execution_stands_is_known_without_reading_it,
            a_process_that_was_replaced_cannot_commit,
            listings_are_newest_first_and_go_on,
            output_is_kept_in_order,
            values_of_any_size_come_back,
            what_is_deleted_is_gone,
            everything_is_there_after_opening_again,
            accounts_and_configurations_are_replaced_and_deleted,
            workflows_keep_their_log_and_know_their_children,
            an_execution_moves_once_in_a_commit,
            keys_are_replaced_and_deleted,
            documents_of_every_kind_are_replaced_and_deleted,
        );
    };
    (@ $backend:expr => $($case:ident),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            $crate::cases::$case(&mut $backend).await;
        }
    )*};
}
