//! Pages of listings have a size limit: a page of large events ends early and says where the next one begins. The same
//! holds for claimed executions.

use std::sync::Arc;

use petrel_model::{ExecutionId, TriggerInstanceId};
use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::{EmbeddedStore, Options};
use petrel_store_suite::{at, execution, id, instance};
use serde_json::json;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_page_of_large_events_ends_early() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    for n in 1..=6 {
        let event = instance(n, json!("x".repeat(3 * MIB / 4)));
        store.commit(Commit::of([Change::CreateTriggerInstance(event)])).await.unwrap();
    }
    let (mut before, mut pages) = (None, Vec::new());
    while pages.len() < 6 {
        let page = store.trigger_instances(None, before, 100).await.unwrap();
        let bytes: usize = page.items.iter().map(|event| event.payload.text().len()).sum();
        assert!(bytes <= 3 * MIB, "a page of {bytes} bytes");
        pages.push(page.items.iter().map(|event| event.id).collect::<Vec<TriggerInstanceId>>());
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![id(6), id(5), id(4)], vec![id(3), id(2), id(1)]]);
}

#[tokio::test]
async fn what_is_large_is_handed_out_a_little_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(directory.path(), &Options::default()).unwrap();
    for n in 1..=6 {
        let mut large = execution(n);
        large.parameters = Arc::new(json!({"text": "x".repeat(3 * MIB / 4)}).as_object().cloned().unwrap());
        store.commit(Commit::of([Change::CreateExecution(large)])).await.unwrap();
    }
    let mut claimed = Vec::new();
    while claimed.len() < 3 {
        let some = store.claim(&["shell".to_owned()], at(50), 64).await.unwrap();
        if some.is_empty() {
            break;
        }
        claimed.push(some.into_iter().map(|one| one.id).collect::<Vec<ExecutionId>>());
    }
    assert_eq!(claimed, [vec![id(1), id(2), id(3)], vec![id(4), id(5), id(6)]]);
}
