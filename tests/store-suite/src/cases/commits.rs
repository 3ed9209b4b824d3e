//! A commit is made as a whole, by who may make it, and if what it was decided on still holds.

use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, Ref, Rule, StatusEvent};
use petrel_persistence::{
    Change, Commit, CommitError, Document, DocumentKind, Expect, Store as _, StoreExt as _,
};

use super::{advance, shell};
use crate::Backend;
use crate::samples::{at, document, execution, id, rule};

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

/// Of all that put a document where none may be, at the same time or one after the other, one succeeds; until it is deleted.
pub async fn what_must_be_absent_is_put_once<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let document = |n, text: &str| document(DocumentKind::Delivery, n, text);
    let put = |document: Document| {
        let absent = Expect::Absent(document.key());
        Commit::of([Change::Put(document)]).expecting(absent)
    };
    let (one, two, three, four) = tokio::join!(
        store.commit(put(document(1, "a"))),
        store.commit(put(document(1, "b"))),
        store.commit(put(document(1, "c"))),
        store.commit(put(document(2, "d"))),
    );
    four.unwrap();
    let refused = [one, two, three].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(
        refused.as_slice(),
        [CommitError::Conflict(Expect::Absent(_)), CommitError::Conflict(_)]
    ));
    let kept = store.document(&document(1, "").key()).await.unwrap();
    drop(store);

    let store = backend.open().await;
    assert!(matches!(store.commit(put(document(1, "e"))).await, Err(CommitError::Conflict(_))));
    assert_eq!(store.document(&document(1, "").key()).await.unwrap(), kept);
    // What else is in a refused commit is not there either.
    let beside = put(document(1, "e")).expecting(Expect::Absent(document(3, "").key()));
    let beside = Commit { changes: [beside.changes, vec![Change::Put(document(3, "f"))]].concat(), ..beside };
    assert!(store.commit(beside).await.is_err());
    assert_eq!(store.document(&document(3, "").key()).await.unwrap(), None);
    store.commit(Commit::of([Change::Delete(document(1, "").key())])).await.unwrap();
    store.commit(put(document(1, "g"))).await.unwrap();
    assert_eq!(store.document(&document(1, "").key()).await.unwrap(), Some(document(1, "g")));
}

/// Of all that replay a failed enforcement, at the same time or one after the other, one succeeds that knows the last mark.
pub async fn a_dead_letter_is_marked_once<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let letter = Enforcement {
        id: id(7),
        trigger_instance_id: id(1),
        rule_id: id(1),
        rule: "a.one".parse().unwrap(),
        execution_id: None,
        failure_reason: Some("no such action".into()),
        note: None,
        replayed_as: None,
        enforced_at: at(1),
        status: EnforcementStatus::Failed,
    };
    let marked = |event: u64| Enforcement { replayed_as: Some(id(event)), ..letter.clone() };
    let mark = |last: Option<u64>, event: u64| {
        Commit::of([Change::UpdateEnforcement(marked(event))])
            .expecting(Expect::ReplayedAs(letter.id, last.map(id)))
    };
    // What is not there, or not any more, has no mark.
    assert!(matches!(store.commit(mark(None, 1)).await, Err(CommitError::Conflict(_))));
    store.commit(Commit::of([Change::CreateEnforcement(letter.clone())])).await.unwrap();
    let (one, two, three) =
        tokio::join!(store.commit(mark(None, 2)), store.commit(mark(None, 3)), store.commit(mark(None, 4)));
    let refused = [one, two, three].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(
        refused.as_slice(),
        [CommitError::Conflict(Expect::ReplayedAs(..)), CommitError::Conflict(_)]
    ));
    let kept = store.enforcement(id(7)).await.unwrap();
    drop(store);

    let store = backend.open().await;
    for last in [None, Some(9)] {
        assert!(matches!(store.commit(mark(last, 5)).await, Err(CommitError::Conflict(_))));
    }
    assert_eq!(store.enforcement(id(7)).await.unwrap(), kept);
    let last = (2..5).find(|event| kept.as_ref() == Some(&marked(*event)));
    assert!(last.is_some(), "{kept:?}");
    store.commit(mark(last, 6)).await.unwrap();
    assert_eq!(store.enforcement(id(7)).await.unwrap(), Some(marked(6)));
}

/// When it is answered, commits that nobody waits for any more have been made, or never are.
pub async fn a_commit_of_nothing_comes_after_those_before_it<B: Backend>(backend: &mut B) {
    let store = backend.open().await;
    let mut made = Vec::new();
    for n in 1..=10 {
        let commit = Commit::of([Change::CreateExecution(execution(n))]);
        tokio::select! {
            biased;
            done = store.commit(commit) => done.unwrap(),
            () = std::future::ready(()) => {}
        }
        store.commit(Commit::default().fenced(store.fence())).await.unwrap();
        made.push(store.execution(id(n)).await.unwrap());
    }
    drop(store);

    let store = backend.open().await;
    for (n, made) in (1..).zip(made) {
        assert_eq!(store.execution(id(n)).await.unwrap(), made);
    }
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
