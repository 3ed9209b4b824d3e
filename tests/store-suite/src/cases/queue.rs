//! What waits is handed out once and in order; what a process left behind is found by the next one.

use petrel_model::{Execution, StatusEvent};
use petrel_persistence::{Change, Commit, Expect, Store as _};

use super::{advance, shell};
use crate::Backend;
use crate::samples::{at, execution, id};

/// Earliest first, only when due, only for the runners asked for, and never twice.
pub async fn waiting_executions_are_claimed_once_and_in_order<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let mut delayed = execution(1);
    delayed.ready_at = Some(at(60));
    let mut other_runner = execution(4);
    other_runner.runner = "component".into();
    let all = [execution(3), delayed, other_runner, execution(2)];
    store.commit(Commit::of(all.map(Change::CreateExecution))).await.unwrap();
    assert_eq!(store.waiting(), 4);

    let ids = |claimed: Vec<Execution>| claimed.into_iter().map(|execution| execution.id).collect::<Vec<_>>();
    assert_eq!(ids(store.claim(&shell(), at(50), 1).await.unwrap()), [id(2)]);
    assert_eq!(ids(store.claim(&shell(), at(50), 9).await.unwrap()), [id(3)]);
    assert_eq!(store.next_due(&shell()).await.unwrap(), Some(at(60)));
    assert_eq!(ids(store.claim(&shell(), at(60), 9).await.unwrap()), [id(1)]);
    assert_eq!(store.next_due(&shell()).await.unwrap(), None);
    store.release(id(2)).await.unwrap();
    assert_eq!(ids(store.claim(&shell(), at(60), 9).await.unwrap()), [id(2)]);
    let both = ["shell".to_owned(), "component".to_owned()];
    assert_eq!(ids(store.claim(&both, at(60), 9).await.unwrap()), [id(4)]);
    assert_eq!(store.waiting(), 4);
}

/// Whether one waits, has begun or has ended is known without reading it, claimed or not.
pub async fn where_an_execution_stands_is_known_without_reading_it<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let mut one = execution(1);
    let stands = |store: &B::Store| (store.is_waiting(id(1)), store.is_active(id(1)));
    assert_eq!(stands(&store), (false, false));
    store.commit(Commit::of([Change::CreateExecution(one.clone())])).await.unwrap();
    assert_eq!(stands(&store), (true, true));
    store.claim(&shell(), at(50), 9).await.unwrap();
    assert_eq!(stands(&store), (true, true));
    advance(&store, &mut one, StatusEvent::Started).await.unwrap();
    assert_eq!(stands(&store), (false, true));
    advance(&store, &mut one, StatusEvent::Failed).await.unwrap();
    assert_eq!(stands(&store), (false, false));
}

/// Claimed and not begun: the next process gets it.
pub async fn claims_end_with_the_process<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap().len(), 1);
    drop(store);
    let store = backend.open().await;
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap(), [execution(1)]);
    assert_eq!(store.orphans().await.unwrap(), []);
}

/// Begun and not ended: the next process finds it, and may requeue it.
pub async fn what_was_begun_is_orphaned_by_the_next_process<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([1, 2].map(|n| Change::CreateExecution(execution(n))))).await.unwrap();
    let (mut one, mut two) = (execution(1), execution(2));
    advance(&store, &mut one, StatusEvent::Started).await.unwrap();
    advance(&store, &mut two, StatusEvent::Started).await.unwrap();
    advance(&store, &mut two, StatusEvent::Failed).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), []);
    drop(store);

    let store = backend.open().await;
    assert_eq!(store.orphans().await.unwrap(), [one.clone()]);
    let expect = Expect::ExecutionVersion(one.id, one.version);
    one.apply(StatusEvent::Requeued, at(200)).unwrap();
    let requeue = Commit::of([Change::UpdateExecution(one.clone())]).expecting(expect).fenced(store.fence());
    store.commit(requeue).await.unwrap();
    assert_eq!(store.orphans().await.unwrap(), []);
    assert_eq!(store.claim(&shell(), at(200), 9).await.unwrap(), [one]);
}
