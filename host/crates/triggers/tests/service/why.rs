//! The explanation of an event: the verdict of each rule as it is now, and what came of the event then.

use serde_json::json;

use crate::{House, criterion, rule, with_value};

#[tokio::test]
async fn each_rule_says_why_it_did_or_did_not_match() {
    let house = House::new().await;
    house.rule(&rule("blue", "sample", "act", &criterion("equals", "blue"))).await;
    house.rule(&rule("red", "sample", "act", &criterion("equals", "red"))).await;
    house.rule(&rule("other", "elsewhere", "act", "")).await;
    let accepted = house.post("sample", json!({"color": "red"})).await.unwrap();
    let told = house.explain(&accepted).await;
    let told: Vec<_> = told.iter().map(|one| (one.rule.name(), one.matched, one.verdict.as_str())).collect();
    let [("blue", false, blue), ("red", true, _)] = told.as_slice() else { panic!("{told:?}") };
    assert!(blue.contains("\"red\"") && blue.contains("\"blue\""), "{blue}");
}

#[tokio::test]
async fn what_came_of_it_is_how_the_execution_stands() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", "")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    let came_of_it = async || house.explain(&accepted).await.remove(0).came_of_it;
    assert!(came_of_it().await.ends_with("is requested"), "{}", came_of_it().await);
    house.fail(&accepted, json!({"error": "on purpose"})).await;
    assert!(came_of_it().await.ends_with("failed: on purpose"), "{}", came_of_it().await);
}

#[tokio::test]
async fn a_rule_that_has_changed_since_is_said_to_have() {
    let house = House::new().await;
    house.rule(&rule("then", "sample", "act", &criterion("equals", "red"))).await;
    let accepted = house.post("sample", json!({"color": "red"})).await.unwrap();
    house.clock.turn(std::time::Duration::from_secs(1));
    house.rule(&rule("new", "sample", "act", "")).await;
    let text = rule("then", "sample", "act", &criterion("equals", "blue"));
    house.catalog.update_rule("house.then", &text, petrel_catalog::Giver::SeesSecrets).await.unwrap();
    let told = house.explain(&accepted).await;
    let told: Vec<_> = told.iter().map(|one| (one.matched, one.came_of_it.as_str())).collect();
    let [(true, new), (false, then)] = told.as_slice() else { panic!("{told:?}") };
    assert!(new.contains("made after the event came in"), "{new}");
    assert!(then.contains("it matched then") && then.contains("has changed"), "{then}");
}

#[tokio::test]
async fn parameters_that_could_not_be_used_are_told_as_the_reason() {
    let house = House::new().await;
    house.rule(&with_value("r", "{{ trigger.body.nothing.at.all }}")).await;
    let accepted = house.post("sample", json!({})).await.unwrap();
    let told = house.explain(&accepted).await.remove(0);
    assert!(told.matched && told.came_of_it.contains("failed: the parameters of rule house.r"), "{told:?}");
    assert!(told.failure_reason.unwrap().contains("nothing"));
}

#[tokio::test]
async fn what_parameters_read_in_vain_is_told_with_the_form_that_reads_it() {
    let house = House::new().await;
    for (template, says) in [
        ("{{ trigger.body.nmae }}", "trigger.body has no nmae: did you mean name? There is: name, my-key"),
        ("{{ trigger.body.my-key }}", "a name with a dash is read by `trigger.body['my-key']`"),
        ("{{ triger.body.name }}", "did you mean trigger?"),
        ("{{ st2kv.limit }}", "did you mean `st2kv.system.limit`?"),
    ] {
        house.rule(&with_value("r", template)).await;
        let accepted = house.post("sample", json!({"name": "n", "my-key": 1})).await.unwrap();
        let told = house.explain(&accepted).await.remove(0).came_of_it;
        assert!(told.contains("failed: the parameters of rule house.r") && told.contains(says), "{told}");
        house.catalog.delete_rule("house.r").await.unwrap();
    }
}
