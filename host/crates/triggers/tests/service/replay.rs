//! Replays of dead letters: an event on which a rule failed comes in again, for this rule alone.

use petrel_catalog::Giver;
use petrel_model::rule::EnforcementStatus;
use petrel_model::{Enforcement, EnforcementId, Id};
use serde_json::json;

use crate::{House, criterion, refused, rule, with_value};

/// The failed enforcement of the newest event.
async fn failed(house: &House) -> Enforcement {
    let newest = house.events().await.remove(0);
    let mut found = Vec::new();
    for id in newest.enforcements {
        found.extend(house.triggers.reads().enforcement(id).await.unwrap());
    }
    found.retain(|one| one.status == EnforcementStatus::Failed);
    found.remove(0)
}

#[tokio::test]
async fn a_replay_is_a_new_event_for_the_rule_that_failed() {
    let house = House::new().await;
    house.rule(&rule("fine", "sample", "act", "")).await;
    house.rule(&rule("fails", "sample", "gone", "")).await;
    let first = house.post("sample", json!({"color": "red"})).await.unwrap();
    let letter = failed(&house).await;
    assert!(house.triggers.replay(letter.id, None, false).await.unwrap().executions.is_empty());
    assert_eq!(house.executions().await.len(), 1, "the other rule is not asked again");
    let again = failed(&house).await;
    assert_ne!(again.id, letter.id, "it failed again, for the same reason");

    let text = rule("fails", "sample", "act", "");
    house.catalog.update_rule("house.fails", &text, Giver::SeesSecrets).await.unwrap();
    let (code, says) = refused(house.triggers.replay(letter.id, None, false).await);
    assert!(code == "conflict" && says.contains("was replayed already, as event"), "{says}");
    let accepted = house.triggers.replay(letter.id, None, true).await.unwrap();
    for (id, replayed_as) in [(letter.id, Some(accepted.id)), (again.id, None)] {
        let stored = house.triggers.reads().enforcement(id).await.unwrap().unwrap();
        assert_eq!((stored.replayed_as, stored.status), (replayed_as, EnforcementStatus::Failed));
    }
    let event = house.event(&accepted).await;
    assert_eq!((event.replay_of, event.payload.clone()), (Some(first.id), house.event(&first).await.payload));
    assert_eq!(event.trace_id(), house.event(&first).await.trace_id());
    assert_eq!((accepted.executions.len(), house.executions().await.len()), (1, 2));
    let told = house.explain(&accepted).await;
    let told: Vec<_> = told.iter().map(|one| one.came_of_it.as_str()).collect();
    assert!(told[0].ends_with("is requested"), "{told:?}");
    assert!(told[1].contains(&format!("repeats {} for another rule", first.id)), "{told:?}");
}

#[tokio::test]
async fn a_corrected_payload_takes_the_place_of_the_old_one() {
    let house = House::new().await;
    house.rule(&with_value("r", "{{ trigger.body.nothing.at.all }}")).await;
    house.post("sample", json!({})).await.unwrap();
    let letter = failed(&house).await;
    let payload = json!({"body": {"nothing": {"at": {"all": "here"}}}});
    let accepted = house.triggers.replay(letter.id, Some(payload.clone()), false).await.unwrap();
    assert_eq!(house.event(&accepted).await.payload.parse().unwrap(), payload);
    assert_eq!(house.execution(&accepted).await.parameters.get("value"), Some(&json!("here")));
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_with_a_remedy() {
    let house = House::new().await;
    let none = EnforcementId(Id::from_parts(1, 1));
    assert_eq!(refused(house.triggers.replay(none, None, false).await).0, "not_found");
    house.rule(&rule("fine", "fine", "act", "")).await;
    let accepted = house.post("fine", json!({})).await.unwrap();
    let fine = house.enforcements(&accepted).await.remove(0);
    let (code, says) = refused(house.triggers.replay(fine.id, None, false).await);
    assert!(code == "conflict" && says.contains("did not fail"), "{says}");

    house.rule(&rule("r", "sample", "gone", "")).await;
    house.post("sample", json!({"color": "red"})).await.unwrap();
    let letter = failed(&house).await;
    let elsewhere = rule("r", "elsewhere", "gone", &criterion("exists", ""));
    for (text, says) in [
        (elsewhere, "listens to"),
        (rule("r", "sample", "gone", "").replace("enabled: true", "enabled: false"), "is disabled"),
    ] {
        house.catalog.update_rule("house.r", &text, Giver::SeesSecrets).await.unwrap();
        let (code, told) = refused(house.triggers.replay(letter.id, None, false).await);
        assert!(code == "invalid" && told.contains(says), "{told}");
    }
    house.catalog.delete_rule("house.r").await.unwrap();
    let (code, _) = refused(house.triggers.replay(letter.id, None, false).await);
    assert_eq!(code, "not_found");
    assert_eq!(house.events().await.len(), 2, "nothing came in");
}

#[tokio::test]
async fn a_replay_that_its_rule_does_not_match_leaves_the_dead_letter() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "gone", &criterion("exists", ""))).await;
    house.post("sample", json!({"color": "red"})).await.unwrap();
    let letter = failed(&house).await;
    for _ in 0..2 {
        house.triggers.replay(letter.id, Some(json!({"body": {"size": 1}})), false).await.unwrap();
    }
    assert_eq!(house.triggers.reads().enforcement(letter.id).await.unwrap().unwrap().replayed_as, None);
}

#[tokio::test]
async fn of_replays_at_the_same_moment_one_is_done() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "gone", "")).await;
    house.post("sample", json!({})).await.unwrap();
    let letter = failed(&house).await;
    house.store.hesitate();
    for (again, events) in [(false, 2), (true, 3)] {
        let replay = || house.triggers.replay(letter.id, None, again);
        let (one, two, three) = tokio::join!(replay(), replay(), replay());
        let (done, refusals): (Vec<_>, Vec<_>) = [one, two, three].into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), house.events().await.len()), (1, events));
        for refusal in refusals {
            let (code, says) = refused(refusal);
            assert!(code == "conflict" && says.contains("was replayed already, as event"), "{says}");
        }
        let stored = house.triggers.reads().enforcement(letter.id).await.unwrap().unwrap();
        assert_eq!(stored.replayed_as, done.into_iter().flatten().map(|accepted| accepted.id).next());
    }
}

#[tokio::test]
async fn an_event_that_was_sent_once_more_is_replayed_whatever_its_schema_knows_of_marks() {
    let house = House::new().await;
    house
        .webhook(&json!({"type": "object", "properties": {"body": {}}, "additionalProperties": false}))
        .await;
    house.rule(&rule("r", "sample", "gone", "")).await;
    let first = house.post("sample", json!({})).await.unwrap();
    let again = house.triggers.re_emit(&house.event(&first).await).await.unwrap();
    let letter = failed(&house).await;
    assert_eq!(letter.trigger_instance_id, again.id);
    let replayed = house.triggers.replay(letter.id, None, false).await.unwrap();
    assert_eq!(house.event(&replayed).await.payload, house.event(&again).await.payload);
}
