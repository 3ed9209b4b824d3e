//! Changes of rules, alone and many at once: each is decided on the state that the one before has left, none
//! is lost, and the shown, evaluated and stored rules are the same ([`House::rules`] compares them).

use serde_json::json;

use crate::support::store::{How, any};
use crate::support::{House, RuleChange, refused, rule, settle, until};

fn create(name: &str) -> RuleChange {
    RuleChange::Create(rule(name, "sample", "at_once", ""))
}

fn update(name: &str, text: String) -> RuleChange {
    RuleChange::Update(format!("house.{name}"), text)
}

fn switch(name: &str, is_on: bool) -> RuleChange {
    RuleChange::Switch(format!("house.{name}"), is_on)
}

fn delete(name: &str) -> RuleChange {
    RuleChange::Delete(format!("house.{name}"))
}

/// Makes these changes at once; gives the codes of those that were refused.
async fn at_once(house: &House, changes: Vec<RuleChange>) -> Vec<&'static str> {
    let making: Vec<_> = changes.into_iter().map(|change| house.change_later(change)).collect();
    let mut refused = Vec::new();
    for change in making {
        refused.extend(change.await.unwrap().err().map(|error| error.code()));
    }
    refused
}

#[tokio::test]
async fn a_rule_is_made_changed_switched_renamed_and_deleted() {
    let house = House::new().await;
    house.change(create("r")).await.unwrap();
    let id = house.rules().await[0].id;
    house.change(update("r", rule("r", "other", "waits", ""))).await.unwrap();
    assert_eq!(refused(house.post("sample", json!({})).await).0, "not_found");
    house.change(switch("r", false)).await.unwrap();
    assert!(house.post("other", json!({})).await.unwrap().executions.is_empty());
    house.change(update("r", rule("s", "other", "waits", ""))).await.unwrap();
    let rules = house.rules().await;
    assert_eq!((rules.len(), rules[0].id, rules[0].reference.as_str()), (1, id, "house.s"));
    assert_eq!(house.post("other", json!({})).await.unwrap().executions.len(), 1);
    house.change(delete("s")).await.unwrap();
    assert!(house.rules().await.is_empty());
}

#[tokio::test]
async fn what_is_refused_of_a_rule_changes_nothing() {
    let house = House::new().await;
    for name in ["r", "taken"] {
        house.change(create(name)).await.unwrap();
    }
    let before = house.rules().await;
    let elsewhere = rule("r", "sample", "at_once", "").replace("core.st2.webhook", "house.nowhere");
    let senseless = rule("r", "sample", "at_once", "criteria: {trigger.body.x: {type: likes, pattern: 1}}\n");
    for (change, code) in [
        (create("r"), "conflict"),
        (RuleChange::Create("name: [".into()), "invalid"),
        (RuleChange::Create("name: new\n".into()), "invalid"),
        (update("missing", rule("missing", "sample", "at_once", "")), "not_found"),
        (update("r", rule("taken", "sample", "at_once", "")), "conflict"),
        (update("r", elsewhere), "invalid"),
        (update("r", senseless), "invalid"),
        (switch("missing", true), "not_found"),
        (delete("missing"), "not_found"),
    ] {
        let told = refused(house.change(change.clone()).await);
        assert_eq!(told.0, code, "{change:?}: {told:?}");
        assert_eq!(house.rules().await, before, "{change:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_make_the_same_rule_one_does() {
    let house = House::new().await;
    let refused = at_once(&house, vec![create("r"); 8]).await;
    assert_eq!(refused, ["conflict"; 7]);
    assert_eq!(house.rule_names().await, ["r"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_rules_that_are_made_at_once_none_is_lost() {
    let house = House::new().await;
    let names: Vec<_> = (0..24).map(|number| format!("r{number:02}")).collect();
    assert!(at_once(&house, names.iter().map(|name| create(name)).collect()).await.is_empty());
    assert_eq!(house.rule_names().await, names);
    let accepted = house.post("sample", json!({})).await.unwrap();
    assert_eq!(accepted.executions.len(), 24);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_delete_a_rule_one_does() {
    let house = House::new().await;
    house.change(create("r")).await.unwrap();
    assert_eq!(at_once(&house, vec![delete("r"); 6]).await, ["not_found"; 5]);
    assert!(house.rules().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_switch_and_an_update_at_once_are_both_made() {
    for is_on in [true, false] {
        let house = House::new().await;
        house.change(create("r")).await.unwrap();
        let text = rule("r", "other", "waits", "description: changed\n");
        let changes = vec![switch("r", is_on), update("r", text.clone()), update("r", text)];
        assert!(at_once(&house, changes).await.is_empty());
        let rules = house.rules().await;
        // The text says that it is on; whoever came last counts.
        assert_eq!((rules.len(), rules[0].description.as_str()), (1, "changed"));
        assert_eq!(rules[0].action.reference.as_str(), "house.waits");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_that_is_deleted_and_changed_at_once_is_gone() {
    for _ in 0..5 {
        let house = House::new().await;
        house.change(create("r")).await.unwrap();
        let text = rule("r", "other", "waits", "");
        let refused = at_once(&house, vec![update("r", text), delete("r"), switch("r", false)]).await;
        assert!(refused.iter().all(|code| *code == "not_found"), "{refused:?}");
        assert!(house.rules().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_rules_that_take_the_same_name_at_once_one_gets_it() {
    let house = House::new().await;
    for name in ["a", "b", "c"] {
        house.change(create(name)).await.unwrap();
    }
    let renames = ["a", "b", "c"].map(|name| update(name, rule("same", "sample", "at_once", "")));
    assert_eq!(at_once(&house, renames.into()).await, ["conflict"; 2]);
    let names = house.rule_names().await;
    assert_eq!((names.len(), names.iter().filter(|name| *name == "same").count()), (3, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_made_while_their_pack_is_registered_and_neither_is_lost() {
    let house = House::new().await;
    house.write("rules/file.yaml", &rule("file", "sample", "at_once", ""));
    let registering = house.register_later();
    let refused = at_once(&house, vec![create("one"), create("two"), create("three")]).await;
    registering.await.unwrap().unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(house.rule_names().await, ["file", "one", "three", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_meets_a_rule_as_it_was_or_as_it_is() {
    let house = House::new().await;
    house.change(create("r")).await.unwrap();
    let mut making = Vec::new();
    let mut posting = Vec::new();
    for number in 0..20 {
        making.push(house.change_later(switch("r", number % 2 == 0)));
        posting.push(house.post_later("sample", json!({"n": number})));
    }
    for change in making {
        change.await.unwrap().unwrap();
    }
    for post in posting {
        let accepted = post.await.unwrap().unwrap();
        assert_eq!(accepted.executions.len(), house.enforcements(&accepted).await.len());
    }
    assert_eq!(house.events().await.len(), 20);
    house.rules().await;
}

#[tokio::test]
async fn a_change_whose_commit_fails_shows_nothing() {
    let house = House::new().await;
    house.change(create("r")).await.unwrap();
    let before = house.rules().await;
    for change in [create("s"), update("r", rule("r", "other", "waits", "")), switch("r", false), delete("r")]
    {
        for (how, code) in [(How::Refused, "internal"), (How::NoRoom, "no_room")] {
            house.store().next(any, how);
            assert_eq!(refused(house.change(change.clone()).await).0, code, "{change:?}");
            assert_eq!(house.rules().await, before, "{change:?}");
        }
    }
    house.post("sample", json!({})).await.unwrap();
}

#[tokio::test]
async fn a_change_is_made_to_its_end_although_its_caller_goes_away() {
    let house = House::new().await;
    let open = house.store().delay(any);
    let making = house.change_later(create("r"));
    until("the commit waits", || house.store().faults_left() == 0).await;
    making.abort();
    assert!(making.await.is_err());
    assert!(house.rules().await.is_empty());
    drop(open);
    settle().await;
    assert_eq!(house.rule_names().await, ["r"]);
}

#[tokio::test]
async fn events_are_taken_in_while_a_change_waits_for_the_disk() {
    let house = House::new().await;
    house.change(create("r")).await.unwrap();
    let open = house.store().delay(any);
    let making = house.change_later(delete("r"));
    until("the commit waits", || house.store().faults_left() == 0).await;
    // What is not stored does not show.
    assert_eq!(house.post("sample", json!({})).await.unwrap().executions.len(), 1);
    drop(open);
    making.await.unwrap().unwrap();
    assert_eq!(refused(house.post("sample", json!({})).await).0, "not_found");
}
