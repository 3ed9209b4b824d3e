//! The standing of a rule: what keeps it from firing, and how the latest events of its trigger fared.

use std::time::Duration;

use petrel_model::rule::EnforcementStatus;
use serde_json::json;

use crate::{House, criterion, refused, rule, with_value};

#[tokio::test]
async fn what_keeps_a_rule_from_firing_is_told_with_its_remedy() {
    let house = House::new().await;
    let off = |text: String| text.replace("enabled: true", "enabled: false");
    let timer = "name: t\npack: house\nenabled: true\ntrigger: {type: core.st2.DateTimer, parameters: {date: \"1999-01-01 00:00:00\"}}\naction: {ref: house.act}\n";
    let told = "name: told\npack: house\nenabled: true\ntrigger: {type: core.st2.action.file_written}\naction: {ref: house.act}\n";
    for (name, text, says) in [
        ("idle", off(rule("idle", "a", "act", "")), "petrel rule enable house.idle"),
        ("gone", rule("gone", "a", "gone", ""), "action `house.gone` does not exist"),
        ("switched", rule("switched", "a", "switched_off", ""), "is disabled"),
        ("t", timer.to_owned(), "never due again"),
        ("told", told.to_owned(), "the host makes no events of core.st2.action.file_written yet; listen to"),
    ] {
        house.rule(&text).await;
        let standing = house.triggers.standing(&format!("house.{name}"), true).await.unwrap();
        assert!(standing.verdict.starts_with("does not fire: "), "{standing:?}");
        assert!(standing.verdict.contains(says) && standing.obstacles.len() == 1, "{standing:?}");
    }
    assert_eq!(refused(house.triggers.standing("house.none", true).await).0, "not_found");
}

#[tokio::test]
async fn events_are_counted_by_the_criterion_that_failed() {
    let house = House::new().await;
    let two = "criteria: {trigger.body.color: {type: equals, pattern: red}, trigger.body.size: {type: gt, pattern: 5}}\n";
    house.rule(&rule("r", "sample", "act", two)).await;
    house.rule(&rule("other", "other", "act", "")).await;
    let standing = async || house.triggers.standing("house.r", true).await.unwrap();
    assert!(standing().await.verdict.contains("no event of its trigger has come in"));
    for body in [
        json!({"color": "blue", "size": 9}),
        json!({"color": "red", "size": 4}),
        json!({"color": "red", "size": 3}),
    ] {
        house.post("sample", body).await.unwrap();
    }
    house.post("other", json!({})).await.unwrap();
    let told = standing().await;
    assert_eq!((told.looked_at, told.events, told.matched, told.not_evaluated), (4, 3, 0, 0));
    let failed: Vec<_> = told.failed.iter().map(|one| (one.path.as_str(), one.count)).collect();
    assert_eq!(failed, [("trigger.body.size", 2), ("trigger.body.color", 1)]);
    assert!(told.verdict.contains("most often (2 of them)"), "{}", told.verdict);
    assert!(told.verdict.contains("the value is 3"), "the newest one is told: {}", told.verdict);
    assert!(told.last_enforcement.is_none() && told.came_of_it.is_none());

    house.clock.turn(Duration::from_secs(60));
    let accepted = house.post("sample", json!({"color": "red", "size": 6})).await.unwrap();
    let told = standing().await;
    assert_eq!((told.events, told.matched), (4, 1));
    assert!(told.verdict.starts_with("fired last at "), "{}", told.verdict);
    let last = told.last_enforcement.unwrap();
    assert_eq!((last.trigger_instance_id, last.status), (accepted.id, EnforcementStatus::Succeeded));
    assert!(told.came_of_it.unwrap().ends_with("is requested"));
}

#[tokio::test]
async fn a_rule_that_fires_and_fails_tells_the_reason() {
    let house = House::new().await;
    house.rule(&with_value("r", "{{ trigger.body.nothing.at.all }}")).await;
    house.post("sample", json!({})).await.unwrap();
    let told = house.triggers.standing("house.r", true).await.unwrap();
    assert!(told.verdict.contains("and failed: the parameters of rule house.r"), "{}", told.verdict);
    assert!(told.came_of_it.unwrap().contains("the parameters of rule house.r"));
}

#[tokio::test]
async fn a_backstop_and_a_changed_rule_are_told_as_such() {
    let house = House::new().await;
    house.rule(&rule("red", "sample", "act", &criterion("equals", "red"))).await;
    house.rule(&rule("last", "sample", "act", "type: backstop\n")).await;
    house.post("sample", json!({"color": "red"})).await.unwrap();
    house.clock.turn(Duration::from_secs(1));
    house.rule(&rule("new", "sample", "act", "")).await;
    for (name, says) in [
        ("last", "it is a backstop"),
        ("new", "it was made, enabled or changed since"),
        ("red", "fired last"),
    ] {
        let told = house.triggers.standing(&format!("house.{name}"), true).await.unwrap();
        assert!(told.verdict.contains(says), "{name}: {}", told.verdict);
    }
}
