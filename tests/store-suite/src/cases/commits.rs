//! A commit is made as a whole, by who may make it, and if what it was decided on still holds.

use petrel_model::{Ref, Rule, StatusEvent};
use petrel_persistence::{Change, Commit, CommitError, Expect, Store as _, StoreExt as _};

use super::{advance, shell};
use crate::Backend;
use crate::samples::{at, execution, id, rule};

/// When one thing does not hold, nothing of the commit is there.
pub async fn a_commit_is_all_or_nothing<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let changes = [Change::put(rule(1, "a.one")), Change::CreateExecution(execution(2))];
    let commit = Commit::of(changes).expecting(Expect::RuleIs("a.other".parse().unwrap(), id(9)));
    assert!(matches!(store.commit(commit).await, Err(CommitError::Conflict(Expect::RuleIs(..)))));
    assert_eq!(store.all::<Rule>().await.unwrap(), []);
    assert_eq!(store.execution(id(2)).await.unwrap(), None);
    assert_eq!(store.claim(&shell(), at(50), 9).await.unwrap(), []);
}

/// Of two that decided on the same version one wins; a final execution never changes.
pub async fn a_stale_version_is_refused<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    store.commit(Commit::of([Change::CreateExecution(execution(1))])).await.unwrap();
    let (mut one, mut other) = (execution(1), execution(1));
    advance(&store, &mut one, StatusEvent::Started).await.unwrap();
    let late = advance(&store, &mut other, StatusEvent::Canceled).await;
    assert!(matches!(late, Err(CommitError::Conflict(_))));
    advance(&store, &mut one, StatusEvent::Succeeded).await.unwrap();
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap(), one);

    let expect = Expect::ExecutionVersion(one.id, one.version);
    let commit = Commit::of([Change::UpdateExecution(execution(1))]).expecting(expect);
    assert!(matches!(store.commit(commit).await, Err(CommitError::Conflict(_))));
    assert_eq!(store.execution(id(1)).await.unwrap().unwrap(), one);
}

/// Two rules cannot have one reference, and a rule is renamed in one commit.
pub async fn rules_are_unique_by_reference<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let make = |rule: Rule| {
        let absent = Expect::RuleAbsent(rule.reference.clone());
        Commit::of([Change::put(rule)]).expecting(absent)
    };
    store.commit(make(rule(1, "a.one"))).await.unwrap();
    assert!(matches!(store.commit(make(rule(2, "a.one"))).await, Err(CommitError::Conflict(_))));
    let old: Ref = "a.one".parse().unwrap();
    let rename = Commit::of([Change::delete::<Rule>(old.clone()), Change::put(rule(1, "a.two"))])
        .expecting(Expect::RuleIs(old, id(1)))
        .expecting(Expect::RuleAbsent("a.two".parse().unwrap()));
    store.commit(rename).await.unwrap();
    assert_eq!(store.all::<Rule>().await.unwrap(), [rule(1, "a.two")]);
    store.commit(make(rule(3, "a.one"))).await.unwrap();
    assert_eq!(store.all::<Rule>().await.unwrap(), [rule(3, "a.one"), rule(1, "a.two")]);
}

/// The fence of an earlier process does not open anything.
pub async fn a_process_that_was_replaced_cannot_commit<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let old = store.fence();
    drop(store);
    let store = backend.open().await;
    assert!(store.fence() > old);
    let commit = Commit::of([Change::CreateExecution(execution(1))]);
    assert!(matches!(store.commit(commit.clone().fenced(old)).await, Err(CommitError::Fenced)));
    store.commit(commit.fenced(store.fence())).await.unwrap();
}
