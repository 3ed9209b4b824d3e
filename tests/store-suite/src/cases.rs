//! The cases: what a store promises, by what the engine relies on.

mod commits;
mod contents;
mod documents;
mod queue;
mod workflows;

use petrel_model::{Execution, StatusEvent};
use petrel_persistence::{Change, Commit, CommitError, Expect, Store};

use crate::samples::at;

pub use commits::{
    a_commit_is_all_or_nothing, a_commit_of_nothing_comes_after_those_before_it,
    a_dead_letter_is_marked_once, a_process_that_was_replaced_cannot_commit, a_stale_version_is_refused,
    rules_are_unique_by_reference, what_must_be_absent_is_put_once,
};
pub use contents::{
    listings_are_newest_first_and_go_on, output_is_kept_in_order, values_of_any_size_come_back,
    what_is_deleted_is_gone,
};
pub use documents::{
    accounts_and_configurations_are_replaced_and_deleted, documents_are_read_in_steps,
    documents_of_every_kind_are_replaced_and_deleted, everything_is_there_after_opening_again,
    keys_are_replaced_and_deleted,
};
pub use queue::{
    claims_end_with_the_process, waiting_executions_are_claimed_once_and_in_order,
    what_was_begun_is_orphaned_by_the_next_process, where_an_execution_stands_is_known_without_reading_it,
};
pub use workflows::{an_execution_moves_once_in_a_commit, workflows_keep_their_log_and_know_their_children};

fn shell() -> Vec<String> {
    vec!["shell".into()]
}

/// Moves `execution` and commits that, as the engine does.
async fn advance<S: Store>(
    store: &S,
    execution: &mut Execution,
    event: StatusEvent,
) -> Result<(), CommitError> {
    let expect = Expect::ExecutionVersion(execution.id, execution.version);
    execution.apply(event, at(100)).unwrap();
    execution.host = Some(store.fence().epoch);
    let commit = Commit::of([Change::UpdateExecution(execution.clone())]);
    store.commit(commit.expecting(expect).fenced(store.fence())).await
}
