//! The datastore as other services and the API see it, over a store in memory.

#![expect(clippy::unwrap_used, reason = "these are the parts of tests")]

mod asked;
mod secrets;
mod states;

use std::sync::Arc;

use petrel_datastore::Keys;
use petrel_engine_core::{Core, Error, SetClock};
use petrel_model::KeyValue;
use petrel_persistence::{MemoryStore, StoreExt as _};

async fn keys(store: &MemoryStore) -> Keys {
    let core = Core::new(Arc::new(store.clone()), Arc::new(SetClock::default()));
    Keys::load(core).await.unwrap()
}

/// What is shown, which is to be what is stored.
async fn shown(keys: &Keys, store: &MemoryStore) -> Vec<(String, String)> {
    let shown: Vec<_> = keys.all().system.iter().map(|(name, value)| pair(name, value)).collect();
    let stored = store.all::<KeyValue>().await.unwrap().into_iter().map(|key| (key.name, key.value));
    assert_eq!(shown, stored.collect::<Vec<_>>());
    shown
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

fn refused(result: Result<(), Error>) -> (&'static str, String) {
    let error = result.unwrap_err();
    (error.code(), format!("{error}; {}", error.hint()))
}

#[tokio::test]
async fn keys_are_set_replaced_and_deleted_and_the_next_process_has_them() {
    let store = MemoryStore::default();
    let keys_now = keys(&store).await;
    for (name, value) in [("b", "1"), ("a.b", "zwei"), ("b", ""), ("c", "3")] {
        keys_now.set(name, value).await.unwrap();
    }
    keys_now.delete("c").await.unwrap();
    let expected = [pair("a.b", "zwei"), pair("b", "")];
    assert_eq!(shown(&keys_now, &store).await, expected);
    let next = store.reopen();
    assert_eq!(shown(&keys(&next).await, &next).await, expected);
}

#[tokio::test]
async fn what_is_refused_leaves_nothing_behind() {
    let store = MemoryStore::default();
    let keys = keys(&store).await;
    keys.set("color", "red").await.unwrap();
    assert_eq!(refused(keys.set("", "x").await).0, "invalid");
    assert_eq!(refused(keys.set("a\nb", "x").await).0, "invalid");
    assert_eq!(refused(keys.set("large", &"x".repeat((1 << 20) + 1)).await).0, "invalid");
    assert_eq!(
        refused(keys.delete("colour").await),
        ("not_found", "key `colour` does not exist; did you mean `color`?".into())
    );
    assert_eq!(shown(&keys, &store).await, [pair("color", "red")]);
    keys.set("large", &"x".repeat(1 << 20)).await.unwrap();
}

#[tokio::test]
async fn a_reader_has_what_was_there_at_one_moment() {
    let store = MemoryStore::default();
    let keys = keys(&store).await;
    keys.set("a", "1").await.unwrap();
    let before = keys.readable_by("ada");
    keys.set("a", "2").await.unwrap();
    keys.set("b", "2").await.unwrap();
    assert_eq!((before.system.len(), before.system.get("a").map(String::as_str)), (1, Some("1")));
    assert_eq!(shown(&keys, &store).await, [pair("a", "2"), pair("b", "2")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_concurrent_changes_none_is_lost_and_a_key_is_deleted_once() {
    let store = MemoryStore::default();
    let keys = keys(&store).await;
    let sets = (0..100).map(|number| {
        let keys = keys.clone();
        tokio::spawn(async move { keys.set(&format!("key{number:03}"), "x").await })
    });
    for set in sets.collect::<Vec<_>>() {
        set.await.unwrap().unwrap();
    }
    assert_eq!(shown(&keys, &store).await.len(), 100);
    let (one, other) = tokio::join!(keys.delete("key050"), keys.delete("key050"));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(shown(&keys, &store).await.len(), 99);
}

#[tokio::test]
async fn who_was_fenced_off_shows_nothing_that_is_not_stored() {
    let store = MemoryStore::default();
    let keys = keys(&store).await;
    keys.set("a", "1").await.unwrap();
    let _next = store.reopen();
    assert_eq!(refused(keys.set("a", "2").await).0, "internal");
    assert_eq!(refused(keys.delete("a").await).0, "internal");
    assert_eq!(shown(&keys, &store).await, [pair("a", "1")]);
}
