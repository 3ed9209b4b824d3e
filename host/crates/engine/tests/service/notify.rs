//! Who is told of the end of an execution: those whom its action names, its task, the workflow around it, or its request.

use petrel_model::{Notify, Status};
use serde_json::{Value, json};

use crate::support::script::SCRIPTED_PROCESS;
use crate::support::{House, Plan, Request, asks, asks_with, object, result_of, task_of};

/// A `notify` with this route.
fn by(route: &str) -> Value {
    json!({"on-complete": {"routes": [route]}})
}

fn read(written: &Value) -> Option<Notify> {
    Notify::read(&object(written)).unwrap()
}

/// The route by which the end of an execution is told.
fn route(notify: Option<&Notify>) -> &str {
    let section = notify.and_then(|notify| notify.on_complete.as_ref());
    section.and_then(|section| section.routes.first()).map_or("", String::as_str)
}

/// The metadata of an action with this `notify`.
fn metadata(name: &str, runner: &str, notify: Option<&str>, lines: &str) -> String {
    let notify =
        notify.map_or_else(String::new, |route| format!("notify: {{on-complete: {{routes: [{route}]}}}}\n"));
    format!("name: {name}\nrunner_type: {runner}\nenabled: true\n{notify}{lines}")
}

const CHAIN: &str = "
chain:
  - {name: plain, ref: house.at_once, on-success: chosen}
  - {name: chosen, ref: house.at_once, notify: {on-complete: {routes: [chosen]}}, on-success: own}
  - {name: own, ref: house.heavy_at_once, notify: {on-complete: {routes: [chosen]}}, on-success: skipped}
  - {name: skipped, ref: house.heavy_at_once}
";

const FLOW: &str = "
version: 1.0
tasks:
  a: {action: house.at_once, next: [{do: b}]}
  b: {action: house.heavy_at_once, next: [{do: c}]}
  c: {action: house.heavy_at_once}
";

/// A house with an action that tells, and a workflow that does or does not.
async fn house(definition: &str, notify: Option<&str>, parameters: &str) -> House {
    let runner = if definition.contains("chain:") { "action-chain" } else { "orquesta" };
    let house = Plan::default().workflow("flow", definition).open().await;
    let lines = format!("entry_point: workflows/flow.yaml\nparameters: {parameters}\n");
    house.write("actions/flow.yaml", &metadata("flow", runner, notify, &lines));
    house.write("actions/heavy_at_once.yaml", &metadata("heavy_at_once", SCRIPTED_PROCESS, Some("own"), ""));
    house.register().await.unwrap();
    house
}

#[tokio::test]
async fn a_workflow_says_of_which_tasks_somebody_is_told() {
    for (definition, notify, parameters, given, expected) in [
        (CHAIN, None, "{}", json!({}), &["plain", "chosen chosen", "own own", "skipped own"][..]),
        (
            CHAIN,
            Some("all"),
            "{skip_notify: {default: [skipped]}}",
            json!({}),
            &["plain all", "chosen chosen", "own own", "skipped"],
        ),
        (
            CHAIN,
            Some("all"),
            "{}",
            json!({"skip_notify": ["plain", "own"]}),
            &["plain", "chosen chosen", "own", "skipped own"],
        ),
        // Nothing of a task of Orquesta is told unless both the workflow tells and the parameter names the task.
        (FLOW, None, "{notify: {type: array, default: [a, b]}}", json!({}), &["a", "b", "c"]),
        (FLOW, Some("all"), "{}", json!({}), &["a", "b", "c"]),
        (FLOW, Some("all"), "{notify: {type: array, default: [a, b]}}", json!({}), &["a all", "b own", "c"]),
        (FLOW, Some("all"), "{}", json!({"notify": ["c"]}), &["a", "b", "c own"]),
    ] {
        let house = house(definition, notify, parameters).await;
        let id = house.request(asks_with("flow", &given)).await.unwrap().id;
        let ended = house.ended(id).await;
        assert_eq!(ended.status, Status::Succeeded, "{ended:?}");
        assert_eq!(route(ended.notify.as_deref()), notify.unwrap_or_default());
        let children = house.children(id).await;
        let mut found: Vec<_> = children
            .iter()
            .map(|child| {
                format!("{} {}", task_of(child), route(child.notify.as_deref())).trim_end().to_owned()
            })
            .collect();
        let mut expected: Vec<_> = expected.iter().map(|line| (*line).to_owned()).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{notify:?} {parameters} {given}");
    }
}

#[tokio::test]
async fn a_workflow_that_tells_of_a_task_which_it_does_not_have_fails() {
    let house = house(FLOW, None, "{}").await;
    let id = house.request(asks_with("flow", &json!({"notify": ["a", "none"]}))).await.unwrap().id;
    let ended = house.ended(id).await;
    assert_eq!(ended.status, Status::Failed);
    let told = result_of(&ended, "errors").to_string();
    assert!(told.contains("notify parameter do not exist in the workflow definition: none."), "{told}");
}

#[tokio::test]
async fn a_request_names_who_is_told_unless_the_action_does() {
    let house = house(FLOW, None, "{}").await;
    for (action, written, expected) in [
        ("at_once", by("asked"), "asked"),
        ("at_once", json!({}), ""),
        ("heavy_at_once", by("asked"), "own"),
        ("heavy_at_once", json!({}), "own"),
    ] {
        let request = Request { notify: read(&written), ..asks(action) };
        let execution = house.request(request).await.unwrap();
        assert_eq!(route(execution.notify.as_deref()), expected, "{action} {written}");
        let ended = house.ended(execution.id).await;
        assert_eq!(ended.notify, execution.notify, "it never changes");
    }
    let wrong = json!({"on-complete": {"message": "{{ unclosed", "routes": ["r"]}});
    let refused = house.request(Request { notify: read(&wrong), ..asks("at_once") }).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    assert!(refused.to_string().contains("`notify.on-complete.message`"), "{refused}");
}
