//! Concurrent changes: each is decided on the state that the one before has left, and none is lost.

use std::time::Duration;

use petrel_catalog::Giver;
use petrel_model::Rule;
use petrel_persistence::StoreExt as _;

use crate::House;
use crate::rules::rule;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_make_the_same_rule_one_does() {
    let house = House::new().await;
    let makes = (0..8).map(|number| {
        let catalog = house.catalog.clone();
        let text = rule("a", &format!("url{number}"));
        tokio::spawn(async move { catalog.create_rule(&text, "ada").await.map_err(|error| error.code()) })
    });
    let mut made = 0;
    for make in makes.collect::<Vec<_>>() {
        match make.await.unwrap() {
            Ok(_) => made += 1,
            Err(code) => assert_eq!(code, "conflict"),
        }
    }
    assert_eq!((made, house.rules_on("mine").len(), house.catalog.content().webhooks().count()), (1, 1, 1));
    house.shown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_rules_none_is_lost() {
    let house = House::new().await;
    let makes = (0..60).map(|number| {
        let catalog = house.catalog.clone();
        tokio::spawn(async move { catalog.create_rule(&rule(&format!("r{number:02}"), "one"), "ada").await })
    });
    for make in makes.collect::<Vec<_>>() {
        make.await.unwrap().unwrap();
    }
    assert_eq!(house.rules_on("mine").len(), 60);
    let content = house.catalog.content();
    let (trigger, _) = content.webhook("one").unwrap();
    assert_eq!(content.index().candidates(trigger, &serde_json::json!({})).len(), 60);
    house.shown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_is_not_undone_by_a_change_at_the_same_time() {
    let house = House::new().await;
    for round in 0..20 {
        let (name, url) = (format!("r{round}"), format!("url{round}"));
        house.catalog.create_rule(&rule(&name, "old"), "ada").await.unwrap();
        let reference = format!("mine.{name}");
        let deleted = format!("mine.other{round}");
        house.catalog.create_rule(&rule(&format!("other{round}"), "old"), "ada").await.unwrap();
        let text = rule(&name, &url);
        let (updated, gone) = tokio::join!(
            house.catalog.update_rule(&reference, &text, Giver::SeesSecrets),
            house.catalog.delete_rule(&deleted)
        );
        assert!(updated.is_ok() && gone.is_ok());
        let content = house.catalog.content();
        assert_eq!(content.rule(&reference).unwrap().trigger.parameters["url"], url);
        assert!(content.rule(&deleted).is_err());
    }
    house.shown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_rename_to_the_same_name_one_does() {
    let house = House::new().await;
    for name in ["a", "b"] {
        house.catalog.create_rule(&rule(name, "one"), "ada").await.unwrap();
    }
    let text = rule("c", "one");
    let (one, other) = tokio::join!(
        house.catalog.update_rule("mine.a", &text, Giver::SeesSecrets),
        house.catalog.update_rule("mine.b", &text, Giver::SeesSecrets)
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(house.rules_on("mine").len(), 2);
    house.shown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn registrations_and_rules_at_once_are_all_there_in_the_end() {
    let house = House::new().await;
    let files = [("actions/a.yaml", "runner_type: noting\nentry_point: a\n")];
    let directories: Vec<_> = (0..6).map(|number| house.pack(&format!("p{number}"), &files)).collect();
    let registers = directories.into_iter().map(|directory| {
        let catalog = house.catalog.clone();
        tokio::spawn(async move { catalog.register_pack(&directory, false).await.unwrap().actions })
    });
    let makes = (0..20).map(|number| {
        let catalog = house.catalog.clone();
        let text = rule(&format!("r{number}"), "one");
        tokio::spawn(async move { catalog.create_rule(&text, "ada").await.unwrap().warnings.len() })
    });
    for one in registers.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 1);
    }
    for one in makes.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), 0);
    }
    assert_eq!((house.catalog.content().packs().count(), house.rules_on("mine").len()), (7, 20));
    house.shown().await;
}

#[tokio::test]
async fn a_change_is_made_to_its_end_although_its_caller_goes_away() {
    let house = House::new().await;
    let text = rule("a", "one");
    {
        let mut make = Box::pin(house.catalog.create_rule(&text, "ada"));
        // One look begins it, and then nobody waits for it.
        tokio::select! { biased; _ = &mut make => panic!("it cannot be done yet"), () = std::future::ready(()) => {} }
    }
    house.core.stop(Duration::from_secs(30)).await;
    assert_eq!(house.rules_on("mine"), ["mine.a"]);
    assert_eq!(house.store.all::<Rule>().await.unwrap().len(), 1);
}
