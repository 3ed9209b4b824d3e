//! Users, expiry, expected states, bounds and events.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use petrel_datastore::{End, Entry, Expected, Form, KeyId, Keys, New, Options};
use petrel_engine_core::{Core, Error, SetClock};
use petrel_model::{InternalEvent, KeyValue, UserKeyValue};
use petrel_persistence::{MemoryStore, StoreExt as _};
use serde_json::{Value, json};

use crate::refused;

/// Keys over a store in memory, with a clock that the test turns.
struct House {
    keys: Keys,
    core: Core,
    clock: Arc<SetClock>,
    store: MemoryStore,
}

impl House {
    async fn new(options: Options) -> Self {
        let (store, clock) = (MemoryStore::default(), Arc::new(SetClock::default()));
        let core = Core::new(Arc::new(store.clone()), Arc::<SetClock>::clone(&clock));
        let keys = Keys::load_with(core.clone(), options).await.unwrap();
        Self { keys, core, clock, store }
    }

    /// Listens to all events of keys.
    fn listen(&self) {
        let kinds = ["create", "update", "value_change", "delete"];
        let kinds = kinds.map(|kind| format!("core.st2.key_value_pair.{kind}").parse().unwrap());
        self.core.listen_to(BTreeSet::from(kinds));
    }

    /// The events so far: the last part of their type, and the payload.
    async fn events(&self) -> Vec<(String, Value)> {
        let events = self.store.all::<InternalEvent>().await.unwrap();
        let kind = |event: &InternalEvent| event.kind.as_str().rsplit('.').next().unwrap().to_owned();
        events.iter().map(|event| (kind(event), Value::Object(event.payload.clone()))).collect()
    }

    async fn put(&self, id: KeyId, value: &str, ttl: Option<u64>) -> Result<Entry<'static>, Error> {
        let end = ttl.map(|seconds| End::After(Duration::from_secs(seconds)));
        self.keys.put(New { end, ..New::open(id, value) }).await
    }

    /// What expressions of `user` read of `st2kv.system.a` and `st2kv.user.a`.
    fn read(&self, user: &str) -> (Option<String>, Option<String>) {
        let readable = self.keys.readable_by(user);
        (readable.system.get("a").cloned(), readable.user.get("a").cloned())
    }
}

#[tokio::test]
async fn a_key_of_a_user_is_read_by_that_user_alone() {
    let house = House::new(Options::default()).await;
    house.put(KeyId::shared("a"), "of all", None).await.unwrap();
    house.put(KeyId::of("ada", "a"), "of ada", None).await.unwrap();
    house.put(KeyId::of("bob", "b"), "of bob", None).await.unwrap();
    assert_eq!(house.read("ada"), (Some("of all".to_owned()), Some("of ada".to_owned())));
    assert_eq!(house.read("bob"), (Some("of all".to_owned()), None));
    assert_eq!(house.read("eve"), (Some("of all".to_owned()), None));
    assert!(house.keys.all().user.is_empty());
    let snapshot = house.keys.snapshot();
    let names = |owner| snapshot.entries(owner, "").map(|entry| entry.name.to_string()).collect::<Vec<_>>();
    assert_eq!((names(None), names(Some("bob"))), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert_eq!(
        refused(house.keys.remove(KeyId::of("eve", "a"), Expected::Any).await),
        ("not_found", "key `a` does not exist; `petrel key list` shows what there is".into())
    );
    // The next process has them.
    let next = house.store.reopen();
    let core = Core::new(Arc::new(next.clone()), Arc::new(SetClock::default()));
    let keys = Keys::load(core).await.unwrap();
    assert_eq!(keys.readable_by("ada").user.get("a").map(String::as_str), Some("of ada"));
    keys.remove(KeyId::of("ada", "a"), Expected::Any).await.unwrap();
    assert!(keys.readable_by("ada").user.is_empty());
    assert_eq!(next.all::<UserKeyValue>().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_prefix_finds_the_keys_of_one_scope_in_order() {
    let house = House::new(Options::default()).await;
    for name in ["b", "a.2", "a.1", "a", "ab"] {
        house.put(KeyId::shared(name), "", None).await.unwrap();
        house.put(KeyId::of("ada", name), "", None).await.unwrap();
    }
    let snapshot = house.keys.snapshot();
    for (prefix, found) in [("", "a a.1 a.2 ab b"), ("a.", "a.1 a.2"), ("c", "")] {
        for owner in [None, Some("ada")] {
            let names: Vec<_> = snapshot.entries(owner, prefix).map(|entry| entry.name.to_string()).collect();
            assert_eq!(names.join(" "), found);
        }
    }
}

#[tokio::test]
async fn a_key_is_gone_from_the_moment_when_it_expires() {
    let house = House::new(Options::default()).await;
    house.listen();
    house.put(KeyId::shared("a"), "1", Some(10)).await.unwrap();
    house.put(KeyId::of("ada", "a"), "2", Some(20)).await.unwrap();
    house.put(KeyId::shared("stays"), "3", None).await.unwrap();
    house.clock.turn(Duration::from_micros(9_999_999));
    assert_eq!(house.read("ada"), (Some("1".to_owned()), Some("2".to_owned())));
    house.clock.turn(Duration::from_micros(1));
    // Nothing has deleted it yet.
    assert_eq!(house.store.all::<KeyValue>().await.unwrap().len(), 2);
    assert_eq!(house.read("ada"), (None, Some("2".to_owned())));
    assert!(house.keys.snapshot().get(&KeyId::shared("a")).is_none());
    assert_eq!(refused(house.keys.delete("a").await).0, "not_found");
    house.clock.turn(Duration::from_secs(10));
    assert_eq!(house.read("ada"), (None, None));
    let task = tokio::spawn(house.keys.clone().run_expiry());
    while house.store.all::<KeyValue>().await.unwrap().len() > 1
        || !house.store.all::<UserKeyValue>().await.unwrap().is_empty()
    {
        tokio::task::yield_now().await;
    }
    let kinds: Vec<_> = house.events().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["create", "create", "create", "delete", "delete"]);
    assert_eq!(house.keys.all().system.len(), 1);
    house.core.stop(Duration::ZERO).await;
    task.await.unwrap();
}

#[tokio::test]
async fn a_key_that_has_expired_is_made_anew() {
    let house = House::new(Options::default()).await;
    house.listen();
    house.put(KeyId::shared("a"), "1", Some(10)).await.unwrap();
    house.clock.turn(Duration::from_secs(10));
    let new = New { expected: Expected::Absent, ..New::open(KeyId::shared("a"), "2") };
    house.keys.put(new).await.unwrap();
    let kinds: Vec<_> = house.events().await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["create", "delete", "create"]);
    house.clock.turn(Duration::from_secs(100));
    assert_eq!(house.read(""), (Some("2".to_owned()), None), "what is set without a time stays");
    for ttl in [0, 400_000_000] {
        let error = refused(house.put(KeyId::shared("b"), "x", Some(ttl)).await.map(drop));
        assert!(error.0 == "invalid" && error.1.contains("from 1 to"), "{error:?}");
    }
    // A time is kept to the microsecond.
    let now = house.core.now();
    for (at, is_taken) in [(now.plus(Duration::from_micros(1)), true), (now, false)] {
        let new = New { end: Some(End::At(at)), ..New::open(KeyId::shared("c"), "x") };
        let put = house.keys.put(new).await.map(|entry| entry.expires_at);
        assert_eq!(put.ok(), is_taken.then_some(Some(at)));
    }
}

#[tokio::test]
async fn of_two_who_expect_the_same_state_one_is_refused() {
    let house = House::new(Options::default()).await;
    let set = |value: &str, expected: Expected| New { expected, ..New::open(KeyId::shared("a"), value) };
    let first = house.keys.put(set("1", Expected::Absent)).await.unwrap();
    assert_eq!(refused(house.keys.put(set("2", Expected::Absent)).await.map(drop)).0, "conflict");
    let mark = || Expected::OneOf(vec![first.mark()]);
    let (one, other) = tokio::join!(house.keys.put(set("one", mark())), house.keys.put(set("other", mark())));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let now = if one.is_ok() { one } else { other }.unwrap();
    assert_eq!(house.read("").0.as_deref(), Some(&*now.value));
    // A key of the same name is another one once it was deleted.
    house.keys.delete("a").await.unwrap();
    assert_eq!(refused(house.keys.put(set("x", Expected::Present)).await.map(drop)).0, "conflict");
    let again = house.keys.put(set(&now.value, Expected::Any)).await.unwrap();
    assert_ne!(again.mark(), now.mark());
    let stale = Expected::OneOf(vec![now.mark()]);
    assert_eq!(refused(house.keys.remove(KeyId::shared("a"), stale).await).0, "conflict");
    house.keys.remove(KeyId::shared("a"), Expected::OneOf(vec![again.mark()])).await.unwrap();
}

#[tokio::test]
async fn each_change_is_reported_in_its_commit_and_only_to_who_listens() {
    let house = House::new(Options::default()).await;
    house.put(KeyId::shared("unheard"), "x", None).await.unwrap();
    assert!(house.events().await.is_empty());
    house.listen();
    house.put(KeyId::shared("a"), "1", None).await.unwrap();
    house.put(KeyId::shared("a"), "1", None).await.unwrap();
    house.put(KeyId::of("ada", "b"), "2", None).await.unwrap();
    house.put(KeyId::of("ada", "b"), "3", None).await.unwrap();
    house.keys.delete("a").await.unwrap();
    assert_eq!(refused(house.keys.delete("a").await).0, "not_found");
    let shared = json!({
        "id": "a", "uid": "key_value_pair:st2kv.system:a", "name": "a", "value": "1", "scope": "st2kv.system",
        "secret": false, "encrypted": false,
    });
    let own = |value: &str| {
        json!({
            "id": "b", "uid": "key_value_pair:st2kv.user:ada:b", "name": "b", "value": value, "scope": "st2kv.user",
            "secret": false, "encrypted": false, "user": "ada",
        })
    };
    let expected = [
        ("create", json!({"object": shared})),
        ("update", json!({"object": shared})),
        ("create", json!({"object": own("2")})),
        ("update", json!({"object": own("3")})),
        ("value_change", json!({"old_object": own("2"), "new_object": own("3")})),
        ("delete", json!({"object": shared})),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(kind, payload)| (kind.to_owned(), payload)).collect();
    assert_eq!(house.events().await, expected);
}

#[tokio::test]
async fn the_datastore_takes_no_more_than_its_bounds() {
    let house = House::new(Options { most_bytes: 20, most_keys: 3 }).await;
    for (name, value, taken) in [
        ("a", "123456789", true),
        ("b", "1234567890", false),
        ("b", "123456789", true),
        ("a", "1234567890", false),
        ("a", "12345678", true),
        ("c", "", true),
        ("d", "", false),
        ("a", "", true),
    ] {
        let set = house.put(KeyId::shared(name), value, None).await;
        assert_eq!(
            set.as_ref().map(|_| ()).map_err(Error::code),
            if taken { Ok(()) } else { Err("too_large") }
        );
    }
    let secret = New { form: Form::Secret, ..New::open(KeyId::shared("d"), "x") };
    let error = refused(house.keys.put(secret).await.map(drop));
    assert!(error.1.contains("cannot be kept secret") && error.1.contains("nothing was stored"), "{error:?}");
}
