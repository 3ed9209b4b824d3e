//! Trials of rules: what a rule would do on an event, with nothing stored and nothing run.

use std::sync::Arc;

use petrel_catalog::Giver;
use petrel_triggers::{Trial, TriedEvent};
use serde_json::{Value, json};

use crate::{House, criterion, refused, rule, with_value};

/// What the rule of a text would do on an event of the webhook with this body.
async fn tried(house: &House, text: &str, body: Value) -> Trial {
    let draft = house.catalog.draft_rule(Giver::SeesSecrets, text).await.unwrap();
    let event = TriedEvent::Payload(Arc::new(json!({"body": body})));
    house.triggers.try_rule(draft.rule, event, true).await.unwrap()
}

/// The same for a rule that is stored.
async fn tried_known(house: &House, name: &str, event: TriedEvent) -> Trial {
    let rule = house.triggers.compiled_rule(name).unwrap();
    house.triggers.try_rule(rule, event, true).await.unwrap()
}

#[tokio::test]
async fn what_a_rule_would_do_is_told_and_nothing_is_stored() {
    let house = House::new().await;
    let on_red = criterion("equals", "red");
    for (text, matched, says, reason) in [
        (rule("r", "sample", "act", &on_red), true, "every criterion holds", ""),
        (rule("r", "sample", "act", &criterion("equals", "blue")), false, "the value is \"red\"", ""),
        (rule("r", "sample", "gone", ""), true, "no criteria", "action `house.gone` does not exist"),
        (rule("r", "sample", "switched_off", ""), true, "no criteria", "is disabled"),
        (with_value("r", "{{ trigger.body.nothing.at.all }}"), true, "", "the parameters cannot be used"),
    ] {
        let trial = tried(&house, &text, json!({"color": "red"})).await;
        assert_eq!(trial.matched, matched, "{text}: {trial:?}");
        assert!(trial.verdict.contains(says), "{text}: {trial:?}");
        let told = trial.failure_reason.clone().unwrap_or_default();
        assert!(told.contains(reason) && told.is_empty() == reason.is_empty(), "{text}: {told}");
        assert_eq!(trial.parameters.is_some(), matched && reason.is_empty(), "{text}: {trial:?}");
    }
    assert!(house.events().await.is_empty() && house.executions().await.is_empty());
    assert!(house.catalog.content().rule("house.r").is_err());
}

#[tokio::test]
async fn parameters_are_rendered_and_secrets_among_them_are_masked() {
    let house = House::new().await;
    let plain = with_value("r", "{{ trigger.body.color | upper }}");
    let text = plain.replace("{value:", "{password: \"{{ trigger.body.color }}\", value:");
    let trial = tried(&house, &text, json!({"color": "red"})).await;
    let expected = json!({"password": "********", "value": "RED"});
    assert_eq!(trial.parameters.map(Value::Object), Some(expected));
}

#[tokio::test]
async fn a_stored_event_is_tried_as_it_came_in() {
    let house = House::new().await;
    house.rule(&rule("r", "sample", "act", &criterion("equals", "red"))).await;
    house.rule(&rule("elsewhere", "other", "act", "")).await;
    let event = house.event(&house.post("sample", json!({"color": "red"})).await.unwrap()).await;
    let trial = tried_known(&house, "house.r", TriedEvent::Stored(event.clone())).await;
    assert!(trial.matched, "{trial:?}");
    let trial = tried_known(&house, "house.elsewhere", TriedEvent::Stored(event)).await;
    assert!(!trial.matched && trial.verdict.contains("the rule listens to core.st2.webhook."), "{trial:?}");
    assert_eq!((house.events().await.len(), house.executions().await.len()), (1, 1));
}

#[tokio::test]
async fn a_backstop_stands_back_where_another_rule_matches() {
    let house = House::new().await;
    house.rule(&rule("red", "sample", "act", &criterion("equals", "red"))).await;
    let backstop = rule("last", "sample", "act", "type: backstop\n");
    house.rule(&backstop).await;
    for (color, matched) in [("red", false), ("blue", true)] {
        for trial in [
            tried(&house, &backstop, json!({"color": color})).await,
            tried_known(
                &house,
                "house.last",
                TriedEvent::Payload(Arc::new(json!({"body": {"color": color}}))),
            )
            .await,
        ] {
            assert_eq!(trial.matched, matched, "{trial:?}");
            assert!(matched || trial.verdict.contains("it is a backstop"), "{trial:?}");
            assert!(matched || trial.verdict.contains("house.red"), "{trial:?}");
        }
        let accepted = house.post("sample", json!({"color": color})).await.unwrap();
        let told = house.explain(&accepted).await;
        let told: Vec<_> = told.iter().map(|one| (one.rule.name(), one.matched)).collect();
        assert_eq!(told, [("last", matched), ("red", !matched)], "{color}");
    }
}

#[tokio::test]
async fn a_disabled_rule_is_tried_as_if_it_were_not() {
    let house = House::new().await;
    house.rule(&rule("idle", "sample", "act", "").replace("enabled: true", "enabled: false")).await;
    let trial = tried_known(&house, "house.idle", TriedEvent::Payload(Arc::new(json!({"body": {}})))).await;
    assert!(trial.matched && trial.notes.iter().any(|note| note.contains("petrel rule enable house.idle")));
    // Of a webhook the payload is not what was posted.
    let trial =
        tried_known(&house, "house.idle", TriedEvent::Payload(Arc::new(json!({"color": "red"})))).await;
    assert!(trial.notes.iter().any(|note| note.contains("below `body`")), "{trial:?}");
}

#[tokio::test]
async fn what_cannot_be_tried_is_refused_with_a_remedy() {
    let house = House::new().await;
    let (code, _) = refused(house.triggers.compiled_rule("house.none"));
    assert_eq!(code, "not_found");
    let (code, _) = refused(house.catalog.draft_rule(Giver::SeesSecrets, "name: r\n").await);
    assert_eq!(code, "invalid");
    house.webhook(&json!({"type": "object", "properties": {"body": {"type": "object"}}})).await;
    let draft = house.catalog.draft_rule(Giver::SeesSecrets, &rule("r", "sample", "act", "")).await.unwrap();
    let event = TriedEvent::Payload(Arc::new(json!({"body": 5})));
    let (code, says) = refused(house.triggers.try_rule(draft.rule, event, true).await);
    assert!(code == "invalid" && says.contains("does not fit the trigger"), "{says}");
}
