//! Listings hold what fits: a page of large events ends early and says where it goes on.

use petrel_model::TriggerInstanceId;
use petrel_persistence::suite::{id, instance};
use petrel_persistence::{Change, Commit, Store};
use petrel_persistence_embedded::{EmbeddedStore, Options};
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
