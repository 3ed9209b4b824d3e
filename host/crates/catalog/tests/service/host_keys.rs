//! Keys of other hosts: pinned at the first contact or by hand, kept over a restart, and forgotten on request only.

use petrel_model::ExecutionId;
use petrel_runners::host_keys::{FirstContact, PublicKey};

use crate::House;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICTeijHjQLsdRkXPzSnUonwSXuyjFYyyNlLXqOVK//W8";
const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFXaY9KmvpEFlMmDIJgTVQTwaZJDv5TB4QEuYlkBTNRX";

fn contact(host: &str, key: &str) -> FirstContact {
    let execution: ExecutionId = "65a000000000000000000001".parse().unwrap();
    FirstContact { host: host.into(), key: PublicKey::parse(key).unwrap(), execution, user: "ada".into() }
}

#[tokio::test]
async fn who_is_met_is_pinned_and_nobody_takes_the_place() {
    let house = House::new().await;
    let keys = house.runner.host_keys();
    assert_eq!(keys.pinned("web1"), None);
    keys.pin(contact("web1", KEY)).await.unwrap();
    // Two executions may meet a host at the same time.
    keys.pin(contact("web1", KEY)).await.unwrap();
    let refused = keys.pin(contact("web1", OTHER)).await.unwrap_err();
    assert!(refused.message.contains("another key is pinned for the host `web1`"), "{refused:?}");
    assert!(refused.hint.contains("petrel host-key delete 'web1'"), "{refused:?}");
    assert_eq!(keys.pinned("web1").as_deref(), Some(KEY));

    let house = house.next_process().await;
    assert_eq!(house.runner.host_keys().pinned("web1").as_deref(), Some(KEY));
    let content = house.catalog.content();
    let known = content.host_key("web1").unwrap();
    assert_eq!((known.pinned_by.as_str(), known.execution.is_some()), ("ada", true));
    house.catalog.forget_host_key("web1", "admin").await.unwrap();
    assert!(house.catalog.forget_host_key("web1", "admin").await.is_err());
    house.runner.host_keys().pin(contact("web1", OTHER)).await.unwrap();
    assert_eq!(house.next_process().await.runner.host_keys().pinned("web1").as_deref(), Some(OTHER));
}

#[tokio::test]
async fn a_key_that_is_pinned_by_hand_is_one() {
    let house = House::new().await;
    for (host, key, says) in [
        ("web 1", KEY, "the host `web 1` is no name of a host"),
        ("web1:0", KEY, "a port that is not a number"),
        ("web1", "ssh-ed25519", "the key of the host `web1` is not of the form"),
        ("web1", &format!("web1 {KEY}"), "is not base64"),
    ] {
        let refused = house.catalog.pin_host_key(host, key, "admin").await.unwrap_err();
        assert!(refused.to_string().contains(says), "{refused}");
    }
    for (host, name) in [("Web1:2222", "[web1]:2222"), ("[web2]:22", "web2"), ("::1", "::1")] {
        let pinned = house.catalog.pin_host_key(host, &format!("{KEY} root@web1"), "admin").await.unwrap();
        assert_eq!((pinned.host.as_str(), pinned.key.as_str()), (name, KEY));
        assert_eq!(house.runner.host_keys().pinned(name).as_deref(), Some(KEY));
        house.catalog.forget_host_key(host, "admin").await.unwrap();
    }
}
