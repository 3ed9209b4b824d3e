//! The dispatcher's questions to a snapshot: the rules that an event may match, the parts that they read, and its secrets.

use serde_json::json;

use crate::House;
use crate::rules::rule;

#[tokio::test]
async fn a_rule_is_a_candidate_while_it_is_on_and_its_criteria_may_hold() {
    let house = House::new().await;
    let waits = "criteria: {trigger.body.kind: {type: equals, pattern: push}}\n";
    house.catalog.create_rule(&rule("all", "one"), "ada").await.unwrap();
    house.catalog.create_rule(&format!("{}{waits}", rule("some", "one")), "ada").await.unwrap();
    house.catalog.create_rule(&rule("elsewhere", "two"), "ada").await.unwrap();
    let candidates = |kind: &str| {
        let content = house.catalog.content();
        let (trigger, _) = content.webhook("/one").unwrap();
        let found = content.index().candidates(trigger, &json!({"body": {"kind": kind}}));
        found.iter().map(|rule| rule.rule().reference.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (candidates("push"), candidates("pull")),
        (vec!["mine.all".into(), "mine.some".into()], vec!["mine.all".into()])
    );
    house.catalog.set_rule_enabled("mine.all", false).await.unwrap();
    assert_eq!((candidates("push"), candidates("pull")), (vec!["mine.some".to_owned()], Vec::new()));
    house.catalog.set_rule_enabled("mine.all", true).await.unwrap();
    house.catalog.delete_rule("mine.some").await.unwrap();
    assert_eq!(candidates("push"), ["mine.all"]);
}

#[tokio::test]
async fn what_is_read_of_an_event_follows_its_rules() {
    let house = House::new().await;
    let reads = || {
        let content = house.catalog.content();
        let (trigger, kind) = content.webhook("one").unwrap();
        content.reads(trigger, &kind.kind)
    };
    house.catalog.create_rule(&rule("a", "one"), "ada").await.unwrap();
    let before = reads();
    house.catalog.create_rule(&rule("b", "two"), "ada").await.unwrap();
    assert_eq!(reads(), before);
    let more = "criteria: {trigger.body.kind: {type: exists}}\n";
    house.catalog.create_rule(&format!("{}{more}", rule("c", "one")), "ada").await.unwrap();
    assert_ne!(reads(), before);
}

#[tokio::test]
async fn of_a_trigger_type_that_is_gone_every_field_is_secret() {
    let house = House::new().await;
    let kind = (
        "triggers/t.yaml",
        "payload_schema: {type: object, properties: {pin: {type: string, secret: true}}}\n",
    );
    let open = ("triggers/open.yaml", "payload_schema: {type: object, properties: {pin: {type: string}}}\n");
    house.register("mine", &[kind, open]).await.unwrap();
    let secrets = |name: &str| house.catalog.content().payload_secrets(&name.parse().unwrap());
    assert!(secrets("mine.t").is_some_and(|schema| schema["properties"]["pin"]["secret"] == true));
    assert_eq!(secrets("mine.open"), None);
    house.register("mine", &[]).await.unwrap();
    let all = Some(json!({"additionalProperties": {"secret": true}}));
    assert_eq!(secrets("mine.open").as_deref(), all.as_ref());
}
