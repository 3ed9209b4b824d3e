//! Packs are removed with their contents, unless rules of others need them.

use petrel_catalog::Giver;
use serde_json::json;

use crate::rules::rule;
use crate::{House, refused};

const FILES: [(&str, &str); 3] = [
    ("actions/a.yaml", "runner_type: noting\nentry_point: a\n"),
    ("triggers/t.yaml", "description: d\n"),
    ("rules/r.yaml", "enabled: true\ntrigger: {type: mine.t}\naction: {ref: mine.a}\n"),
];

#[tokio::test]
async fn a_pack_goes_with_all_that_is_in_it_and_its_configuration() {
    let house = House::new().await;
    let before = house.shown().await;
    house.register("mine", &FILES).await.unwrap();
    house
        .catalog
        .configure_pack("mine", json!({"a": 1}).as_object().cloned().unwrap(), Giver::SeesSecrets)
        .await
        .unwrap();
    house.settled().await;
    house.runner.noted();
    house.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await.unwrap();
    assert_eq!((house.shown().await, house.stored_configs().await), (before, 0));
    assert!(house.catalog.content().given_config("mine").is_none());
    assert_eq!(house.runner.noted(), ["forget mine"]);
    // Its files still exist.
    house.catalog.register_pack(&house.path("mine"), false).await.unwrap();
    assert!(house.catalog.content().given_config("mine").is_none());
}

#[tokio::test]
async fn a_pack_that_rules_of_others_use_stays_and_so_does_one_of_the_host() {
    let house = House::new().await;
    house.register("mine", &FILES).await.unwrap();
    let uses = rule("user", "one").replace("pack: mine", "pack: other").replace("core.noop", "mine.a");
    house.catalog.create_rule(&uses, "ada").await.unwrap();
    let before = house.shown().await;
    for (name, code, says) in [
        ("mine", "conflict", "rules of other packs use the pack `mine`: other.user"),
        ("core", "conflict", "came with petrel"),
        ("min", "not_found", "did you mean `mine`?"),
    ] {
        let (found, message) = refused(house.catalog.remove_pack(name, Giver::SeesSecrets, "ada").await);
        assert!(found == code && message.contains(says), "{name}: {message}");
    }
    assert_eq!(house.shown().await, before);
    house.catalog.delete_rule("other.user").await.unwrap();
    house.catalog.remove_pack("mine", Giver::SeesSecrets, "ada").await.unwrap();
}

#[tokio::test]
async fn a_pack_whose_files_have_gone_stays_and_is_told_with_the_remedy() {
    let house = House::new().await;
    house.register("mine", &FILES).await.unwrap();
    let told = async |house: &House| {
        let notes = house.catalog.notes_on_files().await.into_iter();
        notes.filter(|note| note.contains("`mine`")).collect::<Vec<_>>()
    };
    assert_eq!(told(&house).await, [""; 0]);
    // As on a machine to which only the store was brought.
    std::fs::remove_dir_all(house.path("mine")).unwrap();
    let notes = told(&house.next_process().await).await;
    let [note] = notes.as_slice() else { panic!("{notes:?}") };
    let path = house.path("mine").display().to_string();
    for says in [path.as_str(), "petrel pack register DIRECTORY", "petrel pack remove mine"] {
        assert!(note.contains(says), "{says}: {note}");
    }
}
