//! API keys are created, disabled, enabled, given to others and deleted.

use petrel_access::{Credential, KeyChange, Rejected};
use petrel_model::{ApiKeyId, Id, Object};
use serde_json::json;

use crate::{House, refused};

fn enabled(enabled: bool) -> KeyChange {
    KeyChange { enabled: Some(enabled), ..KeyChange::default() }
}

fn note(text: &str) -> Object {
    Object::from_iter([("for".to_owned(), json!(text))])
}

#[tokio::test]
async fn a_key_is_good_while_it_is_enabled_however_late_it_is() {
    let house = House::with(&["ada"]).await;
    let key = house.access.create_api_key("ada", "ada", note("backups"), true).await.unwrap();
    house.turn(10 * 365 * 24 * 60 * 60);
    let identity = house.access.identify_api_key(&key.secret).unwrap();
    assert_eq!((identity.user.as_str(), identity.credential), ("ada", Credential::ApiKey(key.record.id)));
    let (id, itself) = (key.record.id.to_string(), key.secret.clone());
    house.access.change_api_key("ada", &id, enabled(false)).await.unwrap();
    assert_eq!(house.access.identify_api_key(&key.secret), Err(Rejected::Disabled));
    let changed = house.access.change_api_key("ada", &itself, enabled(true)).await.unwrap();
    assert_eq!(changed.metadata, note("backups"), "what was not named is as it was");
    house.access.identify_api_key(&key.secret).unwrap();
    assert_eq!(house.access.delete_api_key("ada", &itself).await.unwrap(), key.record.id);
    assert_eq!(house.access.identify_api_key(&key.secret), Err(Rejected::Unknown));
    assert_eq!(house.stored().await, (1, 0, 0));
}

#[tokio::test]
async fn what_is_refused_of_a_key_leaves_nothing_behind() {
    let house = House::with(&["ada"]).await;
    let large = note(&"x".repeat(5000));
    assert_eq!(refused(house.access.create_api_key("ada", "ada", large.clone(), true).await).0, "invalid");
    assert_eq!(refused(house.access.create_api_key("admin", "bob", note(""), true).await).0, "not_found");
    assert_eq!(house.stored().await.2, 0);
    let key = house.access.create_api_key("ada", "ada", note("backups"), true).await.unwrap().record;
    let id = key.id.to_string();
    for (change, code) in [
        (KeyChange { metadata: Some(large), enabled: Some(false), ..KeyChange::default() }, "invalid"),
        (KeyChange { user: Some("bob".into()), enabled: Some(false), ..KeyChange::default() }, "not_found"),
    ] {
        assert_eq!(refused(house.access.change_api_key("admin", &id, change).await).0, code);
        assert!(house.access.accounts().api_key(&id).unwrap() == &key, "{code}");
    }
    let unknown: ApiKeyId = Id::from_parts(1, 1).into();
    assert_eq!(refused(house.access.delete_api_key("ada", &unknown.to_string()).await).0, "not_found");
}

#[tokio::test]
async fn a_key_that_is_handed_over_is_its_new_owner_s() {
    let house = House::with(&["ada", "bob"]).await;
    let key = house.access.create_api_key("ada", "ada", Object::new(), true).await.unwrap();
    let id = key.record.id.to_string();
    let to_bob = KeyChange { user: Some("bob".into()), ..KeyChange::default() };
    assert_eq!(refused(house.access.change_api_key("ada", &id, to_bob.clone()).await).0, "forbidden");
    house.access.change_api_key("admin", &id, to_bob).await.unwrap();
    assert_eq!(house.access.identify_api_key(&key.secret).unwrap().user, "bob");
    assert_eq!(refused(house.access.delete_api_key("ada", &id).await).0, "forbidden");
    assert_eq!(house.next_process().await.access.identify_api_key(&key.secret).unwrap().user, "bob");
}
