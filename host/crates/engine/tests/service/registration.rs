//! Packs that are registered again, in parts, or wrongly: changed contents change, missing ones are removed,
//! and a refused pack leaves everything as it was.

use petrel_model::Status;
use serde_json::json;

use crate::support::store::{How, any};
use crate::support::{
    House, PACK, Parts, Plan, RuleChange, asks, asks_with, metadata_of_pack, refused, result_of, rule,
};

/// The metadata of an action that does as its name says.
fn action(name: &str, lines: &str) -> String {
    format!("name: {name}\nrunner_type: scripted\n{lines}")
}

#[tokio::test]
async fn what_is_new_is_there_what_has_changed_is_changed_and_what_is_gone_is_gone() {
    let house = House::new().await;
    let before = house.actions().await;
    house.write("pack.yaml", &metadata_of_pack("2.0.0"));
    house.write("actions/added.yaml", &action("added", ""));
    house.write("actions/waits.yaml", &action("waits", "parameters: {other: {type: string}}\n"));
    house.remove("actions/deaf.yaml");
    let report = house.register().await.unwrap();
    assert_eq!((report.actions, house.version().await.as_deref()), (before.len(), Some("2.0.0")));
    let after = house.actions().await;
    let new: Vec<_> = after.iter().filter(|name| !before.contains(name)).map(String::as_str).collect();
    let gone: Vec<_> = before.iter().filter(|name| !after.contains(name)).map(String::as_str).collect();
    assert_eq!((new, gone), (vec!["added"], vec!["deaf"]));
    for (request, is_taken) in [
        (asks("added"), true),
        (asks("deaf"), false),
        (asks_with("waits", &json!({"value": "x"})), false),
        (asks_with("waits", &json!({"other": "x"})), true),
    ] {
        assert_eq!(house.request(request.clone()).await.is_ok(), is_taken, "{request:?}");
    }
}

#[tokio::test]
async fn a_pack_that_has_not_changed_changes_nothing() {
    let house = House::new().await;
    house.write("rules/r.yaml", &rule("r", "sample", "at_once", ""));
    house.register().await.unwrap();
    let before = (house.version().await, house.actions().await, house.rules().await);
    house.register().await.unwrap();
    assert_eq!((house.version().await, house.actions().await, house.rules().await), before);
}

#[tokio::test]
async fn a_pack_that_is_not_right_changes_nothing() {
    let house = House::new().await;
    let before = (house.version().await, house.actions().await, house.rules().await);
    house.write("actions/added.yaml", &action("added", ""));
    for wrong in ["ref: house\nversion: [", "name: house\n", "ref: House!\nname: x\nversion: 1.0.0\n"] {
        house.write("pack.yaml", wrong);
        let (code, message) = refused(house.register().await);
        assert!(code == "invalid" && message.contains("pack.yaml"), "{message}");
        assert_eq!((house.version().await, house.actions().await, house.rules().await), before);
    }
    house.write("pack.yaml", &metadata_of_pack("2.0.0"));
    house.register().await.unwrap();
    assert!(house.actions().await.contains(&"added".to_owned()));
}

#[tokio::test]
async fn an_action_that_is_wrong_is_refused_alone() {
    let house = House::new().await;
    house.write("actions/waits.yaml", &action("waits", "parameters: {x: {type: colour}}\n"));
    let report = house.register().await.unwrap();
    assert!(report.notes.iter().any(|note| note.contains("house.waits")), "{:?}", report.notes);
    let (code, message) = refused(house.request(asks("waits")).await);
    assert!(code == "invalid" && message.contains("refused"), "{code}: {message}");
    house.ask("at_once").await;
}

#[tokio::test]
async fn an_action_that_is_refused_by_now_fails_what_waits_for_it() {
    let mut house = Plan::default().resting().open().await;
    let id = house.ask("waits").await;
    house.write("actions/waits.yaml", &action("waits", "parameters: {x: {type: colour}}\n"));
    house.register().await.unwrap();
    house.start().await;
    let ended = house.ended(id).await;
    assert_eq!((ended.status, result_of(&ended, "code")), (Status::Failed, json!("action.refused")));
}

#[tokio::test]
async fn a_workflow_that_is_refused_by_now_fails_when_it_is_to_begin() {
    let mut house = Plan::default().workflow("flow", FIRST).resting().open().await;
    let id = house.ask("flow").await;
    house.write("actions/workflows/flow.yaml", "version: 1.0\ntasks: {one: {actions: house.at_once}}\n");
    house.register().await.unwrap();
    house.start().await;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    let errors = result_of(&ended, "errors").to_string();
    for part in
        ["action `house.flow` is refused", "actions/workflows/flow.yaml", "register the pack `house` again"]
    {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert!(house.children(id).await.is_empty());
}

#[tokio::test]
async fn a_pack_that_cannot_be_stored_does_not_show() {
    for how in [How::Refused, How::NoRoom] {
        let house = House::new().await;
        let before = (house.version().await, house.actions().await, house.rules().await);
        house.write("pack.yaml", &metadata_of_pack("2.0.0"));
        house.write("rules/r.yaml", &rule("r", "sample", "at_once", ""));
        house.remove("actions/deaf.yaml");
        house.store().next(any, how);
        refused(house.register().await);
        assert_eq!((house.version().await, house.actions().await, house.rules().await), before);
        house.register().await.unwrap();
        assert_eq!(house.rule_names().await, ["r"]);
    }
}

#[tokio::test]
async fn a_rule_of_a_pack_keeps_its_id_and_goes_with_its_file() {
    let house = House::new().await;
    for name in ["kept", "gone"] {
        house.write(&format!("rules/{name}.yaml"), &rule(name, "sample", "at_once", ""));
    }
    house.rule(&rule("ours", "sample", "at_once", "")).await;
    house.register().await.unwrap();
    let ids = |rules: &[petrel_model::Rule]| {
        rules.iter().map(|rule| (rule.reference.name().to_owned(), rule.id)).collect::<Vec<_>>()
    };
    let before = ids(&house.rules().await);
    house.remove("rules/gone.yaml");
    house.write("rules/kept.yaml", &rule("kept", "other", "waits", ""));
    house.register().await.unwrap();
    let rules = house.rules().await;
    let left: Vec<_> = before.into_iter().filter(|(name, _)| name != "gone").collect();
    assert_eq!(ids(&rules), left, "what was made by hand stays too");
    assert_eq!(house.post("other", json!({})).await.unwrap().executions.len(), 1);
    assert_eq!(house.post("sample", json!({})).await.unwrap().executions.len(), 1);
}

#[tokio::test]
async fn a_rule_that_was_switched_off_by_hand_stays_off_until_its_file_says_something_else() {
    let house = House::new().await;
    let file = rule("r", "sample", "at_once", "");
    house.write("rules/r.yaml", &file);
    house.register().await.unwrap();
    house.change(RuleChange::Switch("house.r".into(), false)).await.unwrap();
    let report = house.register().await.unwrap();
    assert!(!house.rules().await[0].enabled);
    assert!(report.notes.iter().any(|note| note.contains("switched by hand")), "{:?}", report.notes);
    for is_on in [false, true] {
        house.write("rules/r.yaml", &file.replace("enabled: true", &format!("enabled: {is_on}")));
        house.register().await.unwrap();
        assert_eq!(house.rules().await[0].enabled, is_on);
    }
}

#[tokio::test]
async fn parts_of_a_pack_are_registered_and_the_others_stay() {
    let house = House::new().await;
    house.write("rules/r.yaml", &rule("r", "sample", "at_once", ""));
    house.write("actions/added.yaml", &action("added", ""));
    let before = house.actions().await;
    house.register_parts(Parts { rules: true, ..Parts::default() }).await.unwrap();
    assert_eq!((house.actions().await, house.rule_names().await), (before, vec!["r".to_owned()]));
    house.remove("rules/r.yaml");
    house.register_parts(Parts { actions: true, ..Parts::default() }).await.unwrap();
    assert!(house.actions().await.contains(&"added".to_owned()));
    assert_eq!(house.rule_names().await, ["r"]);
    house.register().await.unwrap();
    assert!(house.rules().await.is_empty());
}

#[tokio::test]
async fn what_runs_goes_on_while_its_pack_is_registered_again() {
    let house = House::new().await;
    let id = house.ask("waits").await;
    house.begins(id).await;
    house.remove("actions/waits.yaml");
    house.register().await.unwrap();
    assert_eq!(house.finish(id).await.status, Status::Succeeded);
}

const FIRST: &str = "
version: 1.0
tasks:
  one: {action: house.again, next: [{do: two}]}
  two: {action: house.again}
";

#[tokio::test]
async fn a_workflow_goes_by_what_it_began_with() {
    let house = House::with("flow", FIRST).await;
    let id = house.conduct("flow").await;
    house.task(id, "one").await;
    house.write("actions/workflows/flow.yaml", "version: 1.0\ntasks: {other: {action: house.at_once}}\n");
    house.register().await.unwrap();
    let new = house.conduct("flow").await;
    assert_eq!(house.ended(new).await.status, Status::Succeeded);
    assert_eq!(house.tasks(new).await, ["other succeeded"]);
    // Also in a process that has never read the old file.
    let house = house.next_process().await;
    for task in ["one", "two"] {
        house.finish_task(id, task).await;
    }
    assert_eq!(house.ended(id).await.status, Status::Succeeded);
}

#[tokio::test]
async fn a_pack_is_removed_with_all_that_is_in_it() {
    let house = House::new().await;
    house.write("rules/r.yaml", &rule("r", "sample", "at_once", ""));
    house.register().await.unwrap();
    house.remove_pack().await.unwrap();
    assert_eq!((house.version().await, house.actions().await.len(), house.rules().await.len()), (None, 0, 0));
    assert_eq!(refused(house.remove_pack().await).0, "not_found");
    assert_eq!(refused(house.post("sample", json!({})).await).0, "not_found");
    let house = house.next_process().await;
    assert_eq!(house.version().await, None);
    house.register().await.unwrap();
    assert_eq!(house.rule_names().await, ["r"]);
}

#[tokio::test]
async fn a_pack_that_rules_of_others_use_is_not_removed() {
    let house = House::new().await;
    let text = rule("theirs", "sample", "at_once", "").replace("pack: house", "pack: other");
    house.rule(&text).await;
    let (code, message) = refused(house.remove_pack().await);
    assert!(code == "conflict" && message.contains("other.theirs") && message.contains(PACK), "{message}");
    assert_eq!(house.version().await.as_deref(), Some("1.0.0"));
    house.change(RuleChange::Delete("other.theirs".into())).await.unwrap();
    house.remove_pack().await.unwrap();
}

#[tokio::test]
async fn a_pack_that_cannot_be_deleted_stays_whole() {
    let house = House::new().await;
    let before = house.actions().await;
    house.store().next(any, How::Refused);
    assert_eq!(refused(house.remove_pack().await).0, "internal");
    assert_eq!(house.actions().await, before);
    house.ask("at_once").await;
}
