//! Keys as components ask for them: with bounds of their own, and nothing of secrets.

use std::sync::Arc;
use std::time::Duration;

use petrel_datastore::{Form, KeyId, Keys, New};
use petrel_engine_core::{Core, SetClock, Vault, VaultKey};
use petrel_model::capabilities::StoreBounds;
use petrel_persistence::MemoryStore;
use petrel_runners::asked::{KeyState, KeyValues, NewKey, Unserved, Why};

async fn keys() -> (Keys, Arc<SetClock>) {
    let clock = Arc::new(SetClock::default());
    let vault = Vault::new(vec![VaultKey::generate().unwrap()]);
    let core = Core::with_vault(Arc::new(MemoryStore::default()), Arc::<SetClock>::clone(&clock), vault);
    (Keys::load(core).await.unwrap(), clock)
}

async fn set(
    keys: &Keys,
    name: &str,
    value: &str,
    expected: KeyState,
    bounds: Option<StoreBounds>,
) -> Result<String, Unserved> {
    let (name, value) = (name.to_owned(), value.to_owned());
    KeyValues::set(keys, NewKey { name, value, ttl: None, expected, bounds }).await
}

/// The names of a page, but for those that end with `hidden`.
fn list(keys: &Keys, prefix: &str, after: Option<&str>, most: usize) -> Vec<String> {
    KeyValues::list(keys, prefix, after, most, &|name| !name.ends_with("hidden"))
}

fn why<T>(result: Result<T, Unserved>) -> Why {
    let unserved = result.err().unwrap();
    assert!(!unserved.hint.is_empty(), "{unserved:?}");
    unserved.why
}

#[tokio::test]
async fn a_key_is_set_in_the_state_that_is_expected() {
    let (keys, _clock) = keys().await;
    assert_eq!(keys.get("p:a").unwrap(), None);
    let first = set(&keys, "p:a", "1", KeyState::Absent, None).await.unwrap();
    assert_eq!(why(set(&keys, "p:a", "2", KeyState::Absent, None).await), Why::Conflict);
    let second = set(&keys, "p:a", "2", KeyState::Version(first.clone()), None).await.unwrap();
    assert_eq!(why(set(&keys, "p:a", "3", KeyState::Version(first), None).await), Why::Conflict);
    let entry = keys.get("p:a").unwrap().unwrap();
    assert_eq!((entry.value.as_str(), entry.version, entry.expires_at), ("2", second, None));
    assert_eq!(why(set(&keys, "p:a\nb", "3", KeyState::Any, None).await), Why::Invalid);
    assert!(KeyValues::delete(&keys, "p:a").await.unwrap());
    assert!(!KeyValues::delete(&keys, "p:a").await.unwrap());
}

#[tokio::test]
async fn a_store_has_room_of_its_own() {
    let (keys, _clock) = keys().await;
    let bounds = Some(StoreBounds { writes: true, keys: 2, bytes: 16, value: 8 });
    for (name, value, refused) in [
        ("p:a", "1234", false),
        ("p:b", "123456789", true),
        ("p:b", "12345", false),
        ("p:c", "", true),
        ("p:a", "12345678", true),
        ("p:a", "1", false),
        ("q:c", "12345678", false),
        ("p.q:c", "12345678", false),
    ] {
        let done = set(&keys, name, value, KeyState::Any, bounds).await;
        assert_eq!(done.is_err(), refused, "{name} {value}: {done:?}");
        if refused {
            assert_eq!(why(done), Why::Full);
        }
    }
    KeyValues::delete(&keys, "p:b").await.unwrap();
    set(&keys, "p:c", "1", KeyState::Any, bounds).await.unwrap();
    keys.set("p:d", "what users set counts, and is not refused").await.unwrap();
    assert_eq!(why(set(&keys, "p:e", "", KeyState::Any, bounds).await), Why::Full);
}

#[tokio::test]
async fn a_secret_is_given_as_one_alone() {
    let (keys, _clock) = keys().await;
    keys.put(New { form: Form::Secret, ..New::open(KeyId::shared("p:token"), "hush") }).await.unwrap();
    keys.set("p:open", "seen").await.unwrap();
    assert_eq!(why(keys.get("p:token")), Why::Denied);
    assert_eq!(why(set(&keys, "p:token", "x", KeyState::Any, None).await), Why::Denied);
    assert_eq!(why(KeyValues::delete(&keys, "p:token").await), Why::Denied);
    assert_eq!(KeyValues::secret(&keys, "p:token").unwrap(), "hush");
    assert_eq!(why(KeyValues::secret(&keys, "p:open")), Why::Invalid);
    assert_eq!(why(KeyValues::secret(&keys, "p:none")), Why::NotFound);
    assert_eq!(list(&keys, "p:", None, 10), ["p:open"]);
}

#[tokio::test]
async fn keys_are_listed_in_pages_and_expire() {
    let (keys, clock) = keys().await;
    for name in ["p:a", "p:a-hidden", "p:b", "p:c", "q:a"] {
        keys.set(name, "x").await.unwrap();
    }
    let ttl = Some(Duration::from_secs(5));
    let brief =
        NewKey { name: "p:d".into(), value: String::new(), ttl, expected: KeyState::Any, bounds: None };
    KeyValues::set(&keys, brief).await.unwrap();
    assert_eq!(list(&keys, "p:", None, 2), ["p:a", "p:b"]);
    assert_eq!(list(&keys, "p:", Some("p:b"), 10), ["p:c", "p:d"]);
    assert_eq!(list(&keys, "p:", Some("a"), 1), ["p:a"]);
    assert!(list(&keys, "p:", Some("q"), 10).is_empty());
    assert!(keys.get("p:d").unwrap().unwrap().expires_at.is_some());
    clock.turn(Duration::from_secs(5));
    assert_eq!(list(&keys, "p:", Some("p:b"), 10), ["p:c"]);
    assert_eq!(keys.get("p:d").unwrap(), None);
}
