//! Tests of commits that wait for each other.

use petrel_model::TraceLink;
use petrel_persistence::{Change, Commit, Store as _};
use petrel_store_suite::rule;

use super::EmbeddedStore;
use crate::Options;

#[tokio::test]
async fn a_commit_that_waits_for_its_turn_keeps_no_other_commit_from_being_made() {
    let place = tempfile::TempDir::new().unwrap();
    let store = EmbeddedStore::open(place.path(), &Options::default()).unwrap();
    let put = || Change::put(rule(1, "pack.rule"));
    let turns = store.documents.of(&[put()]).await;
    let all = store.permits.available_permits();
    let mut waiting = std::pin::pin!(store.commit(Commit::of([put()])));
    tokio::select! {
        biased;
        made = &mut waiting => panic!("it has not waited: {made:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(store.permits.available_permits(), all);
    drop(turns);
    waiting.await.unwrap();
}

#[tokio::test]
async fn links_of_traces_wait_for_nobody() {
    let place = tempfile::TempDir::new().unwrap();
    let store = EmbeddedStore::open(place.path(), &Options::default()).unwrap();
    let link = || TraceLink { key: "m:0a".to_owned() };
    for (change, turns) in [
        (Change::put(link()), 0),
        (Change::delete::<TraceLink>(link().key), 0),
        (Change::put(rule(1, "pack.rule")), 1),
    ] {
        assert_eq!(store.documents.of(std::slice::from_ref(&change)).await.len(), turns, "{change:?}");
    }
}
